"""How likely it is that a candidate is the person: a curve from score to probability."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facekit.errors import GalleryError
from facekit.files import untrusted
from facekit.files.untrusted import Fields


@dataclass(frozen=True)
class Probability:
    """The probability that the best candidate of a search is the person, by its score.

    It was fitted on searches and holds where a searched face is as likely of an enrolled person as of a
    stranger. `logistic`: 1 / (1 + exp(−(slope · score + intercept))), with `values` (slope, intercept), as in
    Platt 1999. `isotonic`: straight lines between the points (`knots`, `values`), level beyond them.
    """

    kind: str
    values: tuple[float, ...]
    knots: tuple[float, ...] = ()

    def __call__(self, scores: NDArray[np.floating]) -> NDArray[np.float64]:
        """Probabilities 0 … 1, in the shape of the scores."""
        if self.kind == "isotonic":
            return np.asarray(np.interp(scores, self.knots, self.values))
        slope, intercept = self.values
        return np.asarray(1 / (1 + np.exp(-np.clip(slope * scores + intercept, -500, 500))))

    def of(self, score: float) -> float:
        """The probability at one score."""
        return float(self(np.asarray(score)))

    def text(self) -> str:
        """As a gallery stores it."""
        return json.dumps({name: list(v) if isinstance(v, tuple) else v for name, v in vars(self).items()})

    @classmethod
    def read(cls, text: str) -> Probability | None:
        """What `text` wrote, or None for an empty one. Raises GalleryError for anything else."""
        if not text:
            return None
        try:
            fields = Fields(
                untrusted.json_value(text, "the curve", error=GalleryError), "the curve", GalleryError
            )
            kind = fields.text("kind", choices=("logistic", "isotonic"))
            values, knots = fields.numbers("values"), fields.numbers("knots")
            if len(values) != (2 if kind == "logistic" else max(1, len(knots))):
                raise GalleryError(f"{len(values)} values make no {kind} curve")
        except GalleryError as error:
            raise GalleryError(
                f"the gallery's probabilities cannot be read ({error}): calibrate it again"
            ) from None
        return cls(kind, values, knots)
