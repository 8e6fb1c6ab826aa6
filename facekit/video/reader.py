"""A thread that reads frames, so that nobody who shows or looks ever waits for a camera."""

from __future__ import annotations

import threading
import time as clock
from collections import deque
from collections.abc import Callable

from facekit.errors import FacekitError, PictureError
from facekit.results import Pixels
from facekit.video.frames import Frame, FrameFile
from facekit.video.sources import VideoSource
from facekit.video.streams import StreamError

PAUSES = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
"""Seconds between tries to reach an address; the last is kept."""

TRIES = 4
"""How often an address that never answered is tried."""

_AHEAD, _AHEAD_BYTES = 8, 64_000_000
"""How many frames of a file are read ahead, and of how many bytes, but always one."""

_LONGEST = 3600.0
"""A clock that leaps ahead by more seconds from one frame to the next is as wrong as one that is set back."""


class Reader:
    """Reads a source from the moment it is made. Of what is live it keeps the newest frame only; of a
    file and of a folder every frame, a few ahead, and waits until they are taken.

    An address that stops answering is tried again after growing pauses, and `tell` hears of it; with `wait`
    a camera too, and either for as long as it takes to be there. `most` frames a second of the source are
    kept. `now` is the clock.
    """

    def __init__(
        self,
        source: VideoSource,
        *,
        tell: Callable[[str], None] = lambda text: None,
        most: float | None = None,
        wait: bool = False,
        now: Callable[[], float] = clock.monotonic,
        pauses: tuple[float, ...] = PAUSES,
    ) -> None:
        self.source = source
        self.rate = source.rate
        self.live = source.live
        self.problems: list[str] = []
        """What was wrong with what was read, complete when it is over."""
        self._tell = tell
        self._told = ""
        self._wait = wait
        self._broken = False
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

    def broke(self) -> bool:
        """Whether the source broke off since this was last asked, and all its frames are taken."""
        with self._changed:
            broken = self._broken and not self._frames
            self._broken = self._broken and not broken
            return broken

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
            words = self.source.redacted(f"{type(error).__name__}: {error}")
            self._error = PictureError(f"{self.source.public_name}: {words}")
        finally:
            with self._changed:
                self._over = True
                self._changed.notify_all()

    def _read_all(self) -> None:
        failed = 0
        while not self._stopped.is_set():
            before = self._number
            failure = StreamError(self.source.public_name, "it ended")
            try:
                if not self._read_once():
                    return
            except StreamError as error:
                failure = error
            arrived = self._number > before
            failed = 1 if arrived else failed + 1
            self._broken = self._broken or arrived
            if not self._stopped.is_set():
                self._wait_for_another(failure, failed)

    def _read_once(self) -> bool:
        """Open the source and read it to its end; whether it was one that has none."""
        stream = self.source.open()
        try:
            self.rate, self.live = stream.rate, stream.endless
            for remark in stream.remarks:
                self._tell(remark)
            for pixels, seconds in stream:
                self._take(pixels, seconds, stream.file)
                if self._stopped.is_set():
                    return False
            self.problems += map(self.source.redacted, stream.problems)
            return stream.endless
        finally:
            stream.close()

    def _wait_for_another(self, failure: StreamError, failed: int) -> None:
        """Wait before the next try, or raise where there is none."""
        place, reason = self.source.public_name, self.source.redacted(failure.reason)
        if not self._wait or not self.source.live:
            if self.source.kind == "device" and self._number:
                raise StreamError(place, f"the camera is gone ({reason})")
            if self.source.kind != "address" or (failure.final and not self._number):
                raise StreamError(place, reason)
            if not self._number and failed >= TRIES:
                raise StreamError(place, f"{reason}; gave up after {TRIES} tries (--wait goes on)")
        pause = self._pauses[min(failed, len(self._pauses)) - 1]
        text = f"{place}: {reason}; trying again in {pause:g} s"
        if text != self._told:  # once is enough of what is the same all night
            self._told = text
            self._tell(text)
        self._stopped.wait(pause)

    def _in_order(self, seconds: float | None) -> float:
        """The time of a file's frame. A clock that is set back, as where recordings were joined, or leaps
        ahead, goes on from where it was.
        """
        if seconds is None:
            return self._number / self.rate
        if not self._time <= seconds + self._ahead <= self._time + _LONGEST:
            self._ahead = self._time + 1 / self.rate - seconds
        self._time = seconds + self._ahead
        return self._time

    def _take(self, pixels: Pixels, seconds: float | None, file: FrameFile | None) -> None:
        """Hand a frame on; where frames are read whole, wait until there is room for it."""
        now = self._now()
        if self._start is None:
            self._start = now
        time = now - self._start if self.live else self._in_order(seconds)
        # A frame that is early by a rounding of its time is not too early.
        if time < self._due - 0.1 / self.rate:
            self._number += 1
            return
        self._due = max(self._due + self._least, time)
        with self._changed:
            if self.live:
                self._frames.clear()
            else:
                self._changed.wait_for(lambda: self._has_room_for(pixels) or self._stopped.is_set())
            self._frames.append(Frame(pixels, self._number, time, file))
            self._changed.notify_all()
        self._number += 1

    def _has_room_for(self, pixels: Pixels) -> bool:
        held = sum(frame.pixels.nbytes for frame in self._frames)
        return not self._frames or (len(self._frames) < _AHEAD and held + pixels.nbytes <= _AHEAD_BYTES)
