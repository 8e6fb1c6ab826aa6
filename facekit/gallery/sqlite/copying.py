"""A copy of a gallery while others use it: one committed state, proved, or nothing."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from facekit.gallery.soundness import require_sound
from facekit.gallery.sqlite import database, schema
from facekit.gallery.sqlite.drafts import new_file, require_no_log
from facekit.gallery.sqlite.faults import code_of, explained, in_words
from facekit.gallery.sqlite.rows import SqliteTables
from facekit.gallery.sqlite.state import read_state, write_state
from facekit.gallery.state import State


def copy(source: Path | str, target: Path | str) -> State:
    """Copy a gallery, also one that is open, to a new file of mode 0600; return the copy's state.

    Only living rows are copied, so nothing that was removed and is not yet erased comes along. Every row of
    the copy is checked before it has its name. Raises GalleryError, also when `target` is there already.
    """
    source, target = Path(source), Path(target)
    require_no_log(target)
    with closing(database.connect(source, write=False)) as connection, new_file(target) as draft:
        with in_words(source):
            connection.execute("PRAGMA query_only = OFF")
            schema.limit_steps(connection)
            try:
                database.patiently(
                    lambda: connection.execute("VACUUM INTO ?", (str(draft),)), database.patience(source)
                )
            except sqlite3.Error as error:
                if code_of(error) != sqlite3.SQLITE_FULL:
                    raise
                raise explained(target, error) from error  # its disk is full, not the source's
        with in_words(target), closing(sqlite3.connect(draft, isolation_level=None)) as copied:
            return _finished(copied, source)


def _finished(copied: sqlite3.Connection, source: Path) -> State:
    """The state of the copy, when all that they count is there and on the disk."""
    schema.limit(copied)
    copied.execute("PRAGMA synchronous = FULL")
    copied.execute("PRAGMA journal_mode = WAL")
    with database.transaction(copied, "IMMEDIATE"):
        with in_words(source):  # what is wrong with rows came from there
            state = read_state(copied, source)
            require_sound(SqliteTables(copied, state, source))
        state = replace(state, erasing=0)
        write_state(copied, state)
    # Writes the file to the disk; closing would do it too, but without a word when the disk is full.
    copied.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return state
