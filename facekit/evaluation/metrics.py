"""Error rates from scores. Pure functions on arrays; a score is a similarity, higher is more alike.

A score is accepted when it is ≥ the threshold, and a tie at the edge counts on the wrong side. A picture
without a usable face (failure to acquire) has the score −inf: it is a miss in every rate. Terms are those of
ISO/IEC 19795-1 and NIST FRTE: FMR and FNMR, TAR = 1 − FNMR for comparisons (1:1), FPIR and FNIR for
searches among N subjects (1:N).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facekit.people.all_pairs import pair_blocks

Scores = NDArray[np.floating]
Integers = NDArray[np.integer]

FMRS = (1e-3, 1e-4, 1e-5)
Z95 = 1.959963984540054


@dataclass(frozen=True)
class Rate:
    """`count` of `total`, with its 95 % interval: `bounds` if given, else Wilson's."""

    count: int
    total: int
    bounds: tuple[float, float] | None = None

    @property
    def value(self) -> float:
        return self.count / self.total if self.total else float("nan")

    @property
    def interval(self) -> tuple[float, float]:
        return self.bounds or wilson(self.count, self.total)

    def to_dict(self) -> dict[str, Any]:
        low, high = self.interval
        return {"rate": self.value, "count": self.count, "total": self.total, "low": low, "high": high}


def wilson(count: float, total: float, *, z: float = Z95) -> tuple[float, float]:
    """Score interval of a rate (Wilson 1927), 95 % unless `z` says otherwise; 0 … 1 when `total` is 0."""
    if not total:
        return 0.0, 1.0
    rate = count / total
    middle = (rate + z * z / (2 * total)) / (1 + z * z / total)
    half = z / (1 + z * z / total) * np.sqrt(rate * (1 - rate) / total + z * z / (4 * total * total))
    # Rounding must not exclude what was seen: 0 of n, or n of n.
    low = 0.0 if count == 0 else max(0.0, float(middle - half))
    high = 1.0 if count == total else min(1.0, float(middle + half))
    return low, high


def threshold_at_fmr(non_mated: Scores, fmr: float) -> float:
    """The lowest threshold at which at most `fmr` of the non-mated scores are accepted.

    It lies just above the first score that must be refused, so that scores tied with that one are refused
    as well. Where only failures to acquire must be, it is the lowest score of a face. The same for FPIR,
    where the scores are the best of each non-mated search.
    """
    place = len(non_mated) - _share(fmr, len(non_mated)) - 1
    return -np.inf if place < 0 else _above(np.partition(non_mated, place)[place], non_mated)


def threshold_in_order(ordered: Scores, fmr: float) -> float:
    """`threshold_at_fmr` for non-mated scores that are sorted already."""
    place = len(ordered) - _share(fmr, len(ordered)) - 1
    return -np.inf if place < 0 else _above(ordered[place], ordered)


def _above(score: np.floating, scores: Scores) -> float:
    """The next number that the score's type can hold; above −inf the lowest of the scores."""
    if np.isneginf(score):
        return float(scores[np.isfinite(scores)].min(initial=np.inf))
    return float(np.nextafter(score, np.asarray(np.inf, dtype=score.dtype)))


def _share(rate: float, total: int) -> int:
    """⌊rate · total⌋, where a product like 0.29 · 100 that should be whole is."""
    return int(np.floor(rate * total * (1 + 1e-12)))


def accepted(scores: Scores, threshold: float) -> Rate:
    """How many scores are ≥ the threshold: TAR of mated scores, FMR of non-mated ones."""
    return Rate(int(np.count_nonzero(scores >= threshold)), len(scores))


def tar_at_fmr(mated: Scores, non_mated: Scores, fmr: float) -> float:
    """Share of mated scores accepted at the threshold where FMR ≤ `fmr`."""
    return accepted(mated, threshold_at_fmr(non_mated, fmr)).value


def supported(rate: float, total: int) -> bool:
    """Whether `total` comparisons can show a rate this low: nothing below 3/n is claimed."""
    return rate * total * (1 + 1e-12) >= 3


def fold_accuracy(scores: Scores, mated: NDArray[np.bool_], folds: Integers) -> tuple[float, float]:
    """Mean and standard deviation over folds of the accuracy at the best threshold of the other folds.

    This is the LFW protocol (Huang et al. 2007): `scores`, `mated` and `folds` have one entry a pair.
    """
    return over_folds(fold_decisions(scores, mated, folds), folds)


def over_folds(right: NDArray[np.bool_], folds: Integers) -> tuple[float, float]:
    """Mean and standard deviation over folds of the share that is `right` (n,)."""
    accuracies = [np.mean(right[folds == fold]) for fold in np.unique(folds)]
    return float(np.mean(accuracies)), float(np.std(accuracies))


def fold_decisions(scores: Scores, mated: NDArray[np.bool_], folds: Integers) -> NDArray[np.bool_]:
    """Whether each pair is judged right at the best threshold of the folds that it is not in, (n,)."""
    right = np.zeros(len(scores), np.bool_)
    for fold in np.unique(folds):
        rest = folds != fold
        threshold = best_threshold(scores[rest], mated[rest])
        right[~rest] = (scores[~rest] >= threshold) == mated[~rest]
    return right


