"""Files that appear whole, under a name that nobody has yet; and what killed processes left of them."""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from facekit.errors import GalleryError

COMPANIONS = ("", "-wal", "-shm", "-journal")
SQLITE = b"SQLite format 3\0"


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """A draft, empty and of mode 0600, that is given its name at the end. Raises GalleryError when it
    cannot be made, or when something has that name: nothing is overwritten.
    """
    taken = GalleryError(f"{path}: already there, and not overwritten: give another name")
    if os.path.lexists(path):
        if not path.exists():
            raise GalleryError(f"{path}: is a link to nowhere: remove it, or give another name")
        raise taken
    try:
        for left in left_behind(path):
            left.unlink(missing_ok=True)
        draft, descriptor = _make(path)
    except OSError as error:
        raise GalleryError(f"{path}: cannot be made ({error.strerror}): give another place") from error
    try:
        yield draft
        # Closing it later, when SQLite may have the file open, would drop SQLite's locks.
        os.close(descriptor)
        descriptor = -1
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
        for suffix in COMPANIONS:
            Path(f"{draft}{suffix}").unlink(missing_ok=True)
        if descriptor >= 0:
            os.close(descriptor)


def _make(path: Path) -> tuple[Path, int]:
    """A draft, and its descriptor, which holds a lock until the end: who finds the draft unlocked knows that
    its maker is gone.
    """
    while True:
        draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}.new")
        descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Another process may have taken it for one that was left behind, before it was locked.
        if draft.exists():
            return draft, descriptor
        os.close(descriptor)


def require_no_log(path: Path) -> None:
    """Raise GalleryError when a log of SQLite waits for a gallery that is not there: SQLite would mix it into
    the one that is made.
    """
    place = Path(os.path.realpath(path))
    logs = [log for log in (Path(f"{place}-wal"), Path(f"{place}-journal")) if _holds_something(log)]
    # In this order: a gallery that another process makes meanwhile is there before its log.
    if logs and not os.path.lexists(path):
        raise GalleryError(
            f"{path}: not made, for {logs[0].name} lies there, the log of a gallery that is gone: put that "
            f"gallery back, or move {logs[0].name} elsewhere"
        )


def _holds_something(log: Path) -> bool:
    try:
        state = log.lstat()
    except OSError:
        return False
    return not stat.S_ISREG(state.st_mode) or state.st_size > 0


def left_behind(gallery: Path) -> list[Path]:
    """Drafts of a gallery whose makers were killed, with what SQLite made beside them."""
    place = Path(os.path.realpath(gallery))
    named = re.compile(re.escape(f".{place.name}.") + r"[0-9a-f]{16}\.new", re.DOTALL)
    drafts = sorted(file for file in place.parent.iterdir() if named.fullmatch(file.name))
    return [
        file
        for draft in drafts
        if _is_abandoned(draft, place)
        for file in (Path(f"{draft}{suffix}") for suffix in reversed(COMPANIONS))
        if file.is_file() and not file.is_symlink()
    ]


def _is_abandoned(draft: Path, gallery: Path) -> bool:
    """Whether it is an SQLite file, or one that has hardly begun, which nobody is making; or a second name
    that the gallery had for a moment.
    """
    try:
        state = draft.lstat()
        if gallery.exists() and os.path.samestat(state, gallery.lstat()):
            return True
        # Opening and closing a file that is also another gallery would drop SQLite's locks on that.
        if not stat.S_ISREG(state.st_mode) or state.st_nlink > 1:
            return False
        descriptor = os.open(draft, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return os.read(descriptor, len(SQLITE)) in (b"", SQLITE)
    except OSError:
        return False
    finally:
        os.close(descriptor)
