"""The people of a gallery, their templates, and what it holds in all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from facekit.gallery.templates import Subject, TemplateInfo, file_name
from facekit.output.view import View
from facekit.people.moving import Move
from facekit.rendering.rows import Records
from facekit.results import GallerySummary
from facekit.text.counting import counted
from facekit.text.escaping import printable
from facekit.text.tables import Column


def subjects() -> Records[Subject]:
    """A line for each person."""
    return Records(
        {
            "subject": Column("subject", flexible=True),
            "templates": Column("templates", right=True),
            "added": Column("added"),
        }
    )


class Templates(Records[TemplateInfo]):
    """A line for each template."""

    def __init__(self) -> None:
        super().__init__(
            {
                "source": Column("picture", flexible=True),
                "sha256": Column("SHA-256", flexible=True),
                "size": Column("pixels", right=True),
                "added": Column("added"),
            }
        )

    def record(self, result: TemplateInfo) -> dict[str, Any]:
        return {**result.to_dict(), "size": round(result.quality.get("size", 0))}


class Moves(Records[Move]):
    """A line for each photo that changed its person, or would."""

    def __init__(self) -> None:
        super().__init__(
            {
                "source": Column("picture", flexible=True),
                "holder": Column("from", flexible=True),
                "subject": Column("to", flexible=True),
                "status": Column("status"),
            }
        )
        self._moves: list[Move] = []

    def record(self, result: Move) -> dict[str, Any]:
        return {**result.to_dict(), "source": file_name(result.source)}

    def count(self, result: Move) -> None:
        self._moves.append(result)

    def summary(self, *, stopped: bool = False) -> Iterator[str]:
        moved = sum(move.status == "moved" for move in self._moves)
        planned = sum(move.status == "planned" for move in self._moves)
        yield f"{counted(planned, 'photo')} would move" if planned else f"{counted(moved, 'photo')} moved"
        gone = dict.fromkeys(move.holder for move in self._moves if move.emptied)
        yield from (f"{name} had no other picture and is gone" for name in gone)


class Summary(View[GallerySummary]):
    """A line for each thing that is known."""

    alone = True
    columns = ("gallery", "people", "templates", "removed", "renamed", "threshold", "calibration", "embedder")

    def text(self, result: GallerySummary) -> Iterator[str]:
        values = result.to_dict()
        yield from (f"{key:12}{printable(str(values[key]))}" for key in self.columns)

    def rows(self, result: GallerySummary) -> Iterator[Sequence[object]]:
        values = result.to_dict()
        yield [values[key] for key in self.columns]
