"""How many of the faces of a set of pictures a detector finds, and how much else it takes for faces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facekit.detection.geometry import overlap

Floats = NDArray[np.floating[Any]]

_SAME = 0.3
"""dlib's boxes begin at the brows and are square, networks' end at the chin: one of 0.5 is too strict."""
_MOSTLY = 0.5


@dataclass(frozen=True, eq=False)
class DetectionCounts:
    """Of pictures taken together.

    `sides` (n,) is the side of every true face in pixels, `scores` (n,) the score of the box that
    found it, −inf where none did; `false` (m,) are the scores of boxes elsewhere. The side of a face is
    that of a square as large as its box (geometry.face_side).
    """

    pictures: int
    sides: Floats
    scores: Floats
    false: Floats

    def recall(self, smallest: float, largest: float = np.inf, least: float = -np.inf) -> tuple[int, int]:
        """Faces found with at least this score, and all, of sides from `smallest` to below `largest`."""
        wanted = (self.sides >= smallest) & (self.sides < largest)
        return int((wanted & (self.scores > -np.inf) & (self.scores >= least)).sum()), int(wanted.sum())

    def threshold(self, precision: float) -> float:
        """The lowest score from which on at least this share of the boxes are faces, for every higher score
        too; inf where there is none."""
        detected = self.scores[self.scores > -np.inf]
        scores = np.concatenate([detected, self.false])
        right = np.concatenate([np.ones(len(detected)), np.zeros(len(self.false))])
        order = np.lexsort((right, -scores))
        shares = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
        enough = np.flatnonzero(shares >= precision)
        return float(scores[order][enough[-1]]) if len(enough) else np.inf


def outcome(pictures: Sequence[tuple[Floats, Floats, Floats, NDArray[np.bool_]]]) -> DetectionCounts:
    """From boxes (n, 4) and scores (n,) of a detector, true boxes (m, 4) and which of those are certain (m,).

    Each true face goes to the surest box that overlaps it and has no other. A box that only lies on an
    uncertain place counts neither for nor against the detector.
    """
    sides, scores, false = [], [], []
    for boxes, confidences, truth, certain in pictures:
        face_scores = np.full(len(truth), -np.inf)
        for box in np.argsort(-confidences, kind="stable"):
            shares = overlap(boxes[box], truth) if len(truth) else np.zeros(0)
            free = np.where(certain & (face_scores == -np.inf), shares, 0)
            if len(free) and free.max() > _SAME:
                face_scores[int(free.argmax())] = confidences[box]
            elif not _excused(boxes[box], truth[~certain], shares[~certain]):
                false.append(float(confidences[box]))
        scores.append(face_scores[certain])
        sides.append(np.sqrt(np.prod(truth[certain, 2:] - truth[certain, :2], axis=1)))
    return DetectionCounts(
        len(pictures),
        np.concatenate(sides) if sides else np.zeros(0),
        np.concatenate(scores) if scores else np.zeros(0),
        np.array(false),
    )


def _excused(box: Floats, uncertain: Floats, shares: Floats) -> bool:
    if not len(uncertain):
        return False
    common = np.minimum(box[2:], uncertain[:, 2:]) - np.maximum(box[:2], uncertain[:, :2])
    inside = np.prod(np.maximum(common, 0), axis=1) / max(float(np.prod(box[2:] - box[:2])), 1e-9)
    return bool((shares > _SAME).any() or (inside > _MOSTLY).any())
