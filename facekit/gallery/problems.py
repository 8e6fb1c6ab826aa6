"""What can be wrong with a gallery, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Problem:
    """`kind` is one word for programs: file, integrity, rows, embedder, erasing, cache, rights, links,
    leftover or beside (of a file that is kept beside it); `message` says what is wrong and what to do.
    """

    kind: str
    message: str

    def to_dict(self) -> dict[str, Any]:
        return dict(vars(self))
