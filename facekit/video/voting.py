"""Whose face a track is: its best frames are searched for as one, all tracks are decided together, and a name
is kept until something speaks against it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from facekit.people import identification
from facekit.results import Candidate, Face, Quality, Vector

MOST = 8
"""How many frames of a track count: its best."""

SAME = 0.9
"""Frames whose vectors have this score show the same look of a person, and count once: else the few sharpest
frames of one unlucky look would outvote all others."""

ENOUGH = 3
"""From how many frames on a track can have a name."""

CHANCES = MOST - ENOUGH + 1
"""How many searches with one look more each can name a track."""

KEEP = 0.05
"""How much less than the threshold, or than another subject, is enough to keep a name."""

SURER = 0.05
"""The margin of a track (see `margin`) where the gallery's tail is not known."""

MISMATCH = 0.8
"""A face whose best score with the frames of its track is below this part of the threshold is in doubt.

Frames of a person who moves are far more alike. Lower values let the next person in a place inherit the name:
one pair of strangers' photos in 7,400 is more alike than this, one in 300 than 0.6 (faces-val, the threshold
of `watch` with the shipped gallery).
"""


def worth(quality: Quality) -> float:
    """How much a frame counts, 0 … 1: large, sharp and frontal faces most."""
    size = min(quality.size / 100, 1.0)
    sharpness = quality.sharpness / (quality.sharpness + 100)
    frontal = max(0.1, 1 - abs(quality.yaw))
    return size * sharpness * frontal


@dataclass(frozen=True, eq=False)
class Vote:
    """One frame: the face's unit vector, and what it is worth."""

    vector: Vector
    worth: float


@dataclass
class TrackVotes:
    """The best frames of a track that differ, best first, of `count` that were looked at."""

    votes: list[Vote] = field(default_factory=list)
    count: int = 0

    def __len__(self) -> int:
        return len(self.votes)

    def add(self, vote: Vote) -> None:
        """Let a frame count, unless there are enough that are worth more, or one that shows the same."""
        self.count += 1
        for other in self.votes:
            if float(other.vector @ vote.vector) >= SAME:
                if other.worth >= vote.worth:
                    return
                self.votes.remove(other)
                break
        place = sum(other.worth >= vote.worth for other in self.votes)
        self.votes.insert(place, vote)
        del self.votes[MOST:]

    def likeness(self, vector: Vector) -> float:
        """The best score of a vector with the frames, −1 without any."""
        return max((float(vote.vector @ vector) for vote in self.votes), default=-1.0)

    def pooled(self) -> NDArray[np.float32]:
        """The direction of the looks' mean by their worth, a unit vector: what the gallery is searched for.

        It misses far fewer of those who are known than a single look does, and fewer than the mean of the
        looks' scores, where both name as many strangers; this is how sets of pictures are compared in the
        IJB protocols (Whitelam et al., CVPR workshops 2017).
        """
        worths = np.array([max(vote.worth, 1e-6) for vote in self.votes], np.float32)
        mean = worths @ np.stack([vote.vector for vote in self.votes])
        return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-9), np.float32)


@dataclass(frozen=True, eq=False)
class TrackSearch:
    """What is known of one track: its best face, its candidates, best first, whether they are enough to
    name it, and the name it has.
    """

    face: Face
    candidates: tuple[Candidate, ...]
    enough: bool
    current: str | None = None


@dataclass(frozen=True)
class Verdict:
    """A subject with its score, or None with the score of the best candidate (None without any); `contenders`
    are the two or more whom a track is equally like, and so has the name of none.
    """

    subject: str | None
    score: float | None
    contenders: tuple[str, ...] = ()


def margin(tail: float) -> float:
    """How much more than the threshold of a search a track needs to have a name.

    Its looks are searched for again and again as they come: so many `CHANCES` to name a stranger, as if there
    were so many times as many people, for whom the threshold rises by `tail` for each e-fold
    (`Calibration.threshold_for`). With it no more strangers have a name at any time of a track
    than in one search for a photo, and known people are missed less often all the same
    (`scripts/measure_pooling.py`).
    """
    return tail * math.log(CHANCES) if tail > 0 else SURER


def limit(threshold: float, tail: float, chosen: float | None = None) -> float:
    """The score from which a track has a name: the chosen one, or a search's threshold and the margin."""
    return threshold + margin(tail) if chosen is None else chosen


def decide(searches: Sequence[TrackSearch], threshold: float, cohort: float = math.inf) -> list[Verdict]:
    """A verdict for every track; no subject is given to two of them.

    The rule is that of a photo's faces (`identification.decide`), where a name that a track has already
    counts `KEEP` more.
    """
    rivals = [_contenders(search, threshold) for search in searches]
    candidates = [
        _favored(search) if search.enough and not equal else ()
        for search, equal in zip(searches, rivals, strict=True)
    ]
    decided = identification.decide([search.face for search in searches], candidates, threshold, cohort)
    return [
        _verdict(search, verdict.subject, equal)
        for search, verdict, equal in zip(searches, decided, rivals, strict=True)
    ]


def _contenders(search: TrackSearch, threshold: float) -> tuple[str, ...]:
    """The two or more whom the track may be; the name that it has is given up for a closer rival only."""
    able = {candidate.subject for candidate in identification.contenders(_favored(search), threshold)}
    names = tuple(candidate.subject for candidate in search.candidates if candidate.subject in able)
    return names if search.enough and len(names) > 1 else ()


def _favored(search: TrackSearch) -> tuple[Candidate, ...]:
    raised = (replace(c, score=c.score + KEEP * (c.subject == search.current)) for c in search.candidates)
    return tuple(sorted(raised, key=lambda candidate: (-candidate.score, candidate.subject)))


def _verdict(search: TrackSearch, subject: str | None, contenders: tuple[str, ...]) -> Verdict:
    scores = (candidate.score for candidate in search.candidates if subject in (None, candidate.subject))
    return Verdict(subject, max(scores, default=None), contenders)
