"""Enrolling the people whom other programs have marked in photos: the mark says where, and who it is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from facekit.errors import UsageError
from facekit.faces.box_reading import read_box
from facekit.faces.reading import Options, Reading, read_faces
from facekit.metadata.areas import Area
from facekit.metadata.marks import MarkReader
from facekit.people import enrollment
from facekit.people.claims import Pictures
from facekit.people.enrollment import Rules
from facekit.people.outcomes import NO_SUCH_FACE, OTHER_PICTURE, TWO_NAMES, Outcome, Photo
from facekit.results import Box

if TYPE_CHECKING:
    from facekit.faces.pipeline import Pipeline
    from facekit.gallery.base import Gallery

CHUNK = 256
"""So many photos are looked through before the people in them are stored: what was stored is kept, whatever
happens next, and people are judged with their pictures in all of these."""
OVERLAPS, IS_THE_SAME = 0.25, 0.5
"""From the first overlap (intersection over union) on, a mark may be of a face that was found: programs draw
foreheads and ears or leave them out. From the second on it can be of no other face."""


class PersonMark(Protocol):
    """Where in a photo somebody is: `facekit.metadata.marks.Mark` is one."""

    @property
    def subject(self) -> str: ...

    def in_picture(self, photo: str, size: tuple[int, int], orientation: int) -> Area | None:
        """The area in the upright picture, which has this size; None if it cannot be of this picture."""


@dataclass(frozen=True)
class MarkedPhoto:
    """A photo and whom it has marks of."""

    source: str
    marks: tuple[PersonMark, ...]

    @property
    def photos(self) -> list[Photo]:
        """It, as a picture of each of the people."""
        return [Photo(subject, self.source) for subject in dict.fromkeys(mark.subject for mark in self.marks)]


def marked_photos(sources: Sequence[str], reader: MarkReader) -> Iterator[tuple[int, list[MarkedPhoto]]]:
    """Some photos at a time, those of them that have marks; and how many were looked at so far."""
    for start in range(0, len(sources), CHUNK):
        part = sources[start : start + CHUNK]
        found = [MarkedPhoto(source, tuple(reader.marks_of(source))) for source in part]
        yield start + len(part), [photo for photo in found if photo.marks]


def enroll_marked(
    gallery: Gallery,
    marked: Sequence[MarkedPhoto],
    *,
    rules: Rules,
    options: Options,
    pipeline: Pipeline,
) -> list[Outcome]:
    """Enroll the people of some photos: an outcome for each person in each photo, once they are stored.

    The mark chooses the face that was found where it is. Where none was, the landmark predictor looks in the
    mark, and the face is taken only if it agrees with the person's other pictures: a mark may well show the
    back of a head.
    """
    photos = [photo for each in marked for photo in each.photos]
    settled = Pictures(gallery, photos, again=rules.again).settled
    return [*settled.values(), *_Part(gallery, marked, settled, rules, options, pipeline).outcomes()]


class _Part:
    """Photos that are looked through and stored together."""

    def __init__(
        self,
        gallery: Gallery,
        marked: Sequence[MarkedPhoto],
        settled: Mapping[Photo, Outcome],
        rules: Rules,
        options: Options,
        pipeline: Pipeline,
    ) -> None:
        self._gallery, self._rules, self._options, self._pipeline = gallery, rules, options, pipeline
        done = {(photo.subject, photo.source) for photo in settled}
        self._marked = [
            replace(each, marks=open_marks)
            for each in marked
            if (open_marks := tuple(mark for mark in each.marks if (mark.subject, each.source) not in done))
        ]

    def outcomes(self) -> Iterator[Outcome]:
        seen: defaultdict[str, list[Reading]] = defaultdict(list)
        unseen: list[tuple[PersonMark, Reading, Box]] = []
        readings = read_faces([each.source for each in self._marked], self._options, pipeline=self._pipeline)
        for each, reading in zip(self._marked, readings, strict=True):
            if reading.error:
                yield from (_refused(photo, reading.error) for photo in each.photos)
                continue
            yield from self._matched(each, reading, seen, unseen)
        for subject, own in seen.items():
            yield from enrollment.enroll_readings(self._gallery, subject, own, self._rules)
        for mark, reading, box in unseen:
            yield self._looked_for(mark, reading, box)

    def _matched(
        self,
        marked: MarkedPhoto,
        reading: Reading,
        seen: defaultdict[str, list[Reading]],
        unseen: list[tuple[PersonMark, Reading, Box]],
    ) -> Iterator[Outcome]:
        areas = [mark.in_picture(reading.source, reading.size, reading.orientation) for mark in marked.marks]
        places = [(mark, area) for mark, area in zip(marked.marks, areas, strict=True) if area is not None]
        wrong = {mark.subject for mark, area in zip(marked.marks, areas, strict=True) if area is None} - {
            mark.subject for mark, _ in places
        }
        yield from (_refused(Photo(subject, reading.source), OTHER_PICTURE) for subject in sorted(wrong))
        chosen = _choose([area for _, area in places], reading)
        of_subject: defaultdict[str, list[int]] = defaultdict(list)
        for (mark, _), face in zip(places, chosen, strict=True):
            if isinstance(face, int):
                of_subject[mark.subject].append(face)
        clashes = {
            places[number][0].subject
            for number, face in enumerate(chosen)
            if isinstance(face, _Clash) and places[number][0].subject != places[face.winner][0].subject
            for number in (number, face.winner)
        }
        yield from (_refused(Photo(subject, reading.source), TWO_NAMES) for subject in sorted(clashes))
        for subject, faces in of_subject.items():
            if subject not in clashes:
                own = tuple(reading.faces[number] for number in dict.fromkeys(faces))
                seen[subject].append(replace(reading, faces=own, picture=None))
        for (mark, area), face in zip(places, chosen, strict=True):
            if face is None and mark.subject not in {*of_subject, *clashes}:
                unseen.append((mark, reading, _box(area, reading.size)))

    def _looked_for(self, mark: PersonMark, reading: Reading, box: Box) -> Outcome:
        """What became of a mark where no face was found."""
        photo = Photo(mark.subject, reading.source)
        known = self._gallery.vectors(mark.subject)
        try:
            looked = read_box(reading.source, box, self._pipeline, self._options)
        except UsageError:  # it is too small, or lies outside of the picture
            return _refused(photo, NO_SUCH_FACE)
        if looked.error:
            return _refused(photo, looked.error)
        agreement = float((known @ looked.faces[0].vector).max()) if len(known) else -1.0
        if agreement < self._gallery.threshold:
            return _refused(photo, NO_SUCH_FACE)
        return enrollment.enroll_readings(self._gallery, mark.subject, [looked], self._rules)[0]


@dataclass(frozen=True)
class _Clash:
    """A mark of a face that another mark, of this number, is nearer to."""

    winner: int


def _choose(areas: Sequence[Area], reading: Reading) -> list[int | _Clash | None]:
    """For each area the number of the face that was found there, each face once, the best overlap first; None
    where none was."""
    faces = [Area.of_box(face.detection.box, reading.size) for face in reading.faces]
    overlaps = np.array([[area.overlap(face) for face in faces] for area in areas]).reshape(
        len(areas), len(faces)
    )
    chosen: list[int | _Clash | None] = [None] * len(areas)
    owner: dict[int, int] = {}
    for place in np.argsort(-overlaps, axis=None, kind="stable"):
        number, face = (int(index) for index in np.unravel_index(place, overlaps.shape))
        if chosen[number] is not None or not areas[number].holds_middle(faces[face]):
            continue
        if overlaps[number, face] < OVERLAPS and not faces[face].holds_middle(areas[number]):
            continue
        if face not in owner:
            chosen[number], owner[face] = face, number
        elif overlaps[number, face] >= IS_THE_SAME:
            chosen[number] = _Clash(owner[face])
    return chosen


def _box(area: Area, size: tuple[int, int]) -> Box:
    (left, top, right, bottom), (width, height) = area.box, size
    return left * width, top * height, right * width, bottom * height


def _refused(photo: Photo, problem: str) -> Outcome:
    return Outcome(photo.subject, photo.source, "refused", (problem,))
