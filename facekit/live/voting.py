"""Whose face a track is: its best frames vote, all tracks are decided together, and a name is kept
until something speaks against it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from facekit import identification
from facekit.results import Candidate, Face, Quality, Vector

MOST = 8
"""How many frames of a track vote: its best."""

ENOUGH = 3
"""From how many frames on a track can have a name."""

KEEP = 0.05
"""How much less than the threshold, or than another subject, is enough to keep a name."""

UNLIKE = 0.6
"""A face whose best score with the frames of its track is below this part of the threshold is in doubt."""


def worth(quality: Quality) -> float:
    """How much a frame's vote counts, 0 … 1: large, sharp and frontal faces most."""
    size = min(quality.size / 100, 1.0)
    sharpness = quality.sharpness / (quality.sharpness + 100)
    frontal = max(0.1, 1 - abs(quality.yaw))
    return size * sharpness * frontal


@dataclass
class Evidence:
    """The best frames of a track: unit vectors and what each is worth, best first."""

    vectors: list[Vector] = field(default_factory=list)
    worths: list[float] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.vectors)

    def add(self, face: Face) -> None:
        value = worth(face.quality)
        place = sum(other >= value for other in self.worths)
        if place < MOST:
            self.vectors.insert(place, face.vector)
            self.worths.insert(place, value)
            del self.vectors[MOST:], self.worths[MOST:]

    def likeness(self, vector: Vector) -> float:
        """The best score of a vector with the frames, −1 without any."""
        return max((float(other @ vector) for other in self.vectors), default=-1.0)

    def mean(self) -> tuple[NDArray[np.float32], float]:
        """The direction of the weighted mean of the vectors, a unit vector, and the length of the mean.

        A template's score with the direction, times the length, is the mean of its scores with the frames.
        """
        mean = np.average(np.stack(self.vectors), axis=0, weights=np.maximum(self.worths, 1e-6))
        length = float(np.linalg.norm(mean))
        return np.asarray(mean / max(length, 1e-9), np.float32), length


@dataclass(frozen=True, eq=False)
class Ballot:
    """What is known of one track: its best face, its candidates (best first) by the mean of their scores,
    whether that is enough to name it, and the name it has.
    """

    face: Face
    candidates: tuple[Candidate, ...]
    enough: bool
    held: str | None = None


@dataclass(frozen=True)
class Verdict:
    """A subject with its score, or None with the score of the best candidate (None without any)."""

    subject: str | None
    score: float | None


def decide(ballots: Sequence[Ballot], threshold: float) -> list[Verdict]:
    """A verdict for every track; no subject is given to two of them.

    The rule is that of a photo's faces (`identification.decide`), where a name that a track has already
    counts `KEEP` more.
    """
    candidates = [_favoured(ballot) if ballot.enough else () for ballot in ballots]
    decided = identification.decide([ballot.face for ballot in ballots], candidates, threshold)
    return [_verdict(ballot, each.subject) for ballot, each in zip(ballots, decided, strict=True)]


def _favoured(ballot: Ballot) -> tuple[Candidate, ...]:
    raised = (replace(c, score=c.score + KEEP * (c.subject == ballot.held)) for c in ballot.candidates)
    return tuple(sorted(raised, key=lambda candidate: (-candidate.score, candidate.subject)))


def _verdict(ballot: Ballot, subject: str | None) -> Verdict:
    scores = (each.score for each in ballot.candidates if subject in (None, each.subject))
    return Verdict(subject, max(scores, default=None))
