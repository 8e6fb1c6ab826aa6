"""A name that nobody in a gallery has, and whom it may have been meant for."""

from __future__ import annotations

from collections.abc import Iterable

from facekit import hints
from facekit.errors import GalleryError
from facekit.gallery.places import AnyPlace
from facekit.text.suggestions import similar


def unknown_name(place: AnyPlace, name: str, known: Iterable[str]) -> GalleryError:
    """What is raised where a name is not among those of a gallery, with the ones that are like it."""
    shown = f"{hints.list_people(place)} shows who is"
    return GalleryError(f"{place}: {name!r} is not in the gallery: {meant(name, known)}{shown}")


def meant(name: str, known: Iterable[str]) -> str:
    """The names that are like this one, as a question with the space after it, if there are any."""
    alike = similar(name, known)
    return f"did you mean {' or '.join(map(repr, alike))}? " if alike else ""
