"""The people of a gallery, their templates, and what it holds in all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from facekit.gallery.templates import Subject, TemplateInfo
from facekit.output.view import View
from facekit.rendering.rows import Records
from facekit.results import GallerySummary
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
