"""What became of all pictures that were enrolled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from facekit.gallery.places import Place
from facekit.people.outcomes import NO_FACE, NO_SUCH_FACE, Outcome, Status
from facekit.pictures.left_out import LeftOut

_NOBODY = ((NO_FACE,), (NO_SUCH_FACE,))


@dataclass(frozen=True)
class EnrollReport:
    """What became of all pictures; what was `left_out`, being none or not where they belong; the people
    `without` a picture in their folder; the `gallery` and how many `templates` it has now; what is to be
    known of it if it is of a poor `camera`; and `problems` with a source that was read all the same."""

    outcomes: tuple[Outcome, ...]
    left_out: tuple[LeftOut, ...] = ()
    without: tuple[str, ...] = ()
    gallery: Place | None = None
    templates: int = 0
    camera: str | None = None
    problems: tuple[str, ...] = ()

    def count(self, status: Status) -> int:
        return sum(outcome.status == status for outcome in self.outcomes)

    @property
    def subjects(self) -> list[str]:
        """Who was enrolled, in order."""
        named = (outcome.subject for outcome in self.outcomes if outcome.status in ("enrolled", "moved"))
        return list(dict.fromkeys(named))

    @property
    def missing(self) -> list[str]:
        """Who has pictures, of which none could be enrolled, in order."""
        stored = {outcome.subject for outcome in self.outcomes if outcome.status != "refused"}
        everybody = dict.fromkeys(outcome.subject for outcome in self.outcomes)
        return [name for name in everybody if name not in stored]

    @property
    def failed(self) -> bool:
        """Whether a picture was refused for anything but having no face."""
        return any(o.status == "refused" and o.problems not in _NOBODY for o in self.outcomes)

    @property
    def without_face(self) -> bool:
        """Whether no picture had a face."""
        return bool(self.outcomes) and all(o.problems in _NOBODY for o in self.outcomes)

    def refusals(self) -> list[tuple[str, int]]:
        """The first reason of each refused picture, counted, most frequent first."""
        refused = (outcome for outcome in self.outcomes if outcome.status == "refused")
        return by_reason((outcome.source, outcome.problems) for outcome in refused)


def by_reason(refused: Iterable[tuple[str, Sequence[str]]]) -> list[tuple[str, int]]:
    """The first reason of each refused picture, of which the name and all problems are given, counted, most
    frequent first."""
    kinds = Counter(problems[0].removeprefix(f"{source}: ").split(" (")[0] for source, problems in refused)
    return sorted(kinds.items(), key=lambda kind: (-kind[1], kind[0]))
