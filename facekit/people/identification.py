"""Who each face of a picture is: search, then one decision for all faces together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from facekit import hints
from facekit.errors import GalleryError
from facekit.gallery.unknown_names import unknown_name
from facekit.pictures.lighting import with_light
from facekit.results import Candidate, Face, Identification, Picture, PictureResult

if TYPE_CHECKING:
    from pathlib import Path

    from facekit.calibration.probability import Probability
    from facekit.faces.pipeline import Pipeline
    from facekit.faces.reading import Reading
    from facekit.gallery.base import Gallery

CLOSE = 0.1
"""Two people whose best scores both reach the threshold and are this close are not told apart. So a photo in
the wrong folder, or two who look alike, seldom give a wrong name: of 585 searches for people who each had one
of six photos in somebody else's folder, 78 gave the other's name without this rule and 9 with it. Where no
photo was wrong it cost 3 of 558 names (scripts/measure_misfiled.py)."""

CONTENDERS = 5
"""So many people at most are named as those whom a face may be."""

COHORT = 5
RISE = 2.0
"""A face whose COHORT-th candidate has more than a usual face's needs RISE times as much more than the
threshold to have a name: it is like many, and that it is like one means little. Poor pictures are like each
other, whoever they are of (scripts/measure_quality.py); relatives are seldom five. It is T-norm
(Auckenthaler, Carey and Lloyd-Thomas, Digital Signal Processing 10, 2000) with the gallery as the cohort, of
which only the best are known."""


def identify(
    pipeline: Pipeline,
    gallery: Gallery,
    picture: Picture,
    *,
    top: int = 5,
    threshold: float | None = None,
    allow_repeats: bool = False,
) -> PictureResult:
    """The faces of a picture with their `top` candidates and the verdict at `threshold`.

    The threshold is a cosine score; None takes the gallery's own. No two faces of the picture get
    the same subject unless `allow_repeats`. Raises GalleryError for a gallery that is empty or of another
    embedder.
    """
    gallery.require(pipeline.fingerprint)
    require_subjects(gallery)
    faces = pipeline.faces(picture)
    named = name_faces(gallery, faces, top=top, threshold=threshold, allow_repeats=allow_repeats)
    notes = with_light(picture, faces)
    return PictureResult(picture.source, tuple(named), notes=notes, size=picture.size)


def require_subjects(gallery: Gallery, embedder: Path | None = None) -> None:
    """Raise GalleryError when nobody is enrolled: everybody would be unknown. `embedder` is the file of one
    that is not the shipped one."""
    # Of one that was empty when it was opened, the first search after an enrollment elsewhere is to see it.
    if not len(gallery) and not gallery.names():
        raise GalleryError(
            f"{gallery.place}: nobody is enrolled: run {hints.enroll(gallery.place, embedder)}"
        )


def require_names(gallery: Gallery, names: Sequence[str]) -> None:
    """Raise GalleryError where one of the names is not enrolled."""
    known = gallery.names()
    for name in names:
        if name not in known:
            raise unknown_name(gallery.place, name, known)


def of_reading(
    gallery: Gallery,
    reading: Reading,
    *,
    top: int = 5,
    threshold: float | None = None,
    allow_repeats: bool = False,
    curve: Probability | None = None,
) -> PictureResult:
    """`identify` for a picture that was read and looked through already, or could not be; with a `curve` the
    best candidate has a probability, what the curve was fitted on, if the score alone gave the verdict."""
    named = name_faces(gallery, reading.faces, top=top, threshold=threshold, allow_repeats=allow_repeats)
    if curve is not None:
        named = [_with_probability(face, curve) for face in named]
    return PictureResult(reading.source, tuple(named), reading.error, reading.notes, reading.size)


def _with_probability(identified: Identification, curve: Probability) -> Identification:
    # The curve knows nothing of two people who are equally like, nor of poor pictures, nor of other faces.
    if identified.reason not in (None, "below_threshold"):
        return identified
    first, rest = identified.candidates[:1], identified.candidates[1:]
    judged = tuple(
        candidate if candidate.denied else replace(candidate, probability=curve.of(candidate.score))
        for candidate in first
    )
    return replace(identified, candidates=judged + rest)


def name_faces(
    gallery: Gallery,
    faces: Sequence[Face],
    *,
    top: int = 5,
    threshold: float | None = None,
    allow_repeats: bool = False,
) -> list[Identification]:
    """The verdicts on all faces of one picture: `identify` for faces that are already there."""
    if not faces:
        return []
    searches = gallery.search(np.stack([face.vector for face in faces]), max(top, CONTENDERS, COHORT))
    limit, cohort = (gallery.threshold, gallery.cohort) if threshold is None else (threshold, math.inf)
    decided = decide(faces, searches, limit, cohort, allow_repeats=allow_repeats)
    return [replace(identified, candidates=_shown(identified, top)) for identified in decided]


def _shown(identified: Identification, top: int) -> tuple[Candidate, ...]:
    """The `top` candidates, and those below them that the verdict is about."""
    about = {identified.subject, *identified.contenders}
    last = max(
        (candidate.rank for candidate in identified.candidates if candidate.subject in about), default=0
    )
    return identified.candidates[: max(top, last)]


def contenders(candidates: Sequence[Candidate], threshold: float) -> list[Candidate]:
    """Those of the candidates, best first, who can be the person: they are not denied, reach the threshold,
    and are within `CLOSE` of the best; at most `CONTENDERS`."""
    possible = [candidate for candidate in candidates if not candidate.denied]
    able = [
        candidate for candidate in possible if candidate.score >= max(threshold, possible[0].score - CLOSE)
    ]
    return able[:CONTENDERS]


def decide(
    faces: Sequence[Face],
    candidates: Sequence[Sequence[Candidate]],
    threshold: float,
    cohort: float = math.inf,
    *,
    allow_repeats: bool = False,
) -> list[Identification]:
    """A subject for every face, or the reason why it has none, from its candidates (best first).

    A subject is given only at a score of at least `threshold`, or more if the face is like many (`rise`), on
    more than poor templates, to no face of which it was said that it is not theirs, and to none that somebody
    else may be as well (`contenders`).
    Without `allow_repeats` each subject is given to one face at most, the likest; of equal ones to the first.
    The others are nobody then: who is left of their candidates is far below.
    """
    claims = [contenders(search, threshold) for search in candidates]
    limits = [threshold + rise(search, cohort) for search in candidates]
    likest: dict[str, int] = {}
    for number, (claim, limit) in enumerate(zip(claims, limits, strict=True)):
        if is_sure(claim, limit):
            rival = likest.get(claim[0].subject)
            if rival is None or claim[0].score > claims[rival][0].score:
                likest[claim[0].subject] = number
    return [
        _verdict(
            face,
            claim,
            tuple(ranked),
            threshold,
            limit,
            taken=not allow_repeats and _taken(claim, number, likest),
        )
        for number, (face, claim, ranked, limit) in enumerate(
            zip(faces, claims, candidates, limits, strict=True)
        )
    ]


def rise(candidates: Sequence[Candidate], cohort: float) -> float:
    """How much more than the threshold the best of the candidates needs, where the COHORT-th has more than
    `cohort` (`Gallery.cohort`)."""
    if len(candidates) < COHORT:
        return 0.0
    return RISE * max(0.0, candidates[COHORT - 1].score - cohort)


def is_sure(claim: Sequence[Candidate], limit: float) -> bool:
    """Whether the contenders are one person, who has more than poor templates and reaches the limit."""
    return len(claim) == 1 and not claim[0].poor and claim[0].score >= limit


def _taken(claim: Sequence[Candidate], number: int, likest: dict[str, int]) -> bool:
    """Whether the one who a face could be is a likelier face."""
    return len(claim) == 1 and likest.get(claim[0].subject, number) != number


def _verdict(
    face: Face,
    claim: Sequence[Candidate],
    candidates: tuple[Candidate, ...],
    threshold: float,
    limit: float,
    *,
    taken: bool,
) -> Identification:
    best = next((item.score for item in (*claim[:1], *candidates)), None)
    names = tuple(candidate.subject for candidate in claim)
    denied = tuple(item.subject for item in candidates if item.denied and item.score >= threshold)
    if not names and denied:
        return Identification(face, None, candidates, best, "denied", denied)
    if not names:
        reason = "too_dark" if face.dark else "below_threshold"
        return Identification(face, None, candidates, best, reason)
    if len(names) > 1:
        return Identification(face, None, candidates, best, "ambiguous", names)
    if claim[0].poor:
        return Identification(face, None, candidates, best, "too_poor", names)
    if claim[0].score < limit:
        return Identification(face, None, candidates, best, "like_many", names)
    if taken:
        return Identification(face, None, candidates, best, "already_in_picture", names)
    return Identification(face, names[0], candidates, best)
