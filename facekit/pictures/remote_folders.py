"""The pictures in folders at addresses, and what is left out there: by the rules for folders of this machine,
as far as names tell; no file is opened to see whether it is a picture, and no .facekitignore is read.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from urllib.parse import unquote

from facekit.errors import PictureError
from facekit.pictures import images, raw, remote
from facekit.pictures.left_out import (
    BESIDE,
    CATALOGS,
    FOREIGN,
    HIDDEN,
    NOT_NAMED,
    OF_OTHERS,
    UNNAMED,
    LeftOut,
    ending_of,
)
from facekit.text.subject_names import name_of_folder


def pictures_at(address: str, left_out: list[LeftOut]) -> list[str] | None:
    """The pictures in a folder, or those that a list names; None if the address is that of one picture. What
    is not read is added to `left_out`.
    """
    files = remote.files(address)
    if files is None or remote.is_list(address):
        return files
    return [name for name in files if _is_taken(address, name, left_out)]


def people_at(address: str, left_out: list[LeftOut]) -> list[tuple[str, str]]:
    """The pictures in the folders of a folder, each with the person who is called like its folder. Raises
    PictureError for an address of something else.
    """
    files = remote.files(address)
    if files is None or remote.is_list(address):
        raise PictureError(f"{address}: is no folder; a folder of the web ends with a slash")
    unnamed = {_folder(address, name) for name in files if name.endswith(f"/{UNNAMED}")}
    left_out += (LeftOut(_joined(address, folder), NOT_NAMED, folder=True) for folder in sorted(unnamed))
    photos = []
    for name in files:
        folder = _folder(address, name)
        if folder in unnamed or not _is_taken(address, name, left_out):
            continue
        if folder:
            photos.append((name_of_folder(folder), name))
        else:
            left_out.append(LeftOut(name, BESIDE))
    return photos


def _folder(address: str, name: str) -> str:
    """The folder below the address in which a file is; empty for one beside the folders."""
    return _within(address, name).rpartition("/")[0].partition("/")[0]


def _within(address: str, name: str) -> str:
    inside = name[len(address.rstrip("/")) + 1 :]
    return unquote(inside) if remote.is_of_web(address) else inside


def _joined(address: str, folder: str) -> str:
    return f"{address.rstrip('/')}/{folder}"


def _is_taken(address: str, name: str, left_out: list[LeftOut]) -> bool:
    if CATALOGS.fullmatch(name.rpartition("/")[2]):
        return False
    reason = next(_reasons(_within(address, name)), None)
    if reason:
        left_out.append(LeftOut(name, reason))
    return reason is None


def _reasons(inside: str) -> Iterator[str]:
    *folders, file = inside.split("/")
    if any(part.startswith(".") for part in (*folders, file)):
        yield HIDDEN
    if any(FOREIGN.fullmatch(folder) for folder in folders):
        yield OF_OTHERS
    ending = os.path.splitext(file)[1].lower()
    if ending in raw.SUFFIXES and not raw.installed():
        yield f"RAW ({raw.hint()})"
    if ending not in images.SUFFIXES and ending not in raw.SUFFIXES:
        yield ending_of(file)
