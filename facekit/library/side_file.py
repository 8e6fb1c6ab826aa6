"""A file beside a gallery, of SQLite: derived from photos, as sensitive as the gallery, and erased with it.

Mode 0600, checksums on every row, and what is erased is overwritten. facekit.library.index has the faces of
folders, facekit.library.thumbnails pictures of enrolled faces.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Self

from facekit import settings
from facekit.errors import GalleryError
from facekit.files import untrusted
from facekit.gallery.places import Place
from facekit.gallery.sqlite import database, drafts, schema
from facekit.gallery.sqlite.place import FilePlace

BUSY_SECONDS = 60
ERASING_SECONDS = 2
"""So long is waited for readers before bytes are erased; then it is left to the next who writes."""
_SQLITE = b"SQLite format 3\0"
ERASING = 1 << 16
"""Added to the number of the format from when something is deleted until no byte of it is left: whoever is
killed in between leaves word of it."""
LONGEST_VALUE = 32 << 20
"""Bytes: the vectors of 30,000 faces in one picture."""


class ForeignFileError(GalleryError):
    """What lies in the place of the file is none of ours: it is left alone, and stops nothing else."""


@dataclass(frozen=True)
class Kind:
    """What the file is for: `noun` is what messages call it, `remedy` what to do when it is damaged."""

    noun: str
    remedy: str
    suffix: str
    application_id: int
    format: int
    schema: tuple[str, ...]

    def file_of(self, place: Place) -> Path:
        """Where it is: beside the gallery's file, or among the user's own data for a gallery that is shipped
        or on a server."""
        if isinstance(place, FilePlace) and not place.is_shipped:
            return Path(f"{os.path.realpath(place.path)}{self.suffix}")
        own = settings.user_gallery()
        if own is None:
            raise GalleryError(f"there is no home folder for {self.noun}: set HOME, or give --gallery FILE")
        digest = "" if place.is_shipped else f".{hashlib.sha256(str(place).encode()).hexdigest()[:16]}"
        return own.with_name(f"{own.name}{digest}{self.suffix}")

    def require_ours(self, path: Path) -> None:
        """Raise ForeignFileError for a folder, a pipe, a link to nowhere or a file that is no database."""
        try:
            with untrusted.opened(path, most=untrusted.ARRAY, error=ForeignFileError) as file:
                is_ours = file.read(len(_SQLITE)) == _SQLITE
        except ForeignFileError:
            is_ours = not os.access(path, os.R_OK) and path.is_file()  # SQLite tells that it cannot be read
        if not is_ours:
            raise ForeignFileError(
                f"{path}: not made by facekit, or damaged, in the place of {self.noun}: rename it, or "
                "remove it if facekit made it"
            )

    def damaged(self, path: Path, why: str) -> GalleryError:
        return GalleryError(f"{path}: {self.noun} is damaged ({why}): {self.remedy}")


class SideFile:
    """An open file; a context manager, for one thread."""

    KIND: Kind

    def __init__(
        self, path: Path, connection: sqlite3.Connection, *, writable: bool, is_due: bool = False
    ) -> None:
        self.path, self.writable = path, writable
        self._connection = connection
        self._is_due = is_due

    @classmethod
    def open(cls, path: Path, *, write: bool = False) -> Self | None:
        """The file, or None if there is none. Opened to `write`, it finishes an erasure that somebody could
        not. Raises GalleryError for one that cannot be believed."""
        if not os.path.lexists(path):
            return None
        cls.KIND.require_ours(path)
        with _in_words(cls.KIND, path):
            connection = _connected(Path(os.path.realpath(path)), write=write)
            try:
                is_due = _recognize(cls.KIND, path, connection)
                for pragma in database.PRAGMAS:
                    connection.execute(pragma)
                if not write:
                    connection.execute("PRAGMA query_only = ON")
            except BaseException:
                connection.close()
                raise
        opened = cls(path, connection, writable=write, is_due=is_due)
        if write and is_due:
            opened._try_to_erase()
        return opened

    @classmethod
    def made(cls, path: Path) -> Self:
        """The file, made if there is none, open for writing."""
        if not os.path.lexists(path):
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with (
                drafts.new_file(path) as draft,
                _in_words(cls.KIND, path),
                closing(sqlite3.connect(draft, isolation_level=None)) as connection,
            ):
                connection.execute(f"PRAGMA application_id = {cls.KIND.application_id}")
                connection.execute("PRAGMA journal_mode = WAL")
                for statement in cls.KIND.schema:
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {cls.KIND.format}")
        made = cls.open(path, write=True)
        assert made is not None
        return made

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        self._connection.close()

    def require_sound(self) -> None:
        """Raise GalleryError unless the file's structure is whole; what is in it, a kind of file checks."""
        with self._reading() as connection:
            schema.limit_steps(connection)
            (line,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        if line != "ok":
            raise self.KIND.damaged(self.path, f"SQLite: {line}")

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with _in_words(self.KIND, self.path):
            yield self._connection

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        with self._reading(), database.transaction(self._connection, "IMMEDIATE", BUSY_SECONDS):
            yield self._connection

    @property
    def due(self) -> str | None:
        """What is still in the file, and should not be."""
        return "bytes of what was erased" if self._is_due else None

    def _delete_for_good(self, connection: sqlite3.Connection) -> None:
        """In a transaction that deletes something: `_erase` has to follow."""
        connection.execute(f"PRAGMA user_version = {self.KIND.format + ERASING}")

    def _try_to_erase(self) -> None:
        """`_erase`; what cannot be erased yet is `due`, and left to whoever writes next."""
        self._is_due = True
        with suppress(GalleryError):  # somebody still reads it, or the disk is full
            self._erase()

    def _erase(self) -> None:
        """Rewrite the file from its living rows, and empty its log: `secure_delete` alone leaves copies."""
        with self._reading():
            schema.limit_steps(self._connection)
            self._connection.execute("VACUUM")
            self._connection.execute(f"PRAGMA busy_timeout = {ERASING_SECONDS * 1000}")
            busy, *_ = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            self._connection.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
        if busy:
            raise GalleryError(
                f"{self.path}: another process reads {self.KIND.noun}, and what was erased from it may "
                "still stand in its log: run the command again when it is done"
            )
        with self._changing() as connection:
            connection.execute(f"PRAGMA user_version = {self.KIND.format}")
        self._is_due = False


def _connected(path: Path, *, write: bool) -> sqlite3.Connection:
    """Opened for writing where that is possible, so that the last one to close folds the log into the file;
    on a disk that is only read, the file alone."""
    writable = write or (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK))
    query = "mode=rw" if writable else "mode=ro" if os.path.exists(f"{path}-wal") else "immutable=1"
    return sqlite3.connect(
        f"{path.as_uri()}?{query}",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )


