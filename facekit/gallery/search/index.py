"""Exact search: the k subjects whose best template is most like a probe.

Two steps, so that speed never costs an answer. A fast scan gives every template a score with a
proven bound on its error; only templates that the bound cannot rule out are finalists. Finalists
are scored again by the exactly rounded dot product of the float32 vectors. That score depends on
the two vectors alone: not on the batch, the order of enrollment, or who else is in the gallery.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facekit.gallery.search.exact import FloatArray, FloatScan, Scan, ranked
from facekit.gallery.values import unit_vectors
from facekit.results import Candidate, Vector

Rows = Callable[[NDArray[np.intp]], tuple[Sequence[str], FloatArray]]

# Scores held at once for a batch of probes: 64 MB.
SCORES_AT_ONCE = 2**24
# The best of so many scores is taken before all are looked at one by one.
GROUP = 64


class Index:
    """A scan, the subject of every row, and a way to the rows themselves.

    `subjects` (n,) gives equal numbers to rows of one subject, which stand together. `rows` takes
    row numbers and gives their subjects' names and float32 vectors (m, d). Rows that are `poor` (n,) are left
    out where their subject has others.
    """

    def __init__(
        self,
        scan: Scan,
        subjects: NDArray[np.int64],
        rows: Rows,
        *,
        poor: NDArray[np.bool_] | None = None,
    ) -> None:
        self.scan = scan
        self.rows = rows
        self._left_out: NDArray[np.intp] | None = None
        self._weak: NDArray[np.bool_] | None = None
        changes = np.flatnonzero(np.diff(subjects)) + 1
        self._starts = np.concatenate([[0], changes]) if len(subjects) else changes
        self._groups: NDArray[np.intp] | None = None
        if len(self._starts) < len(subjects):
            sizes = np.diff(self._starts, append=len(subjects))
            self._groups = np.repeat(np.arange(len(sizes)), sizes)
        if poor is not None and poor.any():
            sizes = np.diff(self._starts, append=len(subjects))
            only_poor = np.logical_and.reduceat(poor, self._starts)
            self._weak = np.repeat(only_poor, sizes)
            self._left_out = np.flatnonzero(poor & ~self._weak)

    @classmethod
    def of(cls, vectors: ArrayLike, names: Sequence[str], *, poor: NDArray[np.bool_] | None = None) -> Index:
        """An index in memory: unit vectors (n, d), the subject's name of each, and whether it is poor."""
        order = sorted(range(len(names)), key=names.__getitem__)
        matrix = np.asarray(vectors, dtype=np.float32)
        matrix = unit_vectors(matrix, matrix.shape[-1], "index")[order]
        ordered = [names[number] for number in order]
        numbers = {name: number for number, name in enumerate(dict.fromkeys(ordered))}
        subjects = np.array([numbers[name] for name in ordered], dtype=np.int64)

        def rows(positions: NDArray[np.intp]) -> tuple[Sequence[str], FloatArray]:
            return [ordered[position] for position in positions.tolist()], matrix[positions]

        return cls(FloatScan(matrix), subjects, rows, poor=None if poor is None else poor[order])

    def __len__(self) -> int:
        return len(self.scan)

    def search(self, probes: FloatArray, k: int) -> list[list[Candidate]]:
        """For each unit probe (n, d) its k best subjects, best first; equal scores by name. Those that have
        poor templates only are marked."""
        if not len(self) or k < 1:
            return [[] for _ in probes]
        return [
            self._ranked(probe, positions, k)
            for probe, positions in zip(probes, self._finalists(probes, k), strict=True)
        ]

    def _ranked(self, probe: Vector, positions: NDArray[np.intp], k: int) -> list[Candidate]:
        names, vectors = self.rows(positions)
        weak = [] if self._weak is None else self._weak[positions].tolist()
        poor = {name for name, only_poor in zip(names, weak, strict=False) if only_poor}
        return ranked(probe, names, vectors, k, poor)

    def _finalists(self, probes: FloatArray, k: int) -> Iterator[NDArray[np.intp]]:
        """For each probe the rows that may be the best row of one of the k best subjects."""
        step = max(1, SCORES_AT_ONCE // len(self))
        for first in range(0, len(probes), step):
            batch = probes[first : first + step]
            for scores, slack in zip(self.scan.scores(batch), self.scan.slack(batch), strict=True):
                yield self._open(scores, 2 * float(slack), k)

    def _open(self, scores: FloatArray, margin: float, k: int) -> NDArray[np.intp]:
        # k subjects truly reach the k-th best approximate score less the slack, so a row further
        # below than twice the slack cannot be among them; nor can it be its subject's best when it
        # is that far below the subject's best approximate score.
        if self._left_out is not None:
            scores[self._left_out] = -math.inf
        best = scores if self._groups is None else np.maximum.reduceat(scores, self._starts)
        floor = _kth_best(best, k) if k < len(best) else -math.inf
        positions = np.flatnonzero(scores >= floor - margin)
        if self._groups is not None:
            positions = positions[scores[positions] >= best[self._groups[positions]] - margin]
        return positions


def _kth_best(scores: FloatArray, k: int) -> float:
    """The k-th best of the scores, equal ones counted each; there are at least k.

    Where k groups of scores each have one that reaches some height, the k-th best does: so the k-th of
    the groups' best is a floor, and few scores are left to be sorted.
    """
    groups = len(scores) // GROUP
    if groups >= k:
        best = scores[: groups * GROUP].reshape(GROUP, groups).max(axis=0)
        scores = scores[scores >= np.partition(best, -k)[-k]]
    return float(np.partition(scores, -k)[-k])
