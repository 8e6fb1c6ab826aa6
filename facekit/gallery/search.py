"""Exact search: the k subjects whose best template is most like a probe.

Two steps, so that speed never costs an answer. A fast scan gives every template a score with a
proven bound on its error; only templates that the bound cannot rule out are finalists. Finalists
are scored again by the exactly rounded dot product of the float32 vectors. That score depends on
the two vectors alone: not on the batch, the order of enrolment, or who else is in the gallery.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facekit.gallery.records import UNIT_TOLERANCE, unit_vectors
from facekit.results import Candidate, Vector

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

FloatArray = NDArray[np.float32]
Rows = Callable[[NDArray[np.intp]], tuple[Sequence[str], FloatArray]]

LONGEST = 1 + UNIT_TOLERANCE
ROUNDING = 2.0**-23
# Scores held at once for a batch of probes: 64 MB.
SCORES_AT_ONCE = 2**24
# Codes that a thread scans at a time; their scores stay in its cache.
ROWS_AT_ONCE = 2**14
# The best of so many scores is taken before all are looked at one by one.
GROUP = 64
# More threads than eight only wait for memory.
CORES = min(8, os.cpu_count() or 1)


class Scan(Protocol):
    """Approximate scores of all templates, and how far from the true ones they can be."""

    def __len__(self) -> int: ...

    def scores(self, probes: FloatArray) -> FloatArray:
        """(probes, templates)."""

    def slack(self, probes: FloatArray) -> NDArray[np.float64]:
        """(probes,) upper bounds of |approximate − true score|."""


@dataclass(frozen=True, eq=False)
class FloatScan:
    """All vectors in memory, float32 (n, d); one matrix product."""

    vectors: FloatArray

    def __len__(self) -> int:
        return len(self.vectors)

    def scores(self, probes: FloatArray) -> FloatArray:
        return probes @ self.vectors.T

    def slack(self, probes: FloatArray) -> NDArray[np.float64]:
        # Any order of summation is within d·u·|a||b| (Higham 2002, eq. 3.5; u = 2⁻²⁴), taken twice over.
        return np.full(len(probes), (self.vectors.shape[1] + 8) * ROUNDING * LONGEST**2)


@dataclass(frozen=True, eq=False)
class CodeScan:
    """Each vector as int8 codes (n, d) times its own scale (n,): a quarter of the memory to read.

    `radius` is the largest length of a vector's rounding error, so that for a probe p with its own
    codes q and error e = p − q, |v·p − v̂·q| ≤ |v̂||e| + radius·|p| (Cauchy–Schwarz).
    """

    codes: NDArray[np.int8]
    scales: FloatArray
    radius: float

    def __len__(self) -> int:
        return len(self.codes)

    def scores(self, probes: FloatArray) -> FloatArray:
        import simsimd  # here, for only large galleries need it

        codes, scales, _ = encode(probes)
        scores = np.empty((len(probes), len(self)), np.float32)
        starts = iter(range(0, len(self), ROWS_AT_ONCE))

        def scan() -> None:
            for first in starts:
                rows = slice(first, first + ROWS_AT_ONCE)
                products = simsimd.cdist(codes, self.codes[rows], metric="dot", out_dtype="f32")
                np.multiply(np.asarray(products), self.scales[rows] * scales[:, None], out=scores[:, rows])

        # simsimd lets other threads run. Helpers that the system has not started when this thread has
        # come to the end are not waited for: on a busy machine they would make it slower.
        helpers = [self._pool.submit(scan) for _ in range(min(CORES, len(self) // ROWS_AT_ONCE) - 1)]
        scan()
        for helper in helpers:
            if not helper.cancel():
                helper.result()
        return scores

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        from concurrent.futures import ThreadPoolExecutor

        return ThreadPoolExecutor(CORES, thread_name_prefix="facekit-search")

    def slack(self, probes: FloatArray) -> NDArray[np.float64]:
        _, _, errors = encode(probes)
        return (LONGEST + self.radius) * errors + self.radius * LONGEST + 8 * ROUNDING


def encode(vectors: FloatArray) -> tuple[NDArray[np.int8], FloatArray, NDArray[np.float64]]:
    """int8 codes (n, d) in −127 … 127, float32 scales (n,), and the lengths (n,) of the errors."""
    scales = np.abs(vectors).max(axis=1) / np.float32(127)
    codes = np.rint(vectors / scales[:, None]).clip(-127, 127).astype(np.int8)
    rest = vectors - codes * scales[:, None].astype(np.float64)
    return codes, scales, np.sqrt(np.einsum("ij,ij->i", rest, rest)) + ROUNDING


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
        return _rank(probe, names, vectors, k, poor)

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


def score(probe: Vector, vector: Vector) -> float:
    """The exactly rounded dot product of two unit vectors, held within −1 … 1."""
    return _scores(probe, vector[None])[0]


def _scores(probe: Vector, vectors: FloatArray) -> list[float]:
    # Products of two float32 are exact in float64, and fsum rounds once, whatever the order.
    products = vectors.astype(np.float64) * probe.astype(np.float64)
    return [min(1.0, max(-1.0, math.fsum(row))) for row in products.tolist()]


def _rank(
    probe: Vector, names: Sequence[str], vectors: FloatArray, k: int, poor: AbstractSet[str]
) -> list[Candidate]:
    best: dict[str, float] = {}
    for name, value in zip(names, _scores(probe, vectors), strict=True):
        best[name] = max(value, best.get(name, -1.0))
    order = sorted(best.items(), key=lambda item: (-item[1], item[0]))
    return [
        Candidate(rank, name, value, poor=name in poor)
        for rank, (name, value) in enumerate(order[:k], start=1)
    ]
