"""A session at the pace of its source: every frame of a file in order, and of a camera what is newest."""

from __future__ import annotations

import queue
import threading
import time as clock
from collections.abc import Callable, Iterator, Sequence
from typing import Generic, Protocol, TypeVar

from facekit.errors import FacekitError, PictureError
from facekit.live.frames import Frame
from facekit.live.reader import Reader

EventT_co = TypeVar("EventT_co", covariant=True)
StateT_co = TypeVar("StateT_co", covariant=True)
EventT_contra = TypeVar("EventT_contra", contravariant=True)
StateT_contra = TypeVar("StateT_contra", contravariant=True)
EventT = TypeVar("EventT")
StateT = TypeVar("StateT")

# How long to wait for a frame before whoever watches is asked whether to go on, in seconds.
_GLANCE = 0.05


class FrameSession(Protocol[EventT_co, StateT_co]):
    """What takes the frames, all from one thread: a `Session`, a `Registration`."""

    def step(self, frame: Frame) -> Sequence[EventT_co]: ...

    def state(self) -> StateT_co:
        """What is known now; may be asked from any thread."""
        ...

    def interrupt(self) -> Sequence[EventT_co]:
        """The source broke off, and may come back."""
        ...

    def finish(self) -> Sequence[EventT_co]: ...


class Observer(Protocol[EventT_contra, StateT_contra]):
    """Who is shown the frames and told what happens, all from one thread."""

    def show(self, frame: Frame, state: StateT_contra) -> None: ...

    def tell(self, events: Sequence[EventT_contra]) -> None: ...

    def wants_more(self) -> bool:
        """Asked between frames, also while none comes; whoever has a window looks after it here."""
        ...


def play(
    reader: Reader,
    session: FrameSession[EventT, StateT],
    observer: Observer[EventT, StateT],
    *,
    seconds: float | None = None,
    in_time: bool = False,
    now: Callable[[], float] = clock.monotonic,
) -> None:
    """Play a source to its end, to `seconds` of its time, or until the observer wants no more; then
    everybody leaves. With `in_time`, a file is played no faster than it was taken.

    Of a live source the frames are shown as they come, while another thread looks at the newest one when
    it is done with the last. Raises what ends the reading or the looking; the observer has heard by then
    of all that happened before.
    """
    player = _Player(reader, session, observer, seconds, in_time, now)
    try:
        player.run()
    finally:
        reader.stop()
        try:
            player.settle()
        finally:
            observer.tell(session.finish())


def follow(
    reader: Reader,
    session: FrameSession[EventT, object],
    *,
    seconds: float | None = None,
    between: Callable[[], None] = lambda: None,
    now: Callable[[], float] = clock.monotonic,
) -> Iterator[EventT]:
    """What happens, one by one, looked at in the thread of whoever asks; `between` is called between frames.

    Raises what ends the reading, and PictureError with what was wrong with a source that was read to its end,
    after everybody has left.
    """
    start = now()
    try:
        while True:
            between()
            frame = reader.next(_GLANCE)
            if seconds is not None and (now() - start if frame is None else frame.time) >= seconds:
                break
            if frame is not None:
                yield from session.step(frame)
            elif reader.broke():
                yield from session.interrupt()
            elif reader.over:
                break
    except FacekitError:
        yield from session.finish()
        raise
    finally:
        reader.stop()
    yield from session.finish()
    if reader.problems:
        raise PictureError("; ".join(reader.problems))


class _Player(Generic[EventT, StateT]):
    def __init__(
        self,
        reader: Reader,
        session: FrameSession[EventT, StateT],
        observer: Observer[EventT, StateT],
        seconds: float | None,
        in_time: bool,
        now: Callable[[], float],
    ) -> None:
        self._reader, self._session, self._observer = reader, session, observer
        self._seconds, self._in_time, self._now = seconds, in_time, now
        self._start = now()
        self._begun = False
        self._thread: _SessionThread[EventT] | None = None

    def run(self) -> None:
        while self._observer.wants_more():
            frame = self._reader.next(_GLANCE)
            if frame is None:
                self._hear()
                if self._reader.broke():
                    self._interrupt()
                elif self._reader.over or self._late(self._now() - self._start):
                    return
                continue
            if not self._begun:  # an address may have taken a while to answer
                self._begun, self._start = True, self._now() - frame.time
            if self._late(frame.time):
                return
            if self._reader.live:
                self._live(frame)
            else:
                self._in_order(frame)

    def settle(self) -> None:
        """Wait for the look that is under way, at most a second, and tell what came of it."""
        if self._thread is not None:
            self._thread.stop()
        self._hear()

    def _interrupt(self) -> None:
        if self._thread is None:
            self._observer.tell(self._session.interrupt())
        else:
            self._thread.interrupt()

    def _hear(self) -> None:
        """Tell what another thread has seen meanwhile."""
        if self._thread is not None:
            self._thread.tell(self._observer.tell)

    def _late(self, time: float) -> bool:
        return self._seconds is not None and time >= self._seconds

    def _in_order(self, frame: Frame) -> None:
        self._observer.tell(self._session.step(frame))
        while self._in_time and (early := self._start + frame.time - self._now()) > 0:
            clock.sleep(min(early, _GLANCE))
            if not self._observer.wants_more():
                return
        self._observer.show(frame, self._session.state())

    def _live(self, frame: Frame) -> None:
        if self._thread is None:
            self._thread = _SessionThread(self._session)
        self._thread.look(frame)
        self._observer.show(frame, self._session.state())
        self._hear()


class _SessionThread(Generic[EventT]):
    """A thread that takes the newest frame when it is done with the one before."""

    def __init__(self, session: FrameSession[EventT, object]) -> None:
        self._session = session
        self._frame: Frame | None = None
        self._interrupted = False
        self._changed = threading.Condition()
        self._stopped = False
        self._events: queue.SimpleQueue[Sequence[EventT] | BaseException] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, daemon=True, name="facekit-session")
        self._thread.start()

    def look(self, frame: Frame) -> None:
        with self._changed:
            self._frame = frame
            self._changed.notify()

    def interrupt(self) -> None:
        """Let the session know that the source broke off, after the frame that it looks at."""
        with self._changed:
            self._interrupted = True
            self._changed.notify()

    def tell(self, hear: Callable[[Sequence[EventT]], None]) -> None:
        """Let `hear` have what happened since the last call; then raises what ended the thread."""
        events: list[EventT] = []
        ended: BaseException | None = None
        while not self._events.empty():
            batch = self._events.get()
            if isinstance(batch, BaseException):
                ended = batch
            else:
                events += batch
        hear(events)
        if ended is not None:
            raise ended

    def stop(self) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify()
        self._thread.join(1.0)

    def _run(self) -> None:
        try:
            while True:
                with self._changed:
                    self._changed.wait_for(lambda: self._frame or self._interrupted or self._stopped)
                    frame, self._frame = self._frame, None
                    interrupted, self._interrupted = self._interrupted, False
                if self._stopped:
                    return
                events = [] if frame is None else list(self._session.step(frame))
                if interrupted:
                    events += self._session.interrupt()
                if events:
                    self._events.put(events)
        except BaseException as error:  # raised again where the frames are shown
            self._events.put(error)
