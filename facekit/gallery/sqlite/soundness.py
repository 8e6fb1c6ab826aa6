"""Is a whole gallery to be believed? Asked before it is changed: what is written over a damaged one may be
lost, and hides the damage."""

from __future__ import annotations

import sqlite3
from itertools import islice
from pathlib import Path

from facekit.gallery.sqlite import rows
from facekit.gallery.sqlite.faults import well_formed
from facekit.gallery.sqlite.indexing import ROWS_AT_ONCE, stacked
from facekit.gallery.sqlite.state import State
from facekit.gallery.sqlite.tombstone_rows import read_tombstones


def require_sound(connection: sqlite3.Connection, state: State, path: Path) -> None:
    """Raise GalleryError unless every row is there, fits its checksum, and holds what it should."""
    found = rows.read_all(connection, state, path)
    while block := list(islice(found, ROWS_AT_ONCE)):
        stacked(block, state.settings.dimension, path)
        with well_formed(path):
            for row in block:
                row.info()
    read_tombstones(connection, state, path)
