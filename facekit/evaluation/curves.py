"""Error rates at every threshold: ROC and DET curves and the area below, as arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facekit.evaluation.metrics import Scores

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Curve:
    """FMR and FNMR, both (k,), at `thresholds` (k,), the highest (+inf, which accepts nothing) first.

    An ROC curve is `tar` against `fmr`; a DET curve `fnmr` against `fmr` on probit axes (Martin et al.
    1997). For searches read FPIR and FNIR.
    """

    thresholds: Floats
    fmr: Floats
    fnmr: Floats

    @property
    def tar(self) -> Floats:
        return 1 - self.fnmr


def curve(mated: Scores, non_mated: Scores, *, most: int | None = None) -> Curve:
    """The curve at every distinct score, or at `most` of them, spread evenly over the curve's corners.

    A failure to acquire (−inf) is accepted at no threshold.
    """
    low, high = np.sort(mated), np.sort(non_mated)
    edges = np.unique(np.concatenate([low, high]))[::-1]
    edges = edges[np.isfinite(edges)]
    if most is not None and len(edges) > most:
        edges = _corners(edges, low, high, most)
    thresholds = np.concatenate([[np.inf], edges])
    return Curve(
        thresholds.astype(np.float64),
        1 - np.searchsorted(high, thresholds) / max(len(high), 1),
        np.searchsorted(low, thresholds) / max(len(low), 1),
    )


def _corners(edges: Scores, low: Scores, high: Scores, most: int) -> Scores:
    """Of the thresholds those at even steps of log FMR, of log FNMR and of the score."""
    last = len(edges) - 1
    accepted = len(high) - np.searchsorted(high, edges) + 1
    missed = np.searchsorted(low, edges) + 1
    chosen: list[NDArray[np.generic]] = [np.linspace(0, last, most // 3)]
    for counts, rising in ((np.log(accepted), True), (np.log(missed), False)):
        steps = np.linspace(counts.min(), counts.max(), most // 3)
        places = np.searchsorted(counts if rising else counts[::-1], steps)
        chosen.append(places if rising else last - places)
    return np.asarray(edges[np.unique(np.clip(np.concatenate(chosen).astype(int), 0, last))])


def placements(scores: Scores, ordered: Scores) -> Floats:
    """For each score the share of the `ordered` ones below it, ties counting half (DeLong et al. 1988);
    0 for −inf."""
    below = np.searchsorted(ordered, scores, "left")
    upto = np.searchsorted(ordered, scores, "right")
    shares = (below + upto) / (2 * max(len(ordered), 1))
    return np.where(np.isneginf(scores), 0.0, shares)
