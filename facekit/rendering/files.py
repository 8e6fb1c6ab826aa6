"""Where pictures made from pictures are saved: predictable names, never over another photo's file.

A file made from `DCIM/party.jpg` is named after `party`. The SHA-256 of the photo is written into it
(never anything of its EXIF), so that it is known later whose it is: made again from the same photo it
is replaced; a different photo of the same name gets `party~2`, `party~3` …
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Protocol

from PIL import Image, PngImagePlugin

from facekit.errors import UsageError
from facekit.reading import Reading
from facekit.rendering.escaping import file_stem
from facekit.results import Pixels
from facekit.writing import replacing

_MARK = "Source-SHA256"


class Origin(Protocol):
    """The photo that something is made from."""

    @property
    def source(self) -> str: ...

    @property
    def sha256(self) -> str: ...


class CropFolder:
    """A folder of aligned faces, `<photo>-<number>.png`, numbered as in the printed results."""

    def __init__(self, folder: Path) -> None:
        self._names = Names(folder)

    def save(self, reading: Reading) -> list[Path]:
        """Save a picture's faces; the paths."""
        parts = [f"-{number}.png" for number in range(1, len(reading.faces) + 1)]
        paths = self._names.paths(reading, parts)
        for path, face in zip(paths, reading.faces, strict=True):
            _save_crop(path, face.crop, reading.sha256)
        return paths

    def save_face(self, photo: Origin, number: int, crop: Pixels) -> Path:
        """Save one face of a picture; the path."""
        [path] = self._names.paths(photo, [f"-{number}.png"])
        _save_crop(path, crop, photo.sha256)
        return path


def _save_crop(path: Path, crop: Pixels, sha256: str) -> None:
    mark = PngImagePlugin.PngInfo()
    mark.add_text(_MARK, sha256)
    with replacing(path) as unfinished:
        Image.fromarray(crop).save(unfinished, format="PNG", pnginfo=mark)


class AnnotatedFolder:
    """A folder of annotated pictures, `<photo>-faces.jpg`."""

    def __init__(self, folder: Path) -> None:
        self._names = Names(folder)

    def save(self, reading: Reading, image: Image.Image) -> Path:
        [path] = self._names.paths(reading, ["-faces.jpg"])
        mark = f"{_MARK} {reading.sha256}".encode()
        with replacing(path) as unfinished:
            image.save(unfinished, format="JPEG", quality=90, comment=mark)
        return path


class PortraitFolder:
    """A folder of the best face of everybody in a video, `<video>-<track>-<subject>.png`. `sha256` tells
    the video from another of the same name.
    """

    def __init__(self, folder: Path, video: str, sha256: str) -> None:
        self._names = Names(folder)
        self._video = Reading(f"{video}.video", sha256=sha256)

    def save(self, track: int, subject: str | None, crop: Pixels) -> Path:
        part = f"-{track:03}-{file_stem(subject or 'unknown')}.png"
        [path] = self._names.paths(self._video, [part])
        mark = PngImagePlugin.PngInfo()
        mark.add_text(_MARK, self._video.sha256)
        with replacing(path) as unfinished:
            Image.fromarray(crop).save(unfinished, format="PNG", pnginfo=mark)
        return path


class CropTree:
    """The largest face of every picture below `raw`, in the same tree below `out`; `tell` hears of those
    without one.
    """

    def __init__(self, raw: Path, out: Path, tell: Callable[[str], None]) -> None:
        self._raw = raw
        self._out = out
        self._tell = tell
        self._taken: set[str] = set()

    def take(self, reading: Reading) -> None:
        if not reading.faces:
            if not reading.error:
                self._tell(f"{reading.source}: no face")
            return
        path = self._path(Path(reading.source).relative_to(self._raw))
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as unfinished:
            Image.fromarray(reading.largest().crop).save(unfinished, format="PNG")

    def finish(self) -> None:
        """Every crop is saved already."""

    def _path(self, inside: Path) -> Path:
        path = self._out / inside.with_suffix(".png")
        if str(path).casefold() in self._taken:  # a.jpg beside a.png
            path = self._out / f"{inside}.png"
        self._taken.add(str(path).casefold())
        return path


class Names:
    """The names of what is saved in a folder, which is made."""

    def __init__(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except FileExistsError:
            raise UsageError(f"{folder}: not a folder, and nothing can be saved in it") from None
        self._folder = folder
        self._owners: dict[str, str] = {}

    def paths(self, photo: Origin, parts: Sequence[str]) -> list[Path]:
        """The stem of the picture, and after it each part: free, or made from this very picture."""
        stem = "stdin" if photo.source == "-" else file_stem(Path(photo.source).stem)
        for each in _alternatives(stem):
            # File systems that ignore case must not bring two photos together either.
            if self._owners.get(each.casefold(), photo.sha256) != photo.sha256:
                continue
            paths = [self._folder / f"{each}{part}" for part in parts]
            if all(_owner(path) in (None, photo.sha256) for path in paths):
                self._owners[each.casefold()] = photo.sha256
                return paths
        raise AssertionError("there is always a further name")


def _alternatives(stem: str) -> Iterator[str]:
    yield stem
    yield from (f"{stem}~{number}" for number in count(2))


def _owner(path: Path) -> str | None:
    """The SHA-256 of the photo that a file was made from; empty where it cannot be told; None: no file."""
    if not os.path.lexists(path):
        return None
    try:
        with Image.open(path) as image:
            mark = image.info.get(_MARK) or image.info.get("comment", b"")
    except (OSError, ValueError):
        return ""
    words = (mark.decode(errors="replace") if isinstance(mark, bytes) else str(mark)).split()
    return words[-1] if words else ""
