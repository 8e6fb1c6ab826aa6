"""Is a whole gallery to be believed? Asked before it is changed: what is written over a damaged one may be
lost, and hides the damage."""

from __future__ import annotations

from itertools import islice

from facekit.gallery.damage import well_formed
from facekit.gallery.records import stacked
from facekit.gallery.tables import Tables

ROWS_AT_ONCE = 8192


def require_sound(tables: Tables) -> None:
    """Raise GalleryError unless every row is there, fits its checksum, and holds what it should."""
    rows = tables.all()
    while block := list(islice(rows, ROWS_AT_ONCE)):
        stacked(block, tables.state.settings.dimension, tables.place)
        with well_formed(tables.place):
            for row in block:
                row.info()
    tables.tombstones()
    tables.facts()
