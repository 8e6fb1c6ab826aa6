"""Are the strangers that a threshold is chosen from photographed like the people of the gallery?

A promise holds for photos like those it was counted on. Strangers in poor photos are named far more often by
a gallery of photos as poor than clean ones are, and more seldom by a gallery of clean ones
(scripts/measure_quality.py).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FAR = 0.8
"""Photos differ in quality where this share of pairs says so. Of usual photos of one collection and of
another 0.36 to 0.57 do; blurred by 3 pixels, or with noise of 20, more than 0.9 do."""
FEWEST = 5
"""Fewer photos on either side do not tell."""


def poorer(ones: NDArray[np.float64], others: NDArray[np.float64]) -> float:
    """The share of pairs in which the one's rate is the higher, equal ones counted half: the Mann-Whitney
    statistic, 0.5 where both are alike. Rates as in facekit.calibration.poorness, (n,) and (m,)."""
    ordered = np.sort(others)
    below = np.searchsorted(ordered, ones, "left") + np.searchsorted(ordered, ones, "right")
    return float(np.mean(below) / 2 / len(others))


def difference(gallery: NDArray[np.float64], strangers: NDArray[np.float64]) -> str | None:
    """In words how photos of the gallery and of strangers differ, None where they are alike or too few; NaN
    stands for a rate that is not known."""
    gallery, strangers = (rates[np.isfinite(rates)] for rates in (gallery, strangers))
    if min(len(gallery), len(strangers)) < FEWEST:
        return None
    share = poorer(gallery, strangers)
    if share >= FAR:
        return (
            f"the gallery's photos are poorer than the strangers' (in {100 * share:.0f} % of pairs): "
            "strangers in photos as poor as the gallery's are named far more often than these"
        )
    if share <= 1 - FAR:
        return (
            f"the strangers' photos are poorer than the gallery's (in {100 * (1 - share):.0f} % of pairs): "
            "strangers in usual photos are named more often than these"
        )
    return None
