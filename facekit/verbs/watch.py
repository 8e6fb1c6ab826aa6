"""Who is in front of a camera, or in a video?"""

from __future__ import annotations

import time as clock
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from io import BytesIO
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from facekit.arguments import integer_of, number_of, path_of, score_of, seconds_of
from facekit.errors import GalleryError, PictureError, UsageError
from facekit.faces.reading import Options
from facekit.files import outputs, writing
from facekit.people import identification
from facekit.rendering import identified
from facekit.text.counting import counted, part_of
from facekit.text.escaping import file_stem
from facekit.verbs.galleries import AnyGallery, as_place, in_use, is_open, tell_gallery
from facekit.verbs.listeners import OnNote, no_note
from facekit.verbs.pictures import folder_of
from facekit.video import frame_detection, playing, reader, session, sources
from facekit.video.knowledge import Knowledge

if TYPE_CHECKING:
    from facekit.faces.pipeline import Pipeline
    from facekit.gallery.base import Gallery
    from facekit.rendering.files import PortraitFolder, UnknownFolder
    from facekit.rendering.logged import Log
    from facekit.video.events import Event
    from facekit.video.frames import Frame
    from facekit.video.session import Portrait, TrackState
    from facekit.video.sources import VideoSource
    from facekit.video.window import Window
    from facekit.video.writer import VideoFile

VIEWS = 3
"""So many pictures of somebody unknown are saved: looks that differ help more than many that are alike."""

AnyPath = str | PathLike[str]


def watch(
    source: str | PathLike[str],
    gallery: AnyGallery | None = None,
    *,
    view: bool = False,
    save_video: AnyPath | None = None,
    save_faces: AnyPath | None = None,
    save_unknown: AnyPath | None = None,
    log: AnyPath | None = None,
    threshold: float | None = None,
    max_fps: float | None = None,
    detect_every: int | None = None,
    seconds: float | None = None,
    wait: bool = False,
    options: Options | None = None,
    pipeline: Pipeline | None = None,
    stop: Callable[[], bool] = lambda: False,
    on_note: OnNote = no_note,
) -> Iterator[Event]:
    """What happens in front of a camera (`"0"`), in a video, at an address or in a folder of frames.

    People appear, are recognized and leave, at a score of at least `threshold` (None: a little more than the
    gallery's, because a track is asked about again and again). Of what is live, the newest frame is looked at
    each time, and with `wait` a camera or an address that is not there is waited for. It is shown in a window
    with `view`; the video with boxes and names is saved in the file `save_video`, the best face of everybody
    in the folder `save_faces`, the best three pictures of everybody unknown in the folder `save_unknown`, for
    `cluster` and `enroll`, and the events are added to the file `log` (CSV). `stop` is asked between
    frames. Raises PictureError for a source that cannot be read or breaks off, and at the end for what of it
    was damaged, DependencyError where nothing here reads video.
    """
    options = Options.of(options)
    place = sources.parse(path_of(source, "the source"), max_pixels=options.max_pixels)
    video, faces = folder_of(save_video, "save_video"), folder_of(save_faces, "save_faces")
    unknown, events = folder_of(save_unknown, "save_unknown"), folder_of(log, "the log")
    limit = score_of(threshold, "the threshold")
    most = None if max_fps is None else number_of(max_fps, "max_fps", least=1e-6)
    every = 0 if detect_every is None else integer_of(detect_every, "detect_every", least=1)
    end = None if seconds is None else seconds_of(seconds, "seconds")
    _check(place, video, events, wait=wait)
    if faces and unknown and outputs.same_file(faces, unknown):
        raise UsageError(f"{unknown}: is given for known and unknown faces: give each its own folder")
    pipeline = options.pipeline_or(pipeline)
    with in_use(gallery, pipeline) as opened:
        identification.require_subjects(opened)
        knowledge = Knowledge(opened, limit)
        screen = _Screen(place, opened, knowledge, limit, stop, on_note)
        if not is_open(gallery):
            screen.begin = lambda: tell_gallery(as_place(gallery), opened.place, on_note)
        screen.open(view=view, video=video, faces=faces, unknown=unknown, log=events)
        people = session.Session(
            frame_detection.PipelineDetector(pipeline),
            knowledge.index.search,
            knowledge.limit,
            knowledge.cohort,
            schedule=session.Schedule(frames=every),
            keep=screen.keep if faces or unknown else None,
            views=VIEWS if unknown else 0,
            clock=session.time_of_day if place.live else None,
        )
        frames = reader.Reader(place, tell=screen.hear, most=most, wait=wait)
        screen.renew = lambda: people.renew(knowledge.index.search, knowledge.limit, knowledge.cohort)
        screen.rate = lambda: min(frames.rate, most or frames.rate)
        with screen:
            for event in playing.play(frames, people, screen, seconds=end, in_time=view):
                screen.record(event)
                yield event
        if frames.problems:
            raise PictureError("; ".join(frames.problems))
        if place.live and not screen.frames and not stop():
            raise PictureError(f"{place.public_name}: no frame came")


