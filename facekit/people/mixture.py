"""How many people are in what should be one person's: a folder of pictures, the templates of one name."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

UNLIKE = 0.7
"""Faces whose scores are below this part of the threshold are taken for different people's. Not the threshold
itself: pictures years apart often stay a little below it."""


def parts(vectors: NDArray[np.float32], threshold: float) -> list[NDArray[np.intp]]:
    """The rows of the unit `vectors` (n, d) by person, the largest part first.

    Faces with a score of at least `threshold` are one person's, and so are parts whose mean score is at least
    `UNLIKE` of it: average linkage, which starts from what is sure. Of the 50 people of photos-val, 12 photos
    each, one is divided into two parts of more than one; of 100 pairs of them, all are (both by
    scripts/measure_mixtures.py).
    """
    scores = vectors @ vectors.T
    labels = _components(scores >= threshold)
    count = int(labels.max(initial=-1)) + 1
    member = np.zeros((count, len(vectors)), np.float32)
    member[labels, np.arange(len(vectors))] = 1
    sums, sizes = member @ scores @ member.T, member.sum(axis=1)
    while len(sizes) > 1:
        means = sums / np.outer(sizes, sizes)
        np.fill_diagonal(means, -np.inf)
        one, other = sorted(divmod(int(means.argmax()), len(sizes)))
        if means[one, other] < UNLIKE * threshold:
            break
        for array in (member, sizes, sums, sums.T):
            array[one] += array[other]
        member, sizes = np.delete(member, other, 0), np.delete(sizes, other)
        sums = np.delete(np.delete(sums, other, 0), other, 1)
    people = [np.flatnonzero(row) for row in member]
    return sorted(people, key=lambda rows: (-len(rows), rows[0]))


def _components(linked: NDArray[np.bool_]) -> NDArray[np.intp]:
    """For each row of the symmetric (n, n) the number of the connected part that it is in, from 0."""
    labels = np.full(len(linked), -1, np.intp)
    count = 0
    for first in range(len(linked)):
        if labels[first] >= 0:
            continue
        new = np.zeros(len(linked), np.bool_)
        new[first] = True
        while new.any():
            labels[new] = count
            new = linked[new].any(axis=0) & (labels < 0)
        count += 1
    return labels
