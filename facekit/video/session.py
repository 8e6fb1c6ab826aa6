"""Frames in, events out: looking, tracking and voting put together."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from facekit.detection.geometry import face_side
from facekit.people import identification
from facekit.results import Box, Candidate, Detection, Face, Pixels
from facekit.video import voting
from facekit.video.events import Event, Kind
from facekit.video.frame_detection import FrameDetector
from facekit.video.frames import Frame
from facekit.video.tracking import Look, Track, around, glance, looks_changed, moved, pair

Search = Callable[[NDArray[np.float32], int], list[list[Candidate]]]


@dataclass(frozen=True)
class Schedule:
    """How often what is done, in seconds of the source's time.

    The whole frame is looked at every `full` seconds, or, where it is given, at every `frames`-th frame;
    every `deep`-th such look is for small faces. Between them, known faces are looked for near where they
    were, every `near` seconds. A track is described again `again` seconds after the last time, and is over
    when it was not seen for `patience` seconds.
    """

    full: float = 0.3
    near: float = 0.08
    deep: int = 4
    again: float = 1.0
    patience: float = 1.0
    frames: int = 0


@dataclass(frozen=True, eq=False)
class TrackState:
    """A person as the screen shows them: where they were when last seen, how they move, who they are."""

    track: int
    box: Box
    velocity: NDArray[np.float64]
    time: float
    subject: str | None
    score: float | None

    def expected_box(self, time: float) -> Box:
        """Where the face is expected at a time."""
        return moved(self.box, self.velocity, time - self.time)


@dataclass(frozen=True, eq=False)
class Portrait:
    """The best crop of a track that is over, and who it was; and the parts of frames that show the face best,
    if they are wanted.
    """

    track: int
    subject: str | None
    crop: Pixels
    views: tuple[Pixels, ...] = ()


class Portraits(Protocol):
    def __call__(self, portrait: Portrait) -> None: ...


class Session:
    """People who come, are named, and go. `step` takes the frames in order, from one thread; `seen` may be
    asked from any other.

    `search` gives for unit vectors (n, d) their k best subjects (`Gallery.search`, or an index that is
    held); a subject is named at a score of at least `threshold`; `renew` changes both. `keep` hears of the
    best crop of each track when it is over, and of so many `views`. `clock` gives the time of day for events
    of a live source.
    """

    def __init__(
        self,
        detector: FrameDetector,
        search: Search,
        threshold: float,
        cohort: float = math.inf,
        *,
        schedule: Schedule | None = None,
        keep: Portraits | None = None,
        views: int = 0,
        clock: Callable[[], str] | None = None,
    ) -> None:
        self._detector = detector
        # One value: another thread may put another in its place between two frames' lines.
        self._asked = (search, threshold, cohort)
        self._schedule = schedule or Schedule()
        self._keep = keep
        self._views = views
        self._clock = clock
        self._tracks: list[Track] = []
        self._seen: tuple[TrackState, ...] = ()
        self._count = self._looks = 0
        self._last_whole = self._last_look = -np.inf
        self._now = 0.0
        self._size = (0, 0)
        self._time_of_day: str | None = None

    def state(self) -> tuple[TrackState, ...]:
        """Who is there, in the order in which they came."""
        return self._seen

    def step(self, frame: Frame) -> list[Event]:
        """Look at a frame, or leave it out, as the schedule says."""
        self._now, self._time_of_day = frame.time, self._clock() if self._clock else None
        height, width = frame.pixels.shape[:2]
        self._size = (width, height)
        detections = self._look(frame)
        if detections is None:
            return []
        events = self._follow(frame, detections)
        events += self._over(lambda track: self._lost(track))
        events += self._decide()
        self._seen = tuple(_seen(track) for track in self._tracks if track.announced and not track.missed > 2)
        return events

    def renew(self, search: Search, threshold: float, cohort: float = math.inf) -> None:
        """Ask another gallery from the next frame on, about everybody who is there."""
        self._asked = (search, threshold, cohort)

    def interrupt(self) -> list[Event]:
        """Everybody has left when they were last seen: the source broke off. Who is there when it comes back
        is somebody new.
        """
        self._seen = ()
        self._last_whole = self._last_look = -np.inf
        self._looks = 0
        sights = {track.number: (track.last_seen, track.clock) for track in self._tracks}
        left = self._over(lambda track: True)
        return [replace(event, time=sights[event.track][0], clock=sights[event.track][1]) for event in left]

    def finish(self) -> list[Event]:
        """Everybody leaves: there are no more frames."""
        self._seen = ()
        return self._over(lambda track: True)

    @property
    def _threshold(self) -> float:
        return self._asked[1]

    def _look(self, frame: Frame) -> list[Detection] | None:
        schedule = self._schedule
        every = frame.number % schedule.frames == 0 if schedule.frames else False
        if every or (not schedule.frames and frame.time >= self._last_whole + schedule.full):
            self._last_whole = self._last_look = frame.time
            self._looks += 1
            deep = bool(schedule.deep) and self._looks % schedule.deep == 1 % schedule.deep
            return self._detector.detect(frame, deep=deep)
        # A look that is early by a rounding of a frame's time is not too early.
        if self._tracks and frame.time >= self._last_look + schedule.near - 1e-3:
            self._last_look = frame.time
            return self._detector.detect_near(
                frame, [track.expected_box(frame.time) for track in self._tracks]
            )
        return None

    def _follow(self, frame: Frame, detections: Sequence[Detection]) -> list[Event]:
        """Give the faces to their tracks, or to new ones, and describe those that are worth it."""
        time = frame.time
        places = pair([track.expected_box(time) for track in self._tracks], [face.box for face in detections])
        wanted: list[Track] = []
        for track, place in zip(self._tracks, places, strict=True):
            if place is None:
                track.missed += 1
                continue
            # Compared with when it was last described: a slow fade from one person to the next adds up.
            now = glance(frame.pixels, detections[place].box)
            surprising = track.missed > 0 or looks_changed(track.glance, now)
            track.see(detections[place], time)
            track.clock = self._time_of_day
            if surprising or self._worth_describing(track):
                wanted.append(track)
        fresh = [self._begin(face, time) for n, face in enumerate(detections) if n not in places]
        self._tracks += fresh
        wanted += fresh
        return self._describe(frame, wanted) if wanted else []

    def _begin(self, face: Detection, time: float) -> Track:
        self._count += 1
        return Track(self._count, face, face.box, time, time, self._time_of_day)

    def _worth_describing(self, track: Track) -> bool:
        return (
            track.votes.count < voting.ENOUGH
            or bool(track.mismatches)
            or promise(track.detection) > 1.15 * track.promise
            or self._now >= track.described + self._schedule.again
        )

    def _describe(self, frame: Frame, tracks: Sequence[Track]) -> list[Event]:
        events: list[Event] = []
        faces = self._detector.describe(frame, [track.detection for track in tracks])
        for track, face in zip(tracks, faces, strict=True):
            track.described, track.glance = frame.time, glance(frame.pixels, track.detection.box)
            view = around(frame.pixels, face.detection.box) if self._views else None
            look = Look(face, frame.number, frame.time, voting.worth(face.quality), view)
            earlier = self._same_person(track, face)
            if earlier is not None:
                self._tracks.remove(track)
                earlier.see(track.detection, frame.time)
                earlier.clock = track.clock
                earlier.described, earlier.glance = frame.time, track.glance
                track = earlier
            elif self._in_doubt(track, face):
                track.mismatches.append(look)
                if self._is_another(track):
                    events += self._replace(track, frame)
                continue
            track.mismatches.clear()
            self._learn(track, look)
        return events

    def _learn(self, track: Track, look: Look) -> None:
        track.votes.add(voting.Vote(look.face.vector, look.worth))
        track.promise = max(track.promise, promise(track.detection))
        if self._views:
            track.take_view(look, self._views)
        if track.best is None or look.worth > track.best.worth:
            track.best = look

    def _same_person(self, track: Track, face: Face) -> Track | None:
        """The track of which a new one is the continuation, somewhere else than expected."""
        if len(track.votes) or track.mismatches:
            return None
        away = [other for other in self._tracks if other.missed and other.last_seen < track.last_seen]
        likeness = [(other.votes.likeness(face.vector), other) for other in away]
        best = max(likeness, key=lambda pair: pair[0], default=None)
        return best[1] if best and best[0] >= self._threshold else None

    def _in_doubt(self, track: Track, face: Face) -> bool:
        return len(track.votes) > 0 and track.votes.likeness(face.vector) < self._doubtful

    @property
    def _doubtful(self) -> float:
        return voting.MISMATCH * self._threshold

    def _is_another(self, track: Track) -> bool:
        """Whether two faces in a row are unlike the track and like each other: the next person."""
        last = track.mismatches[-2:]
        return len(last) == 2 and float(last[0].face.vector @ last[1].face.vector) >= self._doubtful

    def _replace(self, track: Track, frame: Frame) -> list[Event]:
        """End a track, and begin one at the same place with the two looks that did not belong to it; others
        before them were like neither, and count for nobody."""
        mismatches, track.mismatches = track.mismatches[-2:], []
        events = self._over(lambda other: other is track)
        successor = self._begin(track.detection, track.last_seen)
        successor.box, successor.velocity, successor.sightings = track.box, track.velocity, len(mismatches)
        for look in mismatches:
            self._learn(successor, look)
        successor.described, successor.glance = frame.time, track.glance
        self._tracks.append(successor)
        return events

    def _lost(self, track: Track) -> bool:
        if not track.announced:
            return track.missed > 2
        return track.missed > 2 and self._now - track.last_seen > self._schedule.patience

    def _over(self, is_over: Callable[[Track], bool]) -> list[Event]:
        gone = [track for track in self._tracks if is_over(track)]
        self._tracks = [track for track in self._tracks if track not in gone]
        for track in gone:
            if track.announced and track.best and self._keep:
                views = tuple(look.view for look in track.views if look.view is not None)
                self._keep(Portrait(track.number, track.verdict.subject, track.best.face.crop, views))
        return [self._event("left", track) for track in gone if track.announced]

    def _decide(self) -> list[Event]:
        """Name everybody anew, and tell who came and whose name changed."""
        known = [track for track in self._tracks if track.best is not None]
        events = []
        verdicts = voting.decide([self._search_for(track) for track in known], *self._asked[1:])
        for track, verdict in zip(known, verdicts, strict=True):
            before, track.verdict = track.verdict, verdict
            if not track.announced and track.sightings > 1:
                track.announced = True
                events.append(self._event("appear", track))
                before = replace(before, subject=None, contenders=())
            puzzled = bool(verdict.contenders) and verdict.contenders != before.contenders
            if track.announced and (verdict.subject != before.subject or puzzled):
                events.append(self._event("recognized" if verdict.subject else "unknown", track))
        return events

    def _search_for(self, track: Track) -> voting.TrackSearch:
        assert track.best is not None
        enough = track.votes.count >= voting.ENOUGH
        # The others of n tracks can take at most n - 1 subjects from one: it never needs more than n of them.
        search = self._asked[0]
        wanted = (track.votes.count, search, max(identification.COHORT, len(self._tracks)))
        if track.searched != wanted:
            track.searched = wanted
            track.candidates = tuple(search(track.votes.pooled()[None], wanted[2])[0])
        return voting.TrackSearch(track.best.face, track.candidates, enough, track.verdict.subject)

    def _event(self, kind: Kind, track: Track) -> Event:
        assert track.best is not None
        # A person who has only appeared is nobody yet.
        verdict = voting.Verdict(None, None) if kind == "appear" else track.verdict
        clock = self._clock() if self._clock else None
        subject, score = verdict.subject, verdict.score
        best, rivals = track.best, verdict.contenders
        box = Detection(best.box, 0.0).inside(self._size).box
        return Event(kind, self._now, track.number, subject, score, box, best.frame, clock, rivals)


def time_of_day() -> str:
    """The `clock` of a live source: now, by ISO 8601, UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _seen(track: Track) -> TrackState:
    # Whoever may be the next person is not shown under the last one's name.
    verdict = voting.Verdict(None, None) if track.mismatches else track.verdict
    return TrackState(
        track.number, track.box, track.velocity, track.last_seen, verdict.subject, verdict.score
    )


def promise(detection: Detection) -> float:
    """What a description may be worth, before it is made: large faces, of which the detector is sure."""
    return min(face_side(detection.box) / 160, 1.0) * (1 + max(0.0, detection.score))
