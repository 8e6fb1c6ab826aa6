"""A file is played frame by frame; what is live is shown as it comes, however long looking takes."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import pytest

from facekit.video.frames import Frame
from facekit.video.playing import play as played
from facekit.video.reader import Reader
from facekit.video.streams import StreamError

from .test_reader import Scripted, made, numbered


class SlowSession:
    """Something that takes frames, slowly."""

    def __init__(self, seconds: float = 0.0, fails_at: int | None = None) -> None:
        self.frames: list[int] = []
        self.finished = False
        self._seconds, self._fails_at = seconds, fails_at

    def step(self, frame: Frame) -> list[str]:
        if self._fails_at is not None and frame.number >= self._fails_at:
            raise ValueError("a broken network")
        time.sleep(self._seconds)
        self.frames.append(frame.number)
        return [f"saw {frame.number}"]

    def state(self) -> int:
        return len(self.frames)

    def interrupt(self) -> list[str]:
        return ["broken off"]

    def finish(self) -> list[str]:
        self.finished = True
        return ["over"]


class Observer:
    def __init__(self, patience: float = 60.0) -> None:
        self.shown: list[int] = []
        self.heard: list[str] = []
        self._end = time.monotonic() + patience

    def show(self, frame: Frame, state: int) -> None:
        self.shown.append(frame.number)

    def tell(self, events: Sequence[str]) -> None:
        self.heard += events

    def wants_more(self) -> bool:
        return time.monotonic() < self._end


def play(reader: Reader, session: SlowSession, observer: Observer, **how: object) -> None:
    """Play, and let the observer hear of all that happens."""
    for event in played(reader, session, observer, **how):  # type: ignore[arg-type]
        observer.tell([event])


def file_of(count: int) -> Reader:
    return Reader(made("file", Scripted(numbered(count), endless=False)))


def camera(count: int = 1000, pause: float = 0.01) -> Reader:
    return Reader(made("device", Scripted(numbered(count, pause), endless=True)))


def test_every_frame_of_a_file_is_looked_at_and_shown_in_order() -> None:
    session, observer = SlowSession(), Observer()
    play(file_of(30), session, observer)
    assert session.frames == observer.shown == list(range(30))
    assert observer.heard == [*(f"saw {n}" for n in range(30)), "over"]


def test_a_live_source_is_shown_smoothly_while_looking_is_slow() -> None:
    session, observer = SlowSession(0.2), Observer(1.0)
    play(camera(), session, observer)
    assert len(observer.shown) > 40
    assert 2 <= len(session.frames) <= 7
    assert np.diff(session.frames).min() > 5
    assert observer.heard[:1] == [f"saw {session.frames[0]}"]
    assert observer.heard[-1] == "over"


def test_it_ends_when_the_audience_has_enough_and_at_once() -> None:
    start = time.monotonic()
    play(camera(pause=30.0), SlowSession(), Observer(0.1))
    assert time.monotonic() - start < 1


def test_it_ends_after_the_seconds_that_were_wanted() -> None:
    observer = Observer()
    play(file_of(100), SlowSession(), observer, seconds=1.0)
    assert observer.shown == list(range(25))
    start = time.monotonic()
    play(camera(), SlowSession(), Observer(), seconds=0.2)
    play(camera(pause=30.0), SlowSession(), Observer(), seconds=0.2)
    assert time.monotonic() - start < 2


def test_a_file_that_is_shown_is_played_in_its_own_time() -> None:
    start = time.monotonic()
    play(file_of(11), SlowSession(), Observer(), in_time=True)
    assert 0.4 <= time.monotonic() - start < 2


@pytest.mark.parametrize("reader", [file_of, camera])
def test_what_breaks_while_looking_is_raised_and_everybody_has_left(reader: object) -> None:
    session, observer = SlowSession(fails_at=0), Observer(5)
    with pytest.raises(ValueError, match="broken network"):
        play(reader(100), session, observer)  # type: ignore[operator]
    assert session.finished
    assert observer.heard[-1] == "over"


def test_a_camera_that_is_pulled_out_ends_it_after_what_was_seen_is_told() -> None:
    session, observer = SlowSession(), Observer()
    with pytest.raises(Exception, match="camera is gone"):
        play(camera(5), session, observer)
    assert observer.heard[0].startswith("saw")
    assert observer.heard[-1] == "over"


def test_a_break_is_told_at_once_and_not_when_the_camera_is_back() -> None:
    streams = [Scripted(numbered(5, 0.01), endless=True), StreamError("cam", "Connection refused")]
    reader, observer = Reader(made("address", *streams), pauses=(30.0,)), Observer(1.0)
    play(reader, SlowSession(), observer)
    assert observer.heard[0].startswith("saw")
    assert observer.heard[-2:] == ["broken off", "over"]


def test_whoever_asks_no_further_lets_everybody_leave() -> None:
    session = SlowSession()
    happening = played(file_of(30), session, Observer())
    assert next(happening) == "saw 0"
    happening.close()
    assert session.finished


def test_what_was_seen_before_looking_broke_is_told() -> None:
    """The first look takes longer than showing a frame, and the second breaks at once."""

    class Breaking(SlowSession):
        def step(self, frame: Frame) -> list[str]:
            if self.frames:
                raise ValueError("a broken network")
            return super().step(frame)

    class Slow(Observer):
        def show(self, frame: Frame, state: int) -> None:
            time.sleep(0.1)

    session, observer = Breaking(0.15), Slow(5)
    with pytest.raises(ValueError, match="broken network"):
        play(camera(), session, observer)
    assert observer.heard == [f"saw {session.frames[0]}", "over"]
