"""What was said of people and faces, a line each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from facekit.gallery.facts import Fact
from facekit.gallery.templates import file_name
from facekit.rendering.rows import Records
from facekit.text.counting import counted
from facekit.text.tables import Column


class Facts(Records[Fact]):
    """A sentence for each; columns of their own for programs."""

    def __init__(self, planned: str = "would be recorded") -> None:
        """`planned` is what would become of facts in a dry run."""
        super().__init__(
            {
                "fact": Column("fact", right=True),
                "said": Column("what was said", flexible=True),
                "added": Column("added"),
                "status": Column("status"),
            }
        )
        self.columns = ("fact", "kind", "subject", "other", "source", "sha256", "added", "status")
        self._planned = planned
        self._counts = Counter[str]()

    def record(self, result: Fact) -> dict[str, Any]:
        return {**result.to_dict(), "said": _sentence(result)}

    def count(self, result: Fact) -> None:
        self._counts[result.status] += 1

    def summary(self, *, stopped: bool = False) -> Iterator[str]:
        for status, count in self._counts.items():
            yield f"{counted(count, 'fact')} {self._planned if status == 'planned' else status}"


def _sentence(fact: Fact) -> str:
    if fact.kind == "not_same":
        return f"{fact.subject} and {fact.other} are not the same"
    face = f"the face in {file_name(fact.source)}"
    return f"{face} is ignored" if fact.kind == "ignored" else f"{face} is not {fact.subject}"
