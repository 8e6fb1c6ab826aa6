"""One person before a camera: the sharpest frames from the front, left, right, above and below."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from facekit.calibration import poorness
from facekit.faces import quality
from facekit.faces.reading import Reading
from facekit.gallery.base import Gallery
from facekit.people import enrollment
from facekit.people.enroll_report import EnrollReport
from facekit.people.outcomes import Outcome
from facekit.results import Detection, Face, Vector
from facekit.text.counting import counted
from facekit.video import poses, voting
from facekit.video.frame_detection import FrameDetector
from facekit.video.frames import Frame, FrameFile
from facekit.video.other_subjects import OtherSubjects
from facekit.video.poses import POSES, Angles, Pose

if TYPE_CHECKING:
    pass

SPLIT = 0.6
"""The two most unlike halves of the frames are of one person from this part of the gallery's threshold on."""

# In so many looks in a row somebody else has taken the place of the last person before the camera.
_STAYS = 3
# Up to this share of a recording's looks, somebody else is a passer-by, or a face that was not made out.
_CHANCE = 0.1

PROMPTS: dict[Pose, str] = {
    "front": "look into the camera",
    "left": "turn your head to the left",
    "right": "turn your head to the right",
    "up": "look up a little",
    "down": "look down a little",
}


@dataclass(frozen=True)
class FrameLimits:
    """When a frame is refused. The face's shorter side in pixels and as a share of the frame's height; how
    large another face must be, as a share of this one, to be too near; and the limits of any enrollment.
    """

    smallest: float = 80.0
    largest: float = 0.7
    near: float = 0.5
    quality: quality.Limits = field(default_factory=lambda: quality.Limits(size=0, yaw=1.0))


def enroll(
    gallery: Gallery,
    name: str,
    frames: Sequence[tuple[Pose, RegisteredFrame]],
    source: str,
    accept_poor: bool = False,
) -> list[Outcome]:
    """Enroll what a registration kept, by the rules of every enrollment but that a head may be turned, in one
    transaction.
    """
    rules = enrollment.Rules(accept_poor=accept_poor, quality=quality.Limits(yaw=1.0))
    readings = [frame.reading(source) for _, frame in frames]
    return enrollment.enroll_readings(gallery, name, readings, rules)


@dataclass(frozen=True, eq=False)
class RegisteredFrame:
    """A frame that will be enrolled. `digest` is the SHA-256 of its pixels."""

    face: Face
    frame: int
    time: float
    angles: Angles
    digest: str
    size: tuple[int, int]
    file: FrameFile | None = None

    def reading(self, source: str) -> Reading:
        """As a picture that is enrolled: of a folder, the very file that `facekit enroll` knows again."""
        name = self.file.path if self.file else f"{source} frame {self.frame}"
        digest = self.file.sha256 if self.file else self.digest
        return Reading(name, (self.face,), digest, self.size)


@dataclass(frozen=True, eq=False)
class Progress:
    """How far it is: good frames of each pose, of `wanted`; the face that is seen; and what to do next."""

    counts: dict[Pose, int]
    wanted: int
    hint: str
    face: Detection | None = None
    pose: Pose | None = None
    warning: str | None = None

    @property
    def next(self) -> Pose | None:
        """The first pose that is not done."""
        return next((pose for pose in POSES if self.counts[pose] < self.wanted), None)


@dataclass(frozen=True)
class Registered(EnrollReport):
    """What became of the frames; `poses` are those of the outcomes, in their order."""

    poses: tuple[Pose, ...] = ()

    def errors(self) -> list[str]:
        """What was wrong with the source, and why frames were refused, or stay removed."""
        refused = [outcome for outcome in self.outcomes if outcome.status == "refused"]
        reasons = dict.fromkeys(problem for outcome in refused for problem in outcome.problems)
        lines = [*self.problems, *(f"{problem}; not enrolled" for problem in reasons)]
        removed = self.count("removed earlier")
        if removed and not self.subjects and not self.count("already there"):
            lines.append(removed_earlier(removed))
        return lines


def removed_earlier(frames: int) -> str:
    """What is said of frames that were removed earlier."""
    return f"{counted(frames, 'frame')} not enrolled: removed earlier, and stays removed: record anew"


