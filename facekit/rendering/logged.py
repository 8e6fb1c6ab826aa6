"""The log of `facekit watch`: a line of CSV an event, added to what is there."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from facekit.files.writing import naming
from facekit.output.view import View
from facekit.rendering.rows import csv_line
from facekit.video.events import Event

COLUMNS = (
    *("time", "clock", "event", "track", "subject", "score", "reason", "contenders"),
    *("frame", "x0", "y0", "x1", "y1"),
)


class Watched(View[Event]):
    """Events, which are lines of JSON as they come. A file in which nobody is has no face; a camera may show
    somebody later."""

    def __init__(self, *, live: bool) -> None:
        self._nobody = not live

    def count(self, result: Event) -> None:
        self._nobody = False

    @property
    def without_face(self) -> bool:
        return self._nobody


class Log:
    """A log that holds whole lines only. A new one is the owner's alone (mode 0600): it says who was where.

    Raises OSError, which names it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        if path.exists() and not path.is_file():
            raise OSError(errno.EINVAL, "is no regular file, and no log can be added to it", str(path))
        is_new = not path.exists()
        with naming(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            if os.fstat(self._number).st_size == 0:
                self._write(csv_line(COLUMNS))
        except OSError:
            self.close()
            if is_new:
                path.unlink(missing_ok=True)
            raise

    def add(self, event: Event) -> None:
        values = event.to_dict()
        values["contenders"] = " or ".join(values["contenders"])
        self._write(csv_line([*(values[name] for name in COLUMNS[:9]), *values["box"]]))

    def close(self) -> None:
        os.close(self._number)

    def _write(self, line: str) -> None:
        rest = memoryview(f"{line}\n".encode(errors="backslashreplace"))
        with naming(self._path):
            before = os.fstat(self._number).st_size
            try:
                while rest:  # a nearly full disk takes a part
                    rest = rest[os.write(self._number, rest) :]
            except OSError:
                os.ftruncate(self._number, before)
                raise


def is_log(path: Path) -> bool:
    """Whether the file begins as a log does."""
    with path.open("rb") as file:
        return file.readline(200).strip() == csv_line(COLUMNS).encode()
