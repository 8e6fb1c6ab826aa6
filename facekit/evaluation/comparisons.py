"""Mated and non-mated scores with the subjects behind them: what 1:1 error rates are counted from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from facekit.errors import UsageError
from facekit.evaluation import curves, metrics
from facekit.evaluation.intervals import Resampler, clustered, percentiles, ratio
from facekit.evaluation.metrics import Rate, Scores
from facekit.evaluation.scores import AnyScores, VerificationScores
from facekit.people.all_pairs import pair_blocks

Floats = NDArray[np.float64]
Integers = NDArray[np.integer]

_FOR_AUC = 2_000_000
# Of so many all scores, whose they are, and a sorted copy take about 6 GB.
MOST = 500_000_000
SUBJECTS = ("subject_a", "subject_b")


@dataclass(frozen=True, eq=False)
class Comparisons:
    """`mated` scores (m,) and `non_mated` ones (n,), −inf for a failure to acquire.

    Where it is known whose they are, `subjects` is how many people there are, `of` the person of each mated
    score (m,), and `first` and `second` the two of each non-mated one (n,), each a number below `subjects`.
    Intervals are then drawn over people; else they are Wilson's and take every score for independent.
    """

    mated: Scores
    non_mated: Scores
    subjects: int = 0
    of: Integers | None = None
    first: Integers | None = None
    second: Integers | None = None

    @cached_property
    def ordered(self) -> Scores:
        """The non-mated scores, sorted."""
        return np.sort(self.non_mated)

    def threshold_at_fmr(self, fmr: float) -> float:
        """The lowest threshold at which FMR is at most `fmr`."""
        return metrics.threshold_in_order(self.ordered, fmr)

    def equal_error_threshold(self) -> float:
        """The threshold of the smallest max(FMR, FNMR)."""
        return metrics.equal_error_in_order(np.sort(self.mated), self.ordered)

    def accepted_mated(self, threshold: float) -> Rate:
        """TAR: how many mated scores are ≥ the threshold."""
        rate = metrics.accepted(self.mated, threshold)
        if self.of is None or not rate.total:
            return rate
        drawn = ratio(self._mated(self.mated >= threshold), self._mated_total)
        return clustered(rate.count, rate.total, drawn)

    def accepted_non_mated(self, threshold: float) -> Rate:
        """FMR: how many non-mated scores are ≥ the threshold."""
        rate = metrics.accepted(self.non_mated, threshold)
        if self.first is None or not rate.total:
            return rate
        drawn = ratio(self._non_mated_sums(threshold), self._non_mated_total)
        return clustered(rate.count, rate.total, drawn)

    def share(self, mated: NDArray[np.bool_], non_mated: NDArray[np.bool_]) -> Rate:
        """How many of all comparisons have a property, given for each mated (m,) and non-mated (n,) one."""
        count = int(np.count_nonzero(mated) + np.count_nonzero(non_mated))
        total = len(mated) + len(non_mated)
        if self.of is None or self.first is None or self.second is None:
            return Rate(count, total)
        others = self._resampler.pair_sums(lambda part: non_mated[part], self.first, self.second)
        drawn = ratio(self._mated(mated) + others, self._mated_total + self._non_mated_total)
        return clustered(count, total, drawn)

    def auc(self) -> tuple[float, tuple[float, float]]:
        """Area under the ROC curve, and its interval: the variance of DeLong et al. 1988, or the draws of
        the subjects over the same components. It is never narrower than Wilson's of so many comparisons as
        there are of the rarer kind: of scores that do not overlap, neither shows any variance."""
        mated_scores = np.sort(self.mated)
        mated = curves.placements(self.mated, self.ordered)
        area, fewest = float(mated.mean()), min(len(self.mated), len(self.non_mated))
        least, most = metrics.wilson(area * fewest, fewest)
        if self.of is None:
            refused = curves.placements(self.non_mated, mated_scores)
            spread = np.sqrt(_variance(mated) + _variance(refused))
            low, high = area - metrics.Z95 * spread, area + metrics.Z95 * spread
            return area, (max(0.0, min(low, least)), min(1.0, max(high, most)))
        drawn = ratio(self._mated(mated), self._mated_total)
        if self.first is not None and self.second is not None:
            # Of many millions a part shows how much the subjects differ.
            some = slice(None, None, max(1, len(self.non_mated) // _FOR_AUC))
            below = 1 - curves.placements(self.non_mated[some], mated_scores)
            pairs = self.first[some], self.second[some]
            sums = self._resampler.pair_sums(lambda part: below[part], *pairs)
            all_of_them = self._resampler.pair_sums(lambda part: np.ones(len(below[part])), *pairs)
            drawn = drawn + ratio(sums, all_of_them) - below.mean()
        low, high = percentiles(np.clip(drawn, 0, 1))
        return area, (min(low, least), max(high, most))

    def decisions(self, threshold: float, *, rounds: int = 1000) -> tuple[Floats, Floats, Floats, Floats]:
        """Replicates (rounds,) of true and false acceptances and of all mated and non-mated comparisons."""
        if self.of is None or self.first is None:
            random = np.random.default_rng(0)
            true, false = (metrics.accepted(scores, threshold) for scores in (self.mated, self.non_mated))
            hits, errors = (
                random.binomial(rate.total, rate.value if rate.total else 0.0, rounds)
                for rate in (true, false)
            )
            totals = np.full(rounds, float(true.total)), np.full(rounds, float(false.total))
            return hits.astype(float), errors.astype(float), *totals
        hit = self._mated(self.mated >= threshold)
        return hit, self._non_mated_sums(threshold), self._mated_total, self._non_mated_total

    @cached_property
    def _resampler(self) -> Resampler:
        return Resampler(self.subjects)

    def _mated(self, values: NDArray[np.generic]) -> Floats:
        assert self.of is not None
        return self._resampler.sums(values, self.of)

    @cached_property
    def _mated_total(self) -> Floats:
        return self._mated(np.ones(len(self.mated)))

    def _non_mated_sums(self, threshold: float) -> Floats:
        assert self.first is not None
        assert self.second is not None
        return self._resampler.pair_sums(
            lambda part: self.non_mated[part] >= threshold, self.first, self.second
        )

    @cached_property
    def _non_mated_total(self) -> Floats:
        assert self.first is not None
        assert self.second is not None
        return self._resampler.pair_sums(
            lambda part: np.ones(len(self.non_mated[part])), self.first, self.second
        )


def _variance(values: Floats) -> float:
    """Of the mean of the values; 0 for a single one."""
    return float(np.var(values, ddof=1) / len(values)) if len(values) > 1 else 0.0


def has_scores(scores: AnyScores | Comparisons) -> bool:
    """Whether anything was compared at all: not every entry, if there are any, is a failure to acquire."""
    if isinstance(scores, Comparisons):
        return bool(np.isfinite(scores.mated).any() or np.isfinite(scores.non_mated).any())
    return not len(scores) or scores.failed < len(scores)


def of_scores(scores: VerificationScores) -> Comparisons:
    """The comparisons of a list of pairs; with subjects where its columns have them."""
    mated = scores.mated
    numbers = _subject_numbers(scores.groups)
    if numbers is None:
        return Comparisons(scores.scores[mated], scores.scores[~mated])
    first, second = numbers
    return Comparisons(
        scores.scores[mated],
        scores.scores[~mated],
        int(max(first.max(initial=-1), second.max(initial=-1))) + 1,
        first[mated],
        first[~mated],
        second[~mated],
    )


def _subject_numbers(groups: Mapping[str, Sequence[str]]) -> tuple[Integers, Integers] | None:
    if not all(name in groups and all(groups[name]) for name in SUBJECTS):
        return None
    both = [*groups["subject_a"], *groups["subject_b"]]
    numbers = np.unique(np.array(both, np.str_), return_inverse=True)[1] if both else np.zeros(0, np.int64)
    return numbers[: len(numbers) // 2], numbers[len(numbers) // 2 :]


def affordable(pictures: int) -> None:
    """Raise UsageError where every picture against every other would be too many for the memory."""
    count = pictures * (pictures - 1) // 2
    if count > MOST:
        raise UsageError(
            f"{pictures} pictures make {count} comparisons, {MOST} are possible at most: take fewer pictures "
            "or a list of pairs"
        )


def all_pairs(
    vectors: NDArray[np.float32], subjects: Integers, rows: Integers | None = None, *, block: int = 512
) -> Comparisons:
    """Every picture against every other, each pair once: 13,233 pictures are 87 million scores, as blocks of
    matrix products, float32.

    `subjects` (n,) are numbers from 0, one a picture; `rows` (n,) the row of each picture in the unit
    `vectors` (m, d), −1 for a failure to acquire; None when picture i is row i.
    """
    affordable(len(subjects))
    count, people = len(subjects), int(subjects.max(initial=-1)) + 1
    # Where no picture has a face there is no vector either.
    vectors = vectors if len(vectors) else np.zeros((1, vectors.shape[1]), np.float32)
    small = np.int16 if people < 2**15 else np.int32
    usable = np.ones(count, np.bool_) if rows is None else rows >= 0
    place = np.arange(count) if rows is None else np.maximum(rows, 0)
    sizes = np.bincount(subjects)
    same_count = int((sizes * (sizes - 1) // 2).sum())
    others = count * (count - 1) // 2 - same_count
    mated: NDArray[np.float32] = np.empty(same_count, np.float32)
    non_mated: NDArray[np.float32] = np.empty(others, np.float32)
    of: Integers = np.empty(same_count, small)
    first: Integers = np.empty(others, small)
    second: Integers = np.empty(others, small)
    done, other = 0, 0
    for start, scores, once in pair_blocks(vectors[place], block):
        rest, part = slice(start, None), slice(start, start + block)
        scores[~usable[part]], scores[:, ~usable[rest]] = -np.inf, -np.inf
        same = subjects[part, None] == subjects[None, rest]
        a, b = np.nonzero(same & once)
        mated[done : done + len(a)], of[done : done + len(a)] = scores[a, b], subjects[part][a]
        done += len(a)
        a, b = np.nonzero(~same & once)
        into = slice(other, other + len(a))
        non_mated[into], first[into], second[into] = scores[a, b], subjects[part][a], subjects[rest][b]
        other += len(a)
    return Comparisons(mated, non_mated, people, of, first, second)
