"""How often strangers in pictures as poor as a face's would pass for that face.

Blurred, noisy, pixelated and compressed faces lie close together, whoever they are of: a template made from
one is like every stranger who is as poor. Where in that direction a face lies tells how often; the length of
the network's vector alone does not, because blurred faces keep theirs (scripts/measure_quality.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RAREST, DIGITS = 1e-4, 5
"""Rates below are not told apart: usual faces have none that could be counted."""


@dataclass(frozen=True)
class Poorness:
    """A linear model of one embedder: log10 of the rate is `weights` · vector + `length` · |v| +
    `log_length` · ln |v| + `bias`, where the vector has length 1 and |v| is its feature norm.

    The rate is that of comparisons at the embedder's threshold, of two people in pictures spoiled in the same
    way. From `poor_from` on a face is poor.
    """

    weights: tuple[float, ...]
    length: float
    log_length: float
    bias: float
    poor_from: float

    def rates(self, vectors: NDArray[np.float32], norms: NDArray[np.float32]) -> NDArray[np.float64]:
        """The rates, 0.0001 … 1, (n,) of unit vectors (n, d) and their feature norms (n,)."""
        lengths = norms.astype(np.float64)
        logarithms = (
            vectors.astype(np.float64) @ np.array(self.weights)
            + self.length * lengths
            + self.log_length * np.log(lengths)
            + self.bias
        )
        return np.asarray(10 ** np.clip(logarithms, np.log10(RAREST), 0), np.float64).round(DIGITS)


def is_poor(rate: float | None, poor_from: float) -> bool:
    """Whether a face of this rate is poor; one whose rate is not known is not, nor any where `poor_from` is
    0, which says that nothing is known."""
    return rate is not None and 0 < poor_from <= rate


TOO_POOR = "too poor"
CAMERA = 10 * RAREST
"""Half of a gallery's templates have this rate or a higher one only where all are from a poor camera: of
usual collections of photos half have less than 0.00015 (scripts/measure_quality.py)."""


def problem(rate: float | None) -> str:
    """What speaks against a poor face, in words; a gallery may hold one of a rate of 0."""
    often = f"1 in {round(1 / max(rate or RAREST, RAREST))}"
    return f"{TOO_POOR} ({often} strangers in pictures as poor would pass for this face)"


def of_gallery(rates: Sequence[float]) -> str | None:
    """What to expect of a gallery whose templates have these rates, in words: nothing where most of them are
    usual ones. Strangers before the same camera are in pictures as poor (scripts/measure_quality.py tables).
    """
    if not rates or float(np.median(rates)) < CAMERA:
        return None
    return (
        "most of its pictures are poor: up to 1 in 10 strangers in pictures like them would be named at the "
        "threshold it came with"
    )
