"""Who comes and goes in front of a camera is told to all who listen, and to nobody else."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from fakes import COLORS, FakeFrameDetector, FakeOptions
from jsonschema import Draft202012Validator
from PIL import Image, ImageDraw

import facekit
from facekit.errors import PictureError
from facekit.gallery import place_of
from facekit.output.schema import schema
from facekit.serving import watching
from facekit.serving.application import Setup
from facekit.serving.limits import Limits
from facekit.video import sources
from facekit.video.events import Event
from serving.clients import Started, problem, running

ALL = {"Last-Event-ID": "an earlier run-7"}


@pytest.fixture
def frames(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of frames in which red and somebody unknown walk to the right."""
    monkeypatch.setattr("facekit.video.frame_detection.PipelineDetector", FakeFrameDetector)
    for number in range(30):
        image = Image.new("RGB", (320, 180), (128, 128, 128))
        draw = ImageDraw.Draw(image)
        for place, color in enumerate(("red", "yellow")):
            left = 20 + 100 * place + number // 2
            draw.rectangle((left, 40, left + 59, 99), fill=COLORS[color])
        (folder / "frames").mkdir(exist_ok=True)
        image.save(folder / "frames" / f"{number:03}.png")
    return folder / "frames"


@pytest.fixture
def camera(monkeypatch: pytest.MonkeyPatch) -> Iterator[Camera]:
    """A camera in front of which happens what the test says."""
    made = Camera()
    monkeypatch.setattr("facekit.verbs.watch.watch", made.watch)
    yield made
    made.over.set()


class Camera:
    def __init__(self) -> None:
        self.over, self.error = threading.Event(), None
        self.source = sources.VideoSource("/dev/video9", "device")
        self._waiting: list[Event] = []

    def happens(self, count: int = 1) -> None:
        self._waiting += [Event("appear", 0.5, 1, "red", 0.75, (0, 0, 9, 9), 1)] * count

    def watch(self, *args: Any, stop: Callable[[], bool], **more: Any) -> Iterator[Event]:
        while not stop() and not self.over.is_set():
            while self._waiting:
                yield self._waiting.pop()
            if self.error:
                error, self.error = self.error, None
                raise error
            time.sleep(0.005)


class Heard:
    """What a listener hears, in a thread."""

    def __init__(self, client: httpx.Client, **headers: str) -> None:
        self.events: list[tuple[str, Any]] = []
        self.ids: list[str] = []
        self._client, self._headers = client, headers
        self._thread = threading.Thread(target=self._listen)
        self._began = threading.Event()
        self._thread.start()
        assert self._began.wait(5)

    def _listen(self) -> None:
        with suppress(httpx.HTTPError):  # at the end of a test its client is closed
            self._hear()

    def _hear(self) -> None:
        kind = ""
        with self._client.stream("GET", "/v1/events", headers=self._headers) as answer:
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith("text/event-stream")
            for line in answer.iter_lines():
                self._began.set()
                name, _, value = line.partition(": ")
                if name == "id":
                    self.ids.append(value)
                elif name == "event":
                    kind = value
                elif name == "data":
                    self.events.append((kind, json.loads(value)))

    def wait(self, count: int) -> list[tuple[str, Any]]:
        deadline = time.monotonic() + 5
        while len(self.events) < count:
            assert time.monotonic() < deadline, self.events
            time.sleep(0.005)
        return self.events

    def ended(self, seconds: float = 5) -> list[tuple[str, Any]]:
        self._thread.join(seconds)
        assert not self._thread.is_alive()
        return self.events


def test_the_events_are_those_of_the_verb_and_then_it_ends(start: Started, frames: Path) -> None:
    client = start(watch=sources.parse(str(frames)))
    events = Heard(client, **ALL).ended()
    expected = [event.to_dict() for event in facekit.watch(str(frames), "g.db", options=FakeOptions())]
    assert [values for _, values in events] == [*json.loads(json.dumps(expected)), {}]
    assert [kind for kind, _ in events] == [*(each["event"] for each in expected), "end"]
    assert "red" in [values.get("subject") for _, values in events]
    for _, values in events[:-1]:
        Draft202012Validator({"$ref": "#/$defs/watch", "$defs": schema()["$defs"]}).validate(values)


