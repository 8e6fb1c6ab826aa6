"""Error rates from scores. Pure functions on arrays; a score is a similarity, higher is more alike."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.floating]


def threshold_at_fmr(non_mated: Scores, fmr: float) -> float:
    """The lowest threshold at which at most `fmr` of the non-mated scores are accepted.

    A score is accepted when it is ≥ the threshold; a tie at the edge is counted as accepted, so
    the threshold lies just above the first score that must be refused.
    """
    allowed = int(np.floor(fmr * len(non_mated)))
    if allowed >= len(non_mated):
        return -np.inf
    refused = np.partition(non_mated, len(non_mated) - allowed - 1)[len(non_mated) - allowed - 1]
    return float(np.nextafter(refused, np.asarray(np.inf, dtype=non_mated.dtype)))


def tar_at_fmr(mated: Scores, non_mated: Scores, fmr: float) -> float:
    """Share of mated scores accepted at the threshold where FMR ≤ `fmr`."""
    return float(np.mean(mated >= threshold_at_fmr(non_mated, fmr)))


def fold_accuracy(
    scores: Scores, mated: NDArray[np.bool_], folds: NDArray[np.integer]
) -> tuple[float, float]:
    """Mean and standard deviation over folds of the accuracy at the best threshold of the other folds.

    This is the LFW protocol (Huang et al. 2007): `scores`, `mated` and `folds` have one entry a pair.
    """
    accuracies = []
    for fold in np.unique(folds):
        rest = folds != fold
        threshold = best_threshold(scores[rest], mated[rest])
        accuracies.append(np.mean((scores[~rest] >= threshold) == mated[~rest]))
    return float(np.mean(accuracies)), float(np.std(accuracies))


def best_threshold(scores: Scores, mated: NDArray[np.bool_]) -> float:
    """The threshold of highest accuracy, half way between the two neighbouring scores."""
    order = np.argsort(scores, kind="stable")
    ordered, labels = scores[order], mated[order]
    # Right decisions if everything from position i upwards is accepted.
    right = np.concatenate([[labels.sum()], labels.sum() + np.cumsum(~labels) - np.cumsum(labels)])
    possible = np.concatenate([[True], ordered[1:] > ordered[:-1], [True]])
    cut = int(np.argmax(np.where(possible, right, -1)))
    if cut == 0:
        return float(ordered[0])
    if cut == len(ordered):
        return float(np.nextafter(ordered[-1], np.inf))
    return float((ordered[cut - 1] + ordered[cut]) / 2)


def split_scores(
    vectors: NDArray[np.float32], subjects: NDArray[np.integer], families: NDArray[np.integer] | None = None
) -> tuple[Scores, Scores]:
    """Mated and non-mated scores over all pairs of unit `vectors` (n, d), each pair once.

    Pairs of two subjects of one family (the same number ≥ 0 in `families`) are left out.
    """
    mated, non_mated = [], []
    for first in range(0, len(vectors), 1024):
        rows = slice(first, first + 1024)
        scores = vectors[rows] @ vectors.T
        later = np.arange(len(vectors))[None, :] > np.arange(first, first + len(scores))[:, None]
        same = subjects[rows, None] == subjects[None, :]
        mated.append(scores[same & later])
        different = ~same & later
        if families is not None:
            different &= (families[rows, None] != families[None, :]) | (families[rows, None] < 0)
        non_mated.append(scores[different])
    return np.concatenate(mated), np.concatenate(non_mated)


FMRS = (1e-3, 1e-4, 1e-5)


def verification(
    vectors: NDArray[np.float32], subjects: NDArray[np.integer], families: NDArray[np.integer] | None = None
) -> dict[str, float]:
    """Error rates over all pairs of unit `vectors`: `accuracy`, the mean of TAR and 1 − FMR at the threshold
    where it is highest, and `tar_1e-3` … `tar_1e-5` as far as there are non-mated pairs enough.
    """
    mated, non_mated = split_scores(vectors, subjects, families)
    rates = {"accuracy": balanced_accuracy(mated, non_mated)}
    return rates | {
        f"tar_1e-{round(-np.log10(fmr))}": tar_at_fmr(mated, non_mated, fmr)
        for fmr in FMRS
        if fmr * len(non_mated) >= 3
    }


def balanced_accuracy(mated: Scores, non_mated: Scores) -> float:
    """The highest mean of TAR and 1 − FMR over all thresholds, 0.5 … 1."""
    ordered = np.sort(non_mated)
    thresholds = np.unique(mated)
    accepted = 1 - np.searchsorted(np.sort(mated), thresholds) / len(mated)
    refused = np.searchsorted(ordered, thresholds) / len(ordered)
    return float(np.max((accepted + refused) / 2, initial=0.5))


def headline(rates: dict[str, float]) -> str:
    """The one rate to judge by: TAR at FMR 1e-4, or what comes nearest among `rates`."""
    return next(name for name in ("tar_1e-4", "tar_1e-3", "accuracy") if name in rates)
