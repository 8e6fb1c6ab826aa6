"""SQLite's errors in words: what happened, to which file, what to do."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from facekit import hints
from facekit.errors import GalleryError
from facekit.gallery.damage import damaged
from facekit.gallery.sqlite.network import file_system
from facekit.gallery.sqlite.place import FilePlace

# Another connection is in the way, and may be gone in a moment. A process that closes the file, or one that
# reads the log of a killed one, shows as "locking protocol".
PASSING = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL)


def code_of(error: sqlite3.Error) -> int:
    """SQLite's primary result code."""
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF


def is_passing(error: sqlite3.Error) -> bool:
    return code_of(error) in PASSING


@contextmanager
def in_words(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into GalleryError."""
    try:
        yield
    except sqlite3.ProgrammingError:
        raise  # a mistake of facekit's, not of the file
    except sqlite3.Error as error:
        raise explained(path, error) from error
    except UnicodeDecodeError as error:  # Python cannot read the name in SQLite's message
        raise damaged(path, "its tables") from error


def explained(path: Path, error: sqlite3.Error) -> GalleryError:
    code = code_of(error)
    if code in (*PASSING, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN) and (kind := file_system(path)):
        copy = hints.copy_gallery(FilePlace(path))
        return GalleryError(
            f"{path}: the gallery lies on a network folder ({kind}), where it cannot be locked reliably "
            f"({error}): keep it on a local disk: {copy}, or cp while nobody uses it"
        )
    if code in PASSING:
        return GalleryError(
            f"{path}: another process is using the gallery, and nothing was changed: try again when it is "
            "done"
        )
    if code == sqlite3.SQLITE_FULL:
        return GalleryError(
            f"{path}: the disk is full, and nothing of this was stored: make room and run again; what was "
            "stored before is kept"
        )
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM):
        return GalleryError(
            f"{path}: the gallery cannot be written: check the rights of file and folder, or choose another "
            "with --gallery FILE"
        )
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
    if code == sqlite3.SQLITE_INTERRUPT:
        return damaged(path, "reading it takes far longer than its size explains")
    return damaged(path, str(error))
