"""Erasing what was removed, as far as a client can: from the tables and their indexes on the server.

Not from its log (WAL) and its archive, from replicas, backups, and the blocks of a disk that a file gave up.
"""

from __future__ import annotations

from dataclasses import replace

import psycopg

from facekit.errors import GalleryError
from facekit.gallery.postgres.connections import BUSY_SECONDS, Connections
from facekit.gallery.postgres.state import read_state, write_state

TABLES = ("subjects", "templates", "tombstones", "removals")
WAIT_SECONDS = 5
# Up to here the tables are written anew, for which all others wait a moment. In larger ones the room of what
# was removed is given to what comes next.
REWRITTEN = 50_000
IN_USE = "another process is using the gallery"
OWNER = "SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = 'templates'::regclass"


def finish(connections: Connections) -> str | None:
    """Erase what was removed; None when it is done, else why it is still due."""
    try:
        with connections.alone() as connection:
            due = read_state(connection, connections.place)
            owner = connection.execute(OWNER).fetchone()
        if not due.erasing:
            return None
        if owner is None or not owner[0]:
            return "only the owner of the tables can erase it"
        _vacuum(connections, whole=due.templates <= REWRITTEN)
        with connections.writing() as connection:
            state = read_state(connection, connections.place)
            # A later removal of another process has its own erasure before it.
            if state.erasing == due.erasing:
                write_state(connection, replace(state, erasing=0), state)
    except psycopg.errors.LockNotAvailable:
        return IN_USE
    except GalleryError as error:
        return IN_USE if isinstance(error.__cause__, psycopg.errors.LockNotAvailable) else str(error)
    return None


def _vacuum(connections: Connections, *, whole: bool) -> None:
    with connections.alone() as connection:
        connection.execute(f"SET lock_timeout = '{WAIT_SECONDS}s'")
        try:
            for table in TABLES:
                connection.execute(f"VACUUM {'(FULL)' if whole else ''} {table}")
        finally:
            if not connection.closed:
                connection.execute(f"SET lock_timeout = '{BUSY_SECONDS}s'")
