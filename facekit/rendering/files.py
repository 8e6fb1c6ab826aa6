"""Where pictures made from pictures are saved: predictable names, never over another photo's file.

A file made from `DCIM/party.jpg` is named after `party`. The SHA-256 of the photo is written into it
(never anything of its EXIF), so that it is known later whose it is: made again from the same photo it
is replaced; a different photo of the same name gets `party~2`, `party~3` …, and so does every
photo where a file of somebody else, a link or one of the inputs has the name.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import Protocol

from PIL import Image, PngImagePlugin

from facekit.faces.reading import Reading
from facekit.files import outputs, writing
from facekit.results import Pixels
from facekit.text.counting import counted
from facekit.text.escaping import file_stem

MARK = "Source-SHA256"


class Origin(Protocol):
    """The photo that something is made from."""

    @property
    def source(self) -> str: ...

    @property
    def sha256(self) -> str: ...


class CropFolder:
    """A folder of aligned faces, `<photo>-<number>.png`, numbered as in the printed results."""

    def __init__(self, folder: Path, inputs: Sequence[str] = ()) -> None:
        self._names = Names(folder, inputs)

    def save(self, reading: Reading) -> list[Path]:
        """Save a picture's faces; the paths."""
        crops = (png(face.crop, reading.sha256) for face in reading.faces)
        return self._names.save(
            reading, [(f"-{number}.png", content) for number, content in enumerate(crops, 1)]
        )

    def save_face(self, photo: Origin, number: int, crop: Pixels) -> Path:
        """Save one face of a picture; the path."""
        [path] = self._names.save(photo, [(f"-{number}.png", png(crop, photo.sha256))])
        return path

    def remark(self) -> str:
        return self._names.remark("face")


class AnnotatedFolder:
    """A folder of annotated pictures, `<photo>-faces.jpg`."""

    def __init__(self, folder: Path, inputs: Sequence[str] = ()) -> None:
        self._names = Names(folder, inputs)

    def save(self, reading: Reading, image: Image.Image) -> Path:
        file = BytesIO()
        image.save(file, format="JPEG", quality=90, comment=f"{MARK} {reading.sha256}".encode())
        [path] = self._names.save(reading, [("-faces.jpg", file.getvalue())])
        return path

    def remark(self) -> str:
        return self._names.remark("annotated picture")


class PortraitFolder:
    """A folder of the best face of everybody in a video, `<video>-<track>-<subject>.png`. `sha256` tells
    the video from another of the same name.
    """

    def __init__(self, folder: Path, video: str, sha256: str, inputs: Sequence[str] = ()) -> None:
        self._names = Names(folder, inputs)
        self._video = Reading(f"{video}.video", sha256=sha256)

    def save(self, track: int, subject: str | None, crop: Pixels) -> Path:
        part = f"-{track:03}-{file_stem(subject or 'unknown')}.png"
        [path] = self._names.save(self._video, [(part, png(crop, self._video.sha256))])
        return path

    def remark(self) -> str:
        return self._names.remark("face")


class UnknownFolder:
    """A folder of pictures of unknown people in a video, `<video>-<track>-<number>.png`: parts of its frames,
    in which faces are found again. `sha256` tells the video from another of the same name.
    """

    def __init__(self, folder: Path, video: str, sha256: str, inputs: Sequence[str] = ()) -> None:
        self._names = Names(folder, inputs)
        self._video = Reading(f"{video}.video", sha256=sha256)

    def save(self, track: int, views: Sequence[Pixels]) -> list[Path]:
        pictures = (png(view, self._video.sha256) for view in views)
        return self._names.save(
            self._video,
            [(f"-{track:03}-{number}.png", picture) for number, picture in enumerate(pictures, 1)],
        )

    def remark(self) -> str:
        return self._names.remark("picture")


class Names:
    """The names of what is saved in a folder, which is made unless in a `dry_run`; none of the inputs is
    written over.

    A name is free, or its file was made from this very picture; else the next one is taken.
    """

    def __init__(
        self,
        folder: Path,
        inputs: Sequence[str] = (),
        shorten: Callable[[str], str] = file_stem,
        *,
        dry_run: bool = False,
    ) -> None:
        outputs.require_apart(folder, inputs)
        if not dry_run:
            outputs.make_folder(folder, inputs)
        self._folder = folder
        self._shorten = shorten
        self._saved = 0
        self._inputs = {outputs.identity(source) for source in inputs} - {None}
        self._owners: dict[str, str] = {}

    def save(self, photo: Origin, files: Sequence[tuple[str, bytes]]) -> list[Path]:
        """Write each content to the stem of the picture with the part before it; the paths."""
        for alternative, key in self._free(photo):
            paths = [self._folder / f"{alternative}{part}" for part, _ in files]
            while all(self._owner(path) in (None, photo.sha256) for path in paths):
                try:
                    for path, (_, content) in zip(paths, files, strict=True):
                        if self._owner(path) is None:
                            writing.create(path, content)
                        else:
                            writing.write_bytes(path, content)
                except FileExistsError:  # another process took the name in this moment: whose is it now?
                    continue
                self._owners[key] = photo.sha256
                self._saved += len(paths)
                return paths
        raise AssertionError("there is always a further name")

    def place(self, origin: Origin, ending: str, is_replaceable: Callable[[Path], bool]) -> Path:
        """The path for what somebody else writes, over nothing but what is replaceable."""
        for alternative, key in self._free(origin):
            path = self._folder / f"{alternative}{ending}"
            is_plain = path.is_file() and not path.is_symlink() and outputs.identity(path) not in self._inputs
            if not os.path.lexists(path) or (is_plain and is_replaceable(path)):
                self._owners[key] = origin.sha256
                self._saved += 1
                return path
        raise AssertionError("there is always a further name")

    def planned(self, photo: Origin, part: str) -> Path:
        """The path under which a file would be saved."""
        return self.place(photo, part, lambda path: self._owner(path) == photo.sha256)

    def _free(self, origin: Origin) -> Iterator[tuple[str, str]]:
        """The stems that nothing else of this run has, and by what they are known."""
        stem = "stdin" if origin.source == "-" else self._shorten(Path(origin.source).stem)
        for alternative in _alternatives(stem):
            # File systems that ignore case must not bring two photos together either.
            key = unicodedata.normalize("NFC", alternative).casefold()
            if self._owners.get(key, origin.sha256) == origin.sha256:
                yield alternative, key

    def remark(self, what: str) -> str:
        """How many of `what` were saved, and where."""
        return f"{counted(self._saved, what)} saved in {self._folder}"

    def _owner(self, path: Path) -> str | None:
        """The SHA-256 of the photo that a file was made from; empty where it cannot be told or must stay;
        None: no file."""
        if not os.path.lexists(path):
            return None
        if path.is_symlink() or not path.is_file() or outputs.identity(path) in self._inputs:
            return ""
        try:
            with Image.open(path) as image:
                mark = image.info.get(MARK) or image.info.get("comment", b"")
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            return ""
        words = (mark.decode(errors="replace") if isinstance(mark, bytes) else str(mark)).split()
        return words[-1] if words else ""


def png(crop: Pixels, sha256: str) -> bytes:
    mark = PngImagePlugin.PngInfo()
    mark.add_text(MARK, sha256)
    file = BytesIO()
    Image.fromarray(crop).save(file, format="PNG", pnginfo=mark)
    return file.getvalue()


def _alternatives(stem: str) -> Iterator[str]:
    yield stem
    yield from (f"{stem}~{number}" for number in count(2))
