"""Opening the SQLite file: the ways that work on read-only places, and errors in words.

The file is never read other than through SQLite: closing a second descriptor of it would drop the
locks that SQLite holds in this process.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from facekit.errors import GalleryError
from facekit.gallery import migrations

APPLICATION_ID = 0x666B6974  # "fkit"
BUSY_SECONDS = 60.0
PRAGMAS = (
    "PRAGMA foreign_keys = ON",
    "PRAGMA secure_delete = ON",
    "PRAGMA synchronous = FULL",
    "PRAGMA temp_store = MEMORY",  # no vector in a temporary file
    "PRAGMA trusted_schema = OFF",
    "PRAGMA cell_size_check = ON",
)


def damaged(path: Path, why: str) -> GalleryError:
    return GalleryError(
        f"{path}: the gallery is damaged ({why}): restore it from a copy, or enroll again into another file"
    )


def _explain(path: Path, error: sqlite3.Error) -> GalleryError:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return GalleryError(f"{path}: another process is using the gallery: try again when it is done")
    if code == sqlite3.SQLITE_FULL:
        return GalleryError(f"{path}: the disk is full: make room and run again; what was stored is kept")
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM):
        return GalleryError(f"{path}: the gallery cannot be written: check the rights of file and folder")
    if code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR):
        return GalleryError(
            f"{path}: the gallery cannot be read or written ({error}): "
            "check the disk, its free space, and the rights of file and folder"
        )
    if code == sqlite3.SQLITE_NOTADB:
        return GalleryError(
            f"{path}: not a gallery, or its beginning is damaged: give the path of a gallery.db, or "
            "restore it from a copy"
        )
    return damaged(path, str(error))


@contextmanager
def in_words(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into GalleryError: what happened, to which file, what to do."""
    try:
        yield
    except sqlite3.ProgrammingError:
        raise  # used after closing, or from another thread: the caller's mistake, not the file's
    except sqlite3.Error as error:
        raise _explain(path, error) from error
    except UnicodeDecodeError as error:  # Python cannot read the name in SQLite's message
        raise damaged(path, "its tables") from error


@contextmanager
def transaction(connection: sqlite3.Connection, kind: str) -> Iterator[None]:
    """A transaction, DEFERRED (one state for reading) or IMMEDIATE (waits for other writers). Reading
    inside another transaction is part of that one.
    """
    if kind == "DEFERRED" and connection.in_transaction:
        yield
        return
    connection.execute(f"BEGIN {kind}")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # A full disk may have rolled it back already.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def connect(path: Path, *, write: bool, timeout: float | None = None) -> sqlite3.Connection:
    """Open an existing gallery; nothing is created. It waits `timeout` seconds for other writers.

    Raises GalleryError when the file is missing, empty, no gallery, newer, or cannot be opened.
    """
    if not path.exists():
        raise GalleryError(f"{path}: there is no gallery: make one with `facekit enroll`")
    if not path.is_file():
        raise GalleryError(f"{path}: not a file: give the path of a gallery.db")
    if path.stat().st_size == 0:
        raise GalleryError(f"{path}: the file is empty, not a gallery: remove it and enroll again")
    with in_words(path):
        wait = BUSY_SECONDS if timeout is None else timeout
        connection = _open_one_way(path, write=write, timeout=wait)
    try:
        with in_words(path):
            _recognise(path, connection)
            for pragma in PRAGMAS:
                connection.execute(pragma)
            if not write:
                connection.execute("PRAGMA query_only = ON")
    except BaseException:
        connection.close()
        raise
    return connection


def _open_one_way(path: Path, *, write: bool, timeout: float) -> sqlite3.Connection:
    """The first way of opening that lets the first page be read."""
    failure: sqlite3.Error | None = None
    for query in _ways(path, write=write):
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?{query}", uri=True, timeout=timeout, isolation_level=None
        )
        try:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.Error as error:
            connection.close()
            if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
                raise
            failure = error
        else:
            return connection
    assert failure is not None
    raise failure


def _ways(path: Path, *, write: bool) -> Iterator[str]:
    """URI parameters to try, the best first.

    A reader opens for writing where it may, so that the last one to close folds the log into the
    file and leaves no `-wal` behind. `mode=ro` needs the log's index (`-shm`), which cannot be made
    in a read-only folder; there `immutable` reads the file alone, right only while no log exists.
    """
    if write or (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
        yield "mode=rw"
    if write:
        return
    yield "mode=ro"
    log = Path(f"{path}-wal")
    with suppress(OSError):
        if not log.exists() or log.stat().st_size == 0:
            yield "immutable=1"


def _recognise(path: Path, connection: sqlite3.Connection) -> None:
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


@contextmanager
def create(path: Path) -> Iterator[sqlite3.Connection]:
    """Make a new gallery and yield its connection, inside a transaction, to be filled. Killed on the
    way, nothing stands at `path`. Raises GalleryError, also when something is there already.
    """
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


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """A draft, empty and of mode 0600, that is given its name at the end. Raises GalleryError when it
    cannot be made, or when something has that name: nothing is overwritten.
    """
    taken = GalleryError(f"{path}: already there, and not overwritten: give another name")
    if os.path.lexists(path):
        raise taken
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}.new")
    try:
        os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except OSError as error:
        raise GalleryError(f"{path}: cannot be made: {error.strerror}") from error
    try:
        yield draft
        try:
            os.link(draft, path)
        except FileExistsError:
            raise taken from None
        except OSError:
            # Without hard links the check and the naming are two steps.
            if os.path.lexists(path):
                raise taken from None
            draft.rename(path)
    finally:
        for suffix in ("", "-wal", "-shm", "-journal"):
            Path(f"{draft}{suffix}").unlink(missing_ok=True)
