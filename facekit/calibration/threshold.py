"""From which score on a face has a name, and how that was chosen."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

from facekit.arguments import integer_of, number_of, short_text

if TYPE_CHECKING:
    from facekit.files.untrusted import Fields

MOST = 1 << 40
FEWEST_TEMPLATES = 60
# In tails. At an FPIR of 0.002 the threshold is ln(5 / 0.002) = 7.8 of them above a usual stranger's fifth
# candidate: this is a face that is like ten times as many people. More misses known people in usual pictures
# (scripts/measure_gallery_sizes.py), less names strangers in poor ones (scripts/measure_quality.py).
COHORT_TAILS = 5.5
# Characters: a description is a sentence, a curve of probabilities a line of JSON.
LONGEST_DESCRIPTION = 2_000
LONGEST_PROBABILITY = 100_000
KEYS = {
    "threshold": "threshold",
    "calibration": "description",
    "calibrated_templates": "templates",
    "tail": "tail",
    "probability": "probability",
}
"""What the fields of a calibration are called in manifests, galleries and exports."""


@dataclass(frozen=True)
class Calibration:
    """A threshold, a cosine, and in `description` in words how it was chosen. That was for a gallery of
    `templates`; for one of e times as many it rises by `tail`, and for fewer it falls. Where their number is
    not known (0), it stays as it is.
    `probability` is the curve of facekit.calibration.probability, or empty.
    """

    threshold: float
    description: str = "not calibrated"
    tail: float = 0.0
    probability: str = ""
    templates: int = 0

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """What `to_dict` made, among other values. Raises KeyError, or UsageError as `checked`."""
        return cls(**{name: values[key] for key, name in KEYS.items()}).checked()

    @classmethod
    def read(cls, fields: Fields, usual: Calibration | None = None) -> Self:
        """The calibration in a table of a file. Threshold and description must be there if there are no usual
        ones; raises the table's error.
        """
        return cls(
            fields.number("threshold", usual.threshold if usual else None, least=-1, most=1),
            fields.text("calibration", usual.description if usual else None, longest=LONGEST_DESCRIPTION),
            fields.number("tail", 0.0, least=0, most=1),
            fields.text("probability", "", longest=LONGEST_PROBABILITY),
            fields.integer("calibrated_templates", 0, most=MOST),
        )

    def to_dict(self) -> dict[str, Any]:
        return {key: getattr(self, name) for key, name in KEYS.items()}

    def threshold_for(self, templates: int) -> float:
        """The threshold for a gallery of so many templates: threshold + tail · ln(templates / those it was
        chosen for).

        The best of N scores with an exponential tail of mean excess `tail` is shifted by tail · ln N
        (Gumbel's law; Coles 2001, "An introduction to statistical modeling of extreme values", chapter 3): at
        the same FPIR the threshold moves with it. N are the templates: 400 people with one picture each are
        as many chances to look like a stranger as 70 with six. Fewer than FEWEST_TEMPLATES count as so many:
        they are often a family, whose members are more alike than strangers are.
        """
        if not self.templates:
            return self.threshold
        return self._among(max(templates, min(FEWEST_TEMPLATES, self.templates)))

    def cohort_for(self, templates: int) -> float:
        """The highest score of a usual face with its fifth-best candidate in a gallery of so many templates;
        infinite where tail or templates are not known (facekit.people.identification.rise).
        """
        if not self.templates or not self.tail:
            return math.inf
        return self._among(max(templates, 1)) - COHORT_TAILS * self.tail

    def _among(self, templates: int) -> float:
        return self.threshold + self.tail * math.log(templates / self.templates)

    def checked(self) -> Self:
        """The same. Raises UsageError for a value of another type, out of range, too long or no Unicode."""
        return replace(
            self,
            threshold=number_of(self.threshold, "threshold", least=-1, most=1),
            description=short_text(self.description, "calibration", LONGEST_DESCRIPTION),
            templates=integer_of(self.templates, "calibrated_templates", least=0, most=MOST),
            tail=number_of(self.tail, "tail", least=0, most=1),
            probability=short_text(self.probability, "probability", LONGEST_PROBABILITY),
        )
