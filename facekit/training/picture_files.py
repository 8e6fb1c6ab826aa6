"""Pictures that a table names, in a folder or a ZIP file."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from facekit.errors import PictureError, UsageError
from facekit.files import untrusted
from facekit.pictures import images
from facekit.results import Pixels
from facekit.training.data import UNREADABLE


def decoded(pictures: Path, names: Sequence[str], table: Path | None = None) -> Iterator[tuple[str, Pixels]]:
    """The pictures, in the order of the names. Raises PictureError that names the first which cannot be read,
    and the `table` that asks for it."""
    try:
        for name, data in _contents(pictures, names):
            yield name, images.decode(data, name).pixels
    except (*UNREADABLE, PictureError) as error:
        asked = f"{table}: names a picture that cannot be read: " if table else ""
        where = "" if str(error).startswith(str(pictures)) else f"{pictures}: "
        raise PictureError(f"{asked}{where}{untrusted.reason(error)}") from None


def names_in(pictures: Path) -> list[str]:
    """The names of all files of a folder or ZIP file. Raises UsageError where it is neither."""
    if pictures.is_dir():
        return sorted(path.name for path in pictures.iterdir() if path.is_file())
    try:
        with untrusted.opened(pictures, most=untrusted.ARRAY) as file, zipfile.ZipFile(file) as archive:
            return sorted(name for name in archive.namelist() if not name.endswith("/"))
    except UNREADABLE as error:
        raise UsageError(f"{pictures}: neither a folder nor a ZIP file ({untrusted.reason(error)})") from None


def _contents(pictures: Path, names: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    if pictures.is_dir():
        for name in names:
            yield name, images.content(str(pictures / name))
        return
    with untrusted.opened(pictures, most=untrusted.ARRAY) as file, zipfile.ZipFile(file) as archive:
        for name in names:
            yield name, untrusted.member(archive, name)
