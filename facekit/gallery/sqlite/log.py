"""Whether the log beside a gallery (`-wal`) is its own. SQLite would take any, and mix two galleries.

A log is left by a process that was killed. When the file is then replaced, by a copy or another gallery, the
log belongs to what was there before.
"""

from __future__ import annotations

import os
import sqlite3
from collections import deque
from contextlib import closing
from pathlib import Path

from facekit.errors import GalleryError
from facekit.gallery.sqlite import migrations, schema
from facekit.gallery.sqlite.faults import code_of
from facekit.gallery.sqlite.rows import SqliteTables
from facekit.gallery.sqlite.state import read_state
from facekit.gallery.state import State


def require_ours(path: Path) -> None:
    """Raise GalleryError when the log is of another gallery, or of an earlier state of this one. Changes
    nothing; no other connection of this process may have the file open.
    """
    place = Path(os.path.realpath(path))
    log = Path(f"{place}-wal")
    if not log.exists() or not log.stat().st_size:
        return
    try:
        # In this order: whoever writes now only makes the second newer.
        alone = _state(place, "immutable=1")
        together = _state(place, "mode=ro")
        # The file lacks what is in the log after a kill or beside a reader, and when it is an older copy.
        newer = alone is not None and together is not None and alone.changes < together.changes
        fits = not newer or _state(place, "mode=ro", rows_too=True) is not None
    except sqlite3.Error:
        return  # it cannot be read or is in use, which opening it will deal with
    if alone is None:
        return  # it is being written, or damaged, which opening it will tell
    if together is None or _identity(alone) != _identity(together):
        what = "belongs to another gallery"
    elif together.changes < alone.changes:
        what = f"is older ({together.changes} changes, the gallery has {alone.changes})"
    elif not fits:
        what = "does not go on where the gallery ends"
    else:
        return
    raise GalleryError(
        f"{path}: the log beside it, {log.name}, {what}: if {place.name} was put in the place of another "
        f"file, move {log.name} and {place.name}-shm elsewhere"
    )


def _identity(state: State) -> tuple[object, ...]:
    return state.settings.created, state.settings.fingerprint, state.settings.dimension


def _state(place: Path, query: str, *, rows_too: bool = False) -> State | None:
    """The state as they are seen with or without the log; None when they (or the rows) are not whole."""
    try:
        with closing(
            sqlite3.connect(f"{place.as_uri()}?{query}", uri=True, isolation_level=None)
        ) as connection:
            schema.limit(connection)
            connection.execute("BEGIN")
            schema.limit_steps(connection)
            version = migrations.version(connection)
            if not 0 < version <= len(migrations.MIGRATIONS):
                return None
            schema.require(connection, place, version)
            state = read_state(connection, place)
            if rows_too:
                deque(SqliteTables(connection, state, place).all(), maxlen=0)
            return state
    except (GalleryError, UnicodeDecodeError):
        return None
    except sqlite3.Error as error:
        if code_of(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR):
            return None
        raise
