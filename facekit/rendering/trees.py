"""A tree of aligned faces like the tree of the photos they are from."""

from __future__ import annotations

import errno
import os
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


class CropTree:
    """The largest face of every picture below `raw`, in the same tree below `out`."""

    def __init__(self, raw: Path, out: Path) -> None:
        outputs.make_folder(out, [raw])
        self._raw = raw
        self._out = out
        self._folders: dict[Path, Names] = {}

    def save(self, reading: Reading) -> Crop:
        """Save the face; what became of it."""
        notes = reading.notes
        if not reading.faces:
            return Crop(reading.source, None, ("no face",) if not reading.error else notes, reading.error)
        inside = Path(reading.source).relative_to(self._raw)
        try:
            return Crop(reading.source, self._write(reading, self._out / inside.parent), notes)
        except UsageError as error:
            why = str(error)
        except OSError as error:
            if error.errno not in _OF_ONE_NAME:
                raise
            why = f"{error.filename}: {error.strerror}"
        return Crop(reading.source, None, notes, f"{reading.source}: not saved: {why}")

    def _write(self, reading: Reading, folder: Path) -> Path:
        if outputs.leaves(folder / "any", self._out):
            raise UsageError(f"{folder}: is a link out of {self._out}, and nothing is written through it")
        if folder not in self._folders:
            self._folders[folder] = Names(folder, shorten=_short_stem)
        crop = png(reading.largest().crop, reading.sha256)
        [path] = self._folders[folder].save(reading, [(".png", crop)])
        return path


def _short_stem(stem: str) -> str:
    """The stem as it is, as far as a file name has room for it."""
    return stem if len(os.fsencode(stem)) <= _LONGEST else file_stem(stem, limit=_LONGEST)
