"""The photos in which somebody was found."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from facekit.people.finding import PhotoMatch
from facekit.rendering.rows import Records
from facekit.text.counting import counted
from facekit.text.escaping import isolated
from facekit.text.tables import Column


class PhotoMatches(Records[PhotoMatch]):
    """A line for each photo, best first; `out` is where they were copied or linked, or would be in a
    `dry_run`."""

    def __init__(self, pictures: int, out: Path | None = None, *, dry_run: bool = False) -> None:
        super().__init__(
            {
                "score": Column("score", right=True),
                "source": Column("photo", flexible=True),
                "people": Column("people", flexible=True),
            }
        )
        self.columns = (
            *("source", "score", "face", "x0", "y0", "x1", "y1"),
            *("subject", "people", "unknown", "taken", "copy"),
        )
        self._pictures, self._out, self._count = pictures, out, 0
        self._dry_run = dry_run

    def record(self, result: PhotoMatch) -> dict[str, Any]:
        people = [isolated(name) for name in result.people]
        people += [f"{result.unknown} unknown"] * bool(result.unknown)
        return {"score": f"{result.score:.4f}", "source": result.source, "people": ", ".join(people)}

    def rows(self, result: PhotoMatch) -> Iterator[list[object]]:
        values = result.to_dict()
        values |= zip(("x0", "y0", "x1", "y1"), values["box"], strict=True)
        values["people"] = "; ".join(result.people)
        yield [values[name] for name in self.columns]

    def count(self, result: PhotoMatch) -> None:
        self._count += 1

    def ending(self) -> Iterator[str]:
        if self._count:
            yield from super().ending()

    def summary(self, *, stopped: bool = False) -> Iterator[str]:
        if not self._pictures:
            return  # nothing was there, which is told
        found = counted(self._count, "photo")
        yield f"{found} found in {counted(self._pictures, 'picture')}"
        if self._out is not None and self._count:
            yield f"they {'would be' if self._dry_run else 'are'} in {self._out}"
