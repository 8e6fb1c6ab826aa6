"""The report on 1:N searches: ranks, and FNIR at FPIR, with their counts, N and 95 % intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facekit.errors import UsageError
from facekit.evaluation import metrics
from facekit.evaluation.intervals import Resampler, clustered, ratio
from facekit.evaluation.metrics import Rate
from facekit.evaluation.scores import IdentificationScores
from facekit.results import SCHEMA

FPIRS = (0.1, 0.01, 0.003, 0.001)
DEEPEST = 20

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class SearchPoint:
    """Both error rates of open-set searches at a threshold, which is taken as given."""

    threshold: float
    fpir: Rate
    fnir: Rate

    def to_dict(self) -> dict[str, Any]:
        threshold = float(self.threshold) if np.isfinite(self.threshold) else None
        return {"threshold": threshold, "fpir": self.fpir.to_dict(), "fnir": self.fnir.to_dict()}


@dataclass(frozen=True)
class IdentificationReport:
    """All figures of a list of searches. `ranks` is the CMC, from rank 1; `points` are by the FPIR that they
    hold, as far as there are non-mated probes enough to show it; `by_split` rank 1 and FNIR of each split."""

    gallery_subjects: tuple[int, int]
    splits: int
    mated: int
    non_mated: int
    failed: int
    ranks: tuple[Rate, ...]
    points: Mapping[float, SearchPoint]
    by_split: Mapping[str, tuple[float, ...]]
    at_threshold: SearchPoint | None = None
    notes: Mapping[str, Any] = field(default_factory=dict)

    def rank(self, rank: int) -> Rate | None:
        """Searches with the right subject at this rank or better; None without mated searches."""
        return self.ranks[min(rank, len(self.ranks)) - 1] if self.ranks else None

    @property
    def shows(self) -> bool:
        """Whether there is any figure in it."""
        return bool(self.ranks or self.points or self.at_threshold)

    @property
    def unresolved(self) -> list[str]:
        """The FPIR that the counts cannot show."""
        return [f"{fpir:g}" for fpir in FPIRS if fpir not in self.points]

    def to_dict(self) -> dict[str, Any]:
        first, fifth = self.rank(1), self.rank(5)
        least, most = self.gallery_subjects
        return {
            "schema": SCHEMA,
            "protocol": "identification",
            **self.notes,
            "gallery_subjects": most,
            **({"gallery_subjects_least": least} if least < most else {}),
            "splits": self.splits,
            "searches": self.mated + self.non_mated,
            "mated": self.mated,
            "non_mated": self.non_mated,
            "failed": self.failed,
            "rank1": first and first.value,
            "rank5": fifth and fifth.value,
            "rank1_rate": first and first.to_dict(),
            "rank5_rate": fifth and fifth.to_dict(),
            "cmc": [rate.value for rate in self.ranks],
            "fnir_at_fpir": {f"{fpir:g}": point.fnir.value for fpir, point in self.points.items()},
            "operating_points": {f"{fpir:g}": point.to_dict() for fpir, point in self.points.items()},
            "unresolved": self.unresolved,
            "by_split": {name: list(values) for name, values in self.by_split.items()},
            "at_threshold": self.at_threshold and self.at_threshold.to_dict(),
        }


class Searches:
    """Searches with the people behind them, to count rates from."""

    def __init__(self, scores: IdentificationScores) -> None:
        self.scores = scores
        self.mated = scores.mated
        self.rank_one = scores.mate_ranks == 1
        people = scores.groups.get("person", scores.subjects)
        self._known = {True: all(np.array(people, np.str_)[self.mated] != "")}
        self._known[False] = "person" in scores.groups and all(people)
        names, self._numbers = np.unique(np.array(people, np.str_), return_inverse=True)
        self._resampler = Resampler(max(1, len(names)))
        probes = np.unique(np.array(scores.probes, np.str_), return_inverse=True)[1]
        self._distinct = {kind: len(np.unique(probes[self.mated == kind])) for kind in (True, False)}

    def rate(self, hits: Mask, *, mated: bool) -> Rate:
        """How many of the mated (or non-mated) searches `hits` (n,) says, with the interval over people.

        It is never narrower than Wilson's of as many searches as there are different probes: one that is
        searched for in several splits says little more than it does once.
        """
        rows = self.mated if mated else ~self.mated
        count, total = int(np.count_nonzero(hits & rows)), int(np.count_nonzero(rows))
        if not total:
            return Rate(count, total)
        distinct = self._distinct[mated]
        floor = metrics.wilson(count * distinct / total, distinct)
        if not self._known[mated]:
            return Rate(count, total, floor)
        sums = [
            self._resampler.sums(values[rows], self._numbers[rows]) for values in (hits, np.ones_like(hits))
        ]
        return clustered(count, total, ratio(*sums), floor=floor)

    def point(self, threshold: float) -> SearchPoint:
        """FPIR and FNIR (rank 1) at the threshold."""
        hit = self.rank_one & (self.scores.mate_scores >= threshold)
        false = self.scores.top_scores >= threshold
        return SearchPoint(threshold, self.rate(false, mated=False), self.rate(~hit, mated=True))

    @property
    def strangers(self) -> NDArray[np.float64]:
        """The best score of each non-mated search."""
        return self.scores.top_scores[~self.mated]

    @property
    def distinct_strangers(self) -> int:
        """Different non-mated probes: a probe of several splits shows a rate no lower than it does once."""
        return self._distinct[False]

    def ranks(self) -> tuple[Rate, ...]:
        """The CMC as rates."""
        ranks, deepest = self.scores.mate_ranks, int(self.scores.gallery_subjects.max(initial=1))
        if not self.mated.any():
            return ()
        return tuple(
            self.rate((ranks >= 1) & (ranks <= rank), mated=True)
            for rank in range(1, min(DEEPEST, max(5, deepest)) + 1)
        )


def report(
    scores: IdentificationScores, *, threshold: float | None = None, notes: Mapping[str, Any] | None = None
) -> IdentificationReport:
    """The report on searches. Thresholds at FPIR are set on the non-mated searches of all splits together.

    Raises UsageError without searches.
    """
    if not len(scores):
        raise UsageError("no searches to report on")
    searches = Searches(scores)
    points = {
        fpir: searches.point(metrics.threshold_at_fmr(searches.strangers, fpir))
        for fpir in FPIRS
        if metrics.supported(fpir, searches.distinct_strangers)
    }
    sizes = scores.gallery_subjects
    return IdentificationReport(
        gallery_subjects=(int(sizes.min()), int(sizes.max())),
        splits=len(np.unique(scores.splits)),
        mated=int(np.count_nonzero(searches.mated)),
        non_mated=int(np.count_nonzero(~searches.mated)),
        failed=scores.failed,
        ranks=searches.ranks(),
        points=points if searches.mated.any() else {},
        by_split=_by_split(searches, points),
        at_threshold=None if threshold is None else searches.point(threshold),
        notes=notes or {},
    )


def _by_split(searches: Searches, points: Mapping[float, SearchPoint]) -> dict[str, tuple[float, ...]]:
    """Rank 1, and FNIR at the common threshold of each FPIR, of each split."""
    scores = searches.scores
    parts = [searches.mated & (scores.splits == split) for split in np.unique(scores.splits)]
    parts = [part for part in parts if part.any()]
    means = {"rank1": _means(searches.rank_one, parts)}
    for fpir, point in points.items():
        missed = ~(searches.rank_one & (scores.mate_scores >= point.threshold))
        means[f"fnir_at_fpir_{fpir:g}"] = _means(missed, parts)
    return means


def _means(values: Mask, parts: Sequence[Mask]) -> tuple[float, ...]:
    return tuple(float(np.mean(values[part])) for part in parts)
