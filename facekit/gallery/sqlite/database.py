"""Opening the SQLite file: the ways that work on read-only places, and patience with other processes.

The file is never read other than through SQLite: closing a second descriptor of it would drop the
locks that SQLite holds in this process. SQLite's log and the search cache lie beside the file itself, so
it is opened by its resolved path.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from facekit import hints
from facekit.errors import GalleryError
from facekit.gallery.damage import damaged
from facekit.gallery.sqlite import migrations, schema
from facekit.gallery.sqlite.drafts import new_file, require_no_log
from facekit.gallery.sqlite.faults import in_words, is_passing
from facekit.gallery.sqlite.network import file_system
from facekit.gallery.sqlite.place import FilePlace

Result = TypeVar("Result")

APPLICATION_ID = 0x666B6974  # "fkit"
BUSY_SECONDS = 60.0
# Locks on a network folder fail for good rather than for a moment.
NETWORK_SECONDS = 5.0
PAUSE = 0.02
PRAGMAS = (
    "PRAGMA foreign_keys = ON",
    "PRAGMA secure_delete = ON",
    "PRAGMA synchronous = FULL",
    "PRAGMA temp_store = MEMORY",  # no vector in a temporary file
    "PRAGMA trusted_schema = OFF",
    "PRAGMA cell_size_check = ON",
)


def patience(path: Path) -> float:
    """Seconds to wait for other processes."""
    return min(BUSY_SECONDS, NETWORK_SECONDS) if file_system(path) else BUSY_SECONDS


def patiently(action: Callable[[], Result], seconds: float) -> Result:
    """What `action` returns, tried until no other connection is in the way or the time is over: in some
    moments, as when another process closes the file, SQLite does not wait by itself.
    """
    end = time.monotonic() + seconds
    while True:
        try:
            return action()
        except sqlite3.Error as error:
            if not is_passing(error) or time.monotonic() >= end:
                raise
        time.sleep(PAUSE)


@contextmanager
def transaction(connection: sqlite3.Connection, kind: str, seconds: float = 0.0) -> Iterator[None]:
    """A transaction, DEFERRED (one state for reading) or IMMEDIATE (for writing), begun within so many
    seconds or as long as the connection itself waits.
    """
    patiently(lambda: _begin(connection, kind), seconds)
    try:
        schema.limit_steps(connection)
        yield
        connection.execute("COMMIT")
    except BaseException:
        # A full disk may have rolled it back already.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _begin(connection: sqlite3.Connection, kind: str) -> None:
    connection.execute(f"BEGIN {kind}")
    try:
        # A DEFERRED transaction takes its lock, and its state, at the first reading.
        connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def connect(path: Path, *, write: bool, timeout: float | None = None) -> sqlite3.Connection:
    """Open an existing gallery; nothing is created. It waits `timeout` seconds for other processes. The
    connection may be used in any thread, by one at a time.

    Raises GalleryError when the file is missing, empty, no gallery, newer, or cannot be opened.
    """
    require_file(path)
    wait = patience(path) if timeout is None else timeout
    with in_words(path):
        connection = patiently(lambda: _open_one_way(path, write=write, timeout=wait), wait)
    try:
        with in_words(path):
            _recognize(path, connection, wait)
            for pragma in PRAGMAS:
                connection.execute(pragma)
            if not write:
                connection.execute("PRAGMA query_only = ON")
    except BaseException:
        connection.close()
        raise
    return connection


def require_file(path: Path) -> None:
    """Raise GalleryError unless a file that is not empty is at the path."""
    try:
        _require_file(path)
    except OSError as error:
        raise GalleryError(
            f"{path}: the gallery cannot be reached ({error.strerror}): check the disk, and the rights of "
            "the folders above it"
        ) from error


def _require_file(path: Path) -> None:
    if path.is_symlink() and not path.exists():
        raise GalleryError(f"{path}: is a link to nowhere: put the gallery back, or remove the link")
    if not path.exists():
        raise GalleryError(f"{path}: there is no gallery: make one with {hints.enroll(FilePlace(path))}")
    if not path.is_file():
        raise GalleryError(f"{path}: not a file: give the path of a gallery.db")
    if path.stat().st_size == 0:
        raise GalleryError(f"{path}: the file is empty, not a gallery: remove it and enroll again")


def _open_one_way(path: Path, *, write: bool, timeout: float) -> sqlite3.Connection:
    """The first way of opening that lets the first page be read."""
    place = Path(os.path.realpath(path))
    failure: sqlite3.Error | None = None
    for query in _ways(place, write=write):
        connection = sqlite3.connect(
            f"{place.as_uri()}?{query}",
            uri=True,
            timeout=timeout,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            schema.limit(connection)
            connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
        except sqlite3.Error as error:
            connection.close()
            failure = error
            # Another way would only overlook what another process is doing to the file.
            if is_passing(error) or error.sqlite_errorcode & 0xFF in (
                sqlite3.SQLITE_CORRUPT,
                sqlite3.SQLITE_NOTADB,
            ):
                raise
        else:
            return connection
    assert failure is not None
    raise failure


def _ways(place: Path, *, write: bool) -> Iterator[str]:
    """URI parameters to try, the best first.

    A reader opens for writing where it may, so that the last one to close folds the log into the
    file and leaves no `-wal` behind. `mode=ro` needs the log's index (`-shm`), which cannot be made
    in a read-only folder; there `immutable` reads the file alone, right only while no log exists.
    """
    if write or (os.access(place, os.W_OK) and os.access(place.parent, os.W_OK)):
        yield "mode=rw"
    if write:
        return
    yield "mode=ro"
    log = Path(f"{place}-wal")
    with suppress(OSError):
        if not log.exists() or log.stat().st_size == 0:
            yield "immutable=1"


def _recognize(path: Path, connection: sqlite3.Connection, seconds: float) -> None:
    with transaction(connection, "DEFERRED", seconds):
        if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
            raise GalleryError(f"{path}: not a facekit gallery: give another file")
        number = migrations.version(connection)
        if number > len(migrations.MIGRATIONS):
            raise GalleryError(
                f"{path}: the gallery has format {number}, this facekit reads up to "
                f"{len(migrations.MIGRATIONS)}: update facekit"
            )
        if number < 1:
            raise damaged(path, f"format {number}")
        schema.require(connection, path, number)


@contextmanager
def create(path: Path) -> Iterator[sqlite3.Connection]:
    """Make a new gallery and yield its connection, inside a transaction, to be filled. Killed on the
    way, nothing stands at `path`. Raises GalleryError, also when something is there already.
    """
    require_no_log(path)
    with (
        new_file(path) as draft,
        in_words(path),
        closing(sqlite3.connect(draft, isolation_level=None)) as connection,
    ):
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute("PRAGMA journal_mode = WAL")
        migrations.migrate(connection)
        with transaction(connection, "IMMEDIATE"):
            yield connection
        # Closing would do the same, but without a word when the disk is full: the file would be cut off.
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
