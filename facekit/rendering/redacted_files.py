"""Where redacted pictures are saved: in the tree of the inputs, never over what facekit did not write.

A file bears a mark that tells from which place its picture was read, so that it is replaced when the same
picture is redacted again. The SHA-256 of the picture, which other files have, is none: a gallery keeps it
with the person's name, and would tell who was redacted."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from PIL import Image, PngImagePlugin

from facekit.rendering.files import MARK
from facekit.rendering.trees import NameTree, one_place
from facekit.results import Pixels

_LOSSLESS = (".png", ".apng", ".gif", ".bmp", ".dib", ".ppm", ".pgm", ".pbm", ".pnm", ".pfm", ".tif", ".tiff")
_QUALITY = 92


@dataclass(frozen=True)
class RedactedOrigin:
    """The place that something was redacted from; `sha256` is of that, not of the contents."""

    source: str
    sha256: str

    @property
    def mark(self) -> str:
        """What is written into the copy."""
        return f"facekit redacted {self.sha256}"

    @classmethod
    def of(cls, source: str) -> RedactedOrigin:
        place = f"redacted {os.path.realpath(source)}".encode(errors="backslashreplace")
        return cls(source, hashlib.sha256(place).hexdigest()[:16])


class RedactedTree:
    """The folder `out` with a redacted copy of each picture. Pictures without loss stay so (PNG); all others
    are JPEG. `inputs` are the paths that were given."""

    def __init__(self, out: Path, inputs: Sequence[str]) -> None:
        self._names = NameTree(out, inputs)
        self._folders = [os.path.join(path, "") for path in inputs if os.path.isdir(path)]

    def save(self, source: str, pixels: Pixels, exif: bytes = b"") -> Path:
        """Save a picture; where. Raises UsageError where its place cannot be written to, OSError."""
        origin = RedactedOrigin.of(source)
        lossless = os.path.splitext(source)[1].lower() in _LOSSLESS
        content = _png(pixels, origin, exif) if lossless else _jpeg(pixels, origin, exif)
        ending = ".png" if lossless else ".jpg"
        with one_place():
            [path] = self._names.within(self.inside(source).parent).save(origin, [(ending, content)])
        return path

    def place(self, source: str, ending: str, is_replaceable: Callable[[Path, str], bool]) -> Path:
        """Where a video is saved, over nothing but a file that is replaceable: with that mark in it."""
        origin = RedactedOrigin.of(source)
        with one_place():
            names = self._names.within(self.inside(source).parent)
            return names.place(origin, ending, lambda path: is_replaceable(path, origin.mark))

    def mark(self, source: str) -> str:
        """What a copy bears."""
        return RedactedOrigin.of(source).mark

    def inside(self, source: str) -> Path:
        """The path of a picture from the input in which it lies; of one that was named itself, its name."""
        top = next((folder for folder in self._folders if source.startswith(folder)), None)
        return Path(source).relative_to(top) if top else Path(os.path.basename(source))


def _jpeg(pixels: Pixels, origin: RedactedOrigin, exif: bytes) -> bytes:
    file = BytesIO()
    comment = origin.mark.encode()
    Image.fromarray(pixels).save(file, format="JPEG", quality=_QUALITY, comment=comment, exif=exif)
    return file.getvalue()


def _png(pixels: Pixels, origin: RedactedOrigin, exif: bytes) -> bytes:
    file, mark = BytesIO(), PngImagePlugin.PngInfo()
    mark.add_text(MARK, origin.mark)
    Image.fromarray(pixels).save(file, format="PNG", pnginfo=mark, exif=exif or None)
    return file.getvalue()
