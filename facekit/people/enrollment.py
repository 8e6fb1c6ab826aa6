"""The rules of enrolling: whose picture it is, which of its faces, and whether it is good enough.

Pictures are judged together with the person's others, at most `BATCH` at a time, and each such
batch is stored in one transaction before anything about it is reported: what was reported is kept,
whatever happens next, and running again goes on from there.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import groupby, islice
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from facekit import hints
from facekit.calibration import poorness
from facekit.faces import quality
from facekit.faces.reading import Options, Reading, read_faces
from facekit.gallery.facts import COPY
from facekit.gallery.templates import NewTemplate, Placement
from facekit.gallery.tombstones import same_face
from facekit.people.choice import Choice, choose
from facekit.people.claims import Pictures, since_rename
from facekit.people.known import Known
from facekit.people.mixture import UNLIKE, parts
from facekit.people.outcomes import (
    DENIED,
    ENROLLED_BEFORE,
    HELD,
    IGNORED,
    LIKE_ANOTHER,
    MIXED,
    MOVED_FROM,
    NO_FACE,
    NOT_MOVED,
    OTHER_CASE,
    OTHER_FACE,
    RENAMED,
    SAME_FACE,
    UNLIKE_THE_OTHERS,
    WHOSE_FACE,
    Outcome,
    Photo,
    Status,
)
from facekit.results import Candidate, Face
from facekit.text.subject_names import subject_name

if TYPE_CHECKING:
    from facekit.faces.pipeline import Pipeline
    from facekit.gallery.base import Gallery

BATCH = 64
WITNESSES_FROM, WITNESSES = 3, 200
"""So many stored templates, the latest, are asked whether new pictures are of the same person; fewer are not
enough to tell."""
MIXED_FROM = 6
"""So many faces must be there before a folder is refused: of five of one person, 1 in 75
would be refused, of six none was (scripts/measure_mixtures.py)."""


@dataclass(frozen=True)
class Rules:
    """When a picture is good enough. `strict` refuses what else is only warned of; `again` takes what was
    removed earlier, `accept_mixed` a folder whose faces are not one person's, `accept_poor` pictures so poor
    that strangers would be taken for the person. With `replace` another face of a picture that is the
    person's gives way. With `only_add` nothing that is stored gives way or is taken back: neither a face
    that somebody else has, nor another one of the picture, nor what was said of one. What is
    stored of the pictures `leaving`, by their SHA-256, is about to be removed."""

    strict: bool = False
    again: bool = False
    accept_mixed: bool = False
    accept_poor: bool = False
    replace: bool = False
    only_add: bool = False
    leaving: frozenset[str] = frozenset()
    quality: quality.Limits = field(default_factory=quality.Limits)


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
    options = Options.of(options)
    pictures = Pictures(gallery, photos, again=rules.again)
    fresh = [photo for photo in photos if photo not in pictures.settled]
    readings = read_faces([photo.input for photo in fresh], options, pipeline=pipeline)
    passed = 0
    known = Known(gallery)
    for subject, group in groupby(photos, key=lambda photo: photo.subject):
        ours = list(group)
        yield from (pictures.settled[photo] for photo in ours if photo in pictures.settled)
        todo = [photo for photo in ours if photo not in pictures.settled]
        passed += len(todo)
        while todo:
            read, todo = list(islice(readings, len(todo[:BATCH]))), todo[BATCH:]
            outcomes = _Batch(gallery, subject, read, known, rules, pictures).store()
            yield from outcomes
            refused = next((outcome.problems for outcome in outcomes if outcome.mixed), ())
            if refused and todo:
                # The rest of the folder is not worth a look.
                yield from (Outcome(subject, photo.source, "refused", refused[:1]) for photo in todo)
                todo = []
                readings = read_faces([photo.input for photo in fresh[passed:]], options, pipeline=pipeline)


def enroll_readings(
    gallery: Gallery, subject: str, readings: Sequence[Reading], rules: Rules | None = None
) -> list[Outcome]:
    """Enroll pictures of one person, looked through already, by the same rules in one transaction."""
    rules = rules or Rules()
    pictures = Pictures(gallery, [], again=rules.again)
    return _Batch(gallery, subject_name(subject), readings, Known(gallery), rules, pictures).store()


class _Batch:
    """Pictures of one person that are judged together and stored in one transaction."""

    def __init__(
        self,
        gallery: Gallery,
        subject: str,
        readings: Sequence[Reading],
        known: Known,
        rules: Rules,
        pictures: Pictures,
    ) -> None:
        self._gallery, self._subject, self._readings = gallery, subject, readings
        self._known, self._rules, self._pictures = known, rules, pictures
        self._threshold, self._poor_from = gallery.threshold, gallery.settings.poor_from
        self._only_adds = rules.only_add or not gallery.may_remove
        self._held = gallery.known([reading.sha256 for reading in readings if reading.faces])
        # A file that is there twice says no more than once.
        self._usable: dict[str, Reading] = {}
        for reading in readings:
            if reading.faces and not self._has(reading):
                self._usable.setdefault(reading.sha256, reading)

    def store(self) -> list[Outcome]:
        chosen = self._choose()
        holders = {digest: self._holder(digest, choice.face) for digest, choice in chosen.items()}
        # The rest of the folder may not have been looked at yet, and moves as well.
        moving = self._pictures.of_subject[self._subject] | set(chosen)
        self._known.leave({holder: moving for holder in holders.values() if holder})
        mixed = self._mixed(chosen)
        outcomes = {
            digest: self._judged(digest, choice, holders[digest], mixed) for digest, choice in chosen.items()
        }
        stored = [digest for digest, outcome in outcomes.items() if outcome.status == "enrolled"]
        templates = [
            _template(self._subject, self._usable[position], chosen[position].face) for position in stored
        ]
        report = self._gallery.add(
            templates,
            again=self._rules.again,
            move=not self._only_adds,
            replace=self._rules.replace and not self._only_adds,
        )
        for digest, placement in zip(stored, report.placements, strict=True):
            outcomes[digest] = _placed(outcomes[digest], placement)
        self._known.leave_names(
            placement.other for placement in report.placements if placement.emptied and placement.other
        )
        if self._subject in report.subjects and (warning := self._known.look_alike(self._subject)):
            first = next(
                position for position in stored if outcomes[position].status in ("enrolled", "moved")
            )
            outcomes[first] = replace(outcomes[first], notes=(*outcomes[first].notes, warning))
        self._known.add(
            template
            for template, placement in zip(templates, report.placements, strict=True)
            if placement.status == "added"
        )
        return [_outcome(self._subject, reading, outcomes, self._usable) for reading in self._readings]

    def _choose(self) -> dict[str, Choice]:
        readings = list(self._usable.values())
        chosen = choose(
            readings,
            self._other_vectors(),
            self._threshold,
            taken=[self._taken(reading) for reading in readings],
            shared=self._shared(readings),
        )
        return dict(zip(self._usable, chosen, strict=True))

    def _has(self, reading: Reading) -> bool:
        """Whether the person has the picture, or with `replace` this very face of it."""
        boxes = [info.box for info in self._held.get(reading.sha256, []) if info.subject == self._subject]
        return bool(boxes) and not (
            self._rules.replace and same_face(reading.faces[0].detection.box, boxes) is None
        )

    def _other_vectors(self) -> NDArray[np.float32]:
        """What is stored of the person from other pictures than these."""
        if not self._rules.replace:
            return self._gallery.vectors(self._subject)
        stored = [
            item.vector for item in self._gallery.stored(self._subject) if item.sha256 not in self._usable
        ]
        return np.stack(stored) if stored else self._gallery.vectors(self._subject)[:0]

    def _shared(self, readings: Sequence[Reading]) -> list[bool]:
        """Which pictures are somebody else's too: the same file, or one that was saved again."""
        ours = self._pictures.of_subject[self._subject] | set(self._usable)
        vectors = [face.vector for reading in readings for face in reading.faces]
        if not vectors:
            return [False] * len(readings)
        copied = iter(self._known.copied(self._subject, np.stack(vectors), COPY, ours).tolist())
        of_picture = [[next(copied) for _ in reading.faces] for reading in readings]
        return [
            any(copies) or self._rival(reading.sha256) is not None
            for reading, copies in zip(readings, of_picture, strict=True)
        ]

    def _rival(self, digest: str) -> Photo | None:
        return self._pictures.rival(digest, self._subject)

    def _taken(self, reading: Reading) -> set[int]:
        """The faces that somebody else has, that were removed, or that were said not to be the person's or
        to be ignored."""
        ignored = self._pictures.ignored.likeness(np.stack([face.vector for face in reading.faces])) >= COPY
        return {
            number
            for number, face in enumerate(reading.faces)
            if ignored[number]
            or self._holder(reading.sha256, face)
            or self._pictures.stones.has_face(reading.sha256, face.detection.box)
            or self._pictures.denials.denies_face(self._subject, face.vector)
        }

    def _holder(self, digest: str, face: Face) -> str | None:
        """Who else has this face of the picture."""
        infos = self._held.get(digest, [])
        place = same_face(face.detection.box, [info.box for info in infos])
        return None if place is None else infos[place].subject

    def _mixed(self, chosen: Mapping[str, Choice]) -> tuple[str, ...]:
        """Why none of the pictures is enrolled: half of the faces or more are not of the person who is
        stored, or where nobody is, of the one who is there most often."""
        # Poor faces are like each other, whoever they are of, and unlike the person's good ones.
        good = [choice.face.vector for choice in chosen.values() if not self._poor(choice.face)]
        if self._rules.accept_mixed or len(good) < 2:
            return ()
        new = np.stack(good)
        if len(good) < MIXED_FROM:
            return self._several(new)
        stored = self._gallery.vectors(self._subject)[-WITNESSES:]
        people = parts(np.concatenate([new, stored]), self._threshold)
        # A person of whom much is stored is not outvoted by a folder of somebody else.
        known = len(stored) >= WITNESSES_FROM
        main = max(people, key=lambda rows: np.count_nonzero(rows >= len(new))) if known else people[0]
        alike = int(np.count_nonzero(main < len(new)))
        if 2 * alike > len(new):
            return ()
        return (f"{MIXED} ({alike} of {len(new)} faces are of one; --accept-mixed takes all)",)

    def _several(self, new: NDArray[np.float32]) -> tuple[str, ...]:
        """Why few pictures of somebody new are not enrolled: they are unlike each other, and like two or more
        who are enrolled."""
        others = [self._known.other(self._subject, vector) for vector in new]
        known = {other.subject for other in others if other and other.score >= self._threshold}
        if len(known) < 2 or len(self._gallery.vectors(self._subject)):
            return ()
        alike = len(parts(new, self._threshold)[0])
        if 2 * alike > len(new):
            return ()
        return (f"{MIXED} (they look like {', '.join(sorted(known))}; --accept-mixed takes all)",)

    def _judged(self, digest: str, choice: Choice, holder: str | None, mixed: tuple[str, ...]) -> Outcome:
        reading, face = self._usable[digest], choice.face
        if self._pictures.stones.has_face(digest, face.detection.box):
            return Outcome(self._subject, reading.source, "removed earlier", notes=reading.notes)
        if holder is None and not self._rules.replace and self._had(reading, face):
            return Outcome(self._subject, reading.source, "already there", notes=(ENROLLED_BEFORE,))
        other = self._known.other(self._subject, face.vector)
        wrong = [*mixed, *self._refusals(reading, choice, holder, other)]
        poor = self._poor(face)
        if poor and not self._rules.accept_poor:
            wrong.append(f"{poor.removesuffix(')')}; --accept-poor takes it)")
        problems = [
            *([poor] if poor and self._rules.accept_poor else []),
            *(["too dark to tell who it is"] if face.dark else []),
            *quality.problems(face.quality, self._rules.quality),
            *_identity_problems(choice, other, self._threshold),
        ]
        refused = wrong or (problems and self._rules.strict)
        status: Status = "refused" if refused else "enrolled"
        # Of a picture that is refused no face was taken.
        taken = [] if refused or choice.note is None else [choice.note]
        return Outcome(self._subject, reading.source, status, (*wrong, *problems), (*reading.notes, *taken))

    def _had(self, reading: Reading, face: Face) -> bool:
        """Whether the person has this face from the same place, of a file that was written anew since: names
        were written into it, or it was saved again."""
        templates = self._templates_by_place.get(_origin(reading), ())
        return any(float(template.vector @ face.vector) >= COPY for template in templates)

    @cached_property
    def _templates_by_place(self) -> dict[str, list[NewTemplate]]:
        """What the person has and keeps of files whose place is known."""
        by_place: defaultdict[str, list[NewTemplate]] = defaultdict(list)
        for template in self._gallery.stored(self._subject):
            if os.path.isabs(template.source) and template.sha256 not in self._rules.leaving:
                by_place[template.source].append(template)
        return by_place

    def _poor(self, face: Face) -> str | None:
        """Why strangers would be taken for the person, if the picture is so poor."""
        rate = face.quality.stranger_rate
        return poorness.problem(rate) if poorness.is_poor(rate, self._poor_from) else None

    def _refusals(
        self, reading: Reading, choice: Choice, holder: str | None, other: Candidate | None
    ) -> Iterator[str]:
        """Why a picture cannot be this person's, whoever wants it to be."""
        if self._only_adds:
            yield from self._changes(reading, choice, holder)
        rival = self._rival(reading.sha256)
        if rival and not choice.sure:
            yield (
                f"{WHOSE_FACE} ({rival.source} of {rival.subject} is the same picture of "
                f"{len(reading.faces)} faces): enroll another picture of {self._subject} first"
            )
        elif rival and (len(reading.faces) == 1 or holder == rival.subject):
            yield f"{SAME_FACE} ({rival.source} of {rival.subject}): leave it in the right folder only"
        if (
            holder
            and other
            and other.subject == holder
            and other.score >= self._threshold
            and choice.others
            and choice.agreement < UNLIKE * self._threshold
        ):
            yield (
                f"{NOT_MOVED} (score {other.score:.2f} with {holder}, {choice.agreement:.2f} with "
                f"{self._subject}): it stays {holder}'s"
            )
        if holder and holder.casefold() == self._subject.casefold():
            rename = hints.rename_person(self._gallery.place, holder, self._subject)
            yield f"{OTHER_CASE} ({holder}): it stays {holder}'s; to write the name otherwise, {rename}"
        if self._pictures.denials.denies_face(self._subject, choice.face.vector):
            yield f"{DENIED} (--again takes it)"
        if name := self._pictures.renamed.get(self._subject):
            yield f"{RENAMED} ({name}): rename the folder too, or enroll with --again"

    def _changes(self, reading: Reading, choice: Choice, holder: str | None) -> Iterator[str]:
        """What the gallery has, and would have to give up for this face."""
        if holder:
            yield HELD
        elif any(info.subject == self._subject for info in self._held.get(reading.sha256, [])):
            yield OTHER_FACE
        if self._pictures.ignored.likeness(choice.face.vector[None])[0] >= COPY:
            yield IGNORED


