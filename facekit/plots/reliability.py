"""Does a probability hold what it says? Of all that were given 0.8, are 80 % right?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from facekit.errors import DependencyError
from facekit.evaluation.metrics import Rate
from facekit.plots import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]
Outcomes = NDArray[np.bool_]

BINS = 10
FOLDS = 10


def probabilities(scores: Floats, mated: Outcomes, *, seed: int = 0) -> Floats:
    """For each finite score the probability that it is mated, by logistic regression on the other nine of
    ten parts. Raises DependencyError without scikit-learn; each kind needs ten scores.
    """
    try:
        from sklearn.linear_model import LogisticRegression
        from sklearn.model_selection import StratifiedKFold, cross_val_predict
    except ImportError:
        raise DependencyError("probabilities need scikit-learn: pip install 'facekit[evaluate]'") from None
    parts = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    plain = LogisticRegression(C=1e6)
    found = cross_val_predict(plain, scores[:, None], mated, cv=parts, method="predict_proba")
    return np.asarray(found[:, 1], np.float64)


def bins(probabilities: Floats, outcomes: Outcomes) -> list[tuple[float, Rate]]:
    """For each tenth of the range that has any: the mean probability, and how many were right."""
    places = np.minimum((probabilities * BINS).astype(int), BINS - 1)
    found = []
    for place in range(BINS):
        rows = places == place
        if rows.any():
            rate = Rate(int(np.count_nonzero(outcomes[rows])), int(np.count_nonzero(rows)))
            found.append((float(probabilities[rows].mean()), rate))
    return found


def draw(probabilities: Floats, outcomes: Outcomes, of: str = "pairs") -> Figure:
    """The observed share over the probability given, in ten bins, and how many are in each."""
    figure, [above, below] = style.new_figure((6.2, 6.0), 2, sharex=True, height_ratios=(3, 1))
    found = bins(probabilities, outcomes)
    x = np.array([mean for mean, _ in found])
    y = np.array([rate.value for _, rate in found])
    ends = np.array([rate.interval for _, rate in found])
    above.plot([0, 1], [0, 1], color=style.GREY, linestyle=":", label="what is said is what happens")
    spread = np.stack([y - ends[:, 0], ends[:, 1] - y])
    above.errorbar(
        x, y, spread, color=style.BLUE, marker="o", markersize=4, capsize=3, label="observed, 95 % intervals"
    )
    above.set_ylim(-0.02, 1.02)
    above.set_ylabel("share that is the same person")
    above.set_title("Reliability of the calibrated probability")
    above.legend(loc="upper left")
    counts = np.histogram(probabilities, np.linspace(0, 1, BINS + 1))[0]
    below.stairs(counts, np.linspace(0, 1, BINS + 1), fill=True, color=style.SKY)
    below.set_yscale("log")
    below.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    below.yaxis.set_minor_formatter(lambda value, _: "")
    below.set_ylabel(f"{of} per bin")
    below.set_xlim(0, 1)
    below.set_xlabel("probability given")
    return figure
