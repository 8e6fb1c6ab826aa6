"""Which gallery is used where the user named none, and where a new one is made."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from facekit import settings
from facekit.errors import GalleryError, UsageError
from facekit.gallery.places import AnyPlace, Place, place_of
from facekit.gallery.sqlite.place import FilePlace

BESIDE = FilePlace(Path(settings.GALLERY_FILE))
IN_FOLDER = FilePlace(Path(settings.GALLERY_FOLDER, settings.GALLERY_FILE))


def named(place: AnyPlace | None) -> Place | None:
    """The gallery that the user named: by the option, or else by `FACEKIT_GALLERY`."""
    if place is not None:
        return place_of(place)
    variable = settings.gallery_variable()
    return place_of(variable) if variable else None


def of_user(place: AnyPlace | None = None) -> list[Place]:
    """Where a gallery of the user's may be, in this order; one that was named is the only one looked for."""
    if (place := named(place)) is not None:
        return [place]
    user = settings.user_gallery()
    return [BESIDE, IN_FOLDER, *([FilePlace(user)] if user else [])]


def to_read(place: AnyPlace | None = None) -> list[Place]:
    """Where `identify` looks, in this order: the user's own places, then the shipped gallery."""
    places = of_user(place)
    return places if named(place) else [*places, shipped()]


def shipped() -> Place:
    """The gallery of public figures that came with facekit."""
    return FilePlace(settings.reference_gallery())


def first_existing(places: Sequence[Place]) -> Place | None:
    """The first place at which something is."""
    return next(filter(_is_there, places), None)


def in_use(places: Sequence[Place]) -> Place | None:
    """The first place at which a gallery is. One of several is passed over if nothing was ever stored in it:
    what is left of an enrollment in which no picture had a face must not hide the others.

    Whoever removed everybody has a gallery of nobody, and is told so.
    """
    occupied = list(filter(_is_there, places))
    if len(occupied) > 1:
        return next((place for place in occupied if not _is_untouched(place)), occupied[0])
    return occupied[0] if occupied else None


def to_write(place: AnyPlace | None = None, folder: str | os.PathLike[str] | None = None) -> Place:
    """Where `enroll` writes: the gallery that was named, one of the working folder's if it is there, else the
    user's own. Of the people in `folder`, into that folder if it is called `gallery` or holds a gallery.

    Without a `folder` it is where `identify` will look first. Raises UsageError if there is no home folder.
    """
    place = named(place)
    if place is not None:
        return place
    if _is_there(BESIDE):
        return BESIDE
    if folder is not None:
        inside = FilePlace(Path(folder) / settings.GALLERY_FILE)
        if inside.exists() or os.path.basename(os.path.realpath(folder)) == settings.GALLERY_FOLDER:
            return inside
    if _is_there(IN_FOLDER):
        return IN_FOLDER
    user = settings.user_gallery()
    if user is None:
        raise UsageError("there is no home folder for a gallery: say where to write with --gallery FILE")
    return FilePlace(user)


def _is_there(place: Place) -> bool:
    """Whether something is at a place. What nobody may look at in the working folder is not taken for the
    user's."""
    return place.exists() and (place not in (BESIDE, IN_FOLDER) or os.path.lexists(str(place)))


def _is_untouched(place: Place) -> bool:
    try:
        with place.open() as gallery:
            return gallery.untouched
    except GalleryError:  # whoever uses it is told why it cannot be
        return False
