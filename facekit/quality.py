"""How usable a face is for recognition, in four numbers, and what is wrong with it in words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facekit.detection.geometry import shorter_side
from facekit.results import Detection, Pixels, Quality

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_MOST_YAW = 2.0


@dataclass(frozen=True)
class Limits:
    """Beyond these a face is a poor one to enrol. Units as in `Quality`.

    Chosen on 600 photos of 50 people, all of them recognisable, so that few are called poor; the
    counts are printed by scripts/measure_detection.py.
    """

    size: float = 40.0
    sharpness: float = 50.0
    darkest: float = 45.0
    brightest: float = 215.0
    yaw: float = 0.45


def measure(
    detection: Detection, points: NDArray[np.floating], crop: Pixels, *, scheme: str = "arcface5"
) -> Quality:
    """The quality of a face from its box, its points (5, 2) of `scheme` and its aligned crop."""
    grey = crop.astype(np.float32) @ _LUMA
    laplacian = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * grey[1:-1, 1:-1]
    return Quality(
        size=float(shorter_side(detection.box)),
        sharpness=float(laplacian.var()),
        brightness=float(grey.mean()),
        yaw=_yaw(np.asarray(points, np.float64), scheme),
    )


def problems(quality: Quality, limits: Limits | None = None) -> list[str]:
    """What speaks against enrolling the face, a few words each; empty when nothing does."""
    limits = limits or Limits()
    found = []
    if quality.size < limits.size:
        found.append(f"too small ({quality.size:.0f} pixels, {limits.size:.0f} needed)")
    if quality.sharpness < limits.sharpness:
        found.append(f"too blurred (sharpness {quality.sharpness:.0f}, {limits.sharpness:.0f} needed)")
    if quality.brightness < limits.darkest:
        found.append(f"too dark (brightness {quality.brightness:.0f}, {limits.darkest:.0f} needed)")
    if quality.brightness > limits.brightest:
        found.append(f"too bright (brightness {quality.brightness:.0f}, at most {limits.brightest:.0f})")
    if abs(quality.yaw) > limits.yaw:
        side = "right" if quality.yaw > 0 else "left"
        found.append(f"turned too far to the {side} ({abs(quality.yaw):.2f}, at most {limits.yaw:.2f})")
    return found


def _yaw(points: NDArray[np.float64], scheme: str) -> float:
    """How far the nose lies off the middle of the eyes, along the line through them, in eye distances."""
    if scheme == "dlib5":
        left, right, nose = points[2:4].mean(axis=0), points[0:2].mean(axis=0), points[4]
    else:
        left, right, nose = points[0], points[1], points[2]
    eyes = right - left
    apart = max(float(eyes @ eyes), 1e-9)
    return float(np.clip((nose - (left + right) / 2) @ eyes / apart, -_MOST_YAW, _MOST_YAW))
