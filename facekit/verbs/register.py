"""Enroll a person in front of a camera, or from a video."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from os import PathLike
from typing import TYPE_CHECKING

import numpy as np

from facekit.arguments import integer_of, path_of
from facekit.errors import DependencyError, NoFaceError, PictureError, UsageError
from facekit.faces.reading import Options
from facekit.rendering.ring import line, ringed
from facekit.text.subject_names import subject_name
from facekit.verbs.camera import camera_hint
from facekit.verbs.galleries import AnyGallery, place_to_write, to_write
from facekit.verbs.listeners import OnNote, no_note
from facekit.verbs.rehearsal import rehearsal
from facekit.video import frame_detection, other_subjects, registering, sources
from facekit.video.playing import play
from facekit.video.poses import POSES, Pose
from facekit.video.reader import Reader
from facekit.video.registering import Progress, Registered, RegisteredFrame, Registration

if TYPE_CHECKING:
    from facekit.faces.pipeline import Pipeline
    from facekit.video.frames import Frame
    from facekit.video.sources import VideoSource
    from facekit.video.window import Window

CAMERA = "0"
"""The source where none is named: the first camera."""


def register(
    name: str,
    source: str | PathLike[str] | None = None,
    gallery: AnyGallery | None = None,
    *,
    from_folder: str | PathLike[str] | None = None,
    frames: int = 3,
    accept_poor: bool = False,
    dry_run: bool = False,
    view: bool | None = False,
    options: Options | None = None,
    pipeline: Pipeline | None = None,
    stop: Callable[[], bool] = lambda: False,
    on_note: OnNote = no_note,
    on_status: OnNote = no_note,
) -> Registered:
    """Enroll a person from a camera, a video, an address or a folder of frames: the `frames` sharpest from
    the front, left, right, above and below. A live source is left when all are there. Frames so poor that
    strangers would be taken for the person are left out, unless with `accept_poor`.

    Without a `source` or `from_folder` it is the first camera. Without `gallery`: `FACEKIT_GALLERY`,
    `./gallery.db` or `./gallery/gallery.db`, else the user's own. With `view` there is a window; None opens
    one for a camera where there is a display. `stop` is asked between frames, `on_status` has a line that
    says how far it is. With `dry_run` nothing is stored, and the outcomes are those that would be. Raises as
    `watch` does, and NoFaceError where no frame can be enrolled."""
    name, frames = subject_name(name), integer_of(frames, "frames", least=1)
    if source is not None and from_folder is not None:
        raise UsageError("give a source or --from-folder, not both")
    given = source if from_folder is None else from_folder
    options = Options.of(options)
    text = CAMERA if given is None else path_of(given, "the source")
    camera = sources.parse(text, folder_rate=1.0, max_pixels=options.max_pixels)
    pipeline = options.pipeline_or(pipeline)
    place = place_to_write(gallery)
    place.require_writable()
    registration = Registration(
        frame_detection.PipelineDetector(pipeline, posing=True),
        frames=frames,
        others=other_subjects.other_subjects(place, name, pipeline),
        live=camera.live,
        accept_poor=accept_poor,
    )
    window, remark = _window(view, camera)
    screen = _Screen(camera, registration, window, stop, on_note, on_status, remark)
    reader = Reader(camera, tell=screen.hear)
    try:
        for progress in play(reader, registration, screen):
            screen.tell(progress)
    except KeyboardInterrupt:
        on_note("stopped: nobody was enrolled, the gallery is as it was")
        raise
    finally:
        screen.close()
    frames_kept = _kept(registration, camera)
    for remark in registration.remarks():
        on_note(f"{camera.public_name}: {remark}")
    if dry_run:
        with rehearsal(place, on_note, named=gallery, fingerprint=pipeline.fingerprint) as tried:
            with to_write(tried.copy, pipeline) as opened:
                tried_on = registering.enroll(opened, name, frames_kept, camera.name, accept_poor)
            return Registered(
                tuple(map(tried.outcome, tried_on)),
                problems=tuple(reader.problems),
                poses=tuple(pose for pose, _ in frames_kept),
            )
    with to_write(gallery, pipeline) as opened:
        outcomes = registering.enroll(opened, name, frames_kept, camera.name, accept_poor)
        return Registered(
            tuple(outcomes),
            gallery=opened.place,
            templates=len(opened),
            camera=camera_hint(opened, options.embedder),
            problems=tuple(reader.problems),
            poses=tuple(pose for pose, _ in frames_kept),
        )


def _kept(registration: Registration, camera: VideoSource) -> Sequence[tuple[Pose, RegisteredFrame]]:
    """The frames to enroll. Raises where there are none, or they do not show one person alone."""
    frames = registration.selection()
    if not frames:
        why = registration.refusal() if registration.faces else "no face"
        error = PictureError if registration.faces else NoFaceError
        raise error(f"{camera.public_name}: no frame to enroll ({why}); the gallery is as it was")
    if reason := registration.disagreement():
        raise PictureError(f"{camera.public_name}: {reason}: nobody was enrolled; show one person alone")
    return frames


def _window(view: bool | None, source: VideoSource) -> tuple[Window | None, str]:
    """The window, or why there is none; where nobody asked for one, only of a camera, and only if it can be
    had.
    """
    if view is False or (view is None and source.kind != "device"):
        return None, ""
    from facekit.video.window import Window

    try:
        return Window("facekit register"), ""
    except DependencyError as error:
        if view:
            raise
        return None, f"no window ({error})"


class _Screen:
    """Shows the person what to do, in a window and in a line."""

    def __init__(
        self,
        source: VideoSource,
        registration: Registration,
        window: Window | None,
        stop: Callable[[], bool],
        on_note: OnNote,
        on_status: OnNote,
        remark: str = "",
    ) -> None:
        self._source = source
        self._registration = registration
        self._window = window
        self._stop, self._on_note, self._on_status = stop, on_note, on_status
        self._remark = remark
        self._done: set[Pose] = set()
        self._remarks: list[str] = []

    def hear(self, text: str) -> None:
        """A remark of the reader's thread, told when there is time."""
        self._remarks.append(text)

    def show(self, frame: Frame, state: Progress) -> None:
        if self._remark:  # with the first frame: of a camera that is not there, nothing else is told
            self._on_note(self._remark)
            self._remark = ""
        if self._window:
            mirrored = self._source.kind == "device"
            self._window.show(np.asarray(ringed(frame.pixels, state, mirrored=mirrored)))

    def tell(self, progress: Progress) -> None:
        """Say what to do next."""
        if progress.warning:
            self._on_note(progress.warning)
        done = {pose for pose, count in progress.counts.items() if count >= progress.wanted}
        for pose in POSES:
            if pose in done - self._done:
                self._on_note(f"{pose}: done")
        self._done = done
        self._on_status(line(progress))

    def wants_more(self) -> bool:
        while self._remarks:
            self._on_note(self._remarks.pop(0))
        key = self._window.key() if self._window else None
        closed = self._window is not None and self._window.closed
        # A file is read to its end: better frames may come.
        complete = self._registration.complete and self._source.live
        return not (self._stop() or closed or complete or key in ("q", "\x1b"))

    def close(self) -> None:
        self._on_status("")
        if self._window:
            self._window.close()
