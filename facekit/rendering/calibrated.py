"""The threshold that was chosen, in sentences for 80 columns."""

from __future__ import annotations

import json
import math
import textwrap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from facekit.output.view import View
from facekit.text.escaping import printable
from facekit.text.tables import WIDTH

if TYPE_CHECKING:
    from facekit.verbs.calibrate import Calibrated


class CalibratedView(View["Calibrated"]):
    alone = True
    columns = (
        *("gallery", "kind", "rate", "threshold", "before", "gallery_subjects", "measured_subjects"),
        *("limit", "people", "tail", "calibration", "counted", "missed", "probability"),
    )

    def text(self, result: Calibrated) -> Iterator[str]:
        chosen, missed = result.chosen, result.missed
        text = [f"Threshold {chosen.threshold:.3f}, was {result.before:.3f} ({result.sentence})."]
        if missed.total:
            low, high = missed.interval
            what = "comparisons" if chosen.kind == "FMR" else "searches"
            text.append(
                f"At it {missed.count} of {missed.total} mated {what} are missed "
                f"({100 * missed.value:.1f} %, 95 % interval {100 * low:.1f} … {100 * high:.1f})."
            )
        if chosen.tail:
            text.append(f"For twice as many people it rises by {chosen.tail * math.log(2):.3f}.")
        if result.probability is not None:
            text.append(f"Probabilities: {result.probability.kind}, Brier score {result.brier:.4f}.")
        yield from textwrap.wrap(printable(" ".join(text)), WIDTH)

    def rows(self, result: Calibrated) -> Iterator[Sequence[object]]:
        values = result.to_dict()
        yield [
            json.dumps(values[name]) if isinstance(values[name], dict) else values[name]
            for name in self.columns
        ]

    def errors(self, result: Calibrated) -> Iterator[str]:
        yield from result.problems
