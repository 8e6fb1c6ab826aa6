"""The index of photos: one SQLite file beside a gallery, with the faces of the folders that the user named.

It is all derived from the photos, holds no names, and is as sensitive as the gallery: mode 0600, checksums on
every row, and what is erased is overwritten. Pictures are known by their SHA-256, so that a file that was
moved or renamed is known; a file that has its size and its time is not read again.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple, Self

from facekit import settings
from facekit.errors import GalleryError
from facekit.gallery.places import Place
from facekit.gallery.sqlite import database, drafts, schema
from facekit.gallery.sqlite.place import FilePlace
from facekit.gallery.values import checksum
from facekit.library.entries import Entry

APPLICATION_ID = 0x666B6978  # "fkix"
FORMAT = 1
SUFFIX = ".photos"
BUSY_SECONDS = 60
LONGEST_VALUE = 32 << 20
"""Bytes: the vectors of 30,000 faces in one picture."""
SCHEMA = (
    "CREATE TABLE folders (path TEXT PRIMARY KEY) WITHOUT ROWID",
    """CREATE TABLE files (path TEXT PRIMARY KEY, size INTEGER NOT NULL, modified INTEGER NOT NULL,
        sha256 TEXT NOT NULL, checksum BLOB NOT NULL) WITHOUT ROWID""",
    """CREATE TABLE pictures (sha256 TEXT PRIMARY KEY, look TEXT NOT NULL, faces INTEGER NOT NULL,
        whole INTEGER NOT NULL, described TEXT NOT NULL, vectors BLOB NOT NULL, checksum BLOB NOT NULL)""",
    "CREATE INDEX files_by_picture ON files (sha256)",
)
AT_ONCE = 500


class File(NamedTuple):
    """A file as it was when it was read: `modified` in nanoseconds."""

    path: str
    size: int
    modified: int
    sha256: str

    def checksum(self) -> bytes:
        return checksum("file", *self)


def file_of(place: Place) -> Path:
    """Where the index of a gallery is: beside its file, or among the user's own data for one that is shipped
    or on a server."""
    if isinstance(place, FilePlace) and not place.is_shipped:
        return Path(f"{os.path.realpath(place.path)}{SUFFIX}")
    own = settings.user_gallery()
    if own is None:
        raise GalleryError("there is no home folder for an index of photos: set HOME, or give --gallery FILE")
    digest = "" if place.is_shipped else f".{hashlib.sha256(str(place).encode()).hexdigest()[:16]}"
    return own.with_name(f"{own.name}{digest}{SUFFIX}")


class PhotoIndex:
    """An open index; a context manager, for one thread."""

    def __init__(self, path: Path, connection: sqlite3.Connection, *, writable: bool) -> None:
        self.path, self.writable = path, writable
        self._connection = connection

    @classmethod
    def open(cls, path: Path, *, write: bool = False) -> PhotoIndex | None:
        """The index, or None if there is none. Raises GalleryError for one that cannot be believed."""
        if not os.path.lexists(path):
            return None
        with _in_words(path):
            connection = _connected(Path(os.path.realpath(path)), write=write)
            try:
                _recognize(path, connection)
                for pragma in database.PRAGMAS:
                    connection.execute(pragma)
                if not write:
                    connection.execute("PRAGMA query_only = ON")
            except BaseException:
                connection.close()
                raise
        return cls(path, connection, writable=write)

    @classmethod
    @contextmanager
    def for_gallery(cls, place: Place | None, *, write: bool = False) -> Iterator[PhotoIndex | None]:
        """The index of a gallery, closed in the end; None if there is none."""
        path = None
        with suppress(GalleryError):  # there is no home folder, and so no index of a gallery elsewhere
            path = None if place is None else file_of(place)
        index = None if path is None else cls.open(path, write=write and os.access(path, os.W_OK))
        try:
            yield index
        finally:
            if index is not None:
                index.close()

    @classmethod
    def made(cls, path: Path) -> PhotoIndex:
        """The index, made if there is none, open for writing."""
        if not os.path.lexists(path):
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with (
                drafts.new_file(path) as draft,
                _in_words(path),
                closing(sqlite3.connect(draft, isolation_level=None)) as connection,
            ):
                connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                connection.execute("PRAGMA journal_mode = WAL")
                for statement in SCHEMA:
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {FORMAT}")
        index = cls.open(path, write=True)
        assert index is not None
        return index

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        self._connection.close()

    def folders(self) -> list[str]:
        """The folders that the user wants to be indexed."""
        with _in_words(self.path):
            return [str(path) for (path,) in self._connection.execute("SELECT path FROM folders")]

    def add_folders(self, folders: Iterable[str]) -> None:
        with self._changing() as connection:
            connection.executemany("INSERT OR IGNORE INTO folders VALUES (?)", [(path,) for path in folders])

    def files(self, paths: Sequence[str] | None = None) -> dict[str, File]:
        """Files by their paths: all, or the few that are given."""
        files = {}
        query, chosen = "SELECT path, size, modified, sha256, checksum FROM files", list(paths or ())
        if paths is not None:
            query += f" WHERE path IN ({', '.join('?' * len(chosen))})"
        with _in_words(self.path):
            for path, size, modified, sha256, code in self._connection.execute(query, chosen):
                file = File(path, size, modified, sha256)
                if code != file.checksum():
                    raise damaged(self.path, "a file does not fit its checksum")
                files[path] = file
        return files

    def known(self, look: str, *, whole: bool) -> set[str]:
        """The SHA-256 of the pictures that were looked through in this way; with `whole` only those of which
        no face was erased."""
        query = "SELECT sha256 FROM pictures WHERE look = ? AND whole >= ?"
        with _in_words(self.path):
            return {str(sha256) for (sha256,) in self._connection.execute(query, (look, int(whole)))}

    def entries(self, look: str, sha256s: Sequence[str] | None = None) -> Iterator[Entry]:
        """Pictures that were looked through in this way, all or these. Raises GalleryError at the first that
        does not fit its checksum."""
        query = "SELECT sha256, described, vectors, faces, checksum FROM pictures WHERE look = ?"
        with _in_words(self.path):
            if sha256s is None:
                for row in self._connection.execute(query, (look,)):
                    yield self._entry(look, row)
                return
            for first in range(0, len(sha256s), AT_ONCE):
                some = sha256s[first : first + AT_ONCE]
                marks = ", ".join("?" * len(some))
                for row in self._connection.execute(f"{query} AND sha256 IN ({marks})", (look, *some)):
                    yield self._entry(look, row)

    def store(self, look: str, files: Iterable[File], entries: Iterable[Entry]) -> None:
        """Keep files and pictures, all or none; what was kept of them before is replaced."""
        with self._changing() as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?)",
                [(*file, file.checksum()) for file in files],
            )
            connection.executemany(
                "INSERT OR REPLACE INTO pictures VALUES (?, ?, ?, ?, ?, ?, ?)",
                [_row(look, entry) for entry in entries],
            )

    def forget_folders(self, folders: Sequence[str]) -> int:
        """Erase what is kept of files in and below these folders; how many files."""
        with self._changing() as connection:
            connection.executemany("DELETE FROM folders WHERE path = ?", [(path,) for path in folders])
        return self.keep_files(folders, ())

    def keep_files(self, folders: Sequence[str], paths: Iterable[str]) -> int:
        """Erase what is kept of all files in and below these folders but those of the paths, and those below
        a path that is a folder: it could not be listed. How many there were."""
        present = set(paths)
        unread = [path for path in present if os.path.isdir(path)]
        gone = [
            path
            for path in self.files()
            if path not in present
            and any(_below(path, top) for top in folders)
            and not any(_below(path, top) for top in unread)
        ]
        if gone:
            with self._changing() as connection:
                connection.executemany("DELETE FROM files WHERE path = ?", [(path,) for path in gone])
                orphans = "DELETE FROM pictures WHERE sha256 NOT IN (SELECT sha256 FROM files)"
                connection.execute(orphans)
            self._erase()
        return len(gone)

    def erase_faces(self, which: Callable[[Entry], set[int]]) -> int:
        """Overwrite the vectors of the faces that `which` tells of each picture; how many there were."""
        erased = 0
        with self._changing() as connection:
            looks = [str(look) for (look,) in connection.execute("SELECT DISTINCT look FROM pictures")]
            for look in looks:
                for entry in list(self.entries(look)):
                    if faces := which(entry):
                        erased += len(faces)
                        connection.execute(
                            "INSERT OR REPLACE INTO pictures VALUES (?, ?, ?, ?, ?, ?, ?)",
                            _row(look, entry.without(faces)),
                        )
        if erased:
            self._erase()
        return erased

    def _entry(self, look: str, row: Sequence[object]) -> Entry:
        sha256, described, vectors, faces, code = row
        try:
            entry = Entry.stored(str(sha256), str(described), vectors, faces)  # type: ignore[arg-type]
        except (ValueError, TypeError) as error:
            raise damaged(self.path, str(error)) from None
        if code != entry.checksum(look):
            raise damaged(self.path, "a picture does not fit its checksum")
        return entry

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        with _in_words(self.path), database.transaction(self._connection, "IMMEDIATE", BUSY_SECONDS):
            yield self._connection

    def _erase(self) -> None:
        """Rewrite the file from its living rows, and empty its log: `secure_delete` alone leaves copies."""
        with _in_words(self.path):
            schema.limit_steps(self._connection)
            self._connection.execute("VACUUM")
            busy, *_ = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise GalleryError(
                f"{self.path}: another process reads the index of photos, and what was erased from it may "
                "still stand in its log: run the command again when it is done"
            )


def damaged(path: Path, why: str) -> GalleryError:
    return GalleryError(
        f"{path}: the index of photos is damaged ({why}): remove this file, and index the photos again"
    )


def _row(look: str, entry: Entry) -> tuple[object, ...]:
    vectors = entry.vectors.astype("<f4").tobytes()
    whole = int(entry.is_whole)
    return (entry.sha256, look, len(entry.vectors), whole, entry.described, vectors, entry.checksum(look))


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


def _recognize(path: Path, connection: sqlite3.Connection) -> None:
    schema.limit(connection)
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST_VALUE)
    with database.transaction(connection, "DEFERRED", BUSY_SECONDS):
        if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
            raise damaged(path, "it is none")
        number = connection.execute("PRAGMA user_version").fetchone()[0]
        if number != FORMAT:
            raise damaged(path, f"format {number}")
        wanted = _expected()
        if tuple(connection.execute(schema.SCHEMA).fetchmany(len(wanted) + 1)) != wanted:
            raise damaged(path, "its tables are not those of an index")


@cache
def _expected() -> tuple[tuple[object, ...], ...]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        for statement in SCHEMA:
            connection.execute(statement)
        return tuple(connection.execute(schema.SCHEMA).fetchall())


@contextmanager
def _in_words(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.ProgrammingError:
        raise
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_INTERRUPT):
            raise damaged(path, str(error)) from error
        raise GalleryError(f"{path}: the index of photos cannot be used ({error}): try again") from error
    except OSError as error:
        raise GalleryError(f"{path}: the index of photos cannot be used ({error.strerror})") from error


def _below(path: str, top: str) -> bool:
    return path == top or path.startswith(os.path.join(top, ""))
