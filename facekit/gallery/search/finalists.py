"""Finalists: the few rows of a scan that its proven bound cannot rule out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from facekit.gallery.search.exact import FloatArray, Scan

Positions = NDArray[np.intp]

# Scores held at once for a batch of probes: 64 MB.
SCORES_AT_ONCE = 2**24
# The best of so many scores is taken before all are looked at one by one.
GROUP = 64


class Finder(Protocol):
    """Rows in which subjects stand together."""

    def __len__(self) -> int: ...

    def finalists(self, probes: FloatArray, k: int) -> Iterator[Positions]:
        """For each probe the rows that may be the best row of one of the k best subjects."""

    def only_poor(self, positions: Positions) -> Sequence[bool]:
        """Whether the subject of each row has poor rows only."""


class ScanFinder:
    """Finds them by a scan. `subjects` (n,) gives equal numbers to rows of one subject, which stand together.
    Rows that are `poor` (n,) are left out where their subject has others.
    """

    def __init__(
        self, scan: Scan, subjects: NDArray[np.int64], poor: NDArray[np.bool_] | None = None
    ) -> None:
        self.scan = scan
        self.poor = poor
        self._left_out: Positions | None = None
        self._weak: NDArray[np.bool_] | None = None
        changes = np.flatnonzero(np.diff(subjects)) + 1
        self.starts = np.concatenate([[0], changes]) if len(subjects) else changes
        self._groups: Positions | None = None
        if len(self.starts) < len(subjects):
            sizes = np.diff(self.starts, append=len(subjects))
            self._groups = np.repeat(np.arange(len(sizes)), sizes)
        if poor is not None and poor.any():
            sizes = np.diff(self.starts, append=len(subjects))
            only_poor = np.logical_and.reduceat(poor, self.starts)
            self._weak = np.repeat(only_poor, sizes)
            self._left_out = np.flatnonzero(poor & ~self._weak)

    def __len__(self) -> int:
        return len(self.scan)

    def only_poor(self, positions: Positions) -> Sequence[bool]:
        return [False] * len(positions) if self._weak is None else self._weak[positions].tolist()

    def finalists(self, probes: FloatArray, k: int) -> Iterator[Positions]:
        step = max(1, SCORES_AT_ONCE // len(self))
        for first in range(0, len(probes), step):
            batch = probes[first : first + step]
            for scores, slack in zip(self.scan.scores(batch), self.scan.slack(batch), strict=True):
                yield self._open(scores, 2 * float(slack), k)

    def _open(self, scores: FloatArray, margin: float, k: int) -> Positions:
        # k subjects truly reach the k-th best approximate score less the slack, so a row further
        # below than twice the slack cannot be among them; nor can it be its subject's best when it
        # is that far below the subject's best approximate score.
        if self._left_out is not None:
            scores[self._left_out] = -math.inf
        best = scores if self._groups is None else np.maximum.reduceat(scores, self.starts)
        floor = kth_best(best, k) if k < len(best) else -math.inf
        positions = np.flatnonzero(scores >= floor - margin)
        if self._groups is not None:
            positions = positions[scores[positions] >= best[self._groups[positions]] - margin]
        return positions


def kth_best(scores: FloatArray, k: int) -> float:
    """The k-th best of the scores, equal ones counted each; there are at least k.

    Where k groups of scores each have one that reaches some height, the k-th best does: so the k-th of
    the groups' best is a floor, and few scores are left to be sorted.
    """
    groups = len(scores) // GROUP
    if groups >= k:
        best = scores[: groups * GROUP].reshape(GROUP, groups).max(axis=0)
        scores = scores[scores >= np.partition(best, -k)[-k]]
    return float(np.partition(scores, -k)[-k])
