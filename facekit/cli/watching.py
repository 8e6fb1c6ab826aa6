"""The run of `facekit watch`: show, save and tell what a session sees, and sum up."""

from __future__ import annotations

import time as clock
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from facekit import identification, writing
from facekit.cli import DONE, FAILED, NO_FACE, signals
from facekit.errors import GalleryError, UsageError
from facekit.live.events import Event
from facekit.live.frames import Frame
from facekit.live.knowledge import Knowledge
from facekit.live.playing import play
from facekit.live.reader import Reader
from facekit.live.session import Portrait, Schedule, Session, TrackState, time_of_day
from facekit.live.sources import Source
from facekit.rendering import identified
from facekit.rendering.counting import counted, part_of
from facekit.rendering.escaping import file_stem, json_line

if TYPE_CHECKING:
    from facekit.cli.console import Console
    from facekit.gallery.base import Gallery
    from facekit.live.video import VideoFile
    from facekit.live.window import Window
    from facekit.pipeline import Pipeline
    from facekit.rendering.files import PortraitFolder
    from facekit.rendering.logged import Log


@dataclass(frozen=True)
class Wishes:
    """What the user wants of a source."""

    view: bool = False
    save_video: Path | None = None
    save_faces: Path | None = None
    log: Path | None = None
    threshold: float | None = None
    max_fps: float | None = None
    detect_every: int | None = None
    seconds: float | None = None
    wait: bool = False

    def check(self, source: Source) -> None:
        """Raise UsageError where the source itself would be written over, what facekit did not write, or one
        file by the other, and for a wait that could not help.
        """
        from facekit import outputs

        if self.wait and not source.live:
            raise UsageError(f"{source.shown}: --wait is for cameras and addresses")
        outputs.require_distinct(self.save_video, self.log)
        if self.save_video is not None:
            from facekit.live.video import is_recording

            outputs.require_replaceable(self.save_video, [source.place], is_recording)
        if self.log is not None:
            from facekit.rendering.logged import is_log

            outputs.require_replaceable(self.log, [source.place], is_log)


def watch_source(
    console: Console,
    source: Source,
    gallery: Gallery,
    pipeline: Pipeline,
    wishes: Wishes,
    *,
    begin: Callable[[], None] = lambda: None,
) -> int:
    """Watch a source to its end; the exit status. `begin` is called with the first frame: of a source that
    is not there, nothing else is told.
    """
    from facekit.live import frame_detection

    identification.require_subjects(gallery)
    watching = Watching(console, source, gallery, wishes)
    session = Session(
        frame_detection.PipelineDetector(pipeline),
        watching.knowledge.index.search,
        watching.knowledge.limit,
        schedule=Schedule(frames=wishes.detect_every or 0),
        keep=watching.keep if wishes.save_faces else None,
        clock=time_of_day if source.live else None,
    )
    reader = Reader(source, tell=watching.hear, most=wishes.max_fps, wait=wishes.wait)
    watching.begin = begin
    watching.renew = lambda known: session.renew(known.index.search, known.limit)
    watching.rate = lambda: min(reader.rate, wishes.max_fps or reader.rate)
    with signals.noted() as stopped:  # in the midst of a frame one would break what is recorded
        watching.stopped = stopped
        try:
            play(reader, session, watching, seconds=wishes.seconds, in_time=wishes.view)
        except KeyboardInterrupt:
            watching.finish("stopped: ")
            raise
        except BaseException:
            watching.finish("")
            raise
        for problem in reader.problems:
            console.error(problem)
        watching.finish("stopped: " if stopped() else "")
    if stopped():
        raise signals.interruption(stopped())
    if source.live and not watching.frames:
        console.error(f"{source.shown}: no frame came")
    if console.failed:
        return FAILED
    return DONE if watching.people or source.live else NO_FACE


