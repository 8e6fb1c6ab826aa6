"""Does a probability hold what it says? Of all that were given 0.8, are 80 % right?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from facekit.evaluation import thresholds
from facekit.evaluation.metrics import Rate
from facekit.plots import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]
Outcomes = NDArray[np.bool_]

BINS = 10
FOLDS = 10


def probabilities(scores: Floats, right: Outcomes, kind: str = "logistic", *, seed: int = 0) -> Floats:
    """For each finite score (n,) its probability by the curve that `calibration.fit` makes of the other nine
    of ten parts. Raises UsageError where there are too few scores, DependencyError without scikit-learn.
    """
    parts = np.random.default_rng(seed).permutation(len(scores)) % FOLDS
    estimates = np.empty(len(scores))
    for part in range(FOLDS):
        held = parts == part
        estimates[held] = thresholds.fit(scores[~held], right[~held], kind)(scores[held])
    return estimates


def enough(right: Outcomes) -> bool:
    """Whether there are scores enough of both kinds to fit on nine tenths of them."""
    fewest = min(np.count_nonzero(right), np.count_nonzero(~right))
    return int(fewest) >= 2 * thresholds.FEWEST_TO_FIT


def bins(probabilities: Floats, right: Outcomes) -> list[tuple[float, Rate]]:
    """For each tenth of the range that has any: the mean probability, and how many were right."""
    places = np.minimum((probabilities * BINS).astype(int), BINS - 1)
    bins_made = []
    for place in range(BINS):
        rows = places == place
        if rows.any():
            rate = Rate(int(np.count_nonzero(right[rows])), int(np.count_nonzero(rows)))
            bins_made.append((float(probabilities[rows].mean()), rate))
    return bins_made


def alike(share: float, right: int, wrong: int) -> float:
    """What a share of right ones would be if there were as many right as wrong ones in all, where there are
    `right` and `wrong`."""
    a, b = share / right, (1 - share) / wrong
    return a / (a + b)


def draw(probabilities: Floats, right: Outcomes, of: str = "pairs") -> Figure:
    """The observed share over the probability given, in ten bins, right and wrong ones weighing the same as
    in the probability; and how many are in each."""
    figure, [above, below] = style.new_figure((6.2, 6.0), 2, sharex=True, height_ratios=(3, 1))
    binned = bins(probabilities, right)
    counts = int(np.count_nonzero(right)), int(np.count_nonzero(~right))
    x = [mean for mean, _ in binned]
    y = np.array([alike(rate.value, *counts) for _, rate in binned])
    ends = np.array([[alike(end, *counts) for end in rate.interval] for _, rate in binned])
    spread = np.maximum(0, [y - ends[:, 0], ends[:, 1] - y])
    above.plot([0, 1], [0, 1], color=style.GRAY, linestyle=":", label="what is said is what happens")
    above.errorbar(
        x, y, spread, color=style.BLUE, marker="o", markersize=4, capsize=3, label="observed, 95 % intervals"
    )
    above.set_ylim(-0.02, 1.02)
    above.set_ylabel("share that is the same person")
    above.set_title("Reliability of the probability")
    above.legend(loc="upper left")
    heights = np.histogram(probabilities, np.linspace(0, 1, BINS + 1))[0]
    below.stairs(heights, np.linspace(0, 1, BINS + 1), fill=True, color=style.SKY)
    below.set_yscale("log")
    below.set_ylim(0.8, None)
    below.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    below.yaxis.set_minor_formatter(lambda value, _: "")
    below.set_ylabel(f"{of} per bin")
    below.set_xlim(0, 1)
    below.set_xlabel("probability given")
    return figure
