"""A tree of aligned faces like the tree of the photos they are from."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facekit.errors import UsageError
from facekit.faces.reading import Reading
from facekit.files import outputs
from facekit.rendering.files import Names, png
from facekit.results import SCHEMA
from facekit.text.escaping import file_stem

# What may be wrong with the place of one crop, while the others have theirs.
_OF_ONE_NAME = frozenset(
    (errno.ENAMETOOLONG, errno.ENOTDIR, errno.EEXIST, errno.EISDIR, errno.EILSEQ, errno.EINVAL, errno.ELOOP)
)
# Bytes of a file name; what follows the stem, as `~12.png`, needs some.
_LONGEST = 255 - 16


@dataclass(frozen=True)
class Crop:
    """The aligned face of a picture: the file it was saved in, or None where there is no face, or an
    `error`."""

    source: str
    crop: Path | None = None
    notes: tuple[str, ...] = ()
    error: str | None = None

    @property
    def faces(self) -> tuple[Path, ...]:
        """What was saved: one or none."""
        return () if self.crop is None else (self.crop,)

    def to_dict(self) -> dict[str, Any]:
        crop = None if self.crop is None else str(self.crop)
        rest = {"notes": list(self.notes), "error": self.error}
        return {"schema": SCHEMA, "source": self.source, "crop": crop, **rest}


class NameTree:
    """The names of what is saved in and below the folder `out`, which is made unless in a `dry_run`."""

    def __init__(self, out: Path, inputs: Sequence[str | Path], *, dry_run: bool = False) -> None:
        outputs.require_apart(out, inputs)
        if not dry_run:
            outputs.make_folder(out, inputs)
        self._out, self._dry_run = out, dry_run
        self._inputs = list(map(str, inputs))
        self._folders: dict[Path, Names] = {}

    def within(self, inside: Path) -> Names:
        """The names in a folder, given as a path from the top. Raises UsageError for one that leads
        elsewhere."""
        folder = self._out / inside
        if outputs.leaves(folder / "any", self._out):
            raise UsageError(f"{folder}: is a link out of {self._out}, and nothing is written through it")
        if folder not in self._folders:
            files = [name for name in self._inputs if not os.path.isdir(name)]
            self._folders[folder] = Names(folder, files, short_stem, dry_run=self._dry_run)
        return self._folders[folder]


class CropTree:
    """The largest face of every picture below `raw`, in the same tree below `out`; where it would be, in a
    `dry_run`."""

    def __init__(self, raw: Path, out: Path, *, dry_run: bool = False) -> None:
        self._names = NameTree(out, [raw], dry_run=dry_run)
        self._raw, self._dry_run = raw, dry_run

    def save(self, reading: Reading) -> Crop:
        """Save the face; what became of it."""
        notes = reading.notes
        if not reading.faces:
            return Crop(reading.source, None, ("no face",) if not reading.error else notes, reading.error)
        inside = Path(reading.source).relative_to(self._raw)
        try:
            with one_place():
                names = self._names.within(inside.parent)
                if self._dry_run:
                    path = names.planned(reading, ".png")
                else:
                    crop = png(reading.largest().crop, reading.sha256)
                    [path] = names.save(reading, [(".png", crop)])
        except UsageError as error:
            return Crop(reading.source, None, notes, f"{reading.source}: not saved: {error}")
        return Crop(reading.source, path, notes)


@contextmanager
def one_place() -> Iterator[None]:
    """What is wrong with the place of one file, while others have theirs, is a UsageError within."""
    try:
        yield
    except OSError as error:
        if error.errno not in _OF_ONE_NAME and not _is_of_a_protected_file(error):
            raise
        raise UsageError(f"{error.filename}: {error.strerror}") from None


def _is_of_a_protected_file(error: OSError) -> bool:
    """Whether one file may not be replaced, while others may be made beside it."""
    if not isinstance(error, PermissionError) or not isinstance(error.filename, str):
        return False
    return os.path.isfile(error.filename) and os.access(os.path.dirname(error.filename) or ".", os.W_OK)


def short_stem(stem: str) -> str:
    """The stem as it is, as far as a file name has room for it."""
    return stem if len(os.fsencode(stem)) <= _LONGEST else file_stem(stem, limit=_LONGEST)
