"""Connections to the database of a gallery: one for each use at a time, so that threads may share it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import psycopg
from pgvector.psycopg.vector import register_vector_info
from psycopg import Connection, sql
from psycopg.types import TypeInfo

from facekit.errors import GalleryError
from facekit.gallery.postgres.faults import in_words, is_lost, unknown_outcome, unreachable

if TYPE_CHECKING:
    from facekit.gallery.postgres.place import ServerPlace

IDLE = 8
BUSY_SECONDS = 60
CONNECT_SECONDS = "10"
# A server that was there a moment ago is tried again for so long, with growing pauses.
AGAIN_SECONDS = 20.0
FIRST_PAUSE = 0.1
READING = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
# Whoever changes the gallery holds its seal; all it reads after that is what is committed then, so that
# changes come one after another.
WRITING = "BEGIN ISOLATION LEVEL READ COMMITTED"
LOCK = "SELECT 1 FROM state WHERE key = 'seal' FOR UPDATE"
PREPARE = """
    SELECT set_config('search_path', concat_ws(', ', quote_ident(%s), quote_ident(n.nspname)), false),
           t.oid, t.typarray
    FROM (SELECT 1) AS always
    LEFT JOIN pg_extension e ON e.extname = 'vector'
    LEFT JOIN pg_namespace n ON n.oid = e.extnamespace
    LEFT JOIN pg_type t ON t.typname = 'vector' AND t.typnamespace = n.oid
"""

_log = logging.getLogger(__name__)


def connect(place: ServerPlace) -> Connection[Any]:
    """A connection in which the gallery's tables are found by their names. Raises psycopg.Error."""
    parameters = {
        "connect_timeout": CONNECT_SECONDS,
        "application_name": "facekit",
        **place.address.connection,
    }
    connection = psycopg.connect(**parameters, autocommit=True, client_encoding="utf8")  # type: ignore[arg-type]
    try:
        connection.execute(f"SET lock_timeout = '{BUSY_SECONDS}s'")
        prepare(connection, place.address.schema)
    except BaseException:
        connection.close()
        raise
    return connection


def prepare(connection: Connection[Any], schema: str) -> bool:
    """Where its tables are found, and how a vector is read; whether the database has vectors at all."""
    row = connection.execute(PREPARE, (schema,)).fetchone()
    if row is None or row[1] is None:
        return False
    register_vector_info(connection, TypeInfo("vector", row[1], row[2]))
    return True


def has_gallery(connection: Connection[Any], place: ServerPlace) -> bool:
    """Whether the schema has the tables of a gallery."""
    name = sql.Identifier(place.address.schema, "state").as_string(connection)
    row = connection.execute("SELECT to_regclass(%s)", (name,)).fetchone()
    return row is not None and row[0] is not None


class Connections:
    """Connections to one gallery, made when they are needed and used again. A transaction belongs to a
    connection, so nobody shares one: each is lent to one use in one thread.
    """

    def __init__(self, place: ServerPlace, *, write: bool) -> None:
        """Raises GalleryError when the database cannot be reached."""
        self.place = place
        self.write = write
        self.losses = 0
        """How often a connection was lost while nobody used it: behind it may be another server now."""
        self._lock = threading.Lock()
        self._closed = False
        self._local = threading.local()
        try:
            self._idle = [connect(place)]
        except psycopg.Error as error:
            raise unreachable(place, error) from error

    def close(self) -> None:
        """Close those that nobody uses; the others are closed after their use."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    @contextmanager
    def reading(self, *, shared: bool = True) -> Iterator[Connection[Any]]:
        """A connection that sees one committed state. If it is `shared`, all reading of this thread inside
        sees the same one.
        """
        states = self._states()
        if states:
            yield states[-1]
            return
        with self._transaction(READING) as connection:
            if not shared:
                yield connection
                return
            states.append(connection)
            try:
                yield connection
            finally:
                states.remove(connection)

    @contextmanager
    def writing(self) -> Iterator[Connection[Any]]:
        """A connection in a transaction that has waited for other writers."""
        with self._transaction(WRITING) as connection:
            connection.execute(LOCK)
            yield connection

    @contextmanager
    def making(self) -> Iterator[Connection[Any]]:
        """A connection in a transaction that makes or changes tables."""
        with self._transaction(WRITING) as connection:
            yield connection

    @contextmanager
    def alone(self) -> Iterator[Connection[Any]]:
        """A connection in no transaction."""
        with in_words(self.place):
            connection = self._begun("SELECT 1")
            try:
                yield connection
            finally:
                self._give_back(connection)

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[Connection[Any]]:
        with in_words(self.place):
            connection = self._begun(begin)
            try:
                yield connection
            except BaseException:
                with suppress(psycopg.Error):
                    connection.execute("ROLLBACK")
                raise
            else:
                self._commit(connection, begin)
            finally:
                self._give_back(connection)

    def _commit(self, connection: Connection[Any], begin: str) -> None:
        try:
            connection.execute("COMMIT")
        except psycopg.Error as error:
            if begin == WRITING and is_lost(error):
                raise unknown_outcome(self.place, error) from error
            raise

    def _begun(self, statement: str) -> Connection[Any]:
        """A connection on which the statement was run. One that was lost while nobody used it is replaced."""
        while True:
            connection, is_fresh = self._take()
            try:
                connection.execute(statement)
            except psycopg.OperationalError as error:
                connection.close()
                if is_fresh or not is_lost(error):
                    raise
                self.losses += 1
                _log.info("%s: the connection to the database was lost: connecting again", self.place)
            except BaseException:
                connection.close()
                raise
            else:
                return connection

    def _take(self) -> tuple[Connection[Any], bool]:
        """A connection that nobody else uses, and whether it was made now."""
        with self._lock:
            if self._closed:
                raise GalleryError(f"{self.place}: this gallery was closed: open it again")
            if self._idle:
                return self._idle.pop(), False
        return self._again(), True

    def _again(self) -> Connection[Any]:
        end, pause = time.monotonic() + AGAIN_SECONDS, FIRST_PAUSE
        while True:
            try:
                return connect(self.place)
            except psycopg.OperationalError as error:
                if time.monotonic() + pause > end:
                    raise unreachable(self.place, error) from error
                if pause == FIRST_PAUSE:
                    _log.warning(
                        "%s: lost the database: trying for %d s to reach it", self.place, AGAIN_SECONDS
                    )
            time.sleep(pause)
            pause *= 2

    def _give_back(self, connection: Connection[Any]) -> None:
        with self._lock:
            idle = connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
            keep = not self._closed and len(self._idle) < IDLE and idle
            if keep:
                self._idle.append(connection)
        if not keep:
            connection.close()

    def _states(self) -> list[Connection[Any]]:
        """The connections that this thread is reading one state of."""
        if not hasattr(self._local, "states"):
            self._local.states = []
        states: list[Connection[Any]] = self._local.states
        return states
