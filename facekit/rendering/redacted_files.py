"""Where redacted pictures are saved: in the tree of the inputs, never over what facekit did not write, nor
over a copy that somebody changed since.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path

from PIL import Image, PngImagePlugin

from facekit.rendering.copy_marks import CopyOrigin, is_as_written, sealed
from facekit.rendering.files import MARK
from facekit.rendering.trees import NameTree, one_place
from facekit.results import Pixels

_LOSSLESS = (".png", ".apng", ".gif", ".bmp", ".dib", ".ppm", ".pgm", ".pbm", ".pnm", ".pfm", ".tif", ".tiff")
_QUALITY = 92


class ChangedCopyError(Exception):
    """The copy that would be replaced was changed since it was written."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path}: was changed since")
        self.path = path


class RedactedTree:
    """The folder `out` with a redacted copy of each picture. Pictures without loss stay so (PNG); all others
    are JPEG. `inputs` are the paths that were given. Copies that somebody changed since are replaced only
    with `overwrite`. In a `dry_run` the places are told, and nothing is made."""

    def __init__(
        self, out: Path, inputs: Sequence[str], *, overwrite: bool = False, dry_run: bool = False
    ) -> None:
        self._overwrite, self.dry_run = overwrite, dry_run
        self._names = NameTree(out, inputs, dry_run=dry_run)
        self._folders = [os.path.join(path, "") for path in inputs if os.path.isdir(path)]

    def save(self, source: str, pixels: Pixels, exif: bytes = b"") -> Path:
        """Save a picture; where. Raises ChangedCopyError, UsageError where its place cannot be written to,
        OSError."""
        origin, ending = CopyOrigin.of(source), _ending(source)
        content = _png(pixels, origin, exif) if ending == ".png" else _jpeg(pixels, origin, exif)
        self.planned(source)
        with one_place():
            names = self._names.within(self.inside(source).parent)
            [path] = names.save(origin, [(ending, sealed(content))])
        return path

    def planned(self, source: str) -> Path:
        """Where a picture would be saved. Raises ChangedCopyError, UsageError."""
        with one_place():
            names = self._names.within(self.inside(source).parent)
            path = names.planned(CopyOrigin.of(source), _ending(source))
            self._require_unchanged(path)
        return path

    def place(self, source: str, ending: str, comment: Callable[[Path], str | None]) -> Path:
        """Where a video is saved, over nothing but a copy of the same video, known by its comment. Raises
        ChangedCopyError, UsageError where its place cannot be written to, OSError."""
        origin = CopyOrigin.of(source)
        with one_place():
            names = self._names.within(self.inside(source).parent)
            path = names.place(origin, ending, lambda path: origin.has(comment(path)))
            self._require_unchanged(path)
        return path

    def _require_unchanged(self, path: Path) -> None:
        if not self._overwrite and path.exists() and not is_as_written(path):
            raise ChangedCopyError(path)

    def inside(self, source: str) -> Path:
        """The path of a picture from the input in which it lies; of one that was named itself, its name."""
        top = next((folder for folder in self._folders if source.startswith(folder)), None)
        return Path(source).relative_to(top) if top else Path(os.path.basename(source))


def _ending(source: str) -> str:
    return ".png" if os.path.splitext(source)[1].lower() in _LOSSLESS else ".jpg"


def other_name(source: str, path: Path, *, done: bool = True) -> tuple[str, ...]:
    """What is said of a copy that is not called like its photo, or would not be before it is `done`."""
    name = re.sub(r"~\d+$", "", path.stem)
    if name == path.stem or Path(source).stem == path.stem:
        return ()
    saved = "saved" if done else "would be saved"
    return (f"{saved} as {path}: the name {name} is another's there",)


def _jpeg(pixels: Pixels, origin: CopyOrigin, exif: bytes) -> bytes:
    file = BytesIO()
    comment = origin.mark.encode()
    Image.fromarray(pixels).save(file, format="JPEG", quality=_QUALITY, comment=comment, exif=exif)
    return file.getvalue()


def _png(pixels: Pixels, origin: CopyOrigin, exif: bytes) -> bytes:
    file, mark = BytesIO(), PngImagePlugin.PngInfo()
    mark.add_text(MARK, origin.mark)
    Image.fromarray(pixels).save(file, format="PNG", pnginfo=mark, exif=exif or None)
    return file.getvalue()
