"""What became of the folders that are indexed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from facekit.results import SCHEMA


@dataclass(frozen=True)
class IndexReport:
    """The `index` file; how many `pictures` the folders have, and `faces` in them; how many pictures were
    `read` now, or would be; of how many files that are no longer there, nor elsewhere, what was kept is
    `erased`; and the `problems` with pictures that could not be read."""

    index: str
    pictures: int = 0
    faces: int = 0
    read: int = 0
    erased: int = 0
    problems: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return {"schema": SCHEMA, **vars(self), "problems": list(self.problems)}
