"""Erasing a person's faces from what lies beside the gallery, when the person is removed from it: from the
index of photos before, and from the thumbnails afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np

from facekit.errors import GalleryError
from facekit.gallery.tombstones import same_face
from facekit.library import thumbnails
from facekit.library.entries import Entry
from facekit.library.index import PhotoIndex, file_of
from facekit.library.side_file import ForeignFileError

if TYPE_CHECKING:
    from facekit.gallery.base import Gallery
    from facekit.people.outcomes import Outcome


def erase_people(gallery: Gallery, names: Sequence[str]) -> int:
    """Erase every face that could have been given one of these names: with a score of at least the threshold
    with one of their templates, or from which a template was made. How many there were; none without an
    index.
    """
    templates = [template for name in names for template in gallery.stored(name)]
    index = _index_to_erase(gallery) if templates else None
    if index is None:
        return 0
    stacked = np.stack([template.vector for template in templates])
    limit = gallery.threshold

    def theirs(entry: Entry) -> set[int]:
        faces = _enrolled(entry, [t.box for t in templates if t.sha256 == entry.sha256])
        if len(entry.vectors) and entry.vectors.shape[1] == stacked.shape[1]:
            faces |= set(np.flatnonzero((entry.vectors @ stacked.T).max(axis=1) >= limit).tolist())
        return faces

    with index:
        return index.erase_faces(theirs)


def erase_photos(gallery: Gallery, name: str, sha256s: Sequence[str]) -> int:
    """Erase the faces from which templates of these photos of a person were made; how many there were."""
    templates = [template for template in gallery.stored(name) if template.sha256 in sha256s]
    index = _index_to_erase(gallery) if templates else None
    if index is None:
        return 0
    with index:
        return index.erase_faces(
            lambda entry: _enrolled(entry, [t.box for t in templates if t.sha256 == entry.sha256])
        )


def finish(gallery: Gallery, on_note: Callable[[str], None] = lambda text: None) -> None:
    """Erase what a change has left beside the gallery, this one or one that was cut off. The change is made:
    `on_note` hears what could not be erased."""
    try:
        thumbnails.erase_orphans(gallery)
    except GalleryError as error:
        on_note(str(error))
    try:
        index = _index_of(gallery)  # opening it finishes what was due
    except GalleryError as error:
        on_note(str(error))
        return
    if index:
        with index:
            if index.due:
                on_note(f"{index.path}: still holds {index.due}: the next change of the gallery erases them")


def finish_moves(gallery: Gallery, outcomes: Iterable[Outcome], on_note: Callable[[str], None]) -> None:
    """`finish` where an enrollment took something away."""
    if any(outcome.status == "moved" for outcome in outcomes):
        finish(gallery, on_note)


def _index_to_erase(gallery: Gallery) -> PhotoIndex | None:
    with suppress(ForeignFileError):  # `finish` tells
        return _index_of(gallery)
    return None


def _index_of(gallery: Gallery) -> PhotoIndex | None:
    try:
        path = file_of(gallery.place)
    except GalleryError:  # there is no home folder, and so no index of a gallery elsewhere
        return None
    return PhotoIndex.open(path, write=True)


def _enrolled(entry: Entry, boxes: Sequence[Sequence[float]]) -> set[int]:
    """The faces in these boxes."""
    if not boxes:
        return set()
    places = (same_face(box, entry.boxes()) for box in boxes)
    return {place for place in places if place is not None}
