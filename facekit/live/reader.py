"""A thread that reads frames, so that nobody who shows or looks ever waits for a camera."""

from __future__ import annotations

import threading
import time as clock
from collections import deque
from collections.abc import Callable

from facekit.errors import FacekitError, PictureError
from facekit.live.frames import Frame
from facekit.live.sources import Source
from facekit.live.video import StreamError
from facekit.results import Pixels

PAUSES = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
"""Seconds between tries to reach an address; the last is kept."""

TRIES = 4
"""How often an address that never answered is tried."""

_AHEAD = 8


class Reader:
    """Reads a source from the moment it is made. Of what is live it keeps the newest frame only; of a
    file and of a folder every frame, a few ahead, and waits until they are taken.

    An address that stops answering is tried again after growing pauses, and `tell` hears of it. `most`
    frames a second of the source are kept. `now` is the clock.
    """

    def __init__(
        self,
        source: Source,
        *,
        tell: Callable[[str], None] = lambda text: None,
        most: float | None = None,
        now: Callable[[], float] = clock.monotonic,
        pauses: tuple[float, ...] = PAUSES,
    ) -> None:
        self.source = source
        self.rate = source.rate
        self.live = source.live
        self._tell = tell
        self._least = 1 / most if most else 0.0
        self._now = now
        self._pauses = pauses
        self._frames: deque[Frame] = deque()
        self._changed = threading.Condition()
        self._stopped = threading.Event()
        self._over = False
        self._error: FacekitError | None = None
        self._number = 0
        self._start: float | None = None
        self._due = self._time = self._ahead = 0.0
        # A daemon: when the user interrupts, nobody waits for a camera that says nothing.
        threading.Thread(target=self._run, daemon=True, name="facekit-frames").start()

    def next(self, timeout: float | None = None) -> Frame | None:
        """The next frame of a file, or the newest of what is live; None when none came within `timeout`
        seconds or when all is over. Raises the error that ended the reading.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._frames or self._over, timeout)
            if self._frames:
                frame = self._frames.popleft()
                self._changed.notify_all()
                return frame
            if self._error is not None:
                raise self._error
            return None

    @property
    def over(self) -> bool:
        """Whether no frame will come any more."""
        with self._changed:
            return self._over and not self._frames and self._error is None

    def stop(self) -> None:
        """Read no further."""
        self._stopped.set()
        with self._changed:
            self._changed.notify_all()

    def _run(self) -> None:
        try:
            self._read_all()
        except FacekitError as error:
            self._error = error
        except Exception as error:  # told where the frames are awaited, not lost with the thread
            self._error = PictureError(f"{self.source.shown}: {type(error).__name__}: {error}")
        finally:
            with self._changed:
                self._over = True
                self._changed.notify_all()

    def _read_all(self) -> None:
        failed = 0
        while not self._stopped.is_set():
            before, reason = self._number, "it ended"
            try:
                if not self._read_once():
                    return
            except StreamError as error:
                reason = str(error).removeprefix(f"{self.source.place}: ")
            failed = 1 if self._number > before else failed + 1
            if not self._stopped.is_set():
                self._wait_for_another(reason, failed)

    def _read_once(self) -> bool:
        """Open the source and read it to its end; whether it was one that has none."""
        stream = self.source.open()
        try:
            self.rate, self.live = stream.rate, stream.endless
            for pixels, own in stream:
                self._take(pixels, own)
                if self._stopped.is_set():
                    return False
            for problem in getattr(stream, "problems", ()):
                self._tell(problem)
            return stream.endless
        finally:
            stream.close()

    def _wait_for_another(self, reason: str, failed: int) -> None:
        """Wait before the next try, or raise where there is none."""
        shown = self.source.shown
        if self.source.kind == "device" and self._number:
            raise StreamError(f"{shown}: the camera is gone ({reason})")
        if self.source.kind != "address":
            raise StreamError(f"{shown}: {reason}")
        if not self._number and failed >= TRIES:
            raise StreamError(f"{shown}: {reason}; gave up after {TRIES} tries")
        pause = self._pauses[min(failed, len(self._pauses)) - 1]
        self._tell(f"{shown}: {reason}; trying again in {pause:g} s")
        self._stopped.wait(pause)

    def _in_order(self, own: float | None) -> float:
        """The time of a file's frame. A clock that is set back, as where recordings were joined, goes on from
        where it was."""
        if own is None:
            return self._number / self.rate
        if own + self._ahead < self._time:
            self._ahead = self._time + 1 / self.rate - own
        self._time = own + self._ahead
        return self._time

    def _take(self, pixels: Pixels, own: float | None) -> None:
        """Hand a frame on; where frames are read whole, wait until there is room for it."""
        now = self._now()
        if self._start is None:
            self._start = now
        time = now - self._start if self.live else self._in_order(own)
        # A frame that is early by a rounding of its time is not too early.
        if time < self._due - 0.1 / self.rate:
            self._number += 1
            return
        self._due = max(self._due + self._least, time)
        with self._changed:
            if self.live:
                self._frames.clear()
            else:
                self._changed.wait_for(lambda: len(self._frames) < _AHEAD or self._stopped.is_set())
            self._frames.append(Frame(pixels, self._number, time))
            self._changed.notify_all()
        self._number += 1
