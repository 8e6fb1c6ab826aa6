"""How usable a face is for recognition, in four numbers, and what is wrong with it in words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facekit.detection.geometry import face_side
from facekit.results import Detection, Pixels, Quality

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_FARTHEST = 2.0
# Where photographed people have their nose on the way from the mouth to the eyes, as the median.
_NOSE = 0.425


@dataclass(frozen=True)
class Limits:
    """Beyond these a face is a poor one to enroll. Units as in `Quality`.

    Chosen on 600 photos of 50 people, all of them recognizable, so that few are called poor; the
    counts are printed by scripts/measure_detection.py.
    """

    size: float = 40.0
    sharpness: float = 50.0
    darkest: float = 45.0
    brightest: float = 215.0
    yaw: float = 0.45


def measure(
    detection: Detection,
    points: NDArray[np.floating],
    crop: Pixels,
    *,
    scheme: str = "arcface5",
    stranger_rate: float | None = None,
) -> Quality:
    """The quality of a face from its box, its points (5, 2) of `scheme` and its aligned crop."""
    gray = crop.astype(np.float32) @ _LUMA
    laplacian = gray[:-2, 1:-1] + gray[2:, 1:-1] + gray[1:-1, :-2] + gray[1:-1, 2:] - 4 * gray[1:-1, 1:-1]
    return Quality(
        size=float(face_side(detection.box)),
        sharpness=float(laplacian.var()),
        brightness=float(gray.mean()),
        yaw=yaw(points, scheme),
        stranger_rate=stranger_rate,
    )


def problems(quality: Quality, limits: Limits | None = None) -> list[str]:
    """What speaks against enrolling the face, a few words each; empty when nothing does."""
    limits = limits or Limits()
    words = []
    if quality.size < limits.size:
        words.append(f"too small ({quality.size:.0f} pixels, {limits.size:.0f} needed)")
    if quality.sharpness < limits.sharpness:
        words.append(f"too blurred (sharpness {quality.sharpness:.0f}, {limits.sharpness:.0f} needed)")
    if quality.brightness < limits.darkest:
        words.append(f"too dark (brightness {quality.brightness:.0f}, {limits.darkest:.0f} needed)")
    if quality.brightness > limits.brightest:
        words.append(f"too bright (brightness {quality.brightness:.0f}, at most {limits.brightest:.0f})")
    if abs(quality.yaw) > limits.yaw:
        side = "right" if quality.yaw > 0 else "left"
        words.append(f"turned too far to the {side} ({abs(quality.yaw):.2f}, at most {limits.yaw:.2f})")
    return words


def yaw(points: NDArray[np.floating], scheme: str = "arcface5") -> float:
    """How far the nose lies off the middle of the eyes, along the line through them, in eye distances;
    positive to the right of the picture.
    """
    positions = np.asarray(points, np.float64)
    if scheme == "dlib5":
        left, right, nose = positions[2:4].mean(axis=0), positions[0:2].mean(axis=0), positions[4]
    else:
        left, right, nose = positions[0], positions[1], positions[2]
    return _off(nose - (left + right) / 2, right - left)


def pitch(points: NDArray[np.floating]) -> float:
    """How far the nose lies above its usual place between the mouth and the eyes, in their distance;
    positive for a face that looks up. `points` (5, 2) are of `arcface5`.
    """
    positions = np.asarray(points, np.float64)
    eyes, mouth = positions[0:2].mean(axis=0), positions[3:5].mean(axis=0)
    return _off(positions[2] - mouth, eyes - mouth) - _NOSE


def _off(way: NDArray[np.float64], along: NDArray[np.float64]) -> float:
    """How far a way goes along another, in lengths of the other."""
    return float(np.clip(way @ along / max(float(along @ along), 1e-9), -_FARTHEST, _FARTHEST))
