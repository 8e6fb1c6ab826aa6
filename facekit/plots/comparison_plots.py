"""Plots of 1:1 comparisons: ROC, DET and the scores themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from facekit.evaluation import curves, metrics
from facekit.evaluation.comparisons import Comparisons
from facekit.evaluation.curves import Curve
from facekit.evaluation.metrics import Rate
from facekit.plots import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

_POINTS = 2000
_BAND = 60
BINS = 80


@dataclass(frozen=True, eq=False)
class Banded:
    """A curve of an error rate or its complement with its 95 % interval; all (k,), x rising."""

    x: Floats
    y: Floats
    low: Floats
    high: Floats


def least_measurable(comparisons: int) -> float:
    """The lowest rate that so many comparisons can show: three of them."""
    return min(0.5, 3 / max(comparisons, 1))


def roc(comparisons: Comparisons) -> Banded:
    """TAR over FMR, from the lowest FMR that the counts can show. The interval is of TAR, at thresholds that
    are taken as given.
    """
    curve = curves.curve(comparisons.mated, comparisons.non_mated, most=_POINTS)

    def tar(threshold: float) -> Rate:
        return comparisons.accepted_mated(threshold)

    return banded(curve, curve.tar, tar, least_measurable(len(comparisons.non_mated)))


def banded(curve: Curve, values: Floats, rate: Callable[[float], Rate], least: float) -> Banded:
    """A curve's `values` over its FMR, from `least` on, with the intervals that `rate` has at its thresholds.

    Between two thresholds the curve is a step: what the first refuses costs nothing before the second.
    """
    wanted = np.geomspace(least, 1, _BAND)
    x = np.unique(np.concatenate([wanted, curve.fmr[curve.fmr >= least]]))
    y = values[_reached(curve, x)]
    intervals = [rate(float(curve.thresholds[place])).interval for place in _reached(curve, wanted)]
    low, high = (
        np.interp(np.log(x), np.log(wanted), [interval[end] for interval in intervals]) for end in (0, 1)
    )
    return Banded(x, y, np.minimum(low, y), np.maximum(high, y))


def _reached(curve: Curve, fmr: Floats) -> NDArray[np.intp]:
    """The last place of the curve with at most this FMR, rounding aside."""
    return np.searchsorted(curve.fmr, fmr * (1 + 1e-9), "right") - 1


def draw_roc(by_name: Mapping[str, Comparisons], points: Mapping[str, float] | None = None) -> Figure:
    """TAR over FMR for each name; a dot at the thresholds in `points`."""
    figure, [axes] = style.new_figure()
    least = min(least_measurable(len(scores.non_mated)) for scores in by_name.values())
    for look, (name, comparisons) in zip(style.line_styles(len(by_name)), by_name.items(), strict=True):
        curve = roc(comparisons)
        axes.fill_between(curve.x, curve.low, curve.high, color=look["color"], alpha=0.18, linewidth=0)
        axes.plot(curve.x, curve.y, label=_legend(name, comparisons), **look)
        if points and name in points:
            point = points[name]
            fmr, tar = comparisons.accepted_non_mated(point).value, comparisons.accepted_mated(point).value
            # A rate of 0 has no place on this axis: it stands at its edge.
            _dot(axes, max(fmr, least), tar, look["color"], f"threshold {point:.3f}")
    style.log_rate_axis(axes, least)
    axes.set_ylim(0, 1.02)
    axes.set_yticks(np.linspace(0, 1, 6), [style.percent(tick) for tick in np.linspace(0, 1, 6)])
    axes.set_xlabel("FMR: pairs of two people accepted (%)")
    axes.set_ylabel("TAR: pairs of one person accepted (%)")
    axes.set_title("ROC, with 95 % intervals of TAR")
    axes.legend(loc="lower right")
    return figure


def draw_det(by_name: Mapping[str, Comparisons]) -> Figure:
    """FNMR over FMR on probit axes, where normally distributed scores give a straight line (Martin et al.
    1997)."""
    figure, [axes] = style.new_figure((6.2, 5.6))
    lowest = 0.05
    for look, (name, comparisons) in zip(style.line_styles(len(by_name)), by_name.items(), strict=True):
        curve = roc(comparisons)
        least = least_measurable(len(comparisons.mated))
        lowest = min(lowest, least, float(curve.x[0]))
        shown = (1 - curve.y >= least) & (curve.x < 1)
        ends = (1 - curve.high[shown], 1 - curve.low[shown])
        low, high = (style.probit(np.clip(end, 1e-9, 1 - 1e-9)) for end in ends)
        x = style.probit(curve.x[shown])
        axes.fill_between(x, low, high, color=look["color"], alpha=0.18, linewidth=0)
        axes.plot(x, style.probit(1 - curve.y[shown]), label=_legend(name, comparisons), **look)
    ticks = [tick for tick in style.PROBIT_TICKS if lowest * 0.999 <= tick <= 0.8]
    low, high = style.probit([lowest, 0.8])
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_ticks(style.probit(ticks), [style.percent(tick) for tick in ticks])
    axes.set_xlim(low, high)
    axes.set_ylim(low, high)
    axes.plot([low, high], [low, high], color=style.GRAY, linewidth=0.8, linestyle=":")
    axes.text(
        *(2 * [low + 0.06 * (high - low)]),
        "equal error",
        rotation=45,
        color=style.GRAY,
        va="bottom",
        rotation_mode="anchor",
    )
    axes.tick_params(axis="x", labelrotation=45)
    axes.set_xlabel("FMR: pairs of two people accepted (%)")
    axes.set_ylabel("FNMR: pairs of one person refused (%)")
    axes.set_title("DET, probit axes, with 95 % intervals of FNMR")
    figure.legend(loc="outside lower center")
    return figure


def draw_scores(comparisons: Comparisons, threshold: float | None = None) -> Figure:
    """How often each score is had by mated and by non-mated comparisons, with the threshold."""
    counts = f"mated (n = {len(comparisons.mated):,})", f"non-mated (n = {len(comparisons.non_mated):,})"
    figure = histogram({counts[0]: comparisons.mated, counts[1]: comparisons.non_mated}, threshold, "pairs")
    figure.axes[0].set_title("Scores of pairs of one person and of two")
    return figure


def histogram(scores_by_name: Mapping[str, metrics.Scores], threshold: float | None, of: str) -> Figure:
    """Shares of each kind of scores in equal bins; those without a face are counted in the legend."""
    figure, [axes] = style.new_figure()
    finite = {name: scores[np.isfinite(scores)] for name, scores in scores_by_name.items() if len(scores)}
    together = np.concatenate(list(finite.values()))
    low, high = (together.min(), together.max()) if len(together) else (0.0, 1.0)
    low, high = (low - 0.05, high + 0.05) if high - low < 0.01 else (low, high)
    edges = np.linspace(low, high, BINS + 1)
    looks = ((style.BLUE, "-"), (style.VERMILION, "--"))
    for (name, scores), (color, dash) in zip(finite.items(), looks, strict=False):
        failed = len(scores_by_name[name]) - len(scores)
        shares = np.histogram(scores, edges)[0] / max(len(scores_by_name[name]), 1)
        label = f"{name}, {failed:,} without a face" if failed else name
        axes.stairs(shares, edges, fill=True, color=color, alpha=0.2)
        axes.stairs(shares, edges, color=color, linestyle=dash, linewidth=1.4, label=label)
    if threshold is not None and np.isfinite(threshold):
        axes.axvline(threshold, color=style.BLACK, linewidth=1.2, label=f"threshold {threshold:.3f}")
    axes.set_ylim(0, axes.get_ylim()[1] * 1.02)
    axes.yaxis.set_major_formatter(lambda value, _: style.percent(round(value, 6)))
    axes.set_xlabel("score (cosine)")
    axes.set_ylabel(f"share of {of} per bin (%)")
    figure.legend(loc="outside lower center")
    return figure


def _legend(name: str, comparisons: Comparisons) -> str:
    counts = f"{len(comparisons.mated):,} mated, {len(comparisons.non_mated):,} non-mated"
    return f"{style.short(name)} ({counts})" if name else counts


def _dot(axes: Axes, x: float, y: float, color: str, text: str) -> None:
    axes.plot([x], [y], "o", color=color, markersize=6, label=text)
