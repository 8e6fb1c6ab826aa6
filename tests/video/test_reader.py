"""Files are read whole and in order; of what is live only the newest frame is there; addresses come back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from facekit.errors import PictureError
from facekit.results import Pixels
from facekit.video.reader import TRIES, Reader
from facekit.video.sources import Kind, VideoSource, parse
from facekit.video.streams import StreamError

Times = Iterator[tuple[Pixels, float | None]]


class Scripted:
    """A stream that gives what a function gives."""

    def __init__(self, give: Callable[[], Times], *, endless: bool, rate: float = 25.0) -> None:
        self.rate, self.endless, self._give = rate, endless, give
        self.problems: list[str] = []
        self.remarks: list[str] = []
        self.file = None

    def __iter__(self) -> Times:
        return self._give()

    def close(self) -> None: ...


@dataclass(frozen=True)
class Made(VideoSource):
    """A source whose every opening is the next of `openings`; an error is raised."""

    openings: tuple = ()

    def open(self) -> Scripted:
        opening = self.openings[0]
        object.__setattr__(self, "openings", self.openings[1:] or self.openings)
        if isinstance(opening, Exception):
            raise opening
        return opening


def made(kind: Kind, *openings: object) -> Made:
    return Made("rtsp://me:secret@cam/1" if kind == "address" else "/dev/video9", kind, openings=openings)


def numbered(count: int, pause: float = 0.0) -> Callable[[], Times]:
    def give() -> Times:
        for number in range(count):
            time.sleep(pause)
            yield np.full((4, 4, 3), number % 250, np.uint8), number / 25

    return give


def all_of(reader: Reader, pause: float = 0.0, found: list[int] | None = None) -> list[int]:
    found = [] if found is None else found
    while (frame := reader.next(2)) is not None:
        found.append(frame.number)
        time.sleep(pause)
    return found


def test_a_file_is_read_whole_and_in_order_by_whoever_is_slow() -> None:
    reader = Reader(made("file", Scripted(numbered(40), endless=False)))
    assert all_of(reader, 0.002) == list(range(40))
    assert reader.over


def test_few_frames_of_a_file_are_held() -> None:
    given: list[int] = []

    def give() -> Times:
        for number in range(1000):
            given.append(number)
            yield np.zeros((4, 4, 3), np.uint8), None

    reader = Reader(made("file", Scripted(give, endless=False)))
    reader.next(2)
    time.sleep(0.1)
    assert len(given) < 15
    reader.stop()


def test_of_what_is_live_the_newest_frame_is_there_and_none_twice() -> None:
    reader = Reader(made("device", Scripted(numbered(200, 0.002), endless=True)))
    found: list[int] = []
    with pytest.raises(StreamError, match="camera is gone"):
        all_of(reader, 0.03, found)
    assert found == sorted(set(found))
    assert max(np.diff(found)) > 3


def test_waiting_ends_when_nothing_comes() -> None:
    reader = Reader(made("device", Scripted(numbered(1, 5.0), endless=True)))
    start = time.monotonic()
    assert reader.next(0.05) is None
    assert time.monotonic() - start < 1
    assert not reader.over
    reader.stop()


def test_an_address_that_stops_answering_is_tried_again_after_growing_pauses() -> None:
    gone = StreamError("rtsp://me:secret@cam/1", "Connection refused")
    openings = (
        Scripted(numbered(3, 0.01), endless=True),
        gone,
        gone,
        Scripted(numbered(2, 0.01), endless=True),
    )
    told: list[str] = []
    reader = Reader(made("address", *openings), tell=told.append, pauses=(0.05, 0.1, 0.2))
    found = []
    while len(found) < 5:
        frame = reader.next(2)
        assert frame is not None
        found.append(frame)
    reader.stop()
    assert [frame.number for frame in found] == list(range(5))
    assert found[3].time > found[2].time + 0.3
    assert told[:3] == [
        "rtsp://cam/1: it ended; trying again in 0.05 s",
        "rtsp://cam/1: Connection refused; trying again in 0.1 s",
        "rtsp://cam/1: Connection refused; trying again in 0.2 s",
    ]


def test_an_address_that_never_answered_is_given_up() -> None:
    told: list[str] = []
    reader = Reader(
        made("address", StreamError("cam", "no route")), tell=told.append, pauses=(0.01, 0.02, 0.03)
    )
    with pytest.raises(StreamError, match=f"no route; gave up after {TRIES} tries"):
        reader.next(2)
    assert len(told) == TRIES - 1


@pytest.mark.parametrize(
    ("kind", "error", "message"),
    [
        ("device", StreamError("/dev/video9", "Device or resource busy"), "video9: Device or resource busy"),
        ("file", StreamError("/dev/video9", "cut off"), "video9: cut off"),
        ("file", KeyError("odd"), "KeyError"),
    ],
)
def test_what_ends_the_reading_is_raised_where_frames_are_awaited(
    kind: Kind, error: Exception, message: str
) -> None:
    with pytest.raises(PictureError, match=message):
        Reader(made(kind, error)).next(2)


@pytest.mark.parametrize(("most", "count"), [(10.0, 40), (25.0, 100), (100.0, 100), (1.0, 4)])
def test_no_more_frames_a_second_than_wanted(most: float, count: int) -> None:
    reader = Reader(made("file", Scripted(numbered(100), endless=False)), most=most)
    assert len(all_of(reader)) == count


def test_an_http_camera_is_a_source_and_comes_back_after_it_was_away() -> None:
    """The pictures of a real server, one after the other, as cheap cameras send them."""
    pytest.importorskip("av", reason="reading video needs PyAV: pip install '.[video]'")
    server = HTTPServer(("127.0.0.1", 0), _Camera)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    told: list[str] = []
    address = f"http://127.0.0.1:{server.server_port}/video"
    reader = Reader(parse(address), tell=told.append, pauses=(0.05,))
    found = [reader.next(10) for _ in range(2)]
    while not told:
        found.append(reader.next(10))
    found.append(reader.next(10))
    reader.stop()
    server.shutdown()
    server.server_close()
    assert all(frame is not None and frame.pixels.shape == (48, 64, 3) for frame in found)
    assert reader.live
    assert "trying again" in told[0]


class _Camera(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=part")
        self.end_headers()
        for number in range(20):
            data = BytesIO()
            Image.new("RGB", (64, 48), (10 * number, 100, 50)).save(data, "JPEG")
            head = f"--part\r\nContent-Type: image/jpeg\r\nContent-Length: {data.tell()}\r\n\r\n"
            try:
                self.wfile.write(head.encode() + data.getvalue() + b"\r\n")
            except OSError:
                return
            time.sleep(0.01)

    def log_message(self, format: str, *args: object) -> None: ...


def test_a_file_whose_clock_is_set_back_goes_on() -> None:
    def joined() -> Times:
        for part in range(3):
            yield from numbered(20 - part)()

    reader, times = Reader(made("file", Scripted(joined, endless=False))), []
    while (frame := reader.next(2)) is not None:
        times.append(frame.time)
    assert times == pytest.approx([number / 25 for number in range(20 + 19 + 18)])


def test_a_clock_that_leaps_ahead_goes_on() -> None:
    def leaping() -> Times:
        for number, (pixels, time_of_frame) in enumerate(numbered(4)()):
            yield pixels, (time_of_frame or 0) + (1e12 if number >= 2 else 0)

    reader, times = Reader(made("file", Scripted(leaping, endless=False))), []
    while (frame := reader.next(2)) is not None:
        times.append(frame.time)
    assert times == pytest.approx([0, 0.04, 0.08, 0.12], abs=0.001)


def test_of_large_frames_one_is_held() -> None:
    given: list[int] = []

    def give() -> Times:
        for number in range(100):
            given.append(number)
            yield np.zeros((5000, 5000, 3), np.uint8), None

    reader = Reader(made("file", Scripted(give, endless=False)))
    reader.next(5)
    time.sleep(0.2)
    assert len(given) <= 3  # one taken, one held, one waiting for room
    reader.stop()


@pytest.mark.parametrize("kind", ["address", "device"])
def test_whoever_waits_gets_the_camera_when_it_is_there_and_again_after_it_was_gone(kind: Kind) -> None:
    away = StreamError("cam", "Server returned 404 Not Found", final=True)
    there = Scripted(numbered(3, 0.01), endless=True)
    told: list[str] = []
    openings = (*[away] * (TRIES + 2), there, away, there)
    reader = Reader(made(kind, *openings), tell=told.append, wait=True, pauses=(0.01, 0.02))
    found: set[int] = set()
    while max(found, default=0) < 5:
        frame = reader.next(5)
        assert frame is not None
        found.add(frame.number)
    reader.stop()
    assert [text.count("404") for text in told[:2]] == [1, 1]
    assert len(told) <= 6, "the same words once"


def test_an_address_that_refuses_is_not_tried_again_at_the_start() -> None:
    told: list[str] = []
    refused = StreamError("cam", "Server returned 401 Unauthorized", final=True)
    with pytest.raises(StreamError, match=r"401 Unauthorized$"):
        Reader(made("address", refused), tell=told.append, pauses=(0.01,)).next(5)
    assert told == []


def test_an_address_that_refuses_amid_a_run_is_tried_again() -> None:
    refused = StreamError("cam", "Server returned 403 Forbidden", final=True)
    stream = Scripted(numbered(2, 0.01), endless=True)
    reader = Reader(made("address", stream, refused, refused, stream), pauses=(0.01,))
    found: set[int] = set()
    while max(found, default=0) < 3:
        frame = reader.next(5)
        assert frame is not None
        found.add(frame.number)
    reader.stop()


def test_a_password_that_a_library_repeats_is_in_no_message() -> None:
    words = "Failed to open 'rtsp://me:secret@cam/1' for me:secret, secret"
    told: list[str] = []
    reader = Reader(made("address", StreamError("cam", words)), tell=told.append, pauses=(0.01, 0.02, 0.03))
    with pytest.raises(StreamError) as raised:
        reader.next(5)
    with pytest.raises(PictureError) as odd:
        Reader(made("address", KeyError(words))).next(5)
    assert "secret" not in " ".join([*told, str(raised.value), str(odd.value)])
    assert "Failed to open 'rtsp://cam/1" in told[0]
