"""What an evaluation gives: the report, and the same rates for each group of people or pictures."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from facekit.errors import UsageError
from facekit.evaluation import groups, identification_report, verification_report
from facekit.evaluation.comparisons import of_scores
from facekit.evaluation.groups import GroupRates
from facekit.evaluation.identification_report import IdentificationReport, Searches
from facekit.evaluation.metrics import Rate
from facekit.evaluation.scores import IdentificationScores, VerificationScores
from facekit.evaluation.verification_report import VerificationReport

Kind = TypeVar("Kind", VerificationReport, IdentificationReport)


@dataclass(frozen=True)
class Evaluation(Generic[Kind]):
    """The `report`, the rates of `groups` where they were asked for, and the pictures that could not be read
    as `problems`, a line each."""

    report: Kind
    groups: GroupRates | None = None
    problems: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """A number that is not finite is None: JSON has none."""
        grouped = {"by_group": self.groups.to_dict()} if self.groups else {}
        values: dict[str, Any] = _finite({**self.report.to_dict(), **grouped})
        return values


def verification_groups(
    scores: VerificationScores, column: str, threshold: float | None, made: VerificationReport
) -> GroupRates:
    """The rates by the values of a column, all at the threshold; None: that of the lowest FMR shown."""
    if threshold is None:
        lowest = min(made.points, default=None)
        threshold = made.eer.threshold if lowest is None else made.points[lowest].threshold

    def rates(part: VerificationScores) -> dict[str, Rate]:
        point = verification_report.operating_point(of_scores(part), threshold)
        return {"FMR": point.fmr, "FNMR": point.fnmr}

    def report(part: VerificationScores) -> dict[str, object] | None:
        one_kind = part.mated.all() or not part.mated.any()
        return None if one_kind else verification_report.report(part, threshold=threshold).to_dict()

    return groups.by(scores, column, threshold, rates, report)


def identification_groups(
    scores: IdentificationScores, column: str, threshold: float | None, made: IdentificationReport
) -> GroupRates:
    """The rates by the values of a column, all at the threshold; None: that of the lowest FPIR shown."""
    lowest = min(made.points, default=None)
    if threshold is None and lowest is None:
        raise UsageError("--group-by needs --threshold SCORE here: no FPIR can be shown to set one by")
    limit = made.points[lowest].threshold if threshold is None and lowest is not None else threshold
    assert limit is not None

    def rates(part: IdentificationScores) -> dict[str, Rate]:
        searches = Searches(part)
        point = searches.point(limit)
        missed = searches.rate(~searches.rank_one, mated=True)
        return {"missed at rank 1": missed, "FPIR": point.fpir, "FNIR": point.fnir}

    def report(part: IdentificationScores) -> dict[str, object]:
        return identification_report.report(part, threshold=limit).to_dict()

    return groups.by(scores, column, limit, rates, report)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
