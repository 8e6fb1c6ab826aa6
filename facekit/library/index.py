"""The index of photos: one SQLite file beside a gallery, with the faces of the folders that the user named.

It is all derived from the photos, holds no names, and is as sensitive as the gallery: mode 0600, checksums on
every row, and what is erased is overwritten. Pictures are known by their SHA-256, so that a file that was
moved or renamed is known; a file that has its size, its times and its number is not read again. Size and time
of the content are not enough: photos out of one archive may have both in common, and swap their names.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import NamedTuple

from facekit.errors import GalleryError
from facekit.gallery.places import Place
from facekit.gallery.values import checksum
from facekit.library.entries import Entry
from facekit.library.side_file import ForeignFileError, Kind, SideFile

APPLICATION_ID = 0x666B6978  # "fkix"
FORMAT = 2
SUFFIX = ".photos"
SCHEMA = (
    "CREATE TABLE folders (path TEXT PRIMARY KEY) WITHOUT ROWID",
    """CREATE TABLE files (path TEXT PRIMARY KEY, size INTEGER NOT NULL, modified INTEGER NOT NULL,
        changed INTEGER NOT NULL, inode INTEGER NOT NULL, sha256 TEXT NOT NULL, checksum BLOB NOT NULL)
        WITHOUT ROWID""",
    """CREATE TABLE pictures (sha256 TEXT PRIMARY KEY, look TEXT NOT NULL, faces INTEGER NOT NULL,
        whole INTEGER NOT NULL, described TEXT NOT NULL, vectors BLOB NOT NULL, checksum BLOB NOT NULL)""",
    "CREATE INDEX files_by_picture ON files (sha256)",
)
AT_ONCE = 500
LARGEST = (1 << 63) - 1


class Stamp(NamedTuple):
    """By what a file is known to be as it was: `modified` when its content was changed, `changed` when
    anything was, its name too, both in nanoseconds; `inode` is its number."""

    size: int
    modified: int
    changed: int
    inode: int

    @classmethod
    def of(cls, path: str) -> Stamp | None:
        """The stamp of a file; None for what is none."""
        try:
            status = os.stat(path)
        except (OSError, ValueError):
            return None
        inode = status.st_ino & LARGEST  # SQLite's numbers have a sign
        return cls(status.st_size, status.st_mtime_ns, status.st_ctime_ns, inode)


class File(NamedTuple):
    """A file as it was when it was read."""

    path: str
    stamp: Stamp
    sha256: str

    def checksum(self) -> bytes:
        return checksum("file", _stored(self.path), *self.stamp, self.sha256)


KIND = Kind(
    noun="the index of photos",
    remedy="remove this file, and index the photos again",
    suffix=SUFFIX,
    application_id=APPLICATION_ID,
    format=FORMAT,
    schema=SCHEMA,
)
file_of = KIND.file_of
damaged = KIND.damaged


class PhotoIndex(SideFile):
    """An open index; a context manager, for one thread."""

    KIND = KIND

    @classmethod
    @contextmanager
    def for_gallery(cls, place: Place | None, *, write: bool = False) -> Iterator[PhotoIndex | None]:
        """The index of a gallery, closed in the end; None if there is none."""
        path = None
        with suppress(GalleryError):  # there is no home folder, and so no index of a gallery elsewhere
            path = None if place is None else file_of(place)
        index = None
        with suppress(ForeignFileError):
            index = None if path is None else cls.open(path, write=write and os.access(path, os.W_OK))
        try:
            yield index
        finally:
            if index is not None:
                index.close()

    def require_sound(self) -> None:
        """Raise GalleryError unless every file and every picture is as it was stored, and no file's picture
        is missing."""
        super().require_sound()
        wanted = {file.sha256 for file in self.files().values()}
        with self._reading() as connection:
            looks = [str(look) for (look,) in connection.execute("SELECT DISTINCT look FROM pictures")]
        for look in looks:
            for entry in self.entries(look):
                wanted.discard(entry.sha256)
                try:
                    entry.reading("")
                except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
                    raise damaged(self.path, str(error)) from None
        if wanted:
            raise damaged(self.path, "pictures are missing")

    def folders(self) -> list[str]:
        """The folders that the user wants to be indexed."""
        with self._reading():
            return [_path(stored) for (stored,) in self._connection.execute("SELECT path FROM folders")]

    def add_folders(self, folders: Iterable[str]) -> None:
        with self._changing() as connection:
            rows = [(_stored(path),) for path in folders]
            connection.executemany("INSERT OR IGNORE INTO folders VALUES (?)", rows)

    def files(self, paths: Sequence[str] | None = None) -> dict[str, File]:
        """Files by their paths: all, or the few that are given."""
        files = {}
        query, chosen = (
            "SELECT path, size, modified, changed, inode, sha256, checksum FROM files",
            list(map(_stored, paths or ())),
        )
        if paths is not None:
            query += f" WHERE path IN ({', '.join('?' * len(chosen))})"
        with self._reading():
            for stored, *stamp, sha256, code in self._connection.execute(query, chosen):
                path = _path(stored)
                file = File(path, Stamp(*stamp), sha256)
                if code != file.checksum():
                    raise damaged(self.path, "a file does not fit its checksum")
                files[path] = file
        return files

    def known(self, look: str, *, whole: bool) -> set[str]:
        """The SHA-256 of the pictures that were looked through in this way; with `whole` only those of which
        no face was erased."""
        query = "SELECT sha256 FROM pictures WHERE look = ? AND whole >= ?"
        with self._reading():
            return {str(sha256) for (sha256,) in self._connection.execute(query, (look, int(whole)))}

    def entries(self, look: str, sha256s: Sequence[str] | None = None) -> Iterator[Entry]:
        """Pictures that were looked through in this way, all or these. Raises GalleryError at the first that
        does not fit its checksum."""
        query = "SELECT sha256, described, vectors, faces, checksum FROM pictures WHERE look = ?"
        with self._reading():
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
                "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?)",
                [(_stored(file.path), *file.stamp, file.sha256, file.checksum()) for file in files],
            )
            connection.executemany(
                "INSERT OR REPLACE INTO pictures VALUES (?, ?, ?, ?, ?, ?, ?)",
                [_row(look, entry) for entry in entries],
            )

    def forget_folders(self, folders: Sequence[str]) -> int:
        """Erase what is kept of files in and below these folders; of how many files the faces are gone."""
        with self._changing() as connection:
            connection.executemany(
                "DELETE FROM folders WHERE path = ?", [(_stored(path),) for path in folders]
            )
        return self.keep_files(folders, ())

    def keep_files(self, folders: Sequence[str], paths: Iterable[str]) -> int:
        """Erase what is kept of all files in and below these folders but those of the paths, and those below
        a path that is a folder: it could not be listed. Of how many files the faces are gone: what moved,
        or has another copy, keeps them."""
        present = set(paths)
        unread = [path for path in present if os.path.isdir(path)]
        files = self.files()
        gone = [
            path
            for path in files
            if path not in present
            and any(_below(path, top) for top in folders)
            and not any(_below(path, top) for top in unread)
        ]
        if gone:
            with self._changing() as connection:
                connection.executemany(
                    "DELETE FROM files WHERE path = ?", [(_stored(path),) for path in gone]
                )
                orphans = "DELETE FROM pictures WHERE sha256 NOT IN (SELECT sha256 FROM files)"
                connection.execute(orphans)
                self._delete_for_good(connection)
            self._erase()
        return _lost(files, gone)

    def lost_with(self, folders: Sequence[str]) -> int:
        """How many files' faces would be erased if the folders were forgotten."""
        files = self.files()
        return _lost(files, [path for path in files if any(_below(path, top) for top in folders)])

    def erase_faces(self, which: Callable[[Entry], set[int]]) -> int:
        """Overwrite the vectors of the faces that `which` tells of each picture; how many there were."""
        erased = 0
        with self._changing() as connection:
            looks = [str(look) for (look,) in connection.execute("SELECT DISTINCT look FROM pictures")]
            for look in looks:
                for entry in list(self.entries(look)):
                    try:
                        faces = which(entry)
                        row = _row(look, entry.without(faces)) if faces else None
                    except ValueError as error:
                        raise damaged(self.path, str(error)) from None
                    if row:
                        erased += len(faces)
                        connection.execute(
                            "INSERT OR REPLACE INTO pictures VALUES (?, ?, ?, ?, ?, ?, ?)", row
                        )
            if erased:
                self._delete_for_good(connection)
        if erased:
            self._try_to_erase()
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


def _row(look: str, entry: Entry) -> tuple[object, ...]:
    vectors = entry.vectors.astype("<f4").tobytes()
    whole = int(entry.is_whole)
    return (entry.sha256, look, len(entry.vectors), whole, entry.described, vectors, entry.checksum(look))


def _stored(path: str) -> str | bytes:
    """A path as SQLite can hold it: what is no text, as files may be called, as bytes."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return os.fsencode(path)
    return path


def _path(stored: object) -> str:
    return os.fsdecode(stored) if isinstance(stored, bytes) else str(stored)


def _lost(files: dict[str, File], gone: Sequence[str]) -> int:
    """How many of the files are gone whose contents none of the others has."""
    without = set(gone)
    kept = {file.sha256 for path, file in files.items() if path not in without}
    return sum(files[path].sha256 not in kept for path in gone)


def _below(path: str, top: str) -> bool:
    return path == top or path.startswith(os.path.join(top, ""))