def test_who_was_cut_off_goes_on_where_it_was(start: Started, frames: Path) -> None:
    client = start(watch=sources.parse(str(frames)))
    first = Heard(client, **ALL)
    first.ended()
    rest = Heard(client, **{"Last-Event-ID": first.ids[1]}).ended()
    assert rest == first.events[2:]
    nothing = Heard(client, **{"Last-Event-ID": first.ids[-1]})
    assert nothing.ended() == []


def test_several_listen_for_longer_than_a_request_may_take(start: Started, camera: Camera) -> None:
    client = start(watch=camera.source, limits=Limits(seconds=0.5))
    one, other = Heard(client), Heard(client)
    time.sleep(0.7)
    camera.happens()
    assert one.wait(1) == other.wait(1)
    assert one.events[0][1]["subject"] == "red"
    camera.over.set()


def test_the_end_of_the_server_ends_what_is_listened_to(folder: Path, camera: Camera) -> None:
    setup = Setup(place_of("g.db"), folder / "keys.json", FakeOptions(), watch=camera.source)
    with ExitStack() as listening:
        with running(setup) as client:
            listener = httpx.Client(base_url=client.base_url, trust_env=False)
            heard = Heard(listening.enter_context(listener))
            began = time.monotonic()
        heard.ended()
        assert time.monotonic() - began < 4


def test_only_who_has_a_key_listens_and_no_longer_than_the_key_is_valid(
    start: Started, camera: Camera, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "HEARTBEAT", 0.05)
    client = start(watch=camera.source, require_key=True)
    problem(client.get("/v1/events"), 401)
    token = facekit.serve_key_add("a", role="read", keys="keys.json").token
    heard = Heard(client, Authorization=f"Bearer {token}")
    camera.happens()
    heard.wait(1)
    facekit.serve_key_remove("a", keys="keys.json")
    heard.ended()
    problem(client.get("/v1/events", headers={"Authorization": f"Bearer {token}"}), 401)


def test_a_problem_is_told_and_a_camera_is_tried_again(
    start: Started, camera: Camera, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "PAUSE", 0.05)
    client = start(watch=camera.source)
    heard = Heard(client)
    camera.error = PictureError("/dev/video9: no frame came")
    assert heard.wait(1)[0] == ("problem", {"detail": "/dev/video9: no frame came"})
    camera.error = KeyError("Ann Lee")
    assert heard.wait(3)[1:] == [("problem", {"detail": "internal error (KeyError)"}), ("end", {})]
    heard.ended()


def test_where_nobody_is_enrolled_it_begins_when_somebody_is(
    start: Started, frames: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "PAUSE", 0.05)
    facekit.gallery_remove(["red", "green"], gallery="g.db")
    heard = Heard(start(watch=sources.parse(str(frames))), **ALL)
    assert heard.wait(1)[0][0] == "problem"
    facekit.enroll("people", "g.db", again=True, options=FakeOptions())
    kinds = [kind for kind, _ in heard.ended()]
    assert {"appear", "end"} <= set(kinds)


def test_who_is_too_slow_hears_how_much_was_missed(
    start: Started, camera: Camera, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "RECENT", 3)
    client = start(watch=camera.source)
    first = Heard(client)
    camera.happens(10)
    first.wait(2)
    camera.over.set()
    later = Heard(client, **ALL)
    time.sleep(0.05)
    events = later.wait(4)
    assert events[0] == ("missed", {"events": 7})
    assert [kind for kind, _ in events[1:4]] == ["appear"] * 3


def test_so_many_may_listen_and_no_more(
    start: Started, camera: Camera, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "LISTENERS", 1)
    client = start(watch=camera.source)
    Heard(client)
    answer = client.get("/v1/events")
    problem(answer, 503)
    assert answer.headers["retry-after"]
    camera.over.set()


def test_a_server_that_watches_nothing_says_how_it_would(client: httpx.Client) -> None:
    assert "--watch" in problem(client.get("/v1/events"), 404)
