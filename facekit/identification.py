"""Who each face of a picture is: search, then one decision for all faces together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from facekit import hints
from facekit.errors import GalleryError
from facekit.results import Candidate, Face, Identification, Picture, PictureResult

if TYPE_CHECKING:
    from pathlib import Path

    from facekit.gallery.store import Gallery
    from facekit.pipeline import Pipeline
    from facekit.probability import Probability
    from facekit.reading import Reading

TIE = 1e-3
"""Best scores of two people this close are equal: one picture that both have, read or embedded in another
batch, moves a score by less."""

NEAR = 0.05
"""How far below its best candidate's score a face's name may be, where that candidate is another face of the
picture. With a low threshold a face would else take the name of somebody whom it is hardly like."""


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
    return PictureResult(picture.source, tuple(named), notes=picture.notes)


def require_subjects(gallery: Gallery, embedder: Path | None = None) -> None:
    """Raise GalleryError when nobody is enrolled: everybody would be unknown. `embedder` is the file of one
    that is not the shipped one."""
    if not len(gallery):
        raise GalleryError(f"{gallery.path}: nobody is enrolled: run {hints.enroll(gallery.path, embedder)}")


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
    best candidate has a probability: what the curve was fitted on."""
    named = name_faces(gallery, reading.faces, top=top, threshold=threshold, allow_repeats=allow_repeats)
    if curve is not None:
        named = [_with_probability(each, curve) for each in named]
    return PictureResult(reading.source, tuple(named), reading.error, reading.notes)


def _with_probability(identified: Identification, curve: Probability) -> Identification:
    first, rest = identified.candidates[:1], identified.candidates[1:]
    judged = tuple(replace(each, probability=curve.of(each.score)) for each in first)
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
    # The others of n faces can take at most n - 1 subjects from a face; a tie needs two.
    found = gallery.search(np.stack([face.vector for face in faces]), max(top, len(faces), 2))
    limit = gallery.threshold if threshold is None else threshold
    decided = decide(faces, found, limit, allow_repeats=allow_repeats)
    return [replace(each, candidates=_shown(each, top)) for each in decided]


def _shown(identified: Identification, top: int) -> tuple[Candidate, ...]:
    """The `top` candidates, and those below them that the verdict is about."""
    about = {identified.subject, *identified.contenders}
    last = max((each.rank for each in identified.candidates if each.subject in about), default=0)
    return identified.candidates[: max(top, last)]


def tied(candidates: Sequence[Candidate]) -> list[Candidate]:
    """The best candidates that no score tells apart; one, or none without any, where there is no tie."""
    return [each for each in candidates if each.score >= candidates[0].score - TIE]


def possible(candidates: Sequence[Candidate], threshold: float) -> list[Candidate]:
    """Those of the candidates, best first, whose names a face can have: they reach the threshold, and are
    within `NEAR` of the best."""
    return [each for each in candidates if each.score >= max(threshold, candidates[0].score - NEAR)]


def decide(
    faces: Sequence[Face],
    candidates: Sequence[Sequence[Candidate]],
    threshold: float,
    *,
    allow_repeats: bool = False,
) -> list[Identification]:
    """A subject for every face, or the reason why it has none, from its candidates (best first).

    A subject is given only at a score of at least `threshold`, only within `NEAR` of the face's best
    candidate, and to nobody who is as like somebody else (`tied`). Without `allow_repeats` each subject
    is given to one face at most, so that the scores above the threshold have the largest sum: the
    most likely assignment where a score above it is evidence in proportion. What is equal is
    decided by the order of faces and candidates.
    """
    claims = [possible(each, threshold) for each in candidates]
    chosen = [next(iter(each), None) for each in claims] if allow_repeats else _assign(claims, threshold)
    return [
        _verdict(face, one, tuple(all_of_it), threshold)
        for face, one, all_of_it in zip(faces, chosen, candidates, strict=True)
    ]


def _verdict(
    face: Face, chosen: Candidate | None, candidates: tuple[Candidate, ...], threshold: float
) -> Identification:
    best = candidates[0].score if candidates else None
    if best is None or best < threshold:
        return Identification(face, None, candidates, best, "below_threshold")
    equal = tuple(each.subject for each in tied(candidates))
    if len(equal) > 1:
        return Identification(face, None, candidates, best, "ambiguous", equal)
    if chosen is None:
        return Identification(face, None, candidates, best, "already_in_picture", equal)
    return Identification(face, chosen.subject, candidates, chosen.score)


def _assign(claims: Sequence[Sequence[Candidate]], threshold: float) -> list[Candidate | None]:
    wanted = [each[0].subject for each in claims if each]
    if len(set(wanted)) == len(wanted):  # the common case: nobody is wanted twice
        return [each[0] if each else None for each in claims]
    subjects = sorted({candidate.subject for each in claims for candidate in each})
    column = {subject: number for number, subject in enumerate(subjects)}
    # A score just at the threshold must still be worth more than no name.
    gain = np.zeros((len(claims), len(subjects) + len(claims)))
    for row, each in enumerate(claims):
        for candidate in each:
            gain[row, column[candidate.subject]] = candidate.score - threshold + 1e-9
    taken = assignment(gain)
    by_subject = [{candidate.subject: candidate for candidate in each} for each in claims]
    return [
        by_subject[row].get(subjects[number]) if number < len(subjects) else None
        for row, number in enumerate(taken)
    ]


def assignment(gain: NDArray[np.float64]) -> list[int]:
    """The column of each row, no column twice, with the largest sum of `gain` (rows ≤ columns).

    The Hungarian method by shortest augmenting paths with potentials (Jonker and Volgenant 1987),
    O(rows² · columns).
    """
    rows, columns = gain.shape
    cost = -gain
    row_potential = np.zeros(rows)
    column_potential = np.zeros(columns)
    row_of = np.full(columns, -1)
    for start in range(rows):
        distance = np.full(columns, np.inf)
        before = np.full(columns, -1)
        done = np.zeros(columns, dtype=bool)
        row, column, reached = start, -1, 0.0
        while True:
            through = reached + cost[row] - row_potential[row] - column_potential
            shorter = ~done & (through < distance)
            distance[shorter] = through[shorter]
            before[shorter] = column
            column = int(np.argmin(np.where(done, np.inf, distance)))
            reached = float(distance[column])
            done[column] = True
            row = int(row_of[column])
            if row < 0:
                break
        settled = done & (row_of >= 0)
        row_potential[start] += reached
        row_potential[row_of[settled]] += reached - distance[settled]
        column_potential[done] -= reached - distance[done]
        while column >= 0:
            earlier = int(before[column])
            row_of[column] = start if earlier < 0 else row_of[earlier]
            column = earlier
    taken = [0] * rows
    for number, row in enumerate(row_of):
        if row >= 0:
            taken[int(row)] = number
    return taken
