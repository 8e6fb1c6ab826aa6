"""Which crops make a batch. Each sampler is a function of its seed and the number of the batch alone, so
that a run that stops and goes on sees the same batches."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from facekit.errors import UsageError
from facekit.training.config import SAMPLERS

Rows = NDArray[np.int64]


class Sampler(Protocol):
    def rows(self, number: int) -> Rows:
        """Crop numbers of batch `number`, int64 (size,)."""
        ...


@dataclass(frozen=True, eq=False)
class EveryCrop:
    """Every crop of `use` once in an epoch, in a new order each; a batch may run over into the next epoch."""

    use: Rows
    size: int
    seed: int

    def rows(self, number: int) -> Rows:
        total = len(self.use)
        wanted = np.arange(number * self.size, (number + 1) * self.size)
        rows = np.empty(self.size, np.int64)
        for epoch in np.unique(wanted // total):
            order = np.random.default_rng((self.seed, 0, int(epoch))).permutation(total)
            inside = wanted // total == epoch
            rows[inside] = self.use[order[wanted[inside] % total]]
        return rows


@dataclass(frozen=True, eq=False)
class Balanced:
    """A subject with n crops is drawn in proportion to n^power: 1 is as the data are, 0 every subject alike.

    Crops without a subject keep their share of the batch.
    """

    use: Rows
    labels: NDArray[np.int64]
    size: int
    seed: int
    power: float = 0.5

    def rows(self, number: int) -> Rows:
        random = np.random.default_rng((self.seed, 3, number))
        return self.use[np.searchsorted(self._edges, random.random(self.size), side="right")]

    @cached_property
    def _edges(self) -> NDArray[np.float64]:
        labels = self.labels[self.use]
        known = labels >= 0
        weights = np.ones(len(labels))
        if known.any():
            depth = np.bincount(labels[known])
            weights[known] = depth[labels[known]] ** (self.power - 1.0)
            weights[known] *= known.sum() / weights[known].sum()
        edges = np.cumsum(weights / weights.sum())
        edges[-1] = 1.0
        return edges


@dataclass(frozen=True, eq=False)
class PerSubject:
    """`per_subject` crops of `size` // `per_subject` subjects (Hermans et al. 2017, "In defense of the
    triplet loss", section 2: P×K batches), for losses that compare the pictures of a batch.

    Only subjects with two crops or more take part; one with fewer than `per_subject` has some of them twice.
    """

    use: Rows
    labels: NDArray[np.int64]
    size: int
    seed: int
    per_subject: int = 4

    def rows(self, number: int) -> Rows:
        random = np.random.default_rng((self.seed, 5, number))
        members = self._members
        wanted = self.size // self.per_subject
        subjects = random.choice(len(members), wanted, replace=wanted > len(members))
        return np.concatenate([self._some(members[subject], random) for subject in subjects])

    def _some(self, rows: Rows, random: np.random.Generator) -> Rows:
        """All of them before any comes twice."""
        turns = [random.permutation(rows) for _ in range(-(-self.per_subject // len(rows)))]
        return np.concatenate(turns)[: self.per_subject]

    @cached_property
    def _members(self) -> list[Rows]:
        rows = self.use[self.labels[self.use] >= 0]
        rows = rows[np.argsort(self.labels[rows], kind="stable")]
        starts = np.flatnonzero(np.diff(self.labels[rows])) + 1
        deep = [part for part in np.split(rows, starts) if len(part) >= 2]
        if len(deep) < 2:
            raise UsageError(
                "this loss compares pictures: it needs two subjects with two pictures each, or more"
            )
        return deep


def create(
    name: str, use: Rows, labels: NDArray[np.int64], *, size: int, seed: int, power: float, per_subject: int
) -> Sampler:
    """The sampler of that name; UsageError if unknown, or if the batch does not hold twice `per_subject`
    crops."""
    if name == "every":
        return EveryCrop(use, size, seed)
    if name == "balanced":
        return Balanced(use, labels, size, seed, power)
    if name != "subjects":
        raise UsageError(f"no sampler is called {name!r}; there are {', '.join(SAMPLERS)}")
    require_room(size, per_subject)
    return PerSubject(use, labels, size, seed, per_subject)


def require_room(size: int, per_subject: int) -> None:
    """Raise UsageError where a batch cannot hold so many pictures each of two subjects."""
    if size % per_subject or size < 2 * per_subject:
        raise UsageError(f"a batch of {size} cannot hold {per_subject} pictures each of two subjects or more")
