"""Which gallery a verb uses, to read or to write."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, TypeGuard

from facekit import hints
from facekit.errors import FacekitError, GalleryError
from facekit.gallery import usual_places
from facekit.gallery.base import Gallery, is_gallery
from facekit.gallery.gallery_settings import GallerySettings
from facekit.gallery.places import AnyPlace, Place, place_of
from facekit.verbs.listeners import OnNote, no_note

if TYPE_CHECKING:
    from facekit.calibration.probability import Probability
    from facekit.faces.pipeline import Pipeline

AnyGallery = Gallery | AnyPlace
"""An open gallery, which stays open, or the place of one: a file, a folder, an address."""


def is_open(gallery: AnyGallery | None) -> TypeGuard[Gallery]:
    """Whether it is an open gallery, not a place."""
    return is_gallery(gallery)


def open_gallery(
    place: AnyPlace | None = None,
    *,
    write: bool = False,
    fingerprint: str | None = None,
    on_note: OnNote = no_note,
) -> Gallery:
    """The gallery at a place (a file, a folder with `gallery.db` in it, an address), or the first there is of
    the usual places in which something was ever stored; the shipped one can only be read. With
    `fingerprint`, only one made by that embedder. `on_note` hears which one it is, where none was named.

    Raises GalleryError: none found (says where it was looked for and how to make one), or unusable.
    """
    tried = usual_places.of_user(place) if write else usual_places.to_read(place)
    used = usual_places.in_use(tried)
    if used is None:
        places = ", ".join(map(str, tried))
        make = hints.enroll(usual_places.named(place))
        raise GalleryError(f"no gallery at {places}: make one with {make}")
    if write:
        used.require_writable()
    gallery = used.open(write=write, fingerprint=fingerprint)
    tell_gallery(place, used, on_note)
    return gallery


def users_gallery(
    place: AnyPlace | None = None, *, fingerprint: str | None = None, on_note: OnNote = no_note
) -> Gallery | None:
    """The gallery given, or else one of the user's own where there is one; never the shipped one."""
    used = usual_places.in_use(usual_places.of_user(place))
    if used is None and usual_places.named(place) is None:
        return None
    opened = open_gallery(used or place, fingerprint=fingerprint)
    tell_gallery(place, opened.place, on_note)
    return opened


def tell_gallery(place: AnyPlace | None, used: Place, on_note: OnNote) -> None:
    """Say which gallery is used, where the user named none."""
    if usual_places.named(place) is not None:
        return
    if used.is_shipped:
        own = usual_places.first_existing(usual_places.of_user())
        why = f"nobody was ever enrolled in {own}" if own else "there is no gallery of yours"
        on_note(f"{why}: using the shipped one of public figures (make yours with: {hints.enroll()})")
    else:
        on_note(f"the gallery is {used}")


def in_use(
    gallery: AnyGallery | None, pipeline: Pipeline, on_note: OnNote = no_note
) -> AbstractContextManager[Gallery]:
    """The gallery that was given: one that is open stays open, one at a place is opened and closed. Without
    it, the first there is. Only of the same embedder."""
    if is_open(gallery):
        gallery.require(pipeline.fingerprint)
        return nullcontext(gallery)
    return open_gallery(as_place(gallery), fingerprint=pipeline.fingerprint, on_note=on_note)


def to_write(
    gallery: AnyGallery | None,
    pipeline: Pipeline,
    folder: str | PathLike[str] | None = None,
    on_note: OnNote = no_note,
) -> AbstractContextManager[Gallery]:
    """`in_use` for writing; one that is not there is made."""
    if is_open(gallery):
        return in_use(gallery, pipeline)
    place = place_to_write(gallery, folder)
    opened = gallery_for_enrollment(place, pipeline)
    tell_gallery(as_place(gallery), place, on_note)
    return opened


def place_to_write(gallery: AnyGallery | None, folder: str | PathLike[str] | None = None) -> Place:
    """Where it is or will be."""
    return gallery.place if is_open(gallery) else usual_places.to_write(as_place(gallery), folder)


def gallery_for_enrollment(address: AnyPlace, pipeline: Pipeline) -> Gallery:
    """The gallery at a place, open for writing; a new one with the embedder's threshold if there is none.

    Raises GalleryError: the shipped one, or unusable.
    """
    place = place_of(address)
    place.require_writable()
    if not place.exists():
        spec = pipeline.spec
        try:
            return place.create(
                GallerySettings(
                    spec.name, pipeline.fingerprint, pipeline.dimension, spec.calibration, spec.poor_from
                )
            )
        except GalleryError:
            if not place.exists():  # else another process made it in this moment
                raise
    return place.open(write=True, fingerprint=pipeline.fingerprint)


def probability_of(gallery: Gallery, embedder: Path | None) -> Probability:
    """The gallery's curve from score to probability. Raises GalleryError where it has none."""
    from facekit.calibration.probability import Probability

    calibration = gallery.settings.calibration
    curve = Probability.read(calibration.probability)
    if curve is None:
        make = hints.calibrate(gallery.place, len(gallery), embedder, calibration=calibration.description)
        raise GalleryError(f"{gallery.place}: has no probabilities: make them with {make}")
    return curve


def as_place(gallery: AnyGallery | None) -> AnyPlace | None:
    """The place of a gallery that is not open; None without one."""
    return None if is_open(gallery) else gallery  # type: ignore[return-value]


def reading(gallery: AnyGallery | None, on_note: OnNote = no_note) -> AbstractContextManager[Gallery]:
    """The gallery, to look into it."""
    if is_open(gallery):
        return nullcontext(gallery)
    return open_gallery(as_place(gallery), on_note=on_note)


@contextmanager
def changing(gallery: AnyGallery | None, on_note: OnNote = no_note) -> Iterator[Gallery]:
    """The gallery, to change it; `on_note` hears when bytes of what was removed could not be erased yet. What
    a change that was cut off has left is erased too, even if this one cannot be made: what was to be removed
    may be gone already."""
    from facekit.library import erasure

    opened: AbstractContextManager[Gallery]
    if is_open(gallery):
        opened = nullcontext(gallery)
    else:
        opened = open_gallery(as_place(gallery), write=True, on_note=on_note)
    with opened as target:
        try:
            yield target
        except FacekitError:
            with suppress(FacekitError):
                erasure.finish(target)
            raise
        erasure.finish(target, on_note)
        if target.due:
            on_note(
                f"{target.place}: its files still hold bytes of what was removed ({target.due}): the next "
                "command that writes to the gallery erases them"
            )
