"""Which way a head is turned, judged from the five points against how the person looks from the front."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from facekit.faces import quality

Pose = Literal["front", "left", "right", "up", "down"]
POSES: tuple[Pose, ...] = ("front", "left", "right", "up", "down")

# What anybody's front view may be off, and how far a turned head must differ from the person's own: three
# times what the predictor's points tremble by while a head is still.
_FRONT_YAW, _FRONT_PITCH = 0.12, 0.09
_SIDE, _TILT = 0.09, 0.013
# Between a front view and a turned one lies what is neither.
_NEITHER = 0.7


@dataclass(frozen=True)
class Angles:
    """`quality.yaw` and `quality.pitch` of a face: no degrees, but parts of the face's own distances."""

    yaw: float
    pitch: float


def angles(points: NDArray[np.floating]) -> Angles:
    """Of five points (5, 2) in the scheme `arcface5`."""
    return Angles(quality.yaw(points), quality.pitch(points))


def middle(several: Sequence[Angles]) -> Angles:
    """The median of some angles."""
    yaw, pitch = np.median(
        [(angles_of_one.yaw, angles_of_one.pitch) for angles_of_one in several], axis=0
    ).tolist()
    return Angles(yaw, pitch)


def pose(angles_now: Angles, front: Angles | None = None) -> Pose | None:
    """The pose, or None for one between two. Left is the person's own left, where the nose goes to the
    right of the picture. `front` are the person's own angles from the front; without them only a front
    view is told.
    """
    if front is None:
        return (
            "front" if abs(angles_now.yaw) <= _FRONT_YAW and abs(angles_now.pitch) <= _FRONT_PITCH else None
        )
    side, tilt = (angles_now.yaw - front.yaw) / _SIDE, (angles_now.pitch - front.pitch) / _TILT
    if abs(side) >= 1:
        return "left" if side > 0 else "right"
    if abs(side) >= _NEITHER:
        return None
    if abs(tilt) >= 1:
        return "up" if tilt > 0 else "down"
    return None if abs(tilt) >= _NEITHER else "front"
