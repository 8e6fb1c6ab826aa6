"""The report on 1:1 comparisons: error rates with their counts and 95 % intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from facekit.evaluation import comparisons, metrics
from facekit.evaluation.comparisons import Comparisons
from facekit.evaluation.intervals import percentiles, ratio
from facekit.evaluation.metrics import Rate
from facekit.evaluation.scores import VerificationScores
from facekit.results import SCHEMA

FMRS = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
TABLE_FPRS = (0.05, 0.1, 0.2)

Bounds = tuple[float, float]


@dataclass(frozen=True)
class Figure:
    """A value that is no plain rate, with its 95 % interval."""

    value: float
    bounds: Bounds

    def to_dict(self) -> dict[str, Any]:
        return {"value": self.value, "low": self.bounds[0], "high": self.bounds[1]}


@dataclass(frozen=True)
class FoldAccuracy:
    """Each fold judged at the best threshold of the others: `mean` and `deviation` over the folds, and all
    decisions together."""

    mean: float
    deviation: float
    folds: int
    right: Rate


@dataclass(frozen=True)
class OperatingPoint:
    """Both error rates at a threshold, which is taken as given."""

    threshold: float
    fmr: Rate
    tar: Rate

    @property
    def fnmr(self) -> Rate:
        low, high = self.tar.interval
        return Rate(self.tar.total - self.tar.count, self.tar.total, (1 - high, 1 - low))

    def to_dict(self) -> dict[str, Any]:
        rates = {"fmr": self.fmr, "fnmr": self.fnmr, "tar": self.tar}
        return {
            "threshold": _number(self.threshold),
            **{name: rate.to_dict() for name, rate in rates.items()},
        }


@dataclass(frozen=True)
class Decisions:
    """What a threshold decides: accuracy, precision, recall (TAR) and F1, with the two error rates."""

    point: OperatingPoint
    accuracy: Rate
    precision: Rate
    f1: Figure

    def to_dict(self) -> dict[str, Any]:
        return {
            **self.point.to_dict(),
            "accuracy": self.accuracy.to_dict(),
            "precision": self.precision.to_dict(),
            "recall": self.point.tar.to_dict(),
            "f1": self.f1.to_dict(),
        }


@dataclass(frozen=True)
class VerificationReport:
    """All figures of a list of comparisons. `points` are by the FMR that they hold, as far as there are
    comparisons enough to show it; `table` by FPR; `given` at the threshold that was given."""

    mated: int
    non_mated: int
    failed: int
    auc: Figure
    eer: OperatingPoint
    accuracy: FoldAccuracy | None
    points: Mapping[float, OperatingPoint]
    table: Mapping[float, OperatingPoint]
    at_threshold: Decisions | None = None
    notes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def equal_error(self) -> float:
        return max(self.eer.fmr.value, self.eer.fnmr.value)

    @property
    def unresolved(self) -> list[str]:
        """The FMR that the counts cannot show."""
        return [power(fmr) for fmr in FMRS if fmr not in self.points]

    def to_dict(self) -> dict[str, Any]:
        low, high = self.auc.bounds
        folds = self.accuracy
        return {
            "schema": SCHEMA,
            "protocol": "verification",
            **self.notes,
            "pairs": self.mated + self.non_mated,
            "mated": self.mated,
            "non_mated": self.non_mated,
            "failed": self.failed,
            "accuracy": folds and folds.mean,
            "accuracy_sd": folds and folds.deviation,
            "folds": folds and folds.folds,
            "accuracy_pooled": folds and folds.right.to_dict(),
            "auc": self.auc.value,
            "auc_low": low,
            "auc_high": high,
            "eer": self.equal_error,
            "eer_point": self.eer.to_dict(),
            "tar_at_fmr": {power(fmr): point.tar.value for fmr, point in self.points.items()},
            "operating_points": {power(fmr): point.to_dict() for fmr, point in self.points.items()},
            "unresolved": self.unresolved,
            "tpr_at_fpr": {
                f"{fpr:g}": {"threshold": _number(point.threshold), **point.tar.to_dict()}
                for fpr, point in self.table.items()
            },
            "at_threshold": self.at_threshold and self.at_threshold.to_dict(),
        }


def report(
    scores: VerificationScores, *, threshold: float | None = None, notes: Mapping[str, Any] | None = None
) -> VerificationReport:
    """The report on a list of pairs; accuracy over its folds, or none without."""
    pairs = comparisons.of_scores(scores)
    return of_comparisons(pairs, threshold=threshold, accuracy=_folds(scores, pairs), notes=notes)


def of_comparisons(
    pairs: Comparisons,
    *,
    threshold: float | None = None,
    accuracy: FoldAccuracy | None = None,
    notes: Mapping[str, Any] | None = None,
) -> VerificationReport:
    """The report on comparisons. There must be mated and non-mated ones."""
    both = (pairs.mated, pairs.non_mated)
    return VerificationReport(
        mated=len(pairs.mated),
        non_mated=len(pairs.non_mated),
        failed=sum(int(np.count_nonzero(np.isneginf(scores))) for scores in both),
        auc=Figure(*pairs.auc()),
        eer=operating_point(pairs, pairs.equal_error_threshold()),
        accuracy=accuracy,
        points=_points(pairs, FMRS),
        table=_points(pairs, TABLE_FPRS),
        at_threshold=None if threshold is None else decisions(pairs, threshold),
        notes=notes or {},
    )


def operating_point(pairs: Comparisons, threshold: float) -> OperatingPoint:
    """Both error rates at the threshold."""
    return OperatingPoint(threshold, pairs.accepted_non_mated(threshold), pairs.accepted_mated(threshold))


def decisions(pairs: Comparisons, threshold: float) -> Decisions:
    """Accuracy, precision, recall and F1 of accepting what is ≥ the threshold."""
    point = operating_point(pairs, threshold)
    true, false = point.tar.count, point.fmr.count
    hits, errors, mated, non_mated = pairs.decisions(threshold)
    right = true + point.fmr.total - false
    total = point.tar.total + point.fmr.total
    drawn = ratio(2 * hits, hits + errors + mated)
    f1 = 2 * true / (true + false + point.tar.total) if point.tar.total else 0.0
    known = pairs.of is not None
    # F1 = 2·J / (1 + J), where J is a rate: of all that is mated or accepted, what is both.
    least, most = (2 * end / (1 + end) for end in metrics.wilson(true, point.tar.total + false))
    low, high = percentiles(drawn) if np.isfinite(drawn).any() else (least, most)
    return Decisions(
        point,
        Rate(right, total, _bounds(ratio(hits + non_mated - errors, mated + non_mated), right, total, known)),
        Rate(true, true + false, _bounds(ratio(hits, hits + errors), true, true + false, known)),
        Figure(f1, (min(low, least), max(high, most))),
    )


def _bounds(drawn: Any, count: int, total: int, known: bool) -> Bounds | None:
    """The draws' interval where subjects are known, never narrower than Wilson's; else Wilson's."""
    if not known or not np.isfinite(drawn).any():
        return None
    (low, high), (least, most) = percentiles(drawn), metrics.wilson(count, total)
    return min(low, least), max(high, most)


def _points(pairs: Comparisons, rates: tuple[float, ...]) -> dict[float, OperatingPoint]:
    """The operating points that the number of non-mated comparisons can show."""
    return {
        rate: operating_point(pairs, pairs.threshold_at_fmr(rate))
        for rate in rates
        if metrics.supported(rate, len(pairs.non_mated))
    }


def _folds(scores: VerificationScores, pairs: Comparisons) -> FoldAccuracy | None:
    if scores.folds is None or len(np.unique(scores.folds)) < 2:
        return None
    right = metrics.fold_decisions(scores.scores, scores.mated, scores.folds)
    return FoldAccuracy(
        *metrics.over_folds(right, scores.folds),
        len(np.unique(scores.folds)),
        pairs.share(right[scores.mated], right[~scores.mated]),
    )


def power(rate: float) -> str:
    """`1e-3` for 0.001."""
    return f"1e-{round(-np.log10(rate))}"


def _number(value: float) -> float | None:
    """JSON has no infinity: a threshold that accepts nothing, or everything, is null."""
    return float(value) if np.isfinite(value) else None
