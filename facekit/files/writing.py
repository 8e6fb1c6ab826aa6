"""Files that are there whole, or not at all: the one way in which facekit writes a file.

What is written goes into a file beside the one that is meant, `.facekit-<16 hex digits>.part`: nobody can
guess its name, and it is made only where no file and no link has it. When all is written it takes the
name of the other in one step. A process that is killed meanwhile leaves it behind; the next one that writes
into the folder removes it.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PREFIX = ".facekit-"
_LEFT = re.compile(rf"{re.escape(PREFIX)}[0-9a-f]{{16}}\.part(\.\w+)?")

# A file is made and locked in two steps: one so young may be between them. In seconds.
_YOUNG = 60.0
# Folders that were cleaned by this process.
_cleaned: set[Path] = set()


@contextmanager
def replacing(
    path: Path, *, durable: bool = False, private: bool = False, ending: str = ""
) -> Iterator[Path]:
    """An empty file to write to that takes the place of `path` when all is written; after an error everything
    is as it was. With `durable` it is then on the disk, also after a loss of power.

    It has the rights of the file it replaces, a new one those of the umask; with `private` it is the owner's
    alone (mode 0600). Its own name ends with `ending`, for libraries that look at it. A link of the name is
    replaced, not followed. Raises OSError, which names `path`: where something else than a file has the name,
    or a file that may not be written.
    """
    with naming(path):
        mode = _mode(path)
        unfinished, descriptor = _make(path.parent, 0o600 if private else 0o666, ending)
    try:
        with naming(path, unfinished):
            if mode is not None and not private and hasattr(os, "fchmod"):
                os.fchmod(descriptor, mode)
            yield unfinished
            if durable:
                _to_disk(unfinished)
            os.replace(unfinished, path)
            if durable:
                _to_disk(path.parent)
    finally:
        os.close(descriptor)
        with suppress(OSError):
            unfinished.unlink()


@contextmanager
def creating(path: Path, *, private: bool = False) -> Iterator[Path]:
    """`replacing` for a file that is not there yet. Raises FileExistsError if something has the name, also if
    it was taken meanwhile.
    """
    with naming(path):
        if os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        unfinished, descriptor = _make(path.parent, 0o600 if private else 0o666)
    try:
        with naming(path, unfinished):
            yield unfinished
            _give_name(unfinished, path)
    finally:
        os.close(descriptor)
        with suppress(OSError):
            unfinished.unlink()


def create(path: Path, content: bytes) -> None:
    """Write a whole file, as `creating` does."""
    with creating(path) as unfinished:
        unfinished.write_bytes(content)


def _give_name(unfinished: Path, path: Path) -> None:
    try:
        os.link(unfinished, path)
    except FileExistsError:
        raise
    except OSError:  # without hard links the check and the naming are two steps
        if os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)) from None
        unfinished.rename(path)


def write_bytes(path: Path, content: bytes, *, durable: bool = False, private: bool = False) -> None:
    """Write a whole file, as `replacing` does."""
    with replacing(path, durable=durable, private=private) as unfinished:
        unfinished.write_bytes(content)


def write_text(path: Path, content: str, *, durable: bool = False, private: bool = False) -> None:
    """Write a whole file of UTF-8, as `replacing` does."""
    write_bytes(path, content.encode(), durable=durable, private=private)


def prepare(path: Path) -> None:
    """Make the folder of a file that long work will end in. Raises OSError where it could not be written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with naming(path):
        _mode(path)
        probe, descriptor = _make(path.parent, 0o600)
    os.close(descriptor)
    probe.unlink()


@contextmanager
def naming(path: Path, unfinished: Path | None = None) -> Iterator[None]:
    """An OSError about the file that is written, or about none, names `path`."""
    try:
        yield
    except OSError as error:
        names = {None} if unfinished is None else {None, str(unfinished), unfinished}
        if unfinished is not None and error.filename not in names and error.filename2 not in names - {None}:
            raise
        raise OSError(error.errno or errno.EIO, error.strerror or str(error), str(path)) from None


def _mode(path: Path) -> int | None:
    """The rights of the file that is to be replaced, if there is one."""
    try:
        target = path.stat()
    except OSError:  # none, or a link to nowhere; what else may be wrong ends the writing too
        return None
    if stat.S_ISDIR(target.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(target.st_mode):
        raise OSError(errno.EINVAL, "is no regular file, and cannot be replaced")
    if path.is_symlink():
        return None
    if not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    return target.st_mode & 0o777


def _make(folder: Path, mode: int, ending: str = "") -> tuple[Path, int]:
    """A file of a name that nobody has, and its descriptor, which holds a lock."""
    _clean(folder)
    path = folder / f"{PREFIX}{secrets.token_hex(8)}.part{ending}"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), mode)
    _lock(descriptor)
    return path, descriptor


def _clean(folder: Path) -> None:
    """Remove what killed processes left in the folder; once is enough."""
    if folder in _cleaned:
        return
    _cleaned.add(folder)
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if _LEFT.fullmatch(entry.name):
                with suppress(OSError):
                    _remove_if_left(Path(entry.path))


def _remove_if_left(path: Path) -> None:
    if time.time() - path.lstat().st_mtime < _YOUNG:
        return
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    try:
        if stat.S_ISREG(os.fstat(descriptor).st_mode) and _lock(descriptor):
            path.unlink()
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    """Whether the file is nobody else's; it is then ours until it is closed or the process ends."""
    if sys.platform == "win32":
        return False
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # another process has it, or the file system knows no locks
        return False
    return True


def _to_disk(path: Path) -> None:
    if sys.platform == "win32" and path.is_dir():
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