class Registration:
    """Takes frames in order and keeps the best of one person: `frames` of each pose, at least `apart` seconds
    between two. `others` are the gallery's people, of whom one that the person is like is worth a warning.

    With `live`, whoever comes next and stays is asked for all poses anew, and the frames of the last person
    do not count. Else the person is the one of whom there is most, and `disagreement` tells of a second. Poor
    frames are refused unless with `accept_poor`.
    """

    def __init__(
        self,
        detector: FrameDetector,
        *,
        frames: int = 3,
        limits: FrameLimits | None = None,
        others: OtherSubjects | None = None,
        live: bool = False,
        accept_poor: bool = False,
        apart: float = 0.3,
        every: float = 0.1,
    ) -> None:
        self._detector = detector
        self._frames = frames
        self._limits = limits or FrameLimits()
        self._others = others or OtherSubjects()
        self._live = live
        self._accept_poor = accept_poor
        self._apart, self._every = apart, every
        self._people: list[_Person] = []
        self._current = _Person(0.0)
        self._due = 0.0
        self._warned = False
        self.faces = 0
        """In how many frames there was a face."""
        self._small = 0
        self._refusals: Counter[str] = Counter()
        self._progress = self._told(PROMPTS["front"])

    def state(self) -> Progress:
        """How far it is."""
        return self._progress

    def step(self, frame: Frame) -> list[Progress]:
        """Judge a frame, or leave it out when it comes too soon after the last."""
        if frame.time < self._due - 1e-3:
            return []
        self._due = frame.time + self._every
        self._progress = self._judged(frame)
        return [self._progress]

    def interrupt(self) -> list[Progress]:
        return []

    def finish(self) -> list[Progress]:
        return []

    @property
    def complete(self) -> bool:
        return self._progress.next is None

    def selection(self) -> list[tuple[Pose, RegisteredFrame]]:
        """The frames to enroll: by pose, in the order in which they came."""
        by_pose = self._current.kept
        return [(pose, frame) for pose in POSES for frame in sorted(by_pose[pose], key=lambda k: k.frame)]

    def disagreement(self) -> str | None:
        """Why nobody may be enrolled, if the frames do not show one person alone."""
        second = max(
            (person for person in self._people if person is not self._current), key=_looks, default=None
        )
        if second is not None and not self._live and second.rivals(self._current):
            times = sorted((self._current.since, second.since))
            return f"two people, one from {times[0]:.1f} s on, another from {times[1]:.1f} s on"
        vectors = [frame.face.vector for _, frame in self.selection()]
        if likeness_of_halves(vectors) < SPLIT * self._others.threshold:
            return "the frames are too unlike each other to be of one person"
        return None

    def refusal(self) -> str:
        """Why most frames were not taken."""
        return next((words for words, _ in self._refusals.most_common(1)), self._progress.hint)

    def remarks(self) -> list[str]:
        """What was left out without doubt."""
        if self._live:
            return []  # whoever is there is told at once
        looks = sum(person.looks for person in self._people) - self._current.looks
        remarks = [f"{counted(looks, 'frame')} of somebody else left out"] if looks > 0 else []
        if self._small:
            remarks.append(
                f"{counted(self._small, 'frame')} left out in which the largest face has less than "
                f"{self._limits.smallest:.0f} pixels, whoever it is: look whether it is somebody else"
            )
        return remarks

    def _judged(self, frame: Frame) -> Progress:
        detections = sorted(self._detector.detect(frame), key=_width, reverse=True)
        if not detections:
            if not self._live:
                self._notice(frame)
            return self._refuse("no face: look into the camera")
        self.faces += 1
        if refusal := self._refused(frame, detections):
            return self._refuse(refusal, detections[0])
        [face] = self._detector.describe(frame, detections[:1])
        if problems := quality.problems(face.quality, self._limits.quality):
            return self._refuse(problems[0], detections[0])
        rate = face.quality.stranger_rate
        if not self._accept_poor and poorness.is_poor(rate, self._others.poor_from):
            return self._refuse(poorness.problem(rate), detections[0])
        person, follows = self._person(face, frame.time), self._current.looks > 0
        pose = self._take(person, frame, face)
        if not self._has_turn(person):
            return self._told("this is not the face from before: one person at a time", detections[0])
        changed = follows and person is not self._current
        self._current = person
        if changed and self._live:
            self._people, self._warned = [person], False
            note = "another person: the frames of the one before do not count"
            return self._told(None, detections[0], pose, note)
        return self._told(None, detections[0], pose, self._warning(face) if pose else None)

    def _notice(self, frame: Frame) -> None:
        """See whoever is shown clearly where no pose could be told: a face that is not to be enrolled, but
        says who is in the recording. From a head that is turned far it would not be told who it is.
        """
        detections = sorted(self._detector.detect(frame, deep=True), key=_width, reverse=True)
        if not detections or self._refused(frame, detections):
            return
        [face] = self._detector.describe(frame, detections[:1])
        rate = face.quality.stranger_rate
        if not quality.problems(face.quality) and not poorness.is_poor(rate, self._others.poor_from):
            self._person(face, frame.time)

    def _refuse(self, why: str, face: Detection | None = None) -> Progress:
        if face is not None or not self.faces:
            self._refusals[why.partition(" (")[0]] += 1
        return self._told(why, face)

    def _refused(self, frame: Frame, detections: Sequence[Detection]) -> str | None:
        side, limits = _width(detections[0]), self._limits
        people = sum(_width(other) >= limits.near * side for other in detections)
        if people > 1:
            return f"{people} people: only one, please"
        if side < limits.smallest:
            self._small += 1
            return f"come nearer ({side:.0f} pixels, {limits.smallest:.0f} needed)"
        if side > limits.largest * frame.pixels.shape[0]:
            return "too near: move back"
        return None

    def _person(self, face: Face, time: float) -> _Person:
        """Whose face it is: all that it is like are one person, and else somebody who was not there yet."""
        limit = voting.MISMATCH * (self._others.threshold + voting.SURER)
        alike = [each for each in self._people if each.likeness(face.vector) >= limit]
        person, *same = alike or [_Person(time)]
        for other in same:
            person.join(other, self._frames, self._apart)
            self._people.remove(other)
            self._current = person if self._current is other else self._current
        if not alike:
            self._people.append(person)
        for each in self._people:
            each.run = each.run + 1 if each is person else 0
        person.see(face.vector)
        return person

    def _has_turn(self, person: _Person) -> bool:
        """Whether the person is the one to enroll: of what is live, who stays, else of whom there is most."""
        if person is self._current or not self._current.looks:
            return True
        return person.run >= _STAYS if self._live else person.looks > self._current.looks

    def _take(self, person: _Person, frame: Frame, face: Face) -> Pose | None:
        """Keep the face if it is among the best of its pose; the pose."""
        angles = poses.angles(face.points)
        front = [registered.angles for registered in person.kept["front"]]
        pose = poses.pose(angles, poses.middle(front) if front else None)
        if pose is None:
            return None
        height, width = frame.pixels.shape[:2]
        digest = hashlib.sha256(frame.pixels.tobytes()).hexdigest()
        new = RegisteredFrame(face, frame.number, frame.time, angles, digest, (width, height), frame.file)
        person.kept[pose] = best_apart([*person.kept[pose], new], self._frames, self._apart)
        return pose

    def _warning(self, face: Face) -> str | None:
        """Said once: whom else the person looks like."""
        other = None if self._warned else self._others.like(face.vector)
        if other is None:
            return None
        self._warned = True
        return f"looks like another enrolled person ({other.subject}, score {other.score:.2f})"

    def _told(
        self,
        hint: str | None,
        face: Detection | None = None,
        pose: Pose | None = None,
        warning: str | None = None,
    ) -> Progress:
        counts = {pose: len(frames) for pose, frames in self._current.kept.items()}
        progress = Progress(counts, self._frames, hint or "", face, pose, warning)
        if hint is None:
            hint = PROMPTS[progress.next] if progress.next else "done"
        return Progress(counts, self._frames, hint, face, pose, warning)


