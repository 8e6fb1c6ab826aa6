"""Plots of 1:N searches: CMC, FNIR over FPIR, and the scores themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from facekit.evaluation import curves
from facekit.evaluation.identification_report import Searches
from facekit.evaluation.metrics import Rate
from facekit.evaluation.scores import IdentificationScores
from facekit.plots import style
from facekit.plots.comparison_plots import Banded, banded, histogram, least_measurable

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_cmc(by_name: Mapping[str, IdentificationScores]) -> Figure:
    """The share of mated searches with the right subject among the first 1, 2, … candidates."""
    figure, [axes] = style.new_figure()
    lowest, deepest = 1.0, 1
    for look, (name, scores) in zip(style.line_styles(len(by_name)), by_name.items(), strict=True):
        rates = Searches(scores).ranks()
        x = np.arange(1, len(rates) + 1)
        low, high = (np.array([rate.interval[end] for rate in rates]) for end in (0, 1))
        axes.fill_between(x, low, high, color=look["color"], alpha=0.18, linewidth=0)
        axes.plot(
            x, [rate.value for rate in rates], marker="o", markersize=4, label=_legend(name, scores), **look
        )
        lowest, deepest = min(lowest, float(low.min(initial=1))), max(deepest, len(rates))
    axes.set_ylim(max(0.0, np.floor(lowest * 10 - 0.2) / 10), 1.005)
    axes.yaxis.set_major_formatter(lambda value, _: style.percent(round(value, 6)))
    axes.set_xticks([rank for rank in (1, 5, 10, 15, 20) if rank <= max(deepest, 5)])
    axes.set_xlabel("rank: number of candidates looked at")
    axes.set_ylabel("searches with the right person among them (%)")
    axes.set_title("CMC, with 95 % intervals")
    axes.legend(loc="lower right")
    return figure


def fnir_over_fpir(scores: IdentificationScores) -> Banded:
    """FNIR (rank 1) over FPIR, from the lowest FPIR that the non-mated probes can show."""
    searches = Searches(scores)
    right = np.where(searches.rank_one, scores.mate_scores, -np.inf)[searches.mated]
    curve = curves.curve(right, searches.strangers)

    def fnir(threshold: float) -> Rate:
        return searches.point(threshold).fnir

    return banded(curve, curve.fnmr, fnir, least_measurable(searches.distinct_strangers))


def draw_fnir_fpir(
    by_name: Mapping[str, IdentificationScores], points: Mapping[str, float] | None = None
) -> Figure:
    """FNIR over FPIR; thin lines are the splits, a dot the thresholds in `points`."""
    figure, [axes] = style.new_figure()
    least = 0.5
    for look, (name, scores) in zip(style.line_styles(len(by_name)), by_name.items(), strict=True):
        curve = fnir_over_fpir(scores)
        least = min(least, float(curve.x[0]))
        axes.fill_between(curve.x, curve.low, curve.high, color=look["color"], alpha=0.18, linewidth=0)
        axes.plot(curve.x, curve.y, label=_legend(name, scores), **look)
        splits = np.unique(scores.splits)
        for split in splits if len(splits) > 1 else ():
            part = scores.where(scores.splits == split)
            if not part.mated.any() or part.mated.all():
                continue
            line = fnir_over_fpir(part)
            axes.plot(line.x, line.y, color=look["color"], linewidth=0.6, alpha=0.5)
        if points and name in points:
            point = Searches(scores).point(points[name])
            label = f"threshold {points[name]:.3f}"
            # A rate of 0 has no place on this axis: it stands at the curve's edge.
            place = max(point.fpir.value, float(curve.x[0]))
            axes.plot([place], [point.fnir.value], "o", color=look["color"], markersize=6, label=label)
    style.log_rate_axis(axes, least)
    axes.set_ylim(0, None)
    axes.yaxis.set_major_formatter(lambda value, _: style.percent(round(value, 6)))
    axes.set_xlabel("FPIR: searches of strangers that give a name (%)")
    axes.set_ylabel("FNIR: enrolled people missed at rank 1 (%)")
    axes.set_title("FNIR over FPIR, with 95 % intervals of FNIR")
    axes.legend(loc="upper right")
    return figure


def draw_scores(scores: IdentificationScores, threshold: float | None = None) -> Figure:
    """Best scores of strangers, and scores of enrolled people with themselves."""
    mated = scores.mated
    kinds = {
        f"enrolled, with their own (n = {int(mated.sum()):,})": scores.mate_scores[mated],
        f"strangers, best of all (n = {int((~mated).sum()):,})": scores.top_scores[~mated],
    }
    figure = histogram(kinds, threshold, "searches")
    figure.axes[0].set_title(f"Scores of searches, {people(scores)}")
    return figure


def people(scores: IdentificationScores) -> str:
    """`N = 25`, or the range of it."""
    least, most = int(scores.gallery_subjects.min()), int(scores.gallery_subjects.max())
    return f"N = {most}" if least == most else f"N = {least} … {most}"


def _legend(name: str, scores: IdentificationScores) -> str:
    mated = int(scores.mated.sum())
    counts = f"{people(scores)}: {mated:,} mated, {len(scores) - mated:,} non-mated searches"
    return f"{style.short(name)}: {counts}" if name else counts
