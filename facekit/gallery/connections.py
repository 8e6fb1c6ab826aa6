"""The connections of an open gallery: one for each use at a time, so that threads may share the gallery."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from facekit.errors import GalleryError
from facekit.gallery import database
from facekit.gallery.faults import in_words

IDLE = 8


class Connections:
    """Connections to one file, made when they are needed and used again. A transaction belongs to a
    connection, so nobody shares one: each is lent to one use in one thread.
    """

    def __init__(self, path: Path, *, write: bool) -> None:
        """Raises GalleryError as `database.connect` does."""
        self.path = path
        self.write = write
        self._lock = threading.Lock()
        self._idle = [database.connect(path, write=write)]
        self._closed = False
        self._file = os.stat(path)
        self._local = threading.local()

    def close(self) -> None:
        """Close those that nobody uses; the others are closed after their use."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    @contextmanager
    def lent(self) -> Iterator[sqlite3.Connection]:
        """A connection that nobody else uses. Raises GalleryError after `close`."""
        connection = self._take()
        try:
            yield connection
        finally:
            with self._lock:
                keep = not self._closed and len(self._idle) < IDLE and not connection.in_transaction
                if keep:
                    self._idle.append(connection)
            if not keep:
                connection.close()

    @contextmanager
    def reading(self, *, shared: bool = True) -> Iterator[sqlite3.Connection]:
        """A connection that sees one committed state. Where it is `shared`, all reading of this thread
        inside sees the same one.
        """
        here = self._states()
        if here:
            yield here[-1]
            return
        with (
            in_words(self.path),
            self.lent() as connection,
            database.transaction(connection, "DEFERRED", database.patience(self.path)),
        ):
            if not shared:
                yield connection
                return
            here.append(connection)
            try:
                yield connection
            finally:
                here.remove(connection)

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A connection in a transaction that has waited for other writers."""
        with (
            in_words(self.path),
            self.lent() as connection,
            database.transaction(connection, "IMMEDIATE", database.patience(self.path)),
        ):
            yield connection

    def _states(self) -> list[sqlite3.Connection]:
        """The connections that this thread is reading one state of."""
        if not hasattr(self._local, "states"):
            self._local.states = []
        states: list[sqlite3.Connection] = self._local.states
        return states

    def _take(self) -> sqlite3.Connection:
        with self._lock:
            if self._closed:
                raise GalleryError(f"{self.path}: this gallery was closed: open it again")
            if self._idle:
                return self._idle.pop()
        connection = database.connect(self.path, write=self.write)
        if not os.path.samestat(os.stat(self.path), self._file):
            connection.close()
            raise GalleryError(f"{self.path}: another file has taken its place: open the gallery again")
        return connection
