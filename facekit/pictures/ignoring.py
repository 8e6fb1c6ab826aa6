"""`.facekitignore`: what a user wants left out of a folder, in the syntax of .gitignore."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from facekit.errors import UsageError

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

NAME = ".facekitignore"
MOST_BYTES = 1 << 20
MOST_STARS, MOST_STARS_A_NAME = 8, 4
"""Runs of stars in a pattern, and between two of its slashes: each multiplies the time that a name takes."""
_STARS = re.compile(r"\*+")


@dataclass(frozen=True)
class IgnoreFile:
    """The patterns of one folder, which hold for everything in and below it."""

    folder: str
    patterns: GitIgnoreSpec

    def decides(self, path: str) -> bool | None:
        """Whether it leaves out a path below its folder (a folder's ends with a slash); None if no pattern is
        about it."""
        return self.patterns.check_file(path[len(self.folder) :].lstrip(os.sep)).include


@dataclass(frozen=True)
class Ignored:
    """The files that hold for a folder; the nearest to a path decides, as git has it."""

    files: tuple[IgnoreFile, ...] = ()

    @classmethod
    def above(cls, folder: str) -> Self:
        """Those of the folders above one that the user named. Who names a folder wants it: a file that leaves
        it out altogether does not hold. Raises UsageError for a file that cannot be read."""
        place = os.path.abspath(folder)
        files = [_read(parent) for parent in reversed(list(_parents(place)))]
        return cls(tuple(file for file in files if file and not file.decides(place + os.sep)))

    def within(self, folder: str) -> Ignored:
        """With the folder's own. Raises UsageError for a file that cannot be read."""
        file = _read(os.path.abspath(folder))
        return self if file is None else Ignored((*self.files, file))

    def leaves_out(self, path: str, *, is_folder: bool) -> bool:
        if not self.files:
            return False
        place = os.path.abspath(path) + (os.sep if is_folder else "")
        verdicts = (file.decides(place) for file in reversed(self.files))
        return bool(next((verdict for verdict in verdicts if verdict is not None), False))


def _parents(place: str) -> Iterator[str]:
    while (above := os.path.dirname(place)) != place:
        yield above
        place = above


def _read(folder: str) -> IgnoreFile | None:
    path = os.path.join(folder, NAME)
    try:
        status = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        # What lies in a folder that cannot be entered is told when it is listed.
        if not os.access(folder, os.X_OK):
            return None
        raise _unusable(path, error.strerror) from None
    if not stat.S_ISREG(status.st_mode):
        raise _unusable(path, "it is no file")
    if status.st_size > MOST_BYTES:
        raise _unusable(path, f"it is larger than {MOST_BYTES >> 20} MB")
    from pathspec import GitIgnoreSpec

    try:
        with open(path, encoding="utf-8-sig", errors="surrogateescape") as file:
            lines = file.read(MOST_BYTES).splitlines()
        _require_affordable(path, lines)
        return IgnoreFile(folder, GitIgnoreSpec.from_lines(lines))
    except OSError as error:
        raise _unusable(path, error.strerror) from None
    except ValueError as error:
        raise _unusable(path, str(error)) from None


def _require_affordable(path: str, lines: list[str]) -> None:
    for number, line in enumerate(lines, 1):
        runs = [len(_STARS.findall(name)) for name in line.split("/")]
        if not line.startswith("#") and (sum(runs) > MOST_STARS or max(runs) > MOST_STARS_A_NAME):
            raise _unusable(path, f"line {number} has more stars than names can be compared with")


def _unusable(path: str, why: str | None) -> UsageError:
    return UsageError(
        f"{path}: {why}: nothing is read, for it says what is to be left out; mend or remove it"
    )
