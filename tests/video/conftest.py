"""Frames without pictures, and detector that see what a test tells them to."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from facekit.results import Box, Candidate, Detection, Face, Quality, Vector
from facekit.video.frames import Frame

PIXELS = np.zeros((240, 320, 3), np.uint8)


def direction(*values: float) -> Vector:
    """A unit vector of eight numbers."""
    raw = np.zeros(8, np.float32)
    raw[: len(values)] = values
    return raw / np.linalg.norm(raw)


ADA, BOB, EVE = direction(1), direction(0, 1), direction(0, 0, 1)


def square(x: float, y: float = 100, side: float = 60) -> Box:
    return (x, y, x + side, y + side)


def face_at(
    box: Box, vector: Vector, *, sharpness: float = 300, yaw: float = 0.0, score: float = 1.0
) -> Face:
    quality = Quality(box[2] - box[0], sharpness, 120.0, yaw)
    crop = np.zeros((112, 112, 3), np.uint8)
    return Face(Detection(box, score), np.zeros((5, 2), np.float32), crop, vector, quality)


Script = Callable[[int], Sequence[Face]]


class ScriptedDetector:
    """Sees in frame n what `script(n)` gives; counts how often it was asked what."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.wholes: list[int] = []
        self.nears: list[int] = []
        self.described: list[tuple[int, int]] = []

    def detect(self, frame: Frame, *, deep: bool = False) -> list[Detection]:
        self.wholes.append(frame.number)
        return [face.detection for face in self.script(frame.number)]

    def detect_near(self, frame: Frame, boxes: Sequence[Box]) -> list[Detection]:
        self.nears.append(frame.number)
        return [face.detection for face in self.script(frame.number)]

    def describe(self, frame: Frame, found: Sequence[Detection]) -> list[Face]:
        self.described.append((frame.number, len(found)))
        by_box = {face.detection.box: face for face in self.script(frame.number)}
        return [by_box[each.box] for each in found]


def gallery_of(**people: Vector) -> Callable[[np.ndarray, int], list[list[Candidate]]]:
    """A search among people with one template each."""

    def search(probes: np.ndarray, k: int) -> list[list[Candidate]]:
        found = []
        for probe in probes:
            scores = sorted(((float(own @ probe), name) for name, own in people.items()), reverse=True)[:k]
            found.append([Candidate(n, name, score) for n, (score, name) in enumerate(scores, 1)])
        return found

    return search


def frames(count: int, rate: float = 25.0, start: int = 0) -> list[Frame]:
    return [Frame(PIXELS, number, number / rate) for number in range(start, start + count)]


@pytest.fixture
def everybody() -> Callable[[np.ndarray, int], list[list[Candidate]]]:
    return gallery_of(Ada=ADA, Bob=BOB)
