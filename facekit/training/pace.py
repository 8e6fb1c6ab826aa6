"""How fast a run goes, and how long it will still take."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

from facekit.training.config import Config

SETTLING = 2
"""The first steps take longer: memory is taken, and the faster ways of computing are looked for."""


@dataclass
class Pace:
    """The speed since this process began to train, validations included: a mean that jumps at nothing.

    A step costs as many times more as its pictures have more pixels, so that the time of a phase of small
    ones says how long one of large ones will take.
    """

    config: Config
    clock: Callable[[], float] = time.monotonic
    step: int = 0
    _first: tuple[int, float] | None = field(default=None, repr=False)
    _steps: int = 0

    def tick(self, step: int) -> None:
        """Step number `step` is done."""
        self.step = step
        self._steps += 1
        if self._steps == SETTLING:
            self._first = step, self.clock()

    @property
    def steps_measured(self) -> int:
        return 0 if self._first is None else self.step - self._first[0]

    @property
    def seconds_measured(self) -> float:
        return 0.0 if self._first is None else self.clock() - self._first[1]

    @property
    def crops_a_second(self) -> float:
        """Faces a second; 0 while nothing is measured yet."""
        if not self.steps_measured:
            return 0.0
        return self.config.batch * self.steps_measured / max(self.seconds_measured, 1e-9)

    @property
    def seconds_left(self) -> float | None:
        """Until the last step; None while nothing is measured yet."""
        if self._first is None or not self.steps_measured:
            return None
        done = self._work(self._first[0], self.step)
        return self.seconds_measured / done * self._work(self.step, self.config.steps)

    def _work(self, first: int, last: int) -> float:
        """Pixels of a face over the steps from `first` to `last`."""
        starts = [*self.config.sides.items(), (self.config.steps, 0)]
        return float(
            sum(
                side**2 * max(0, min(last, end) - max(first, start))
                for (start, side), (end, _) in pairwise(starts)
            )
        )
