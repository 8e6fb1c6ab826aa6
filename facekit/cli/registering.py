"""The run of `facekit register`: ask for the poses, show how far it is, and enroll the best frames."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from facekit import hints
from facekit.cli import DONE, FAILED, NO_FACE
from facekit.cli.keys import Keys
from facekit.errors import DependencyError
from facekit.gallery.subject_names import subject_name
from facekit.live import frame_detection, registering
from facekit.live.frames import Frame
from facekit.live.playing import play
from facekit.live.poses import POSES, Pose
from facekit.live.reader import Reader
from facekit.live.registering import Progress, Registration
from facekit.live.sources import Source
from facekit.rendering.counting import counted, listed
from facekit.rendering.escaping import printable
from facekit.rendering.ring import line, ringed
from facekit.verbs.enroll import camera_hint
from facekit.verbs.galleries import gallery_for_enrollment

if TYPE_CHECKING:
    from facekit.cli.console import Console
    from facekit.gallery.places import Place
    from facekit.live.window import Window
    from facekit.outcomes import Outcome
    from facekit.pipeline import Pipeline


def register_person(
    console: Console,
    name: str,
    source: Source,
    place: Place,
    pipeline: Pipeline,
    *,
    frames: int,
    view: bool | None,
    embedder: Path | None = None,
    accept_poor: bool = False,
) -> int:
    """Take a person's frames from a source and enroll them; the exit status."""
    name = subject_name(name)
    place.require_writable()
    others = registering.other_subjects(place, name, pipeline)
    frame_detector = frame_detection.PipelineDetector(pipeline, posing=True)
    registration = Registration(
        frame_detector, frames=frames, others=others, live=source.live, accept_poor=accept_poor
    )
    window, remark = _window(view, source)
    with Keys() as keys:
        asking = Asking(console, source, registration, window, keys, remark)
        reader = Reader(source, tell=asking.hear)
        try:
            play(reader, registration, asking)
        except KeyboardInterrupt:
            console.note("stopped: nobody was enrolled, the gallery is as it was")
            raise
        finally:
            asking.close()
    for problem in reader.problems:
        console.error(problem)
    return _save(console, name, source, place, pipeline, registration, embedder, accept_poor)


def _window(view: bool | None, source: Source) -> tuple[Window | None, str]:
    """The window, or why there is none; where nobody asked for one, only of a camera, and only if it can be
    had.
    """
    if view is False or (view is None and source.kind != "device"):
        return None, ""
    from facekit.live.window import Window

    try:
        return Window("facekit register"), ""
    except DependencyError as error:
        if view:
            raise
        return None, f"no window ({error})"


class Asking:
    """Shows the person what to do, in a window and in a line of the terminal."""

    def __init__(
        self,
        console: Console,
        source: Source,
        registration: Registration,
        window: Window | None,
        keys: Keys,
        remark: str = "",
    ) -> None:
        self.console = console
        self._source = source
        self._registration = registration
        self._window = window
        self._keys = keys
        self._remark = remark
        self._done: set[Pose] = set()
        self._heard: list[str] = []

    def hear(self, text: str) -> None:
        """A remark of the reader's thread, told when there is time."""
        self._heard.append(text)

    def show(self, frame: Frame, seen: Progress) -> None:
        if self._remark:  # with the first frame: of a camera that is not there, nothing else is told
            self.console.note(self._remark)
            self._remark = ""
        if self._window:
            mirrored = self._source.kind == "device"
            self._window.show(np.asarray(ringed(frame.pixels, seen, mirrored=mirrored)))

    def tell(self, events: Sequence[Progress]) -> None:
        for progress in events:
            if progress.warning:
                self.console.note(progress.warning)
            done = {pose for pose, count in progress.counts.items() if count >= progress.wanted}
            for pose in POSES:
                if pose in done - self._done:
                    self.console.note(f"{pose}: done")
            self._done = done
            self.console.status(line(progress))

    def wants_more(self) -> bool:
        while self._heard:
            self.console.note(self._heard.pop(0))
        pressed = {self._keys.pressed(), self._window.key() if self._window else None}
        closed = self._window is not None and self._window.closed
        # A file is read to its end: better frames may come.
        complete = self._registration.complete and self._source.live
        return not (closed or complete or pressed & {"q", "\x1b"})

    def close(self) -> None:
        self.console.status("")
        if self._window:
            self._window.close()


def _save(
    console: Console,
    name: str,
    source: Source,
    place: Place,
    pipeline: Pipeline,
    registration: Registration,
    embedder: Path | None,
    accept_poor: bool,
) -> int:
    kept = registration.kept()
    if not kept:
        why = registration.refusal() if registration.faces else "no face"
        console.error(f"{source.shown}: no frame to enroll ({why}); the gallery is as it was")
        return FAILED if registration.faces else NO_FACE
    if reason := registration.disagreement():
        console.error(f"{source.shown}: {reason}: nobody was enrolled; show one person alone")
        return FAILED
    for remark in registration.remarks():
        console.note(f"{source.shown}: {remark}")
    with gallery_for_enrollment(place, pipeline) as gallery:
        outcomes = registering.enroll(gallery, name, kept, source.name, accept_poor)
        if hint := camera_hint(gallery, embedder):
            console.note(hint)
    _tell(console, name, [pose for pose, _ in kept], outcomes)
    missing = [pose for pose in POSES if pose not in {pose for pose, _ in kept}]
    if missing:
        console.note(f"not seen: {', '.join(missing)}; run it again to add them")
    console.note(f"use it: {hints.identify(place, embedder)}")
    return FAILED if console.failed else DONE


def _tell(console: Console, name: str, poses: Sequence[Pose], outcomes: Sequence[Outcome]) -> None:
    """What became of the frames of these poses: how many are this person's now, whose they were, and why
    others are not."""
    for note in dict.fromkeys(note for outcome in outcomes for note in outcome.notes):
        console.note(note)
    refused = [outcome for outcome in outcomes if outcome.status == "refused"]
    for problem in dict.fromkeys(problem for outcome in refused for problem in outcome.problems):
        console.error(f"{problem}; not enrolled")
    stored = [outcome for outcome in outcomes if outcome.status in ("enrolled", "moved")]
    for problem in dict.fromkeys(problem for outcome in stored for problem in outcome.problems):
        console.note(f"{problem}; enrolled all the same")
    counts = Counter(outcome.status for outcome in outcomes)
    added = [pose for pose, outcome in zip(poses, outcomes, strict=True) if outcome in stored]
    told = listed(
        f"{counted(len(added), 'template')} added{_counts(added)}",
        (counts["moved"], "of them moved from another name"),
        (counts["already there"], "already there"),
    )
    console.emit(f"{printable(name)}: {told}")
    if removed := counts["removed earlier"]:
        tell = console.note if stored or counts["already there"] else console.error
        tell(f"{counted(removed, 'frame')} not enrolled: removed earlier, and stays removed: record anew")


def _counts(poses: Sequence[Pose]) -> str:
    parts = [f"{pose} {poses.count(pose)}" for pose in POSES if pose in poses]
    return f" ({', '.join(parts)})" if parts else ""
