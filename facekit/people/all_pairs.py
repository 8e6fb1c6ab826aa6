"""The scores of many vectors with each other, a block of rows at a time, for all would fill the memory."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Flags = NDArray[np.bool_]


def score_blocks(vectors: Floats, rows: int) -> Iterator[tuple[slice, Floats]]:
    """So many of the unit `vectors` (n, d) at a time: which ones, and their scores (rows, n) with all."""
    for first in range(0, len(vectors), rows):
        part = slice(first, first + rows)
        yield part, vectors[part] @ vectors.T


def pair_blocks(vectors: Floats, rows: int) -> Iterator[tuple[int, Floats, Flags]]:
    """Each pair of the unit `vectors` (n, d) once: the number of the block's first row, the scores of its
    rows with those from `first` on, (rows, n − first), and which of these scores are pairs not seen before.
    """
    for first in range(0, len(vectors), rows):
        scores = vectors[first : first + rows] @ vectors[first:].T
        yield first, scores, np.triu(np.ones(scores.shape, np.bool_), 1)
