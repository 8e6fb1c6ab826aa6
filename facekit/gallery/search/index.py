"""Exact search: the k subjects whose best template is most like a probe.

Two steps, so that speed never costs an answer. A fast scan gives every template a score with a
proven bound on its error; only templates that the bound cannot rule out are finalists. Finalists
are scored again by the exactly rounded dot product of the float32 vectors. That score depends on
the two vectors alone: not on the batch, the order of enrollment, or who else is in the gallery.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facekit.gallery.facts import Denials
from facekit.gallery.search.exact import FloatArray, FloatScan, Scan, ranked
from facekit.gallery.search.finalists import Finder, ScanFinder
from facekit.gallery.values import unit_vectors
from facekit.results import Candidate, Vector

NO_DENIALS = Denials()
Rows = Callable[[NDArray[np.intp]], tuple[Sequence[str | None], FloatArray]]


class Index:
    """A scan, the subject of every row, and a way to the rows themselves.

    `subjects` (n,) gives equal numbers to rows of one subject, which stand together. `rows` takes row numbers
    and gives their subjects' names (None for a row that is gone) and float32 vectors (m, d), in this order.
    Rows that are `poor` (n,) are left out where their subject has others.
    """

    def __init__(
        self,
        scan: Scan,
        subjects: NDArray[np.int64],
        rows: Rows,
        *,
        poor: NDArray[np.bool_] | None = None,
    ) -> None:
        self.finder: Finder = ScanFinder(scan, subjects, poor)
        self.rows = rows
        self.denials = NO_DENIALS

    def by(self, finder: Finder) -> Index:
        """The same, with the finalists of another finder of the same rows."""
        other = copy(self)
        other.finder = finder
        return other

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
        return len(self.finder)

    def with_denials(self, denials: Denials) -> Index:
        """The same, that marks the candidates who a face was said not to be."""
        other = copy(self)
        other.denials = denials
        return other

    def search(self, probes: FloatArray, k: int) -> list[list[Candidate]]:
        """For each unit probe (n, d) its k best subjects, best first; equal scores by name. Those that have
        poor templates only are marked, and those who the face was said not to be."""
        if not len(self) or k < 1:
            return [[] for _ in probes]
        return [
            self._ranked(probe, positions, k)
            for probe, positions in zip(probes, self.finder.finalists(probes, k), strict=True)
        ]

    def _ranked(self, probe: Vector, positions: NDArray[np.intp], k: int) -> list[Candidate]:
        found, vectors = self.rows(positions)
        # Those of whoever was removed meanwhile have no name any more.
        there = np.array([name is not None for name in found], np.bool_)
        names = [name for name in found if name is not None]
        weak = self.finder.only_poor(positions[there])
        poor = {name for name, only_poor in zip(names, weak, strict=True) if only_poor}
        candidates = ranked(probe, names, vectors[there], k, poor)
        return self.denials.marked(probe, candidates) if self.denials else candidates
