"""Are the files beside a gallery whole: the index of photos, the thumbnails? In words."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from facekit.errors import GalleryError
from facekit.gallery.places import Place
from facekit.gallery.problems import Problem
from facekit.library.index import PhotoIndex
from facekit.library.side_file import SideFile
from facekit.library.thumbnails import Thumbnails


def problems(place: Place) -> Iterator[Problem]:
    """All problems of what is kept beside the gallery at a place; nothing is changed."""
    kinds: tuple[type[SideFile], ...] = (PhotoIndex, Thumbnails)
    for kind in kinds:
        try:
            path = kind.KIND.file_of(place)
        except GalleryError:  # there is no home folder, and so no such file of a gallery elsewhere
            continue
        if os.path.lexists(path):
            yield from _problems_of(kind, path)


def _problems_of(kind: type[SideFile], path: Path) -> Iterator[Problem]:
    try:
        opened = kind.open(path)
        if opened is None:
            return
        with opened:
            opened.require_sound()
    except GalleryError as error:
        yield Problem("beside", str(error))
    try:
        state = path.stat()
    except OSError:
        return
    if state.st_uid == os.geteuid() and stat.S_IMODE(state.st_mode) & 0o077:
        yield Problem("rights", f"{path}: others may read it: chmod 600")
