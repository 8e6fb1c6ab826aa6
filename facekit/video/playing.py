"""A session at the pace of its source: every frame of a file in order, and of a camera what is newest."""

from __future__ import annotations

import queue
import threading
import time as clock
from collections.abc import Callable, Iterator, Sequence
from typing import Generic, Protocol, TypeVar

from facekit.video.frames import Frame
from facekit.video.reader import Reader

EventT = TypeVar("EventT")
EventT_co = TypeVar("EventT_co", covariant=True)
StateT_co = TypeVar("StateT_co", covariant=True)
StateT_contra = TypeVar("StateT_contra", contravariant=True)
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


class Observer(Protocol[StateT_contra]):
    """Where the frames are shown, all from the thread of whoever asks for what happens."""

    def show(self, frame: Frame, state: StateT_contra) -> None: ...

    def wants_more(self) -> bool:
        """Asked between frames, also while none comes; whoever has a window looks after it here."""
        ...


def play(
    reader: Reader,
    session: FrameSession[EventT, StateT],
    observer: Observer[StateT],
    *,
    seconds: float | None = None,
    in_time: bool = False,
    now: Callable[[], float] = clock.monotonic,
) -> Iterator[EventT]:
    """What happens in a source to its end, to `seconds` of its time, or until the observer wants no more;
    then everybody leaves. With `in_time`, a file is played no faster than it was taken.

    Of a live source the frames are shown as they come, while another thread looks at the newest one when
    it is done with the last. Raises what ends the reading or the looking, after all that happened before.
    """
    player = _Player(reader, session, observer, seconds, in_time, now)
    try:
        yield from player.run()
    except GeneratorExit:  # nobody asks any more
        for _ in player.end():
            pass
        raise
    except BaseException:
        yield from player.end()
        raise
    yield from player.end()


class _Player(Generic[EventT, StateT]):
    def __init__(
        self,
        reader: Reader,
        session: FrameSession[EventT, StateT],
        observer: Observer[StateT],
        seconds: float | None,
        in_time: bool,
        now: Callable[[], float],
    ) -> None:
        self._reader, self._session, self._observer = reader, session, observer
        self._seconds, self._in_time, self._now = seconds, in_time, now
        self._start = now()
        self._begun = False
        self._thread: _SessionThread[EventT] | None = None

    def run(self) -> Iterator[EventT]:
        while self._observer.wants_more():
            frame = self._reader.next(_GLANCE)
            if frame is None:
                yield from self._new_events()
                if self._reader.broke():
                    yield from self._interrupt()
                elif self._reader.over or self._late(self._now() - self._start):
                    return
                continue
            if not self._begun:  # an address may have taken a while to answer
                self._begun, self._start = True, self._now() - frame.time
            if self._late(frame.time):
                return
            yield from self._live(frame) if self._reader.live else self._in_order(frame)

    def end(self) -> Iterator[EventT]:
        """Wait for the look that is under way, at most a second; what came of it, and everybody leaves."""
        self._reader.stop()
        if self._thread is not None:
            self._thread.stop()
        try:
            yield from self._new_events()
        except Exception:
            yield from self._session.finish()
            raise
        yield from self._session.finish()

    def _interrupt(self) -> Sequence[EventT]:
        if self._thread is None:
            return self._session.interrupt()
        self._thread.interrupt()
        return ()

    def _new_events(self) -> Iterator[EventT]:
        """What another thread has seen meanwhile."""
        if self._thread is not None:
            yield from self._thread.new_events()

    def _late(self, time: float) -> bool:
        return self._seconds is not None and time >= self._seconds

    def _in_order(self, frame: Frame) -> Iterator[EventT]:
        yield from self._session.step(frame)
        while self._in_time and (early := self._start + frame.time - self._now()) > 0:
            clock.sleep(min(early, _GLANCE))
            if not self._observer.wants_more():
                return
        self._observer.show(frame, self._session.state())

    def _live(self, frame: Frame) -> Iterator[EventT]:
        if self._thread is None:
            self._thread = _SessionThread(self._session)
        self._thread.look(frame)
        self._observer.show(frame, self._session.state())
        yield from self._new_events()


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

    def new_events(self) -> Iterator[EventT]:
        """What happened since the last call; then raises what ended the thread."""
        while not self._events.empty():
            result = self._events.get()
            if isinstance(result, BaseException):
                raise result
            yield from result

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
