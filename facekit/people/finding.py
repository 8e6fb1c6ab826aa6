"""Which photos show somebody: a person of a gallery, or the face of another photo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from facekit.calibration.poorness import is_poor
from facekit.gallery.search.exact import score
from facekit.people import identification
from facekit.results import SCHEMA, Box, Face, Identification

if TYPE_CHECKING:
    from facekit.faces.reading import Reading
    from facekit.gallery.base import Gallery


@dataclass(frozen=True)
class PhotoMatch:
    """A photo with the one who is looked for: which `face` it is, from 1, where, and with what score
    (cosine); `people` are all who are named in it, `unknown` how many faces have no name. `taken` is by EXIF,
    where that was asked for; `copy` where a copy or a link was made.
    """

    source: str
    score: float
    face: int
    box: Box
    subject: str | None = None
    people: tuple[str, ...] = ()
    unknown: int = 0
    taken: datetime | None = None
    copy: str | None = None

    def to_dict(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            **vars(self),
            "score": round(self.score, 4),
            "box": [round(value, 1) for value in self.box],
            "people": list(self.people),
            "taken": self.taken and self.taken.isoformat(),
        }


@dataclass(frozen=True)
class Company:
    """Who else has to be in the photo, who must not be, and whether anybody else may."""

    wanted: frozenset[str] = frozenset()
    unwanted: frozenset[str] = frozenset()
    only: bool = False

    def fits(self, people: Sequence[str], unknown: int, sought: str | None) -> bool:
        """Whether these are the people of a photo; the one who is looked for, by a face, may be unknown."""
        names = set(people)
        if not names >= self.wanted or names & self.unwanted:
            return False
        strangers = unknown if sought is not None else max(unknown - 1, 0)
        return not self.only or (not strangers and names <= {*self.wanted, sought or ""})


@dataclass(frozen=True)
class Period:
    """From a day on, and before another."""

    start: date | None = None
    end: date | None = None

    def __bool__(self) -> bool:
        return self.start is not None or self.end is not None

    def has(self, time: datetime) -> bool:
        day = time.date()
        return (self.start is None or day >= self.start) and (self.end is None or day < self.end)


class Sought(Protocol):
    """Whom to find."""

    def vectors(self) -> np.ndarray[Any, np.dtype[np.float32]]:
        """What faces are held against: (n, dimension)."""

    @property
    def threshold(self) -> float:
        """The lowest score at which a face is theirs."""

    def find(self, reading: Reading) -> PhotoMatch | None:
        """The photo, if they are in it."""


@dataclass(frozen=True, eq=False)
class SoughtPerson:
    """A person of the gallery: found where `identify` gives a face that name."""

    gallery: Gallery
    name: str
    company: Company = field(default_factory=Company)
    chosen_threshold: float | None = None

    @property
    def threshold(self) -> float:
        return self.gallery.threshold if self.chosen_threshold is None else self.chosen_threshold

    def vectors(self) -> np.ndarray[Any, np.dtype[np.float32]]:
        return self.gallery.vectors(self.name)

    def find(self, reading: Reading) -> PhotoMatch | None:
        named = identification.name_faces(self.gallery, reading.faces, threshold=self.chosen_threshold)
        place = next((place for place, face in enumerate(named) if face.subject == self.name), None)
        return None if place is None else _photo(reading, named, place, named[place].score or 0.0, self)

    @property
    def subject(self) -> str | None:
        return self.name


@dataclass(frozen=True, eq=False)
class SoughtFace:
    """The face of another photo; with a gallery the other faces have names."""

    face: Face
    threshold: float
    poor_from: float
    gallery: Gallery | None = None
    company: Company = field(default_factory=Company)
    subject: str | None = None

    def vectors(self) -> np.ndarray[Any, np.dtype[np.float32]]:
        return self.face.vector[None]

    def find(self, reading: Reading) -> PhotoMatch | None:
        scores = [self._score(face) for face in reading.faces]
        place = max(range(len(scores)), key=scores.__getitem__, default=None)
        if place is None or scores[place] < self.threshold:
            return None
        named = (
            [Identification(face, None, ()) for face in reading.faces]
            if self.gallery is None
            else identification.name_faces(self.gallery, reading.faces)
        )
        return _photo(reading, named, place, scores[place], self)

    def _score(self, face: Face) -> float:
        """Two faces that are too poor to enroll are never the same."""
        pair = (face, self.face)
        if all(is_poor(one.quality.stranger_rate, self.poor_from) for one in pair):
            return -1.0
        return score(face.vector, self.face.vector)


def _photo(
    reading: Reading,
    named: Sequence[Identification],
    place: int,
    best: float,
    sought: SoughtPerson | SoughtFace,
) -> PhotoMatch | None:
    from_left = sorted(named, key=lambda face: face.face.detection.box[0])
    people = tuple(dict.fromkeys(face.subject for face in from_left if face.subject is not None))
    unknown = sum(face.subject is None for face in named)
    subject = named[place].subject
    if not sought.company.fits(people, unknown, subject):
        return None
    box = named[place].face.detection.box
    return PhotoMatch(reading.source, best, place + 1, box, subject, people, unknown)
