"""The connections of an open gallery: one for each use at a time, so that threads may share the gallery."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from facekit.errors import GalleryError
from facekit.gallery.sqlite import database
from facekit.gallery.sqlite.faults import in_words
from facekit.gallery.sqlite.log import require_ours

IDLE = 8
_opening = threading.Lock()
_open: Counter[tuple[int, int]] = Counter()
"""How many connections this process has to which file."""


class Connections:
    """Connections to one file, made when they are needed and used again. A transaction belongs to a
    connection, so nobody shares one: each is lent to one use in one thread.
    """

    def __init__(self, path: Path, *, write: bool) -> None:
        """Raises GalleryError as `database.connect` does."""
        self.path = path
        self.write = write
        self._lock = threading.Lock()
        self._closed = False
        self._file: tuple[int, int] | None = None
        self._idle = [self._connect(self._require_in_place())]
        self._local = threading.local()

    def close(self) -> None:
        """Close those that nobody uses; the others are closed after their use."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            self._disconnect(connection)

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
                self._disconnect(connection)

    @contextmanager
    def reading(self, *, shared: bool = True) -> Iterator[sqlite3.Connection]:
        """A connection that sees one committed state. Where it is `shared`, all reading of this thread
        inside sees the same one.
        """
        states = self._states()
        if states:
            yield states[-1]
            return
        with (
            in_words(self.path),
            self.lent() as connection,
            database.transaction(connection, "DEFERRED", database.patience(self.path)),
        ):
            if not shared:
                yield connection
                return
            states.append(connection)
            try:
                yield connection
            finally:
                states.remove(connection)

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
        number = self._require_in_place()
        with self._lock:
            if self._idle:
                return self._idle.pop()
        return self._connect(number)

    def _require_in_place(self) -> tuple[int, int]:
        """The number of the file, which is still the one that was opened: what is stored in a file whose name
        is gone, or has become another's, is lost with the last who has it open.
        """
        number = _number(self.path)
        if self._file not in (None, number):
            what = "another file has taken its place" if os.path.exists(self.path) else "the file is gone"
            raise GalleryError(
                f"{self.path}: {what} since the gallery was opened, and nothing was changed: "
                "open the gallery again"
            )
        return number

    def _connect(self, number: tuple[int, int]) -> sqlite3.Connection:
        self._file = number
        database.require_file(self.path)
        with _opening:
            if not _open[number]:
                require_ours(self.path)
            _open[number] += 1
        try:
            return database.connect(self.path, write=self.write)
        except BaseException:
            self._forget()
            raise

    def _disconnect(self, connection: sqlite3.Connection) -> None:
        connection.close()
        self._forget()

    def _forget(self) -> None:
        assert self._file is not None
        with _opening:
            _open[self._file] -= 1


def is_open(path: Path) -> bool:
    """Whether this process has a gallery open that is this file."""
    return _open[_number(path)] > 0


def _number(path: Path) -> tuple[int, int]:
    try:
        state = os.stat(path)
    except OSError:
        return (0, 0)
    return state.st_dev, state.st_ino