def _placed(outcome: Outcome, placement: Placement) -> Outcome:
    """The outcome after storing: what the gallery had is only known for sure then."""
    if placement.replaced:
        note = "took the place of another face of this picture"
        outcome = replace(outcome, notes=(*outcome.notes, note))
    if placement.status == "added":
        if placement.other is None:
            return outcome
        gone = f"; {placement.other} had no other picture and is gone" if placement.emptied else ""
        return replace(
            outcome, status="moved", notes=(*outcome.notes, f"{MOVED_FROM} {placement.other}{gone}")
        )
    if placement.status == "held":
        return replace(outcome, status="refused", problems=(HELD,))
    if placement.status == "denied":
        return replace(outcome, status="refused", problems=(f"{DENIED} (--again takes it)",))
    if placement.status == "removed":
        return Outcome(outcome.subject, outcome.source, "removed earlier")
    notes = (since_rename(str(placement.other)),) if placement.status == "renamed" else ()
    return Outcome(outcome.subject, outcome.source, "already there", notes=notes)


def _outcome(
    subject: str, reading: Reading, outcomes: Mapping[str, Outcome], usable: Mapping[str, Reading]
) -> Outcome:
    """What became of a picture, where `outcomes` and `usable` have each of several equal ones once."""
    if not reading.faces:
        problems = (reading.error or NO_FACE,)
        unread = reading.error is not None
        return Outcome(subject, reading.source, "refused", problems, reading.notes, unread)
    found = outcomes.get(reading.sha256)
    if found is not None and (
        usable[reading.sha256] is reading or found.status in ("refused", "removed earlier")
    ):
        return replace(found, source=reading.source)
    return Outcome(subject, reading.source, "already there")


def _template(subject: str, reading: Reading, face: Face) -> NewTemplate:
    return NewTemplate(
        subject=subject,
        vector=face.vector,
        sha256=reading.sha256,
        source=_origin(reading),
        box=face.detection.box,
        quality=face.quality.to_stored(),
    )


def _origin(reading: Reading) -> str:
    """Where a picture was enrolled from, for `facekit sync`; the name of what is no file."""
    source = reading.source
    is_file = not reading.in_memory and os.path.isfile(source)
    return os.path.abspath(source) if is_file else os.path.basename(source)


def _identity_problems(choice: Choice, other: Candidate | None, threshold: float) -> Iterator[str]:
    if choice.others > 1 and choice.agreement < UNLIKE * threshold:
        yield f"{UNLIKE_THE_OTHERS} (best score {choice.agreement:.2f})"
    if other and other.score >= threshold and other.score > choice.agreement:
        yield f"{LIKE_ANOTHER} ({other.subject}, score {other.score:.2f})"