def _recognize(kind: Kind, path: Path, connection: sqlite3.Connection) -> bool:
    """Whether something is still to be erased from it."""
    schema.limit(connection)
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST_VALUE)
    with database.transaction(connection, "DEFERRED", BUSY_SECONDS):
        if connection.execute("PRAGMA application_id").fetchone()[0] != kind.application_id:
            raise kind.damaged(path, "it is none")
        number = connection.execute("PRAGMA user_version").fetchone()[0]
        if number not in (kind.format, kind.format + ERASING):
            raise kind.damaged(path, f"format {number}")
        wanted = _expected(kind.schema)
        if tuple(connection.execute(schema.SCHEMA).fetchmany(len(wanted) + 1)) != wanted:
            raise kind.damaged(path, "its tables are not those that it should have")
        return bool(number != kind.format)


@cache
def _expected(statements: tuple[str, ...]) -> tuple[tuple[object, ...], ...]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)
        return tuple(connection.execute(schema.SCHEMA).fetchall())


@contextmanager
def _in_words(kind: Kind, path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.ProgrammingError:
        raise
    except UnicodeDecodeError as error:  # sqlite3 quotes the file's bytes in a message that it takes for text
        raise kind.damaged(path, "bytes where a text should be") from error
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_INTERRUPT):
            raise kind.damaged(path, str(error)) from error
        if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN):
            raise GalleryError(
                f"{path}: {kind.noun} cannot be written there ({error}): make the folder writable, or choose "
                "another gallery with --gallery FILE"
            ) from error
        if code == sqlite3.SQLITE_FULL:
            raise GalleryError(
                f"{path}: the disk is full, and {kind.noun} is as it was: make room and run again"
            ) from error
        raise GalleryError(f"{path}: {kind.noun} cannot be used ({error}): try again") from error
    except OSError as error:
        raise GalleryError(f"{path}: {kind.noun} cannot be used ({error.strerror})") from error
