"""Work that prints nothing until it is done: what is said meanwhile, so that nobody takes it for hung."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from facekit.cli.console import duration, is_watched

if TYPE_CHECKING:
    from facekit.cli.console import Console

SOON = 5.0
"""Seconds until the first word."""

_GROWTH = 6.0
"""So many times longer it takes until the next: after 5 s, 30 s, 3 min, 18 min."""


class Waiting:
    """Tells how far it is: on a terminal in a line that is redrawn, elsewhere in a note now and then."""

    def __init__(self, console: Console, *, now: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._now = now
        self._began = now()
        self._due = SOON
        self._timer: threading.Timer | None = None

    def progress(self, done: int, total: int) -> None:
        """`done` of `total` pictures are read."""
        if not done:  # nothing is done yet: what was said to be going on is
            return
        self._stop()
        if done <= 1:
            self._began, self._due = self._now(), SOON
        elapsed = self._now() - self._began
        if not is_watched() and elapsed > self._due and done < total:
            self._due = elapsed * _GROWTH
            left = elapsed / max(1, done - 1) * (total - done)
            self._console.note(f"{done} of {total} pictures read; the others take {duration(left)}")
        self._console.progress(done, total)

    @property
    def listeners(self) -> dict[str, Any]:
        """What a verb is given, so that its remarks, its progress and its stages are told."""
        return {"on_note": self._console.note, "on_progress": self.progress, "on_stage": self.stage}

    def stage(self, what: str) -> None:
        """Say `what` is being done if it is still being done in a while, and there is no progress to tell."""
        self._stop()
        self._timer = threading.Timer(SOON, self._console.note, [f"{what}: this takes a while"])
        self._timer.daemon = True
        self._timer.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
