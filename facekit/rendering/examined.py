"""What `doctor` found, a line for each subject."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from facekit.output.view import View
from facekit.text.escaping import printable

if TYPE_CHECKING:
    from facekit.health import Checkup


class Examined(View["Checkup"]):
    """The state, the subject and the detail; what to do stands below."""

    columns = ("subject", "state", "detail", "advice")

    def __init__(self) -> None:
        self._states: Counter[str] = Counter()

    def count(self, result: Checkup) -> None:
        self._states[result.state] += 1

    def text(self, result: Checkup) -> Iterator[str]:
        yield f"{result.state:7}  {printable(result.subject)}: {printable(result.detail)}"
        if result.advice:
            yield f"{'':9}{printable(result.advice)}"

    def rows(self, result: Checkup) -> Iterator[Sequence[object]]:
        yield [result.subject, result.state, result.detail, result.advice or None]

    def summary(self, *, stopped: bool = False) -> Iterator[str]:
        counts = [f"{self._states[state]} {state}" for state in ("ok", "absent", "warning", "failed")]
        yield ", ".join(count for count in counts if not count.startswith("0 "))

    def failed(self, error_printed: bool) -> bool:
        return error_printed or bool(self._states["failed"])
