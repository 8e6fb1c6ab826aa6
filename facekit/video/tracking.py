"""Which face of this frame is which of the last: boxes by overlap, with what moves expected to move on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import dlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facekit.detection.geometry import overlap
from facekit.results import Box, Candidate, Detection, Face, Pixels
from facekit.video.voting import SAME, TrackVotes, Verdict

LEAST_OVERLAP = 0.25
"""Below it (intersection over union) a face is not taken for the one that was expected there."""

# A box is believed half; how it moves is averaged over about three looks.
_TRUST, _STEADY = 0.6, 0.4
_GLANCE, _CHANGED = 12, 0.9
# Nothing is expected to move on in a straight line for longer, in seconds.
_AHEAD = 0.3
_AROUND = 0.5


@dataclass(frozen=True, eq=False)
class Look:
    """A face that was described, in which frame and when it was, and what it is worth; `view` is its part of
    the frame, if that is wanted.
    """

    face: Face
    frame: int
    time: float
    worth: float
    view: Pixels | None = None

    @property
    def box(self) -> Box:
        return self.face.detection.box


@dataclass(eq=False)
class Track:
    """One face through time. `box` and `last_seen`, in seconds, are of when it was last seen, `clock` is the
    time of day then; `velocity` is that of the box's four sides, in pixels a second.
    """

    number: int
    detection: Detection
    box: Box
    began: float
    last_seen: float
    clock: str | None = None
    velocity: NDArray[np.float64] = field(default_factory=lambda: np.zeros(4))
    sightings: int = 1
    missed: int = 0
    votes: TrackVotes = field(default_factory=TrackVotes)
    mismatches: list[Look] = field(default_factory=list)
    described: float = -np.inf
    promise: float = 0.0
    searched: tuple[int, object, int] | None = None
    candidates: tuple[Candidate, ...] = ()
    best: Look | None = None
    views: list[Look] = field(default_factory=list)
    glance: NDArray[np.float32] = field(default_factory=lambda: np.zeros(_GLANCE**2, np.float32))
    verdict: Verdict = field(default_factory=lambda: Verdict(None, None))
    announced: bool = False

    def expected_box(self, time: float) -> Box:
        """Where it is expected at a time."""
        return moved(self.box, self.velocity, time - self.last_seen)

    def take_view(self, look: Look, most: int) -> None:
        """Keep so many looks with their views: the best of those that differ (`voting.SAME`)."""
        alike = [other for other in self.views if float(other.face.vector @ look.face.vector) >= SAME]
        if any(other.worth >= look.worth for other in alike):
            return
        rest = [other for other in self.views if other not in alike]
        self.views = sorted([*rest, look], key=lambda other: -other.worth)[:most]

    def see(self, detection: Detection, time: float) -> None:
        """Take a face for the next sight of this one."""
        expected, seen = np.array(self.expected_box(time)), np.array(detection.box)
        passed = time - self.last_seen
        if passed > 0:
            speed = (seen - np.array(self.box)) / passed
            # The size as seen by the detector comes in steps: only the middle's way is believed.
            middle = np.tile((speed[:2] + speed[2:]) / 2, 2)
            self.velocity = (1 - _STEADY) * self.velocity + _STEADY * middle
        x0, y0, x1, y1 = ((1 - _TRUST) * expected + _TRUST * seen).tolist()
        self.box, self.last_seen, self.detection = (x0, y0, x1, y1), time, detection
        self.sightings += 1
        self.missed = 0


def around(pixels: Pixels, box: Box) -> Pixels:
    """The part of a frame with a face, and half its width and height around it: enough for a detector to find
    the face there again.
    """
    height, width = pixels.shape[:2]
    x0, y0, x1, y1 = box
    beside, above = _AROUND * (x1 - x0), _AROUND * (y1 - y0)
    left, top = max(0, round(x0 - beside)), max(0, round(y0 - above))
    return pixels[top : min(height, round(y1 + above)), left : min(width, round(x1 + beside))].copy()


def glance(pixels: Pixels, box: Box) -> NDArray[np.float32]:
    """What a box shows, so small that it costs nothing: 12×12 gray values as one vector of mean 0 and length
    1, or of length 0 where there is nothing to see.
    """
    height, width = pixels.shape[:2]
    x0, y0 = max(0, round(box[0])), max(0, round(box[1]))
    part = pixels[y0 : min(height, round(box[3])), x0 : min(width, round(box[2]))]
    if not part.size:
        return np.zeros(_GLANCE**2, np.float32)
    small = Image.fromarray(np.ascontiguousarray(part)).convert("L")
    values = np.asarray(small.resize((_GLANCE, _GLANCE), Image.Resampling.BOX), np.float32).ravel()
    values -= values.mean()
    length = float(np.linalg.norm(values))
    return values / length if length > 1 else values * 0


def looks_changed(before: NDArray[np.float32], now: NDArray[np.float32]) -> bool:
    """Whether two glances are so unlike that somebody else may be there, as after a cut."""
    return bool(before.any() and now.any()) and float(before @ now) < _CHANGED


def moved(box: Box, velocity: NDArray[np.float64], seconds: float) -> Box:
    """A box some time later; after 0.3 s it stays where it is."""
    x0, y0, x1, y1 = (np.array(box) + velocity * min(max(seconds, 0.0), _AHEAD)).tolist()
    return x0, y0, x1, y1


def pair(expected: Sequence[Box], boxes: Sequence[Box]) -> list[int | None]:
    """For each expected box the place of the found one that it is, so that the overlaps have the largest
    sum; None where nothing overlaps enough.
    """
    if not expected or not boxes:
        return [None] * len(expected)
    places = np.array(boxes, np.float64)
    shares = np.stack([overlap(np.array(box, np.float64), places) for box in expected])
    shares[shares < LEAST_OVERLAP] = 0
    if not shares.any():
        return [None] * len(expected)
    # dlib assigns rows of a square: whatever is added overlaps nothing.
    square = np.zeros((max(shares.shape),) * 2)
    square[: len(expected), : len(boxes)] = shares
    columns = dlib.max_cost_assignment(dlib.matrix(square))[: len(expected)]
    return [
        column if column < len(boxes) and shares[row, column] > 0 else None
        for row, column in enumerate(columns)
    ]
