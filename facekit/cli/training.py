"""What `facekit train` says while it works: how far it is, and how long the rest takes."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from facekit.cli.console import duration

if TYPE_CHECKING:
    from facekit.cli.console import Console
    from facekit.training.pace import Pace

# Where nobody watches, a line so often, in seconds.
EVERY = 60.0
# A run is told its time after so many steps, or so many seconds of them.
STEPS, SECONDS = 10, 10.0
# A run that ends sooner needs no advice.
SHORT = 120.0


class TrainingProgress:
    """A line that is redrawn on a terminal, and a line a minute elsewhere."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = clock
        self._said = clock()
        self._estimated = False

    def count(self, done: int, total: int, what: str) -> None:
        """`done` of `total` pictures, or whatever is counted before the first step."""
        self._console.progress(done, total, what)
        self._line(f"{done} of {total} {what}")

    def pace(self, pace: Pace) -> None:
        """A step is done."""
        left, config = pace.seconds_left, pace.config
        speed = f", {pace.crops_a_second:.0f} crops/s, {duration(left)} left" if left else ""
        line = f"step {pace.step} of {config.steps}{speed}"
        self._console.status("" if pace.step == config.steps else line)
        enough = pace.steps_measured >= STEPS or pace.seconds_measured >= SECONDS
        if left is not None and enough and not self._estimated:
            self._estimated = True
            if left > SHORT:
                self._console.note(
                    f"{duration(left)} for {config.steps - pace.step} more steps at "
                    f"{pace.crops_a_second:.0f} crops/s; --phases SIDE:STEPS makes it shorter, Ctrl-C saves"
                )
                self._said = self._clock()
        self._line(line)

    def _line(self, text: str) -> None:
        if not sys.stderr.isatty() and self._clock() - self._said >= EVERY:
            self._said = self._clock()
            self._console.note(text)
