"""Where faces are in every frame of a video, those frames too in which a detector missed one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from facekit.results import Box, Detection, Face
from facekit.video.events import Event
from facekit.video.frame_detection import FrameDetector
from facekit.video.frames import Frame
from facekit.video.session import Session
from facekit.video.tracking import moved, pair

GAP = 1.0
"""A face that is back after no more seconds was there all the time."""
HOLD = 0.5
"""So many seconds before it was first seen, and after it was last seen, a face may have been there already,
or still: turned away, or half behind something."""

_CLOSE = 1e-6
# A track that is not seen in more frames than these after it began is given up (`Session`).
_FORGOTTEN = 3

Shows = Callable[[str | None, Iterable[str]], bool]
"""Whether somebody, or an unknown person who may be one of several, stays visible."""


@dataclass(frozen=True)
class Sight:
    """A face in a frame, how sure the detector is of it, the track that it belongs to, and who that was at
    this time."""

    box: Box
    detector_score: float = 1.0
    track: int | None = None
    subject: str | None = None


class Survey:
    """Looks for faces in every frame. With `session`, which makes one for a detector, it is known who they
    are once all frames were looked at."""

    def __init__(
        self, detector: FrameDetector, session: Callable[[FrameDetector], Session] | None = None
    ) -> None:
        self._detector = _Remembering(detector)
        self._session = session(self._detector) if session else None
        self.times: list[float] = []
        self.size = (0, 0)
        self._sights: list[list[Sight]] = []
        # Of each track, the first name and since when, the last one, and who else it may have been.
        self._first: dict[int, tuple[float, str]] = {}
        self._last: dict[int, str | None] = {}
        self._rivals: dict[int, set[str]] = {}

    def take(self, frame: Frame) -> None:
        """Look at the next frame."""
        if self._session is None:
            self._sights.append(
                [Sight(face.box, face.score) for face in self._detector.detect(frame, deep=True)]
            )
        else:
            self._learn(self._session.step(frame))
            self._sights.append(self._tracked(self._session, frame.time))
        self.times.append(frame.time)
        height, width = frame.pixels.shape[:2]
        self.size = (width, height)

    def finish(self) -> None:
        """There are no more frames."""
        if self._session is not None:
            self._learn(self._session.finish())
            self._adopt()

    def hidden(self, shows: Shows) -> tuple[list[list[Box]], list[set[str | None]]]:
        """For each frame the boxes of those who do not stay visible, and who does (None: somebody
        unknown)."""
        hidden, visible = self._divided(shows)
        return filled(self.times, [[sight.box for sight in sights] for sights in hidden]), visible

    def weak(self, shows: Shows, limit: float) -> int:
        """How many of those who do not stay visible have a detector score below the limit whenever they are
        detected: they may be something else."""
        hidden, _ = self._divided(shows)
        scores = [{sight.box: sight.detector_score for sight in sights} for sights in hidden]
        paths = _paths(self.times, [list(some) for some in scores])
        return sum(max(scores[number][box] for number, box in path) < limit for path in paths)

    def _divided(self, shows: Shows) -> tuple[list[list[Sight]], list[set[str | None]]]:
        """For each frame the faces that do not stay visible, and whose do."""
        hidden: list[list[Sight]] = []
        visible: list[set[str | None]] = []
        for time, sights in zip(self.times, self._sights, strict=True):
            who = [self._subject(sight, time) for sight in sights]
            stay = [
                shows(name, self._rivals.get(sight.track or 0, ()))
                for name, sight in zip(who, sights, strict=True)
            ]
            hidden.append([sight for sight, stays in zip(sights, stay, strict=True) if not stays])
            visible.append({name for name, stays in zip(who, stay, strict=True) if stays})
        return hidden, visible

    def _learn(self, events: Iterable[Event]) -> None:
        for event in events:
            if event.kind == "recognized" and event.subject is not None:
                self._first.setdefault(event.track, (event.time, event.subject))
            if event.kind != "appear":
                self._last[event.track] = event.subject
            self._rivals.setdefault(event.track, set()).update(event.contenders)

    def _tracked(self, session: Session, time: float) -> list[Sight]:
        """The faces of this frame: all that were detected, with their tracks as far as they have one."""
        sights = [Sight(detection.box, detection.score) for detection in self._detector.last]
        boxes = [sight.box for sight in sights]
        states = [state for state in session.state() if state.time == time]
        for state, place in zip(states, pair([state.box for state in states], boxes), strict=True):
            if place is not None:
                sights[place] = replace(sights[place], track=state.track, subject=state.subject)
        return sights

    def _adopt(self) -> None:
        """Give each track the sight with which it began: a session tells of a track from the second on."""
        began: dict[int, tuple[int, Box]] = {}
        for number, sights in enumerate(self._sights):
            for sight in sights:
                if sight.track is not None:
                    began.setdefault(sight.track, (number, sight.box))
        for track, (number, box) in began.items():
            for earlier in self._sights[max(0, number - _FORGOTTEN) : number][::-1]:
                loose = [place for place, sight in enumerate(earlier) if sight.track is None]
                [found] = pair([box], [earlier[place].box for place in loose])
                if found is not None:
                    earlier[loose[found]] = replace(earlier[loose[found]], track=track)
                    break

    def _subject(self, sight: Sight, time: float) -> str | None:
        """Who it was; before a track had its first name, that one, if it never had another."""
        if sight.subject is not None or sight.track not in self._first:
            return sight.subject
        since, name = self._first[sight.track]
        return name if time < since and self._last.get(sight.track) == name else None


class _Remembering:
    """A detector that looks for small faces too, and remembers what it found last."""

    def __init__(self, detector: FrameDetector) -> None:
        self._detector = detector
        self.last: list[Detection] = []

    def detect(self, frame: Frame, *, deep: bool = False) -> list[Detection]:
        self.last = self._detector.detect(frame, deep=True)
        return self.last

    def detect_near(self, frame: Frame, boxes: Sequence[Box]) -> list[Detection]:
        return self._detector.detect_near(frame, boxes)

    def describe(self, frame: Frame, detections: Sequence[Detection]) -> list[Face]:
        return self._detector.describe(frame, detections)


def filled(times: Sequence[float], boxes: Sequence[Sequence[Box]]) -> list[list[Box]]:
    """The boxes of each frame, and those that are missing among them: between two sights of one face, and a
    while before the first and after the last."""
    result = [list(some) for some in boxes]
    for path in _paths(times, boxes):
        for (i, before), (j, after) in pairwise(path):
            for k in range(i + 1, j):
                part = (times[k] - times[i]) / (times[j] - times[i])
                result[k].append(_box(np.array(before) + part * (np.array(after) - np.array(before))))
        for step, ends in ((-1, path[:2]), (1, path[-1:-3:-1])):
            _hold(times, result, ends, step)
    return result


def _paths(times: Sequence[float], boxes: Sequence[Sequence[Box]]) -> list[list[tuple[int, Box]]]:
    """The sights that are of one face, each with the number of its frame."""
    paths: list[list[tuple[int, Box]]] = []
    for number, some in enumerate(boxes):
        alive = [path for path in paths if times[number] - times[path[-1][0]] <= GAP]
        places = pair([_expected(times, path[-1:-3:-1], number) for path in alive], some)
        for path, place in zip(alive, places, strict=True):
            if place is not None:
                path.append((number, some[place]))
        paths += [[(number, box)] for place, box in enumerate(some) if place not in places]
    return paths


def _expected(times: Sequence[float], ends: Sequence[tuple[int, Box]], number: int) -> Box:
    """Where a face is in a frame, by the last two sights of it, the nearer first."""
    (last, box), (other, earlier) = ends[0], ends[-1]
    passed = times[last] - times[other]
    velocity = (np.array(box) - np.array(earlier)) / passed if abs(passed) > _CLOSE else np.zeros(4)
    away = times[number] - times[last]
    return moved(box, velocity * np.sign(away), abs(away))


def _hold(
    times: Sequence[float], result: list[list[Box]], ends: Sequence[tuple[int, Box]], step: int
) -> None:
    """Cover where a face was, and where it was going to, in the frames beyond its last sight."""
    number, box = ends[0]
    k = number + step
    while 0 <= k < len(times) and abs(times[k] - times[number]) <= HOLD:
        there = np.array([box, _expected(times, ends, k)])
        result[k].append(_box(np.concatenate([there[:, :2].min(axis=0), there[:, 2:].max(axis=0)])))
        k += step


def _box(sides: np.ndarray) -> Box:
    x0, y0, x1, y1 = sides.tolist()
    return x0, y0, x1, y1
