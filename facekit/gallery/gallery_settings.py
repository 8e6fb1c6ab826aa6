"""What a gallery is made with: whose vectors it holds, and from which score on a face has a name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from facekit.arguments import integer_of, number_of, short_text
from facekit.calibration.threshold import Calibration
from facekit.errors import UsageError
from facekit.gallery.values import LONGEST_DATE

MOST_DIMENSIONS = 16_384
# Characters of an embedder's name and fingerprint.
LONGEST_TEXT = 200


@dataclass(frozen=True)
class GallerySettings:
    """The embedder's name, fingerprint and dimension, and the calibration of the gallery.

    From the rate `poor_from` on a template is poor (facekit.calibration.poorness); 0 where the embedder's is
    not known, and none is. `created` and `calibrated` are dates (ISO 8601, UTC), set by the gallery: of its
    making, and of the calibration, which are the same until somebody calibrates it.
    """

    embedder: str
    fingerprint: str
    dimension: int
    calibration: Calibration
    poor_from: float = 0.0
    created: str = ""
    calibrated: str = ""

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """What `to_dict` made, among other values. Raises KeyError, or UsageError as `checked`."""
        names = ("embedder", "fingerprint", "dimension", "poor_from", "created", "calibrated")
        fields = {name: values[name] for name in names}
        return cls(calibration=Calibration.of(values), **fields).checked()

    def to_dict(self) -> dict[str, Any]:
        """All settings in one table, those of the calibration among them."""
        return {
            "embedder": self.embedder,
            "fingerprint": self.fingerprint,
            "dimension": self.dimension,
            **self.calibration.to_dict(),
            "poor_from": self.poor_from,
            "created": self.created,
            "calibrated": self.calibrated,
        }

    def checked(self) -> Self:
        """The same. Raises UsageError for a value of another type, out of range, too long or no Unicode: a
        gallery that had it could not be opened again.
        """
        if not self.fingerprint:
            raise UsageError("a gallery needs its embedder's fingerprint")
        return replace(
            self,
            embedder=short_text(self.embedder, "embedder", LONGEST_TEXT),
            fingerprint=short_text(self.fingerprint, "fingerprint", LONGEST_TEXT),
            dimension=integer_of(self.dimension, "dimension", least=1, most=MOST_DIMENSIONS),
            calibration=self.calibration.checked(),
            poor_from=number_of(self.poor_from, "poor_from", least=0, most=1),
            created=short_text(self.created, "created", LONGEST_DATE),
            calibrated=short_text(self.calibrated, "calibrated", LONGEST_DATE),
        )
