"""Which face of a picture is the person's whose picture it is: told by the person's other pictures."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facekit.faces.reading import Reading
from facekit.gallery.facts import COPY
from facekit.results import Face


@dataclass(frozen=True)
class Choice:
    """The face of a picture that is the person's. `agreement` is its best score with the person's
    `others` other pictures, those that are stored among them. It is `sure` where there was no choice, or
    the other pictures or other people's templates made it.
    """

    face: Face
    note: str | None
    agreement: float
    others: int
    sure: bool = True


def choose(
    readings: Sequence[Reading],
    stored: NDArray[np.float32],
    threshold: float,
    *,
    taken: Sequence[AbstractSet[int]] | None = None,
    shared: Sequence[bool] | None = None,
) -> list[Choice]:
    """One face of each of a person's pictures: of several, the one that agrees with the person's other
    pictures, else the largest.

    `stored` are the vectors (n, dimension) that are stored of the person, `taken` the numbers of each
    picture's faces that somebody else has: of the others the largest is taken. `shared` are pictures that
    are another person's too, or copies of those: they say nothing about the others, for they may show that
    person.
    """
    if not readings:
        return []
    taken = taken or [frozenset()] * len(readings)
    shared = shared or [False] * len(readings)
    scores = _agreements(readings, stored, shared)
    picks = [
        _pick(reading.faces, agreements, threshold, others)
        for reading, agreements, others in zip(readings, scores, taken, strict=True)
    ]
    # How well it agrees is asked of the faces that were picked: not of a stranger in the background.
    faces = [reading.faces[pick] for reading, (pick, _, _) in zip(readings, picks, strict=True)]
    vectors = np.stack([face.vector for face in faces])
    among, before = vectors @ vectors.T, vectors @ stored.T
    witness = among < COPY
    witness &= ~np.array(shared)
    np.fill_diagonal(witness, False)
    choices = []
    for number, (face, (_, note, sure)) in enumerate(zip(faces, picks, strict=True)):
        comparable = np.concatenate([among[number][witness[number]], before[number]])
        choices.append(Choice(face, note, float(comparable.max(initial=-1)), len(comparable), sure))
    return choices


def _agreements(
    readings: Sequence[Reading], stored: NDArray[np.float32], shared: Sequence[bool]
) -> list[NDArray[np.float32]]:
    """For each picture (faces, other pictures): each face's best score with each of the others. What is
    stored counts as one of them, copies of the picture do not."""
    stacks = [np.stack([face.vector for face in reading.faces]) for reading in readings]
    agreements = []
    for number, stack in enumerate(stacks):
        scores = (
            (stack @ other.T).max(axis=1)
            for place, other in enumerate(stacks)
            if place != number and not shared[place]
        )
        columns = [best for best in scores if best.min() < COPY]
        if len(stored):
            columns.append((stack @ stored.T).max(axis=1))
        agreements.append(np.stack(columns, axis=1) if columns else np.zeros((len(stack), 0), np.float32))
    return agreements


def _pick(
    faces: Sequence[Face], agreements: NDArray[np.float32], threshold: float, taken: AbstractSet[int]
) -> tuple[int, str | None, bool]:
    """The number of the face, what a user should know about the choice, and whether it is sure."""
    if len(faces) == 1:
        return 0, None, True
    if agreements.shape[1] and agreements.max() >= threshold:
        best = int(agreements.mean(axis=1).argmax())
        return best, f"{len(faces)} faces: took the one that agrees with the person's other pictures", True
    free = [number for number in range(len(faces)) if number not in taken]
    if len(free) == 1:
        return free[0], f"{len(faces)} faces: took the one that nobody else has", True
    largest = max(free or range(len(faces)), key=lambda number: (faces[number].quality.size, -number))
    return largest, f"{len(faces)} faces: took the largest", False