@dataclass(eq=False)
class _Person:
    """Somebody who was seen, first at `since`: the looks that differ, how many there were in all and in a row
    up to now, and the best frames of each pose.
    """

    since: float
    vectors: list[Vector] = field(default_factory=list)
    looks: int = 0
    run: int = 0
    kept: dict[Pose, list[RegisteredFrame]] = field(default_factory=lambda: {pose: [] for pose in POSES})

    def likeness(self, vector: Vector) -> float:
        """The best score of a vector with the looks."""
        return max((float(look @ vector) for look in self.vectors), default=-1.0)

    def see(self, vector: Vector) -> None:
        self.looks += 1
        if self.likeness(vector) < voting.SAME:
            self.vectors.append(vector)

    def join(self, other: _Person, frames: int, apart: float) -> None:
        """Be one with somebody who turned out to be the same."""
        self.since = min(self.since, other.since)
        self.vectors += other.vectors
        self.looks += other.looks
        self.kept = {pose: best_apart([*self.kept[pose], *other.kept[pose]], frames, apart) for pose in POSES}

    def rivals(self, first: _Person) -> bool:
        """Whether there is too much of this person beside the first to be chance."""
        return 2 * self.looks >= first.looks or (self.looks > 1 and self.looks >= _CHANCE * first.looks)


def _looks(person: _Person) -> int:
    return person.looks


def likeness_of_halves(vectors: Sequence[Vector]) -> float:
    """The score of the two most unlike halves of some looks, each as one (2-means on the sphere, from the two
    that are least alike): of one person far above any two strangers'. 1 for fewer than two looks.
    """
    if len(vectors) < 2:
        return 1.0
    looks = np.stack(vectors)
    scores = looks @ looks.T
    middles = looks[list(np.unravel_index(scores.argmin(), scores.shape))]
    for _ in range(10):
        second = (looks @ middles.T).argmax(axis=1) == 1
        if second.all() or not second.any():
            return 1.0
        middles = np.stack([looks[~second].mean(axis=0), looks[second].mean(axis=0)])
        middles /= np.linalg.norm(middles, axis=1, keepdims=True)
    return float(middles[0] @ middles[1])


def best_apart(frames: Sequence[RegisteredFrame], most: int, apart: float) -> list[RegisteredFrame]:
    """The sharpest frames, at most so many, none within `apart` seconds of a sharper one, none twice."""
    best: list[RegisteredFrame] = []
    for frame in sorted(frames, key=lambda frame: -frame.face.quality.sharpness):
        near = any(abs(frame.time - other.time) < apart or frame.digest == other.digest for other in best)
        if not near and len(best) < most:
            best.append(frame)
    return best


def _width(detection: Detection) -> float:
    x0, _, x1, _ = detection.box
    return x1 - x0
