"""What may be written where: never over an input, and never over a file that facekit did not write.

A folder for output is apart from every folder that is read. A file in it that facekit wrote bears a mark
(`rendering.files`, `plots.style`); only such a file is replaced, another gives its name to nobody. A single
file that the user named is replaced if it is empty or of the very kind that is written.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterable
from pathlib import Path

from facekit.errors import UsageError

STANDARD_INPUT = "-"
_OF_A_FILE = re.compile(
    r"\.(jpe?g|png|webp|avif|hei[cf]|tiff?|gif|bmp|mp4|m4v|mov|mkv|webm|avi)$", re.IGNORECASE
)


def require_apart(out: Path, inputs: Iterable[str | Path]) -> None:
    """Raise UsageError where a folder for output is one of the inputs or lies inside of one, or is called
    like a picture or video: a file was meant."""
    place = Path(os.path.realpath(out))
    for given in inputs:
        if str(given) == STANDARD_INPUT:
            continue
        if same_file(out, given):
            raise UsageError(f"{out}: is what is read, and nothing is written into it: give another folder")
        if Path(given).is_dir() and any(same_file(parent, given) for parent in place.parents):
            raise UsageError(
                f"{out}: lies inside {given}, and would be read with it the next time: give a folder outside"
            )
    if _OF_A_FILE.search(out.name) and not out.is_dir():
        raise UsageError(f"{out}: is called like a picture or video, and a folder is wanted: give a folder")


def make_folder(out: Path, inputs: Iterable[str | Path] = ()) -> None:
    """Make a folder for output. Raises UsageError where it is not apart from the inputs, or a file has its
    name."""
    require_apart(out, inputs)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise UsageError(f"{out}: not a folder, and nothing can be saved in it") from None


def leaves(path: Path, folder: Path) -> bool:
    """Whether a link leads from the folder out of it, on the way to `path`."""
    return not Path(os.path.realpath(path.parent)).is_relative_to(os.path.realpath(folder))


def require_replaceable(
    path: Path, inputs: Iterable[str | Path], is_ours: Callable[[Path], bool] = lambda path: False
) -> None:
    """Raise UsageError where the file is one of the inputs, or is there and neither empty nor ours."""
    if any(same_file(path, given) for given in inputs):
        raise UsageError(f"{path}: is one of the inputs, and is not written over: give another name")
    try:
        status = path.stat()
    except OSError:
        return
    if stat.S_ISREG(status.st_mode) and status.st_size and not is_ours(path):
        raise UsageError(
            f"{path}: is there already and nothing that facekit would write there: "
            "give another name, or remove it"
        )


def require_distinct(*paths: Path | None) -> None:
    """Raise UsageError where two files that one command writes are one: the last would take the place of
    the others."""
    places: set[str] = set()
    for path in filter(None, paths):
        place = os.path.realpath(path)
        if place in places or any(same_file(place, other) for other in places):
            raise UsageError(f"{path}: is given for two files that are written: give each its own name")
        places.add(place)


def same_file(path: str | Path, other: str | Path) -> bool:
    """Whether two names, that may lead through links, are of one file or folder."""
    try:
        return os.path.samefile(path, other)
    except (OSError, ValueError):  # one of them is not there
        return False


def identity(path: str | Path) -> tuple[int, int] | None:
    """What all names of a file have in common; None where there is none."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino
