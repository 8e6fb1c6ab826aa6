"""The exact score of two vectors, and a scan of float32 vectors with its bound on the error."""

from __future__ import annotations

import math
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from facekit.gallery.values import UNIT_TOLERANCE
from facekit.results import Candidate, Vector

FloatArray = NDArray[np.float32]

LONGEST = 1 + UNIT_TOLERANCE
ROUNDING = 2.0**-23


class Scan(Protocol):
    """Approximate scores of all templates, and how far from the true ones they can be."""

    def __len__(self) -> int: ...

    def scores(self, probes: FloatArray) -> FloatArray:
        """(probes, templates)."""

    def slack(self, probes: FloatArray) -> NDArray[np.float64]:
        """(probes,) upper bounds of |approximate − true score|."""


@dataclass(frozen=True, eq=False)
class FloatScan:
    """All vectors in memory, float32 (n, d); one matrix product."""

    vectors: FloatArray

    def __len__(self) -> int:
        return len(self.vectors)

    def scores(self, probes: FloatArray) -> FloatArray:
        return probes @ self.vectors.T

    def slack(self, probes: FloatArray) -> NDArray[np.float64]:
        # Any order of summation is within d·u·|a||b| (Higham 2002, eq. 3.5; u = 2⁻²⁴), taken twice over.
        return np.full(len(probes), (self.vectors.shape[1] + 8) * ROUNDING * LONGEST**2)


def score(probe: Vector, vector: Vector) -> float:
    """The exactly rounded dot product of two unit vectors, held within −1 … 1."""
    return _scores(probe, vector[None])[0]


def _scores(probe: Vector, vectors: FloatArray) -> list[float]:
    # Products of two float32 are exact in float64, and fsum rounds once, whatever the order.
    products = vectors.astype(np.float64) * probe.astype(np.float64)
    return [min(1.0, max(-1.0, math.fsum(row))) for row in products.tolist()]


def ranked(
    probe: Vector, names: Sequence[str], vectors: FloatArray, k: int, poor: AbstractSet[str]
) -> list[Candidate]:
    best: dict[str, float] = {}
    for name, value in zip(names, _scores(probe, vectors), strict=True):
        best[name] = max(value, best.get(name, -1.0))
    order = sorted(best.items(), key=lambda item: (-item[1], item[0]))
    return [
        Candidate(rank, name, value, poor=name in poor)
        for rank, (name, value) in enumerate(order[:k], start=1)
    ]
