"""Whom `facekit identify` names, from scores."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from facekit.people.identification import CONTENDERS, contenders, is_sure, rise
from facekit.results import Candidate

NOBODY = -1


def verdicts(
    scores: NDArray[np.float32], subjects: NDArray[np.int64], threshold: float, cohort: float = math.inf
) -> NDArray[np.int64]:
    """For each search the subject who is named, or NOBODY: scores (n, m) with templates of these subjects
    (m,), numbers from 0."""
    if not scores.shape[1]:
        return np.full(len(scores), NOBODY, np.int64)
    order = np.argsort(subjects, kind="stable")
    people, starts = np.unique(subjects[order], return_index=True)
    best = np.maximum.reduceat(scores[:, order], starts, axis=1)
    found = np.full(len(scores), NOBODY, np.int64)
    for row in np.flatnonzero(best.max(axis=1) >= threshold):
        ranked = np.argsort(-best[row], kind="stable")[:CONTENDERS]
        candidates = [
            Candidate(rank, str(people[place]), float(best[row, place]))
            for rank, place in enumerate(ranked.tolist(), 1)
        ]
        claim = contenders(candidates, threshold)
        if is_sure(claim, threshold + rise(candidates, cohort)):
            found[row] = int(claim[0].subject)
    return found
