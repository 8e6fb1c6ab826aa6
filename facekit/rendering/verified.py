"""The verdict on two pictures in a line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from facekit.output.view import View
from facekit.results import Verification


class Verified(View[Verification]):
    columns = ("score", "threshold", "same", "reason", "notes")
    alone = True
    notes_first = True

    def text(self, result: Verification) -> Iterator[str]:
        verdict = "same person" if result.same else "different people"
        if result.reason == "too_poor":
            verdict = "cannot be told, both faces are too poor"
        yield f"{verdict}  score {result.score:.4f}, threshold {result.threshold:.4f}"

    def rows(self, result: Verification) -> Iterator[Sequence[object]]:
        values = {**result.to_dict(), "notes": "; ".join(result.notes)}
        yield [values[name] for name in self.columns]

    def notes(self, result: Verification) -> Iterator[str]:
        yield from result.notes
