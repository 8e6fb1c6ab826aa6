"""Erasing what was removed from the gallery's files, after the removal itself is done.

`secure_delete` alone leaves copies where pages were split. So the file is rewritten from its living rows
(VACUUM), and then the log is folded into it and emptied, which has to wait for whoever reads an earlier
state. What is still to be done stands in the state (`erasing`, `rewritten`): a process that is killed,
or cannot wait, leaves it to the next one that writes. Nothing here makes anything else fail.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from facekit.errors import GalleryError
from facekit.gallery.sqlite import drafts, schema
from facekit.gallery.sqlite.connections import Connections
from facekit.gallery.sqlite.database import PAUSE, patience, transaction
from facekit.gallery.sqlite.faults import is_passing
from facekit.gallery.sqlite.state import read_state, write_state

# How long a removal waits for those who read an earlier state.
WAIT = 5.0
# SQLite itself waits so long for the write lock, by turns with other writers.
TURN_MILLISECONDS = 1000
IN_USE = "another process is using the gallery"


def finish(connections: Connections, seconds: float = 0.0) -> str | None:
    """Erase what was removed, trying so many seconds; None when it is done, else why it is still due."""
    end = time.monotonic() + seconds
    while True:
        try:
            with connections.lent() as connection:
                try:
                    if _try(connection, connections.path, wait=seconds > 0):
                        return None
                finally:
                    connection.execute(f"PRAGMA busy_timeout = {int(1000 * patience(connections.path))}")
        except sqlite3.Error as error:
            if not is_passing(error):
                return str(error)
        except (GalleryError, OSError) as error:
            return str(error)
        if time.monotonic() >= end:
            return IN_USE
        time.sleep(PAUSE)


def checkpoint(connection: sqlite3.Connection) -> None:
    """Fold the log into the file as far as readers allow, so that a copy of the file alone has all that
    was stored. Waits for nobody.
    """
    with suppress(sqlite3.Error):
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()


def _try(connection: sqlite3.Connection, path: Path, *, wait: bool) -> bool:
    connection.execute(f"PRAGMA busy_timeout = {TURN_MILLISECONDS if wait else 0}")
    with transaction(connection, "IMMEDIATE"):
        due = read_state(connection, path)
    if not due.erasing:
        return True
    if due.rewritten < due.erasing:
        schema.limit_steps(connection)
        connection.execute("VACUUM")
        with transaction(connection, "IMMEDIATE"):
            state = read_state(connection, path)
            if state.rewritten < due.erasing:
                write_state(connection, replace(state, rewritten=due.erasing))
    for file in drafts.left_behind(path):
        file.unlink(missing_ok=True)
    # Here it must not wait: it would keep all other writers waiting too.
    connection.execute("PRAGMA busy_timeout = 0")
    busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        return False
    connection.execute(f"PRAGMA busy_timeout = {TURN_MILLISECONDS if wait else 0}")
    with transaction(connection, "IMMEDIATE"):
        state = read_state(connection, path)
        # A later removal of another process has its own erasure before it.
        if state.erasing == due.erasing:
            write_state(connection, replace(state, erasing=0))
    checkpoint(connection)
    return True