def best_threshold(scores: Scores, mated: NDArray[np.bool_]) -> float:
    """The lowest threshold of highest accuracy, half way between the two neighboring scores."""
    order = np.argsort(scores, kind="stable")
    ordered, labels = scores[order], mated[order]
    # Right decisions if everything from position i upwards is accepted.
    right = np.concatenate([[labels.sum()], labels.sum() + np.cumsum(~labels) - np.cumsum(labels)])
    # A failure to acquire cannot be accepted.
    possible = np.concatenate([np.isfinite(ordered[:1]), ordered[1:] > ordered[:-1], [True]])
    cut = int(np.argmax(np.where(possible, right, -1)))
    if cut == 0:
        return float(ordered[0])
    if cut == len(ordered):
        return float(np.nextafter(ordered[-1], np.inf))
    return _between(float(ordered[cut - 1]), float(ordered[cut]))


def _between(low: float, high: float) -> float:
    """The middle, or `high` where a failure to acquire (−inf) is below."""
    return (low + high) / 2 if np.isfinite(low) else high


def balanced_accuracy(mated: Scores, non_mated: Scores) -> float:
    """The highest mean of TAR and 1 − FMR over all thresholds, 0.5 … 1."""
    ordered = np.sort(non_mated)
    thresholds = np.unique(mated)
    taken = 1 - np.searchsorted(np.sort(mated), thresholds) / len(mated)
    refused = np.searchsorted(ordered, thresholds) / len(ordered)
    return float(np.max((taken + refused) / 2, initial=0.5))


def equal_error_rate(mated: Scores, non_mated: Scores) -> float:
    """The smallest max(FMR, FNMR) over all thresholds: where the two cross, as nearly as the scores allow."""
    threshold = equal_error_threshold(mated, non_mated)
    return float(max(np.mean(mated < threshold), np.mean(non_mated >= threshold)))


def equal_error_threshold(mated: Scores, non_mated: Scores) -> float:
    """The threshold of the smallest max(FMR, FNMR). It is one of the mated scores: between two of them
    FNMR stays the same and FMR falls."""
    return equal_error_in_order(np.sort(mated), np.sort(non_mated))


def equal_error_in_order(mated: Scores, non_mated: Scores) -> float:
    """`equal_error_threshold` for scores that are sorted already."""
    thresholds = np.append(np.unique(mated[np.isfinite(mated)]), mated.dtype.type(np.inf))
    fnmr = np.searchsorted(mated, thresholds) / len(mated)
    fmr = 1 - np.searchsorted(non_mated, thresholds) / len(non_mated)
    return float(thresholds[np.argmin(np.maximum(fnmr, fmr))])


def split_scores(
    vectors: NDArray[np.float32], subjects: Integers, families: Integers | None = None
) -> tuple[Scores, Scores]:
    """Mated and non-mated scores over all pairs of unit `vectors` (n, d), each pair once.

    Pairs of two subjects of one family (the same number ≥ 0 in `families`) are left out.
    """
    mated, non_mated = [], []
    for first, scores, once in pair_blocks(vectors, 1024):
        rows, later = slice(first, first + 1024), slice(first, None)
        same = subjects[rows, None] == subjects[None, later]
        mated.append(scores[same & once])
        different = ~same & once
        if families is not None:
            different &= (families[rows, None] != families[None, later]) | (families[rows, None] < 0)
        non_mated.append(scores[different])
    return np.concatenate(mated), np.concatenate(non_mated)


def verification(
    vectors: NDArray[np.float32], subjects: Integers, families: Integers | None = None
) -> dict[str, float]:
    """Error rates over all pairs of unit `vectors`: `accuracy`, the mean of TAR and 1 − FMR at the threshold
    where it is highest, and `tar_1e-3` … `tar_1e-5` as far as there are non-mated pairs enough."""
    mated, non_mated = split_scores(vectors, subjects, families)
    rates = {"accuracy": balanced_accuracy(mated, non_mated)}
    return rates | {
        f"tar_1e-{round(-np.log10(fmr))}": tar_at_fmr(mated, non_mated, fmr)
        for fmr in FMRS
        if supported(fmr, len(non_mated))
    }


def headline(rates: dict[str, float]) -> str:
    """The one rate to judge by: TAR at FMR 1e-4, or what comes nearest among `rates`."""
    return next(name for name in ("tar_1e-4", "tar_1e-3", "accuracy") if name in rates)


def ranks(scores: Scores, truth: Integers) -> Integers:
    """Rank of the right subject in each search, 1 is best: `scores` (probes, subjects), `truth` (probes,)
    the column of the right one. A subject with the same score ranks before it; a failure to acquire, a row of
    −inf, ranks behind all subjects."""
    right = scores[np.arange(len(scores)), truth][:, None]
    ranks_of_mates = np.count_nonzero(scores >= right, axis=1)
    return np.asarray(np.where(np.isneginf(right[:, 0]), scores.shape[1] + 1, ranks_of_mates))


def threshold_at_fpir(scores: Scores, rate: float) -> float:
    """The lowest threshold at which FPIR of these non-mated searches (probes, subjects) is at most `rate`."""
    return threshold_at_fmr(best(scores), rate)


def best(scores: Scores) -> Scores:
    """The best score of each search."""
    return np.asarray(scores.max(axis=1, initial=-np.inf))
