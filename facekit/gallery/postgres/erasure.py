"""Erasing what was removed, as far as a client can: from the tables and their indexes on the server.

Not from its log (WAL) and its archive, from replicas, backups, and the blocks of a disk that a file gave up.
A table that is written anew keeps the rows that some transaction in the database may still see: then the
erasure stays due.
"""

from __future__ import annotations

import re
import time
from dataclasses import replace

import psycopg
from psycopg.errors import Diagnostic

from facekit.errors import GalleryError
from facekit.gallery.postgres.connections import BUSY_SECONDS, Connections
from facekit.gallery.postgres.state import read_state, write_state

TABLES = ("subjects", "templates", "tombstones", "removals", "facts")
# How long a removal waits for those who read an earlier state.
WAIT = 5.0
LOCK_SECONDS = 2
PAUSE = 0.1
# Up to here the tables are written anew, for which all others wait a moment. In larger ones the room of what
# was removed is given to what comes next.
REWRITTEN = 50_000
IN_USE = "another process is using the gallery, or reads an earlier state of its database"
OWNER = "SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = 'templates'::regclass"
# VACUUM (FULL, VERBOSE) says first, in whatever language, how many dead rows could not be left out.
_LEFT = re.compile(r"\D*(\d+)")


def finish(connections: Connections, seconds: float = 0.0) -> str | None:
    """Erase what was removed, trying so many seconds; None when it is done, else why it is still due."""
    end = time.monotonic() + seconds
    while True:
        try:
            reason = _try(connections)
        except GalleryError as error:
            is_locked = isinstance(error.__cause__, psycopg.errors.LockNotAvailable)
            reason = IN_USE if is_locked else str(error)
        if reason != IN_USE or time.monotonic() >= end:
            return reason
        time.sleep(PAUSE)


def _try(connections: Connections) -> str | None:
    with connections.alone() as connection:
        due = read_state(connection, connections.place)
        owner = connection.execute(OWNER).fetchone()
    if not due.erasing:
        return None
    if owner is None or not owner[0]:
        return "only the owner of the tables can erase it"
    if not _vacuumed(connections, whole=due.templates <= REWRITTEN):
        return IN_USE
    with connections.writing() as connection:
        state = read_state(connection, connections.place)
        # A later removal of another process has its own erasure before it.
        if state.erasing == due.erasing:
            write_state(connection, replace(state, erasing=0), state)
    return None


def _vacuumed(connections: Connections, *, whole: bool) -> bool:
    """Whether no row that is gone was kept for somebody who may still see it."""
    left = 0

    def heard(notice: Diagnostic) -> None:
        nonlocal left
        if number := _LEFT.match(notice.message_detail or ""):
            left += int(number[1])

    with connections.alone() as connection:
        connection.add_notice_handler(heard)
        try:
            connection.execute(f"SET lock_timeout = '{LOCK_SECONDS}s'")
            for table in TABLES:
                connection.execute(f"VACUUM {'(FULL, VERBOSE)' if whole else ''} {table}")
        finally:
            connection.remove_notice_handler(heard)
            if not connection.closed:
                connection.execute(f"SET lock_timeout = '{BUSY_SECONDS}s'")
    return left == 0
