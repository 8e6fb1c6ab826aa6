"""The rules of enrolling: whose picture it is, which of its faces, and whether it is good enough.

Pictures are judged together with the person's others, at most `BATCH` at a time, and each such
batch is stored in one transaction before anything about it is reported: what was reported is kept,
whatever happens next, and running again goes on from there.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from facekit import folders, images, quality
from facekit.errors import UsageError
from facekit.gallery.records import NewTemplate, name_of_folder, subject_name
from facekit.reading import Options, Reading, read_faces
from facekit.results import SCHEMA, Candidate, Face, Vector

if TYPE_CHECKING:
    from facekit.gallery.store import Gallery
    from facekit.pipeline import Pipeline

BATCH = 64
# A picture whose best score with the person's other pictures is below this part of the threshold is taken
# for somebody else's. Not the threshold itself: pictures years apart often stay a little below it.
UNLIKE = 0.7
# Faces so alike are one picture in two files, saved again or smaller: the one is no witness for the other.
COPY = 0.98
NO_FACE = "no face"

Status = Literal["enrolled", "already there", "refused"]


@dataclass(frozen=True)
class Photo:
    """A picture to enroll, and whose it is."""

    subject: str
    source: str


@dataclass(frozen=True)
class Plan:
    """The photos to enroll, which stand together by subject; what lies beside them and is `left_out`; and
    the people `without` a picture in their folder."""

    photos: tuple[Photo, ...]
    left_out: tuple[folders.LeftOut, ...] = ()
    without: tuple[str, ...] = ()

    def remarks(self) -> list[str]:
        """What of it a user should know, in lines."""
        return folders.People((), self.left_out, self.without).remarks()


@dataclass(frozen=True)
class Outcome:
    """What became of one picture. `problems` are why it was refused, or would be with `strict`;
    `notes` are what else a user should know.
    """

    subject: str
    source: str
    status: Status
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        lists = {"problems": list(self.problems), "notes": list(self.notes)}
        return {
            "schema": SCHEMA,
            "source": self.source,
            "subject": self.subject,
            "status": self.status,
            **lists,
        }


@dataclass(frozen=True)
class EnrolReport:
    """What became of all pictures; what was `left_out`, being none or not where they belong; and the people
    `without` a picture in their folder."""

    outcomes: tuple[Outcome, ...]
    left_out: tuple[folders.LeftOut, ...] = ()
    without: tuple[str, ...] = ()

    def count(self, status: Status) -> int:
        return sum(outcome.status == status for outcome in self.outcomes)

    @property
    def subjects(self) -> list[str]:
        """Who was enrolled, in order."""
        named = (outcome.subject for outcome in self.outcomes if outcome.status == "enrolled")
        return list(dict.fromkeys(named))

    @property
    def missing(self) -> list[str]:
        """Who has pictures, of which none could be enrolled, in order."""
        stored = {outcome.subject for outcome in self.outcomes if outcome.status != "refused"}
        everybody = dict.fromkeys(outcome.subject for outcome in self.outcomes)
        return [name for name in everybody if name not in stored]

    @property
    def failed(self) -> bool:
        """Whether a picture was refused for anything but having no face."""
        return any(o.status == "refused" and o.problems != (NO_FACE,) for o in self.outcomes)

    @property
    def without_face(self) -> bool:
        """Whether no picture had a face."""
        return all(o.problems == (NO_FACE,) for o in self.outcomes)

    def refusals(self) -> list[tuple[str, int]]:
        """The first reason of each refused picture, counted, most frequent first."""
        refused = (outcome for outcome in self.outcomes if outcome.status == "refused")
        kinds = Counter(
            outcome.problems[0].removeprefix(f"{outcome.source}: ").split(" (")[0] for outcome in refused
        )
        return sorted(kinds.items(), key=lambda kind: (-kind[1], kind[0]))


@dataclass(frozen=True)
class Rules:
    """When a picture is good enough. `strict` refuses what else is only warned of."""

    strict: bool = False
    quality: quality.Limits = field(default_factory=quality.Limits)


def plan(paths: Sequence[str], subject: str | None = None) -> Plan:
    """The photos to enroll. All are of `subject`, or else each path is a folder that has a sub-folder
    for each person, named like the person, with the pictures inside or below.

    Raises UsageError where it cannot be told whose the pictures are, or there are none.
    """
    if subject is None:
        return _people(paths)
    found = folders.find(paths)
    photos = tuple(Photo(subject_name(subject), source) for source in found.pictures)
    if not photos:
        raise UsageError(f"no pictures in {', '.join(paths)}")
    if not any(photo.source == "-" or os.path.lexists(photo.source) for photo in photos):
        raise UsageError(f"no such picture: {', '.join(paths)}")
    return Plan(photos, found.left_out)


def home(paths: Sequence[str]) -> Path | None:
    """The folder that a gallery of these paths belongs into: the first that was given."""
    return next((Path(path) for path in paths if os.path.isdir(path)), None)


def enroll(
    gallery: Gallery,
    photos: Sequence[Photo],
    *,
    rules: Rules | None = None,
    options: Options | None = None,
    pipeline: Pipeline | None = None,
) -> Iterator[Outcome]:
    """Enroll the photos, which stand together by subject; an outcome for each once it is stored."""
    rules = rules or Rules()
    options = options or Options()
    there = _already_there(gallery, photos, options.max_pixels)
    fresh = [photo for photo in photos if photo not in there]
    readings = read_faces([photo.source for photo in fresh], options, pipeline=pipeline)
    known = _Known(gallery)
    for subject, group in groupby(photos, key=lambda photo: photo.subject):
        ours = list(group)
        yield from (Outcome(subject, p.source, "already there") for p in ours if p in there)
        todo = iter([photo for photo in ours if photo not in there])
        while batch := list(islice(todo, BATCH)):
            read = list(islice(readings, len(batch)))
            yield from _store(gallery, subject, read, known, rules)


def enroll_readings(
    gallery: Gallery, subject: str, readings: Sequence[Reading], rules: Rules | None = None
) -> list[Outcome]:
    """Enroll pictures of one person, looked through already, by the same rules in one transaction."""
    return _store(gallery, subject_name(subject), readings, _Known(gallery), rules or Rules())


def _people(paths: Sequence[str]) -> Plan:
    for path in paths:
        if not os.path.isdir(path):
            raise UsageError(
                f"{path}: no folder; to enroll single pictures, say whose they are with --subject NAME"
            )
    found = folders.people(paths)
    by_subject: dict[str, list[Photo]] = {}
    for name, source in found.photos:
        subject = name_of_folder(name)
        by_subject.setdefault(subject, []).append(Photo(subject, source))
    if not by_subject:
        raise UsageError(
            f"{', '.join(paths)}: no pictures in sub-folders; facekit expects a sub-folder for each person, "
            "or --subject NAME when all pictures are of one"
        )
    photos = tuple(photo for photos in by_subject.values() for photo in photos)
    without = dict.fromkeys(map(name_of_folder, found.without))
    return Plan(photos, found.left_out, tuple(name for name in without if name not in by_subject))


def _already_there(gallery: Gallery, photos: Sequence[Photo], most: int) -> set[Photo]:
    """The photos that the gallery holds for their subject, told by their bytes without decoding them."""
    if not len(gallery):
        return set()
    digests = {photo: digest for photo in photos if (digest := _digest(photo.source))}
    known = gallery.known(list(dict.fromkeys(digests.values())))
    return {photo for photo, digest in digests.items() if photo.subject in known.get(digest, [])}


def _digest(source: str) -> str | None:
    path = Path(source)
    try:
        if not path.is_file() or path.stat().st_size > images.MAX_BYTES:
            return None
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None  # reading it tells the user why


def _store(
    gallery: Gallery, subject: str, readings: Sequence[Reading], known: _Known, rules: Rules
) -> list[Outcome]:
    others = gallery.known([reading.sha256 for reading in readings if reading.faces])
    # A file that is there twice says no more than once.
    usable: dict[str, Reading] = {}
    for reading in readings:
        if reading.faces and subject not in others.get(reading.sha256, []):
            usable.setdefault(reading.sha256, reading)
    chosen = choose(list(usable.values()), gallery.vectors(subject), gallery.threshold)
    outcomes: dict[str, Outcome] = {}
    templates: list[NewTemplate] = []
    for (digest, reading), choice in zip(usable.items(), chosen, strict=True):
        face = choice.face
        problems = [
            *(f"the same picture is enrolled as {name}" for name in others.get(digest, [])),
            *quality.problems(face.quality, rules.quality),
            *_identity_problems(choice, subject, known, gallery.threshold),
        ]
        notes = (*reading.notes, *([choice.note] if choice.note else []))
        status: Status = "refused" if problems and rules.strict else "enrolled"
        outcomes[digest] = Outcome(subject, reading.source, status, tuple(problems), notes)
        if status == "enrolled":
            templates.append(_template(subject, reading, face))
    gallery.add(templates)
    known.add(templates)
    return [_outcome(subject, reading, outcomes, usable) for reading in readings]


def _outcome(
    subject: str, reading: Reading, outcomes: Mapping[str, Outcome], usable: Mapping[str, Reading]
) -> Outcome:
    """What became of a picture, where `outcomes` and `usable` have each of several equal ones once."""
    if not reading.faces:
        return Outcome(subject, reading.source, "refused", (reading.error or NO_FACE,), reading.notes)
    found = outcomes.get(reading.sha256)
    if found is not None and (usable[reading.sha256] is reading or found.status == "refused"):
        return replace(found, source=reading.source)
    return Outcome(subject, reading.source, "already there")


def _template(subject: str, reading: Reading, face: Face) -> NewTemplate:
    return NewTemplate(
        subject=subject,
        vector=face.vector,
        sha256=reading.sha256,
        source=os.path.basename(reading.source),
        box=face.detection.box,
        quality=face.quality.to_dict(),
    )


@dataclass(frozen=True)
class Choice:
    """The face of a picture that is the person's. `agreement` is its best score with the person's
    `others` other pictures, those that are stored among them.
    """

    face: Face
    note: str | None
    agreement: float
    others: int


def choose(readings: Sequence[Reading], stored: NDArray[np.float32], threshold: float) -> list[Choice]:
    """One face of each of a person's pictures: of several, the one that agrees with the person's other
    pictures, else the largest.

    `stored` are the vectors (n, dimension) that are stored of the person.
    """
    if not readings:
        return []
    scores = _agreements(readings, stored)
    picks = [_pick(reading.faces, own, threshold) for reading, own in zip(readings, scores, strict=True)]
    # How well it agrees is asked of the faces that were picked: not of a stranger in the background.
    faces = [reading.faces[pick] for reading, (pick, _) in zip(readings, picks, strict=True)]
    vectors = np.stack([face.vector for face in faces])
    among, before = vectors @ vectors.T, vectors @ stored.T
    witness = among < COPY
    np.fill_diagonal(witness, False)
    choices = []
    for number, (face, (_, note)) in enumerate(zip(faces, picks, strict=True)):
        found = np.concatenate([among[number][witness[number]], before[number]])
        choices.append(Choice(face, note, float(found.max(initial=-1)), len(found)))
    return choices


def _agreements(readings: Sequence[Reading], stored: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """For each picture (faces, other pictures): each face's best score with each of the others. What is
    stored counts as one of them, copies of the picture do not."""
    stacks = [np.stack([face.vector for face in reading.faces]) for reading in readings]
    agreements = []
    for number, stack in enumerate(stacks):
        scores = ((stack @ other.T).max(axis=1) for place, other in enumerate(stacks) if place != number)
        columns = [best for best in scores if best.min() < COPY]
        if len(stored):
            columns.append((stack @ stored.T).max(axis=1))
        agreements.append(np.stack(columns, axis=1) if columns else np.zeros((len(stack), 0), np.float32))
    return agreements


def _pick(faces: Sequence[Face], agreements: NDArray[np.float32], threshold: float) -> tuple[int, str | None]:
    if len(faces) == 1:
        return 0, None
    if agreements.shape[1] and agreements.max() >= threshold:
        best = int(agreements.mean(axis=1).argmax())
        return best, f"{len(faces)} faces: took the one that agrees with the person's other pictures"
    largest = max(range(len(faces)), key=lambda number: (faces[number].quality.size, -number))
    return largest, f"{len(faces)} faces: took the largest"


def _identity_problems(choice: Choice, subject: str, known: _Known, threshold: float) -> Iterator[str]:
    if choice.others > 1 and choice.agreement < UNLIKE * threshold:
        yield f"looks like somebody else in this folder (best score with the others {choice.agreement:.2f})"
    other = known.other(subject, choice.face.vector)
    if other and other.score >= threshold and other.score > choice.agreement:
        yield f"looks like another enrolled person ({other.subject}, score {other.score:.2f})"


class _Known:
    """The templates to compare with: the gallery as it was, and what this run has added to it."""

    def __init__(self, gallery: Gallery) -> None:
        self._before = gallery.matrix()
        self._names: list[str] = []
        self._numbers: dict[str, int] = {}
        self._count = 0
        self._subjects = np.empty(64, np.int64)
        self._vectors = np.empty((64, gallery.dimension), np.float32)

    def add(self, templates: Iterable[NewTemplate]) -> None:
        for template in templates:
            if self._count == len(self._subjects):  # twice the room: copied seldom, however many come
                self._subjects = np.concatenate([self._subjects, np.empty_like(self._subjects)])
                self._vectors = np.concatenate([self._vectors, np.empty_like(self._vectors)])
            if template.subject not in self._numbers:
                self._numbers[template.subject] = len(self._names)
                self._names.append(template.subject)
            self._subjects[self._count] = self._numbers[template.subject]
            self._vectors[self._count] = template.vector
            self._count += 1

    def other(self, subject: str, vector: Vector) -> Candidate | None:
        """Whom the face is most like among all others, of the gallery and of those that were added."""
        # Of two places only one can be the subject's own.
        found = [each for each in self._before.search(vector[None], 2)[0] if each.subject != subject]
        rows = np.flatnonzero(self._subjects[: self._count] != self._numbers.get(subject, -1))
        if rows.size:
            scores = self._vectors[rows] @ vector
            best = int(scores.argmax())
            found.append(Candidate(1, self._names[self._subjects[rows[best]]], float(scores[best])))
        return max(found, key=lambda each: each.score, default=None)
