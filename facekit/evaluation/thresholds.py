"""A gallery's threshold from data: the lowest at which strangers are shown to be named seldom enough.

The promise is an upper limit, not an estimate: the threshold is the lowest at which the rate that was counted
has a one-sided 95 % upper limit of at most the wanted one. With nothing counted in n searches that limit is
3/n (the rule of three), so fewer than 3/rate searches can promise nothing and are refused.

A threshold for N people is carried over to more by the law of the largest of N scores. If a non-mated score
is ≥ t with probability F(t), one of N is with 1 − (1 − F(t))^N ≈ N · F(t); beyond a high score F falls like
exp(−t/σ), σ the mean excess (Pickands 1975; exact for tails of Gumbel's domain, on the safe side for bounded
ones, whose excess shrinks). At the same FPIR the threshold for N′ people is then t + σ · ln(N′/N). Where the
scores are enough to show 1 − (1 − FPIR)^(N/N′) itself, they are asked instead.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from facekit import extras
from facekit.calibration.probability import Probability
from facekit.calibration.threshold import Calibration
from facekit.errors import DependencyError, NoFaceError, UsageError
from facekit.evaluation import metrics
from facekit.evaluation.intervals import Resampler, clustered, ratio
from facekit.evaluation.metrics import Rate, Scores

Integers = NDArray[np.integer]

CONFIDENCE = 0.95
# The part of the non-mated scores that shows how their tail falls.
TAIL = 0.1
# So many tail scores, and so many right and wrong candidates, at least.
FEWEST_IN_TAIL, FEWEST_TO_FIT = 10, 20


@dataclass(frozen=True, eq=False)
class NonMated:
    """Non-mated scores: the best of each search among `subjects` people (FPIR), or, where that is 1, of
    single comparisons (FMR). −inf is a failure to acquire.

    `first` is whose each score is, (n,), numbers from 0, or None where that is not known; `second` the other
    person of a comparison.
    """

    scores: Scores
    subjects: int
    first: Integers | None = None
    second: Integers | None = None

    def __len__(self) -> int:
        return len(self.scores)

    @property
    def people(self) -> int | None:
        """Of how many people the scores are, where that is known."""
        if self.first is None:
            return None
        both = self.first if self.second is None else np.concatenate([self.first, self.second])
        return len(np.unique(both))

    @cached_property
    def _resampler(self) -> Resampler:
        assert self.first is not None
        sides = [self.first] if self.second is None else [self.first, self.second]
        return Resampler(max(int(side.max(initial=0)) for side in sides) + 1)

    def _sums(self, values: NDArray[np.generic]) -> NDArray[np.float64]:
        assert self.first is not None
        if self.second is None:
            return self._resampler.sums(values, self.first)
        return self._resampler.pair_sums(lambda part: values[part], self.first, self.second)

    def rate(self, threshold: float) -> Rate:
        """How many of the scores are ≥ the threshold, with the interval over people where they are known."""
        rate = metrics.accepted(self.scores, threshold)
        return rate if self.first is None else clustered(rate.count, rate.total, self._drawn(threshold))

    def upper_limit(self, threshold: float) -> float:
        """One-sided 95 % upper limit of the share of scores ≥ the threshold: the exact one of independent
        scores, or that of drawing the people, whichever is higher."""
        rate = metrics.accepted(self.scores, threshold)
        exact = binomial_limit(rate.count, rate.total)
        if self.first is None or not rate.count:
            return exact
        return max(exact, float(np.nanpercentile(self._drawn(threshold), 100 * CONFIDENCE)))

    def _drawn(self, threshold: float) -> NDArray[np.float64]:
        return ratio(self._sums(self.scores >= threshold), self._totals)

    @cached_property
    def _totals(self) -> NDArray[np.float64]:
        return self._sums(np.broadcast_to(1.0, len(self)))


def binomial_limit(count: int, total: int, confidence: float = CONFIDENCE) -> float:
    """The highest rate at which `count` or fewer of `total` still have a chance of 1 − confidence: the exact
    limit of Clopper and Pearson 1934."""
    if count >= total:
        return 1.0
    low, high = count / total, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _at_most(count, total, middle) > 1 - confidence else (low, middle)
    return high


def _at_most(count: int, total: int, rate: float) -> float:
    """Chance of `count` or fewer of `total` events of probability `rate`, 0 < rate < 1."""
    k = np.arange(1, count + 1)
    ways = np.concatenate([[0.0], np.cumsum(np.log(total - k + 1) - np.log(k))])
    events = np.arange(count + 1)
    return float(np.exp(ways + events * math.log(rate) + (total - events) * math.log1p(-rate)).sum())


@dataclass(frozen=True)
class ChosenThreshold:
    """A threshold and what it was chosen from.

    At `threshold`, set for `subjects` people, at most `rate` of the non-mated scores are ≥ it with 95 %
    confidence; `counted` of those that there were, whose upper limit is `limit`. `measured_subjects` is among
    how many people that was, `tail` the rise of the threshold for e times as many.
    """

    kind: str
    rate: float
    threshold: float
    counted: Rate
    limit: float
    people: int | None
    subjects: int
    measured_subjects: int
    tail: float

    def stored(self, sentence: str, curve: str = "", *, templates: float = 0.0) -> Calibration:
        """As a gallery keeps it in which a person has so many templates (0: not known), in the mean."""
        count = max(1, round(templates * self.subjects)) if templates and self.subjects else 0
        return Calibration(self.threshold, sentence, self.tail, curve, count)

    def sentence(self, source: str, date: str) -> str:
        """What a gallery stores, and every table prints."""
        of = f" of {self.people} people" if self.people else ""
        if self.kind == "FMR":
            start = f"FMR at most {self.rate:g}: {self.counted.count} of {self.counted.total} comparisons{of}"
            return f"{start} accepted, 95 % limit {self.limit:.2g}; {source}, {date}"
        counts = f"{self.counted.count} of {self.counted.total}"
        counts += f" comparisons{of} accepted" if self.measured_subjects == 1 else f" searches{of} named"
        if 1 < self.measured_subjects != self.subjects:
            counts += f" at N = {self.measured_subjects}"
        limit = f"95 % limit {self.limit:.2g}"
        return f"FPIR at most {self.rate:g} at N = {self.subjects}: {counts}, {limit}; {source}, {date}"


def choose(
    non_mated: NonMated, rate: float, *, kind: str = "FPIR", subjects: int | None = None
) -> ChosenThreshold:
    """The lowest threshold that shows at most `rate`, rounded up to 0.001, carried to `subjects` people.

    Raises UsageError, with what would be needed, where the counts cannot show it.
    """
    if not 0 < rate < 1:
        raise UsageError(f"{kind} {rate:g}: give a rate between 0 and 1")
    if not metrics.supported(rate, len(non_mated)):
        raise UsageError(_too_few(non_mated, rate, kind))
    wanted = max(subjects or 0, non_mated.subjects) if kind == "FPIR" else 0
    growth = wanted / non_mated.subjects if wanted else 1.0
    # What the scores themselves show for more people is better than what their tail lets expect.
    share = -math.expm1(math.log1p(-rate) / growth)
    shown = metrics.supported(share, len(non_mated))
    tail = tail_of(non_mated.scores) if kind == "FPIR" else 0.0
    lowest = _lowest(non_mated, share if shown else rate) + (0.0 if shown else tail * math.log(growth))
    threshold = rounded_up(lowest)
    counted, limit = non_mated.rate(threshold), non_mated.upper_limit(threshold)
    return ChosenThreshold(
        kind, rate, threshold, counted, limit, non_mated.people, wanted, non_mated.subjects, tail
    )


def rounded_up(score: float) -> float:
    """The next higher multiple of 0.001, as a number of three digits that is not below the score."""
    rounded = round(math.ceil(score * 1000) / 1000, 3)
    return rounded if rounded >= score else round(rounded + 0.001, 3)


def _too_few(non_mated: NonMated, rate: float, kind: str) -> str:
    what = "comparisons" if kind == "FMR" else "searches"
    count = len(non_mated)
    needed = math.ceil(3 / rate * (1 - 1e-12))
    possible = f"no {kind} below {3 / count:.2g}" if count else "nothing"
    return (
        f"{count} non-mated {what} can show {possible} (rule of three): {kind} {rate:g} takes {needed}; "
        "add photos of people who are not enrolled (--images FOLDER), or ask for less"
    )


def _lowest(non_mated: NonMated, rate: float) -> float:
    """The lowest threshold whose upper limit is at most `rate`; the limit falls as the threshold rises."""
    ordered = np.sort(non_mated.scores)
    if not np.isfinite(ordered[-1]):
        raise NoFaceError("none of the non-mated pictures has a face: there is no threshold to set")
    # The limit is never below what was counted.
    few, many = 0, min(len(ordered), math.floor(rate * len(ordered)) + 1)
    while few + 1 < many:
        middle = (few + many) // 2
        threshold = metrics.threshold_in_order(ordered, middle / len(ordered))
        few, many = (middle, many) if non_mated.upper_limit(threshold) <= rate else (few, middle)
    # Where even all that have a face would be few enough, the lowest of them decides.
    least = float(ordered[np.isfinite(ordered)][0])
    return max(least, metrics.threshold_in_order(ordered, few / len(ordered)))


def tail_of(scores: Scores) -> float:
    """σ, by how much the highest tenth of the scores exceeds its lowest on average; 0 where they are too few
    to tell."""
    ordered = np.sort(scores[np.isfinite(scores)])
    count = max(FEWEST_IN_TAIL, math.ceil(TAIL * len(ordered)))
    if len(ordered) <= count:
        return 0.0
    return float(np.mean(ordered[-count:]) - ordered[-count - 1])


def fit(scores: Scores, right: NDArray[np.bool_], kind: str = "logistic") -> Probability:
    """The curve from the score of a search's best candidate to how often it is right, `right` and wrong ones
    weighing the same. Searches without a face take no part.

    Raises UsageError for too few of a kind, DependencyError without scikit-learn.
    """
    usable = np.isfinite(scores)
    values, truth = scores[usable].astype(np.float64), right[usable]
    counts = int(truth.sum()), int((~truth).sum())
    if min(counts) < FEWEST_TO_FIT:
        raise UsageError(
            f"{counts[0]} right and {counts[1]} wrong candidates are too few for probabilities: "
            f"{FEWEST_TO_FIT} of each are needed"
        )
    weights = np.where(truth, 0.5 / counts[0], 0.5 / counts[1]) * len(truth)
    try:
        from sklearn.isotonic import IsotonicRegression
        from sklearn.linear_model import LogisticRegression
    except ImportError:
        raise DependencyError(f"probabilities need scikit-learn: {extras.install('evaluate')}") from None
    if kind == "isotonic":
        curve = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(values, truth, weights)
        return Probability(kind, tuple(curve.y_thresholds_.tolist()), tuple(curve.X_thresholds_.tolist()))
    # A little regularization: where right and wrong do not overlap the slope would have no end.
    model = LogisticRegression(C=1e3, max_iter=1000).fit(values[:, None], truth, weights)
    return Probability(kind, (float(model.coef_[0, 0]), float(model.intercept_[0])))


def brier(curve: Probability, scores: Scores, right: NDArray[np.bool_]) -> float:
    """Mean squared difference of probability and outcome (Brier 1950), both kinds weighing the same."""
    usable = np.isfinite(scores)
    wrong_by = (curve(scores[usable]) - right[usable]) ** 2
    truth = right[usable]
    return float((wrong_by[truth].mean() + wrong_by[~truth].mean()) / 2)
