"""95 % intervals of rates whose comparisons share subjects: a bootstrap over the subjects."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from facekit.evaluation.metrics import Rate, wilson

Floats = NDArray[np.float64]
Integers = NDArray[np.integer]
Values = Callable[[slice], NDArray[np.generic]]

ROUNDS = 1000
_AT_ONCE = 1 << 21


class Resampler:
    """Sums over comparisons, in each of `rounds` draws of the subjects with replacement.

    A comparison counts as often as its subject was drawn, w. One of two subjects counts w₁ + w₂ − 1 times,
    the linear part of w₁·w₂: the variance is then that of Aronow et al. 2015, "Cluster-robust variance
    estimation for dyadic data", and a sum needs one number a subject however many pairs there are. Every sum
    comes from the same draws, so ratios and differences of sums can be taken round by round.
    """

    def __init__(self, subjects: int, *, rounds: int = ROUNDS, seed: int = 0) -> None:
        self.subjects = subjects
        self._rounds = rounds
        self._seed = seed

    @cached_property
    def _weights(self) -> NDArray[np.float32]:
        """How often each subject was drawn, (rounds, subjects)."""
        random = np.random.default_rng(self._seed)
        drawn = random.multinomial(self.subjects, np.full(self.subjects, 1 / self.subjects), self._rounds)
        return drawn.astype(np.float32)

    def sums(self, values: NDArray[np.generic], subjects: Integers) -> Floats:
        """Sums (rounds,) of `values` (n,), each of one of the `subjects` (n,)."""
        totals = np.bincount(subjects, values, self.subjects)
        return np.asarray(self._weights @ totals, np.float64)

    def pair_sums(self, values: Values, first: Integers, second: Integers) -> Floats:
        """Sums (rounds,), none below 0, over comparisons of two subjects, `first` (n,) and `second` (n,);
        `values` gives the values of a slice of them, so that they are never all in memory."""
        totals = np.zeros(self.subjects)
        for start in range(0, len(first), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            value = values(part)
            used = np.flatnonzero(value)
            for side in (first, second):
                totals += np.bincount(side[part][used], value[used], self.subjects)
        return np.asarray(np.maximum(0, self._weights @ totals - totals.sum() / 2), np.float64)


def percentiles(values: Floats, level: float = 0.95) -> tuple[float, float]:
    """The middle `level` of what was drawn; rounds in which nothing could be counted (NaN) are left out."""
    outside = 50 * (1 - level)
    low, high = np.nanpercentile(values, [outside, 100 - outside])
    return float(low), float(high)


def ratio(top: Floats, bottom: Floats) -> Floats:
    """`top / bottom` round by round, NaN where nothing was drawn."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(bottom > 0, top / bottom, np.nan)


def clustered(
    count: int, total: int, replicates: Floats, *, floor: tuple[float, float] | None = None
) -> Rate:
    """A rate with the interval of its replicates, and never a narrower one than `floor`, by default Wilson's:
    of subjects who are all right or all wrong, drawing can show no other."""
    low, high = floor or wilson(count, total)
    drawn = percentiles(replicates) if np.isfinite(replicates).any() else (low, high)
    return Rate(count, total, (max(0.0, min(low, drawn[0])), min(1.0, max(high, drawn[1]))))


def over_people(hits: NDArray[np.bool_], people: Integers) -> Rate:
    """How many of n are `hits` (n,), with the interval over the `people` (n,) whose they are, any numbers."""
    places = np.unique(people, return_inverse=True)[1]
    resampler = Resampler(int(places.max(initial=-1)) + 1)
    drawn = ratio(resampler.sums(hits, places), resampler.sums(np.ones(len(hits)), places))
    return clustered(int(np.count_nonzero(hits)), len(hits), drawn)