class Watching:
    """Shows frames, tells events, saves what is wanted. It is the session's audience, in one thread."""

    def __init__(self, console: Console, source: Source, gallery: Gallery, wishes: Wishes) -> None:
        self.console = console
        self.source = source
        self.gallery = gallery
        self.wishes = wishes
        self.people: dict[int, str | None] = {}
        self.rate: Callable[[], float] = lambda: source.rate
        self.stopped: Callable[[], int] = lambda: 0
        self.knowledge = Knowledge(gallery, wishes.threshold)
        self.begin: Callable[[], None] = lambda: None
        self.renew: Callable[[Knowledge], None] = lambda known: None
        self._began = clock.monotonic()
        self.frames = 0
        self._length = 0.0
        self._recent: deque[float] = deque(maxlen=30)
        self._said: set[str] = set()
        self._heard: deque[str] = deque()
        self._portraits: deque[Portrait] = deque()
        self._newest: Frame | None = None
        self._open_outputs()

    def _open_outputs(self) -> None:
        self._window: Window | None = None
        self._video: VideoFile | None = None
        self._folder: PortraitFolder | None = None
        self._log: Log | None = None
        wishes = self.wishes
        if wishes.view:
            from facekit.live.window import Window

            self._window = Window("facekit")
        if wishes.save_faces:
            from facekit.rendering.files import PortraitFolder

            self._folder = PortraitFolder(
                wishes.save_faces, self.source.name, self.source.digest(), [self.source.place]
            )
        if wishes.save_video:
            from facekit.live.video import VideoFile

            self._video = VideoFile(wishes.save_video)
        if wishes.log:
            from facekit.rendering.logged import Log

            self._log = Log(wishes.log)

    def _heading(self) -> None:
        about = (self.knowledge.limit, self.gallery.settings.calibration.description, self.wishes.threshold)
        self.console.note(identified.name_needs(*about, exact=True))

    def hear(self, text: str) -> None:
        """A remark of the reader's thread, told when there is time."""
        self._heard.append(text)

    def keep(self, portrait: Portrait) -> None:
        """A face of the looker's thread, saved when there is time."""
        self._portraits.append(portrait)

    def show(self, frame: Frame, seen: Sequence[TrackState]) -> None:
        if not self.frames:
            self.begin()
            self._heading()
        self.frames += 1
        self._length, self._newest = frame.time, frame
        self._recent.append(clock.monotonic())
        if not self._window and not self._video:
            return
        from facekit.rendering import moving

        pixels, notes = moving.drawn(frame, seen, self._speed() if self._window else "")
        for note in notes:
            self._note_once(note)
        if self._video:
            self._video.rate = self.rate()
            self._video.add(pixels, frame.time)
        if self._window:
            self._window.show(pixels)

    def tell(self, events: Sequence[Event]) -> None:
        for event in events:
            self.people.setdefault(event.track, None)
            if event.kind != "left":
                self.people[event.track] = event.subject
            self.console.emit(json_line(event.to_dict()))
            if self._log:
                self._log.add(event)

    def wants_more(self) -> bool:
        self._catch_up()
        if self.stopped():
            return False
        if self._window is None:
            return True
        key = self._window.key()
        if key == "s" and self._newest is not None:
            self._save(self._newest)
        return key not in ("q", "\x1b") and not self._window.closed

    def _catch_up(self) -> None:
        while self._heard:
            self.console.note(self._heard.popleft())
        while self._portraits and self._folder:
            portrait = self._portraits.popleft()
            self._folder.save(portrait.track, portrait.subject, portrait.crop)
        try:
            if self.knowledge.changed():
                self.renew(self.knowledge)
        except GalleryError as error:
            self._note_once(f"{error}; going on with the people who were in the gallery")

    def _note_once(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self.console.note(text)

    def _save(self, frame: Frame) -> None:
        from PIL import Image

        file = BytesIO()
        Image.fromarray(frame.pixels).save(file, format="PNG")
        stem = f"{file_stem(self.source.name)}-{frame.number:06}"
        for name in (stem, *(f"{stem}~{number}" for number in range(2, 1000))):
            try:
                writing.create(Path(f"{name}.png"), file.getvalue())
            except FileExistsError:
                continue
            self.console.note(f"frame saved in {name}.png")
            return

    def _speed(self) -> str:
        if len(self._recent) < 2:
            return ""
        passed = self._recent[-1] - self._recent[0]
        return f"{(len(self._recent) - 1) / max(passed, 1e-6):.0f} frames per second"

    def finish(self, lead: str) -> None:
        """Close what was opened, and sum up."""
        try:
            with ExitStack() as opened:
                for output in (self._log, self._video, self._window):
                    if output:
                        opened.callback(output.close)
                self._catch_up()
        finally:
            if self.frames or lead:
                self._sum_up(lead)

    def _sum_up(self, lead: str) -> None:
        took = max(clock.monotonic() - self._began, 1e-6)
        named = sum(subject is not None for subject in self.people.values())
        self.console.note(
            f"{lead}{part_of(named, len(self.people), 'track', 'named')}, "
            f"in {counted(self.frames, 'frame')} ({self._length:.1f} s); "
            f"{self.frames / took:.0f} frames a second"
        )
