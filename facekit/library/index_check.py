"""Are a gallery and the files beside it whole: the index of photos, the thumbnails? In words."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from facekit.errors import GalleryError
from facekit.gallery.places import Place
from facekit.gallery.problems import Problem
from facekit.library import thumbnails
from facekit.library.index import PhotoIndex
from facekit.library.side_file import SideFile
from facekit.library.thumbnails import Thumbnails
from facekit.text.counting import counted

if TYPE_CHECKING:
    from facekit.gallery.base import Gallery

FINISHED_BY = "run the removal again, or change the gallery in any other way: that erases them"


def all_problems(place: Place, gallery: Gallery | None = None) -> list[Problem]:
    """All problems of the gallery at a place, which may be open, and of what is kept beside it; nothing is
    changed. Thumbnails are held against a gallery only if it can be read."""
    found = place.check()
    if not is_readable(found):
        return [*found, *_beside(place, None)]
    with nullcontext(gallery) if gallery is not None else place.open() as opened:
        return [*found, *_beside(place, opened)]


def is_readable(problems: Sequence[Problem]) -> bool:
    """Whether a gallery of these problems can be read all the same."""
    return not any(problem.kind in ("file", "integrity", "rows") for problem in problems)


def _beside(place: Place, gallery: Gallery | None) -> Iterator[Problem]:
    kinds: tuple[type[SideFile], ...] = (PhotoIndex, Thumbnails)
    for kind in kinds:
        try:
            path = kind.KIND.file_of(place)
        except GalleryError:  # there is no home folder, and so no such file of a gallery elsewhere
            continue
        if os.path.lexists(path):
            yield from _problems_of(kind, path, gallery)


def _orphans(store: Thumbnails, gallery: Gallery, path: Path) -> Iterator[Problem]:
    """Pictures of who was removed: somebody was killed before they were erased."""
    if orphans := store.orphans(thumbnails.living(gallery)):
        count = counted(len(orphans), "picture")
        yield Problem("erasing", f"{path}: still holds {count} of faces that were removed: {FINISHED_BY}")


def _problems_of(kind: type[SideFile], path: Path, gallery: Gallery | None) -> Iterator[Problem]:
    try:
        opened = kind.open(path)
        if opened is None:
            return
        with opened:
            opened.require_sound()
            if opened.due:
                yield Problem("erasing", f"{path}: still holds {opened.due}: {FINISHED_BY}")
            if isinstance(opened, Thumbnails) and gallery is not None:
                yield from _orphans(opened, gallery, path)
    except GalleryError as error:
        yield Problem("beside", str(error))
    try:
        state = path.stat()
    except OSError:
        return
    if state.st_uid == os.geteuid() and stat.S_IMODE(state.st_mode) & 0o077:
        yield Problem("rights", f"{path}: others may read it: chmod 600")
