"""Photos copied or linked into a folder, under their own names: found again, they stay as they are."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Literal

from facekit.errors import PictureError
from facekit.files import outputs, writing
from facekit.pictures import images
from facekit.text.escaping import file_stem


class PhotoFolder:
    """A folder of photos, which is made; nothing in it is written over. Where another file has a photo's
    name, it is called `party~2.jpg`."""

    def __init__(self, folder: Path, kind: Literal["copy", "link"], inputs: Sequence[str] = ()) -> None:
        outputs.make_folder(folder, inputs)
        self._folder, self._kind = folder, kind

    def put(self, source: str) -> Path:
        """Copy or link a photo; where. Raises PictureError for one that cannot be read any more, OSError."""
        content = images.content(source) if self._kind == "copy" else b""
        for path in self._names(source):
            try:
                if self._is_there(path, source, content):
                    return path
                if self._kind == "link":
                    os.symlink(os.path.abspath(source), path)
                    return path
                writing.create(path, content)
                status = os.stat(source)
                os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
                return path
            except FileExistsError:
                continue
        raise AssertionError("there is always a further name")

    def _names(self, source: str) -> Iterator[Path]:
        stem, ending = os.path.splitext(os.path.basename(source))
        stem, ending = file_stem(stem), f".{file_stem(ending[1:], limit=16)}" if ending else ""
        yield self._folder / f"{stem}{ending}"
        yield from (self._folder / f"{stem}~{number}{ending}" for number in count(2))

    def _is_there(self, path: Path, source: str, content: bytes) -> bool:
        """Whether the name has this very photo already."""
        if self._kind == "link":
            return path.is_symlink() and outputs.same_file(path, source)
        if path.is_symlink() or not path.is_file():
            return False
        try:
            return images.content(path) == content
        except PictureError:
            return False
