"""Where pictures made from pictures are saved: predictable names, never over another photo's file.

A file made from `DCIM/party.jpg` is named after `party`. The SHA-256 of the photo is written into it
(never anything of its EXIF), so that it is known later whose it is: made again from the same photo it
is replaced; a different photo of the same name gets `party~2`, `party~3` …
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path

from PIL import Image, PngImagePlugin

from facekit.reading import Reading
from facekit.rendering.escaping import file_stem

_MARK = "Source-SHA256"


class CropFolder:
    """A folder of aligned faces, `<photo>-<number>.png`, numbered as in the printed results."""

    def __init__(self, folder: Path) -> None:
        self._names = _Names(folder)

    def save(self, reading: Reading) -> list[Path]:
        """Save a picture's faces; the paths."""
        parts = [f"-{number}.png" for number in range(1, len(reading.faces) + 1)]
        paths = self._names.paths(reading, parts)
        for path, face in zip(paths, reading.faces, strict=True):
            mark = PngImagePlugin.PngInfo()
            mark.add_text(_MARK, reading.sha256)
            with _replacing(path) as unfinished:
                Image.fromarray(face.crop).save(unfinished, format="PNG", pnginfo=mark)
        return paths


class AnnotatedFolder:
    """A folder of annotated pictures, `<photo>-faces.jpg`."""

    def __init__(self, folder: Path) -> None:
        self._names = _Names(folder)

    def save(self, reading: Reading, image: Image.Image) -> Path:
        [path] = self._names.paths(reading, ["-faces.jpg"])
        mark = f"{_MARK} {reading.sha256}".encode()
        with _replacing(path) as unfinished:
            image.save(unfinished, format="JPEG", quality=90, comment=mark)
        return path


class _Names:
    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._owners: dict[str, str] = {}

    def paths(self, reading: Reading, parts: Sequence[str]) -> list[Path]:
        """The stem of the picture, and after it each part: free, or made from this very picture."""
        stem = "stdin" if reading.source == "-" else file_stem(Path(reading.source).stem)
        for each in _alternatives(stem):
            # File systems that ignore case must not bring two photos together either.
            if self._owners.get(each.casefold(), reading.sha256) != reading.sha256:
                continue
            paths = [self._folder / f"{each}{part}" for part in parts]
            if all(_owner(path) in (None, reading.sha256) for path in paths):
                self._owners[each.casefold()] = reading.sha256
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


class _replacing:  # noqa: N801
    """A path to write to, that takes the place of `path` when all is written."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._unfinished = path.with_name(f".{path.name}.part")

    def __enter__(self) -> Path:
        return self._unfinished

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            os.replace(self._unfinished, self._path)
        else:
            self._unfinished.unlink(missing_ok=True)
