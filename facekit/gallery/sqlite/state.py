"""The table of the state of an SQLite file."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from facekit.gallery.damage import damaged
from facekit.gallery.state import MOST_SETTINGS, State


def read_state(connection: sqlite3.Connection, path: Path) -> State:
    """Raises GalleryError when the seal does not fit, or a value cannot be."""
    found = connection.execute("SELECT key, value FROM settings LIMIT ?", (MOST_SETTINGS + 1,)).fetchall()
    state = State.of_table(dict(found), path)
    # A digest of a tombstone has 64 letters, the checksum of a fact 16 bytes.
    least = state.templates * state.settings.dimension * 4 + state.tombstones * 64 + state.facts * 16
    if least > _size(connection):
        raise damaged(path, "its settings name more rows than the file can hold")
    return state


def write_state(connection: sqlite3.Connection, state: State) -> None:
    """Raises UsageError, and writes nothing, for values that could not be read again."""
    connection.executemany(
        "INSERT INTO settings (key, value) VALUES (?, ?) "
        "ON CONFLICT (key) DO UPDATE SET value = excluded.value WHERE value <> excluded.value",
        state.sealed().items(),
    )


def _size(connection: sqlite3.Connection) -> int:
    pages, size = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
    return int(pages * size)
