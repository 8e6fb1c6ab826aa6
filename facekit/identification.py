"""Who each face of a picture is: search, then one decision for all faces together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from facekit.errors import GalleryError
from facekit.results import Candidate, Face, Identification, Picture, PictureResult

if TYPE_CHECKING:
    from facekit.gallery.store import Gallery
    from facekit.pipeline import Pipeline
    from facekit.probability import Probability
    from facekit.reading import Reading


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


def require_subjects(gallery: Gallery) -> None:
    """Raise GalleryError when nobody is enrolled: everybody would be unknown."""
    if not len(gallery):
        raise GalleryError(
            f"{gallery.path}: nobody is enrolled: run facekit enroll FOLDER --gallery {gallery.path}"
        )


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
    # The others of n faces can take at most n - 1 subjects from a face: it never needs more than n.
    found = gallery.search(np.stack([face.vector for face in faces]), max(top, len(faces)))
    limit = gallery.threshold if threshold is None else threshold
    decided = decide(faces, found, limit, allow_repeats=allow_repeats)
    return [Identification(each.face, each.subject, each.candidates[:top]) for each in decided]


def decide(
    faces: Sequence[Face],
    candidates: Sequence[Sequence[Candidate]],
    threshold: float,
    *,
    allow_repeats: bool = False,
) -> list[Identification]:
    """A subject or None for every face, from its candidates (best first).

    A subject is given only at a score of at least `threshold`. Without `allow_repeats` each subject
    is given to one face at most, so that the scores above the threshold have the largest sum: the
    most likely assignment where a score above it is evidence in proportion. What is equal is
    decided by the order of faces and candidates.
    """
    if allow_repeats:
        chosen = [next(iter(_above(each, threshold)), None) for each in candidates]
    else:
        chosen = _assign([_above(each, threshold) for each in candidates], threshold)
    return [
        Identification(face, one.subject if one else None, tuple(all_of_it))
        for face, one, all_of_it in zip(faces, chosen, candidates, strict=True)
    ]


def _above(candidates: Sequence[Candidate], threshold: float) -> list[Candidate]:
    return [candidate for candidate in candidates if candidate.score >= threshold]


def _assign(possible: Sequence[Sequence[Candidate]], threshold: float) -> list[Candidate | None]:
    wanted = [each[0].subject for each in possible if each]
    if len(set(wanted)) == len(wanted):  # the common case: nobody is wanted twice
        return [each[0] if each else None for each in possible]
    subjects = sorted({candidate.subject for each in possible for candidate in each})
    column = {subject: number for number, subject in enumerate(subjects)}
    # A score just at the threshold must still be worth more than no name.
    gain = np.zeros((len(possible), len(subjects) + len(possible)))
    for row, each in enumerate(possible):
        for candidate in each:
            gain[row, column[candidate.subject]] = candidate.score - threshold + 1e-9
    taken = assignment(gain)
    by_subject = [{candidate.subject: candidate for candidate in each} for each in possible]
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
