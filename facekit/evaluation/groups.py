"""Error rates by group: the same threshold for all, and how far the worst group is from the best."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from facekit.errors import UsageError
from facekit.evaluation.metrics import Rate
from facekit.evaluation.scores import IdentificationScores, VerificationScores

Kind = TypeVar("Kind", VerificationScores, IdentificationScores)


@dataclass(frozen=True)
class GroupRates:
    """`rates` by group and name, all at `threshold`; `reports` what each group gives by itself, at thresholds
    of its own, where it has mated and non-mated scores."""

    column: str
    threshold: float
    rates: Mapping[str, Mapping[str, Rate]]
    reports: Mapping[str, dict[str, Any] | None]

    def spread(self) -> dict[str, dict[str, Any]]:
        """For each rate, all of them of errors, the group where it is highest, where it is lowest, and their
        ratio (None over 0)."""
        spreads: dict[str, dict[str, Any]] = {}
        for name in next(iter(self.rates.values()), {}):
            known = {group: rates[name] for group, rates in self.rates.items() if rates[name].total}
            if len(known) > 1:
                worst, best = (
                    pick(known, key=lambda name_of_group: known[name_of_group].value) for pick in (max, min)
                )
                low = known[best].value
                ratio = known[worst].value / low if low else None
                spreads[name] = {"worst": worst, "best": best, "ratio": ratio}
        return spreads

    def to_dict(self) -> dict[str, Any]:
        groups = {
            group: {
                "rates": {name: rate.to_dict() for name, rate in rates.items()},
                "report": self.reports[group],
            }
            for group, rates in self.rates.items()
        }
        return {
            "column": self.column,
            "threshold": self.threshold,
            "groups": groups,
            "spread": self.spread(),
        }


def require(column: str, known: Sequence[str]) -> None:
    """Raise UsageError where there is no such column to group by."""
    if column not in known:
        raise UsageError(f"no column {column!r} to group by; there is: {', '.join(known) or 'none'}")


def by(
    scores: Kind,
    column: str,
    threshold: float,
    rates_of: Callable[[Kind], Mapping[str, Rate]],
    report_of: Callable[[Kind], dict[str, Any] | None],
) -> GroupRates:
    """The groups of a column. Raises UsageError where the scores have no such column."""
    require(column, list(scores.groups))
    values = np.array(scores.groups[column], np.str_)
    parts = {str(value): scores.where(values == value) for value in np.unique(values)}
    return GroupRates(
        column,
        threshold,
        {name: rates_of(part) for name, part in parts.items()},
        {name: report_of(part) for name, part in parts.items()},
    )
