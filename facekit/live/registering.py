"""One person before a camera: the sharpest frames from the front, left, right, above and below."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from facekit import enrolment, quality
from facekit.enrolment import Outcome
from facekit.gallery.search import Index
from facekit.gallery.store import Gallery
from facekit.live import poses
from facekit.live.frames import Frame
from facekit.live.looking import Eyes
from facekit.live.poses import POSES, Angles, Pose
from facekit.reading import Reading
from facekit.results import Candidate, Detection, Face, Vector

if TYPE_CHECKING:
    from facekit.pipeline import Pipeline

PROMPTS: dict[Pose, str] = {
    "front": "look into the camera",
    "left": "turn your head to the left",
    "right": "turn your head to the right",
    "up": "look up a little",
    "down": "look down a little",
}


@dataclass(frozen=True)
class Limits:
    """When a frame is refused. The face's shorter side in pixels and as a share of the frame's height; how
    large another face must be, as a share of this one, to be too near; and the limits of any enrolment.
    """

    smallest: float = 80.0
    largest: float = 0.7
    near: float = 0.5
    quality: quality.Limits = field(default_factory=lambda: quality.Limits(size=0, yaw=1.0))


@dataclass(frozen=True, eq=False)
class Others:
    """Everybody in a gallery but the person who registers; from `threshold` on a face is like one of them."""

    threshold: float = 0.5
    index: Index | None = None

    def like(self, vector: Vector) -> Candidate | None:
        """Whom a face is like, if anybody."""
        found = self.index.search(vector[None], 1)[0] if self.index else []
        return found[0] if found and found[0].score >= self.threshold else None


def others_at(place: Path, name: str, pipeline: Pipeline) -> Others:
    """The others of the gallery at `place`, of which there need not be one yet. Raises GalleryError for one
    that cannot be used.
    """
    if not place.exists():
        return Others(pipeline.spec.threshold)
    with Gallery.open(place, fingerprint=pipeline.fingerprint) as gallery:
        held = [template for template in gallery.contents() if template.subject != name]
        if not held:
            return Others(gallery.threshold)
        index = Index.of(np.stack([each.vector for each in held]), [each.subject for each in held])
        return Others(gallery.threshold, index)


def enroll(gallery: Gallery, name: str, kept: Sequence[tuple[Pose, Kept]], source: str) -> list[Outcome]:
    """Enroll what a registration kept, by the rules of every enrolment but that a head may be turned, in one
    transaction.
    """
    rules = enrolment.Rules(quality=quality.Limits(yaw=1.0))
    readings = [each.reading(f"{source} frame") for _, each in kept]
    return enrolment.enroll_readings(gallery, name, readings, rules)


@dataclass(frozen=True, eq=False)
class Kept:
    """A frame that will be enrolled."""

    face: Face
    frame: int
    time: float
    angles: Angles
    sha256: str
    size: tuple[int, int]

    def reading(self, source: str) -> Reading:
        return Reading(f"{source} {self.frame}", (self.face,), self.sha256, self.size)


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


class Registration:
    """Takes frames in order and keeps the best: `frames` of each pose, at least `apart` seconds between
    two. `others` are the gallery's people, of whom one that the person is like is worth a warning.
    """

    def __init__(
        self,
        eyes: Eyes,
        *,
        frames: int = 3,
        limits: Limits | None = None,
        others: Others | None = None,
        apart: float = 0.3,
        every: float = 0.1,
    ) -> None:
        self._eyes = eyes
        self._frames = frames
        self._limits = limits or Limits()
        self._others = others or Others()
        self._apart, self._every = apart, every
        self._kept: dict[Pose, list[Kept]] = {pose: [] for pose in POSES}
        self._due = 0.0
        self._warned = False
        self.faces = 0
        """In how many frames there was a face."""
        self._progress = self._told(PROMPTS["front"])

    def seen(self) -> Progress:
        """How far it is."""
        return self._progress

    def step(self, frame: Frame) -> list[Progress]:
        """Judge a frame, or leave it out when it comes too soon after the last."""
        if frame.time < self._due - 1e-3:
            return []
        self._due = frame.time + self._every
        self._progress = self._judged(frame)
        return [self._progress]

    def finish(self) -> list[Progress]:
        return []

    @property
    def complete(self) -> bool:
        return self._progress.next is None

    def kept(self) -> list[tuple[Pose, Kept]]:
        """The frames to enroll: by pose, in the order in which they came."""
        return [(pose, kept) for pose in POSES for kept in sorted(self._kept[pose], key=lambda k: k.frame)]

    def _judged(self, frame: Frame) -> Progress:
        found = sorted(self._eyes.whole(frame), key=_width, reverse=True)
        if not found:
            return self._told("no face: look into the camera")
        self.faces += 1
        if refusal := self._refused(frame, found):
            return self._told(refusal, found[0])
        [face] = self._eyes.describe(frame, found[:1])
        if problems := quality.problems(face.quality, self._limits.quality):
            return self._told(problems[0], found[0])
        if self._is_somebody_else(face):
            return self._told("this is not the face from before: one person at a time", found[0])
        pose = self._take(frame, face)
        return self._told(None, found[0], pose, self._warning(face) if pose else None)

    def _refused(self, frame: Frame, found: Sequence[Detection]) -> str | None:
        side, limits = _width(found[0]), self._limits
        if len(found) > 1 and _width(found[1]) >= limits.near * side:
            return f"{len(found)} faces: one person at a time"
        if side < limits.smallest:
            return f"come nearer ({side:.0f} pixels, {limits.smallest:.0f} needed)"
        if side > limits.largest * frame.pixels.shape[0]:
            return "too near: move back"
        return None

    def _is_somebody_else(self, face: Face) -> bool:
        likeness = [float(kept.face.vector @ face.vector) for _, kept in self.kept()]
        return bool(likeness) and max(likeness) < 0.5 * self._others.threshold

    def _take(self, frame: Frame, face: Face) -> Pose | None:
        """Keep the face if it is among the best of its pose; the pose."""
        at = poses.angles(face.points)
        front = [kept.angles for kept in self._kept["front"]]
        pose = poses.pose(at, poses.middle(front) if front else None)
        if pose is None:
            return None
        height, width = frame.pixels.shape[:2]
        digest = hashlib.sha256(frame.pixels.tobytes()).hexdigest()
        new = Kept(face, frame.number, frame.time, at, digest, (width, height))
        self._kept[pose] = best_apart([*self._kept[pose], new], self._frames, self._apart)
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
        counts = {pose: len(kept) for pose, kept in self._kept.items()}
        told = Progress(counts, self._frames, hint or "", face, pose, warning)
        if hint is None:
            hint = PROMPTS[told.next] if told.next else "done"
        return Progress(counts, self._frames, hint, face, pose, warning)


def best_apart(kept: Sequence[Kept], most: int, apart: float) -> list[Kept]:
    """The sharpest frames, at most so many, none within `apart` seconds of a sharper one, none twice."""
    best: list[Kept] = []
    for each in sorted(kept, key=lambda each: -each.face.quality.sharpness):
        near = any(abs(each.time - other.time) < apart or each.sha256 == other.sha256 for other in best)
        if not near and len(best) < most:
            best.append(each)
    return best


def _width(found: Detection) -> float:
    x0, _, x1, _ = found.box
    return x1 - x0
