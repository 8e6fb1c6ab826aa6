"""Whose a picture is by its bytes alone: enrolled already, removed earlier, or in two people's folders."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from facekit.errors import PictureError
from facekit.gallery.facts import Denials, IgnoredFaces
from facekit.gallery.tombstones import Tombstones
from facekit.people.outcomes import ENROLLED_AS, Outcome, Photo
from facekit.pictures import images

if TYPE_CHECKING:
    from facekit.gallery.base import Gallery


class Pictures:
    """What the pictures' bytes say before any is decoded.

    `settled` are the photos that need no look, with their outcomes; `of_subject` the SHA-256 of everybody's;
    `renamed` the people whose pictures stand under another name, with that name; `denials` and `ignored` what
    was said of faces. A picture that lies in the
    folders of two people cannot be both's, unless it shows both: `rival` is where else it is.
    """

    def __init__(self, gallery: Gallery, photos: Sequence[Photo], *, again: bool) -> None:
        self.stones = Tombstones() if again else gallery.tombstones()
        facts = gallery.facts()
        self.denials = Denials() if again else Denials(facts)
        self.ignored = IgnoredFaces(facts)
        self.settled: dict[Photo, Outcome] = {}
        self.renamed: dict[str, str] = {}
        self.of_subject: defaultdict[str, set[str]] = defaultdict(set)
        self._claims: defaultdict[str, list[Photo]] = defaultdict(list)
        digests = _digests(photos, everything=len(gallery) > 0 or len(self.stones) > 0)
        known = gallery.known(list(dict.fromkeys(digests.values())))
        for photo, digest in digests.items():
            self.of_subject[photo.subject].add(digest)
            holders = [info.subject for info in known.get(digest, [])]
            outcome = self._outcome(photo, digest, holders)
            if outcome is not None:
                self.settled[photo] = outcome
            if outcome is None or photo.subject in holders:
                self._claims[digest].append(photo)
        enrolled = set(gallery.names()) if self.renamed else set()
        self.renamed = {old: new for old, new in self.renamed.items() if old not in enrolled}

    def rival(self, sha256: str, subject: str) -> Photo | None:
        """The same picture in another person's folder."""
        claims = self._claims.get(sha256, ())
        return next((photo for photo in claims if photo.subject != subject), None)

    def _outcome(self, photo: Photo, digest: str, holders: Sequence[str]) -> Outcome | None:
        subject, source = photo.subject, photo.source
        if subject in holders:
            return Outcome(subject, source, "already there")
        if self.stones.has_picture("renamed", digest, subject):
            if not holders:
                return Outcome(subject, source, "removed earlier")
            self.renamed[subject] = holders[0]
            return Outcome(subject, source, "already there", notes=(since_rename(holders[0]),))
        if self.stones.has_picture("named", digest, subject):
            # Moved there, or a photo of several people: either way it is not lost.
            notes = (f"{ENROLLED_AS} {' and '.join(holders)} now",) if holders else ()
            return Outcome(subject, source, "removed earlier", notes=notes)
        return None


def since_rename(name: str) -> str:
    return f"{ENROLLED_AS} {name} since a rename or a merge"


def _digests(photos: Sequence[Photo], *, everything: bool) -> dict[Photo, str]:
    """The SHA-256 of the photos that can be read; unless of everything, only of those that may be in the
    folders of two people, told by their sizes."""
    sizes = {photo: size for photo in photos if (size := _size(photo)) is not None}
    owners: defaultdict[int, set[str]] = defaultdict(set)
    for photo, size in sizes.items():
        owners[size].add(photo.subject)
    wanted = (photo for photo, size in sizes.items() if everything or len(owners[size]) > 1)
    return {photo: digest for photo in wanted if (digest := _digest(photo.source))}


def _size(photo: Photo) -> int | None:
    if photo.in_memory is not None:
        return None
    path = Path(photo.source)
    try:
        size = path.stat().st_size
        return size if path.is_file() and size <= images.MAX_BYTES else None
    except OSError:
        return None  # reading it tells the user why


def _digest(source: str) -> str | None:
    try:
        return hashlib.sha256(images.content(source)).hexdigest() if source != "-" else None
    except PictureError:
        return None  # reading it tells the user why