def _check(source: VideoSource, video: Path | None, log: Path | None, *, wait: bool) -> None:
    """Raise UsageError where the source itself would be written over, what facekit did not write, or one
    file by the other, and for a wait that could not help."""
    if wait and not source.live:
        raise UsageError(f"{source.public_name}: --wait is for cameras and addresses")
    outputs.require_distinct(video, log)
    if video is not None:
        from facekit.video.writer import is_recording

        outputs.require_replaceable(video, [source.place], is_recording)
    if log is not None:
        from facekit.rendering.logged import is_log

        outputs.require_replaceable(log, [source.place], is_log)


class _Screen:
    """Shows frames, saves what is wanted, and sums up at the end; all in one thread."""

    def __init__(
        self,
        source: VideoSource,
        gallery: Gallery,
        knowledge: Knowledge,
        given: float | None,
        stop: Callable[[], bool],
        on_note: OnNote,
    ) -> None:
        self.people: dict[int, str | None] = {}
        self.frames = 0
        self.rate: Callable[[], float] = lambda: source.rate
        self.renew: Callable[[], None] = lambda: None
        self.begin: Callable[[], None] = lambda: None
        self._source, self._gallery, self._knowledge = source, gallery, knowledge
        self._given, self._stop, self._on_note = given, stop, on_note
        self._began = clock.monotonic()
        self._length = 0.0
        self._recent: deque[float] = deque(maxlen=30)
        self._said: set[str] = set()
        self._remarks: deque[str] = deque()
        self._portraits: deque[Portrait] = deque()
        self._newest: Frame | None = None
        self._window: Window | None = None
        self._video: VideoFile | None = None
        self._folder: PortraitFolder | None = None
        self._unknown: UnknownFolder | None = None
        self._log: Log | None = None

    def open(
        self,
        *,
        view: bool,
        video: Path | None,
        faces: Path | None,
        unknown: Path | None,
        log: Path | None,
    ) -> None:
        """Open what is written and shown."""
        if view:
            from facekit.video.window import Window

            self._window = Window("facekit")
        if faces or unknown:
            from facekit.rendering.files import PortraitFolder, UnknownFolder

            source = self._source
            of_video = (source.name, source.digest(), [source.place])
            self._folder = PortraitFolder(faces, *of_video) if faces else None
            self._unknown = UnknownFolder(unknown, *of_video) if unknown else None
        if video:
            from facekit.video.writer import VideoFile

            self._video = VideoFile(video)
            self._remarks += self._video.remarks
        if log:
            from facekit.rendering.logged import Log

            self._log = Log(log)

    def hear(self, text: str) -> None:
        """A remark of the reader's thread, told when there is time."""
        self._remarks.append(text)

    def keep(self, portrait: Portrait) -> None:
        """A face of the looker's thread, saved when there is time."""
        self._portraits.append(portrait)

    def show(self, frame: Frame, state: Sequence[TrackState]) -> None:
        if not self.frames:  # of a source that is not there, nothing else is told
            self._tell_beginning()
        self.frames += 1
        self._length, self._newest = frame.time, frame
        self._recent.append(clock.monotonic())
        if not self._window and not self._video:
            return
        from facekit.rendering import moving

        pixels, notes = moving.drawn(frame, state, self._speed() if self._window else "")
        for note in notes:
            self._note_once(note)
        if self._video:
            self._video.rate = self.rate()
            self._video.add(pixels, frame.time)
        if self._window:
            self._window.show(pixels)

    def record(self, event: Event) -> None:
        """Add an event to the log and to the summary."""
        self.people.setdefault(event.track, None)
        if event.kind != "left":
            self.people[event.track] = event.subject
        if self._log:
            self._log.add(event)

    def wants_more(self) -> bool:
        self._catch_up()
        if self._stop():
            return False
        if self._window is None:
            return True
        key = self._window.key()
        if key == "s" and self._newest is not None:
            self._save(self._newest)
        return key not in ("q", "\x1b") and not self._window.closed

    def __enter__(self) -> None:
        """Until the end of the context what was opened is open."""

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        """Close what was opened, and sum up."""
        stopped = self._stop() or (kind is not None and issubclass(kind, KeyboardInterrupt))
        lead = "stopped: " if stopped else ""
        try:
            with ExitStack() as opened:
                for output in (self._log, self._video, self._window):
                    if output:
                        opened.callback(output.close)
                self._catch_up()
            if self._video and self._video.is_saved:
                self._on_note(f"video saved in {self._video.path}")
        finally:
            for folder in (self._folder, self._unknown):
                if folder:
                    self._on_note(folder.remark())
            if self.frames or lead:
                self._sum_up(lead)

    def _tell_beginning(self) -> None:
        self.begin()
        limit, how = self._knowledge.limit, self._gallery.settings.calibration.description
        self._on_note(identified.name_needs(limit, how, self._given, exact=True))

    def _catch_up(self) -> None:
        while self._remarks:
            self._on_note(self._remarks.popleft())
        while self._portraits:
            portrait = self._portraits.popleft()
            if self._folder:
                self._folder.save(portrait.track, portrait.subject, portrait.crop)
            if self._unknown and portrait.subject is None and portrait.views:
                self._unknown.save(portrait.track, portrait.views)
        try:
            if self._knowledge.changed():
                self.renew()
        except GalleryError as error:
            self._note_once(f"{error}; going on with the people who were in the gallery")

    def _note_once(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self._on_note(text)

    def _save(self, frame: Frame) -> None:
        from PIL import Image

        file = BytesIO()
        Image.fromarray(frame.pixels).save(file, format="PNG")
        stem = f"{file_stem(self._source.name)}-{frame.number:06}"
        for name in (stem, *(f"{stem}~{number}" for number in range(2, 1000))):
            try:
                writing.create(Path(f"{name}.png"), file.getvalue())
            except FileExistsError:
                continue
            self._on_note(f"frame saved in {name}.png")
            return

    def _speed(self) -> str:
        if len(self._recent) < 2:
            return ""
        passed = self._recent[-1] - self._recent[0]
        return f"{(len(self._recent) - 1) / max(passed, 1e-6):.0f} frames per second"

    def _sum_up(self, lead: str) -> None:
        took = max(clock.monotonic() - self._began, 1e-6)
        named = sum(subject is not None for subject in self.people.values())
        self._on_note(
            f"{lead}{part_of(named, len(self.people), 'track', 'named')}, "
            f"in {counted(self.frames, 'frame')} ({self._length:.1f} s); "
            f"{self.frames / took:.0f} frames a second"
        )
