"""Which stored templates a user means by a photo: the file itself, its name, or its SHA-256."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

from facekit import hints
from facekit.errors import GalleryError, PictureError
from facekit.gallery.facts import COPY
from facekit.gallery.templates import file_name
from facekit.pictures import images

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from facekit.gallery.base import Gallery
    from facekit.gallery.templates import TemplateInfo

SHORTEST_DIGEST = 8
_SHOWN_DIGEST = 12


def digest_of(path: str) -> str | None:
    """The SHA-256 of a picture's file; None where it cannot be read, is none, or is empty, as what stands for
    a photo that lies in a cloud."""
    if path == "-" or not os.path.isfile(path):
        return None
    try:
        content = images.content(path)
    except PictureError:
        return None
    return hashlib.sha256(content).hexdigest() if content else None


def of_person(gallery: Gallery, subject: str, photos: Sequence[str]) -> list[str]:
    """The SHA-256 of a person's stored photos, each given by its file, the name that `gallery_show` has, the
    path it was enrolled from, or the first eight or more digits of its SHA-256.

    Raises GalleryError when one is not the person's, or is not the only one of that name.
    """
    stored = gallery.templates(subject)
    return [_the_one(gallery, photo, _meant(photo, stored), subject) for photo in photos]


def copies(gallery: Gallery, subject: str, digests: Sequence[str]) -> list[str]:
    """The names of the person's other pictures that are as like those of the SHA-256 `digests` as copies: the
    same face, saved again or cut out."""
    stored = gallery.stored(subject)
    meant = [template.vector for template in stored if template.sha256 in digests]
    others = [template for template in stored if template.sha256 not in digests]
    alike = (other for other in others if any(float(other.vector @ vector) >= COPY for vector in meant))
    return list(dict.fromkeys(file_name(other.source) for other in alike))


def of_anybody(gallery: Gallery, photo: str, holder: str | None = None) -> list[TemplateInfo]:
    """The templates of a photo, whosever they are, given as in `of_person`. Raises GalleryError when there is
    none, or there are several photos of that name, of which not one alone is the `holder`'s."""
    stored = gallery.templates()
    held = [] if holder is None else [info for info in stored if info.subject == holder]
    digest = _the_one(gallery, photo, _meant(photo, held) or _meant(photo, stored), None)
    return [info for info in stored if info.sha256 == digest]


def _meant(photo: str, stored: Iterable[TemplateInfo]) -> list[str]:
    start = photo.lower() if len(photo) >= SHORTEST_DIGEST else None
    path, digest = os.path.abspath(photo), digest_of(photo)
    meant = (
        info.sha256
        for info in stored
        if info.sha256 == digest
        or photo in (info.source, info.file_name)
        or path == info.source
        or (start and info.sha256.startswith(start))
    )
    return list(dict.fromkeys(meant))


def _the_one(gallery: Gallery, photo: str, meant: Sequence[str], subject: str | None) -> str:
    if not meant and subject is not None:
        raise GalleryError(
            f"{gallery.place}: {subject!r} has no template of {photo!r}: the pictures are listed by "
            f"{hints.show_person(gallery.place, subject)}"
        )
    if not meant:
        if os.path.lexists(photo):
            raise GalleryError(f"{gallery.place}: nobody has a template of {photo!r}: enroll it first")
        raise GalleryError(
            f"{photo}: no such file, and nobody in {gallery.place} has a template of a photo of that name; "
            f"{hints.list_people(gallery.place)} shows who is in it"
        )
    if len(meant) > 1:
        whose = "there are" if subject is None else f"{subject!r} has"
        digests = ", ".join(digest[:_SHOWN_DIGEST] for digest in meant)
        raise GalleryError(
            f"{gallery.place}: {whose} {len(meant)} pictures {photo!r}: give a SHA-256 instead: {digests}"
        )
    return meant[0]
