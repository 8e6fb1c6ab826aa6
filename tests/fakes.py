"""A pipeline without networks, for tests that are about everything around it.

A "face" is a square of one strong color on a gray picture; its vector points where its color
points, so that pictures of the same color are of the same person.
"""

from __future__ import annotations

import hashlib
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from PIL import Image, ImageDraw

from facekit.calibration.threshold import Calibration
from facekit.detection.geometry import face_side
from facekit.errors import WeightsError
from facekit.faces.reading import Options
from facekit.results import Box, Detection, Face, Picture, Pixels, Quality
from facekit.video import frame_detection
from facekit.video.frames import Frame

FINGERPRINT = "f" * 64
DIMENSION = 8
COLORS = {
    "red": (255, 0, 0),
    "green": (0, 255, 0),
    "blue": (0, 0, 255),
    "yellow": (255, 255, 0),
    "cyan": (0, 255, 255),
    "magenta": (255, 0, 255),
    "black": (0, 0, 0),
}

POOR = (255, 254, 255)
"""The color of the second pixel of poor pictures."""


@dataclass(frozen=True)
class FakeOptions(Options):
    """Options that open the fake; the detector `broken` stands for weights that cannot be used."""

    def jobs_for(self, pictures: int) -> int:
        """As many processes as are asked for: starting them by itself would cost most of a test's time."""
        return self.jobs or 1

    def pipeline(self, threads: int = 0) -> FakePipeline:  # type: ignore[override]
        if self.detector == "broken":
            raise WeightsError("embedder.onnx: not the file that was released; install facekit again")
        return FakePipeline(self.min_face)


class FakePipeline:
    """Finds squares of strong colors. Some beginnings of a picture's name are traps."""

    fingerprint = FINGERPRINT
    dimension = DIMENSION
    longest_look = None
    spec = SimpleNamespace(
        name="fake",
        threshold=0.6,
        calibration=Calibration(0.6, "made up for tests"),
        flip=False,
        poor_from=0.01,
    )

    def __init__(self, min_face: int = 8) -> None:
        self.min_face = min_face

    def warm(self) -> None:
        """There is nothing to load."""

    def faces(self, picture: Picture, *, full: Callable[[], Picture] | None = None) -> list[Face]:
        name = Path(picture.source).name
        if name.startswith("segfault"):
            os.kill(os.getpid(), signal.SIGSEGV)
        if name.startswith("brief"):
            time.sleep(0.03)
        if name.startswith("stuck"):
            time.sleep(100)
        if name.startswith("counted"):
            with open(Path(picture.source).with_name("in-work.txt"), "a") as file:
                file.write(f"begin {picture.pixels.size // 3}\n")
                file.flush()
                time.sleep(0.1)
                file.write(f"end {picture.pixels.size // 3}\n")
        if name.startswith("slow"):
            time.sleep(0.5)
        if name.startswith("nan"):
            raise WeightsError("the network gave a vector that is not finite")
        if name.startswith("bug"):
            raise KeyError("bug")
        return [face for face in _faces(picture.pixels) if face.quality.size >= self.min_face]

    def describe(self, picture: Picture, detections: Sequence[Detection]) -> list[Face]:
        """Faces of the colors in the middle of the boxes."""
        described = []
        for detection in detections:
            x0, y0, x1, y1 = (int(side) for side in detection.box)
            color = tuple(int(value) for value in picture.pixels[(y0 + y1) // 2, (x0 + x1) // 2])
            described.append(_face(detection.box, color, 0.0001))  # type: ignore[arg-type]
        return described


COMMAND = (
    sys.executable,
    "-c",
    "import sys, fakes, facekit.faces.reading, facekit.cli\n"
    "facekit.faces.reading.Options = fakes.FakeOptions\n"
    "facekit.cli.main()\n",
)
"""`facekit` with the fake pipeline, for a process with `PYTHON_PATH`."""

PYTHON_PATH = os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parent.parent)])


def vector_of(color: tuple[int, int, int]) -> np.ndarray:
    """A unit vector: the color itself, without its gray."""
    raw = np.zeros(DIMENSION, np.float32)
    raw[:3] = np.array(color, np.float32) / 255 - 0.4
    return raw / np.linalg.norm(raw)


def norm_of(color: tuple[int, int, int]) -> float:
    """The feature norm: another for each color."""
    red, green, blue = color
    return float(np.float32(20 + red / 30 + green / 20 + blue / 10))


def _faces(pixels: Pixels) -> list[Face]:
    found = []
    lookalike = tuple(pixels[0, 2]) if pixels.shape[1] > 2 else None
    # A channel of a color is 0 or 255. Comparing bytes, once, is what makes hundreds of videos affordable.
    dark, bright = (np.moveaxis(near, 2, 0).copy() for near in (pixels < 60, pixels > 195))
    for color in COLORS.values():
        channels = [(bright if value else dark)[channel] for channel, value in enumerate(color)]
        near = channels[0] & channels[1] & channels[2]
        if not near.any():
            continue
        # Squares stand side by side: each run of columns with this color is one.
        edges = np.flatnonzero(np.diff(near.any(axis=0).astype(int), prepend=0, append=0))
        for left, right in zip(edges[::2], edges[1::2], strict=True):
            rows = np.flatnonzero(near[:, left:right].any(axis=1))
            if near[:, left:right].sum() < 64:
                continue
            box = (float(left), float(rows[0]), float(right), float(rows[-1] + 1))
            mean = pixels[:, left:right][near[:, left:right]].mean(axis=0).round()
            rate = 0.5 if tuple(pixels[0, 1]) == POOR else 0.0001
            face = _face(box, (int(mean[0]), int(mean[1]), int(mean[2])), rate)
            found.append(_of_lookalike(face) if lookalike == color else face)
    return sorted(found, key=lambda face: face.detection.box)


def _face(box: tuple[float, float, float, float], color: tuple[int, int, int], stranger_rate: float) -> Face:
    x0, y0, x1, y1 = box
    points = np.array(
        [[x0, y0], [x1, y0], [(x0 + x1) / 2, (y0 + y1) / 2], [x0, y1], [x1, y1]],
        np.float32,
    )
    crop = np.full((112, 112, 3), color, np.uint8)
    quality = Quality(min(x1 - x0, y1 - y0), 500.0, 128.0, 0.0, stranger_rate)
    return Face(Detection(box, 1.5, points), points, crop, vector_of(color), quality, norm_of(color))


def _of_lookalike(face: Face) -> Face:
    """Of a score of 0.9 with the person."""
    vector = 0.9 * face.vector
    vector[3] = np.sqrt(1 - 0.9**2)
    return replace(face, vector=vector)


def photo(
    path: Path,
    *people: str,
    size: tuple[int, int] = (200, 120),
    face: int = 50,
    seed: int = 0,
    poor: bool = False,
    lookalike: str | None = None,
) -> Path:
    """Save a gray picture with a square for each of `people` (names of COLORS), all a bit different; with
    `poor`, one that draws strangers. The `lookalike` among them is somebody else who is taken for the person
    of that color, but is not as like them as a copy of their picture."""
    image = Image.new("RGB", size, (128, 128, 128))
    draw = ImageDraw.Draw(image)
    for number, color in enumerate(people):
        left = 10 + number * (face + 10)
        shade = tuple(abs(c - 2 * (seed % 10)) for c in COLORS[color])
        draw.rectangle((left, 20, left + face - 1, 20 + face - 1), fill=shade)
    image.putpixel((0, 0), tuple(hashlib.sha256(f"{people}{seed}".encode()).digest()[:3]))
    if poor:
        image.putpixel((1, 0), POOR)
    if lookalike:
        image.putpixel((2, 0), COLORS[lookalike])
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)
    return path


class FakeFrameDetector:
    """Squares in frames, as `PipelineDetector` would see faces. A white spot in a square
    is its nose.
    """

    seconds = 0.0

    def __init__(self, pipeline: FakePipeline, *, posing: bool = False) -> None:
        self._least = pipeline.min_face

    def detect(self, frame: Frame, *, deep: bool = False) -> list[Detection]:
        time.sleep(self.seconds)
        found = [face.detection for face in _faces(frame.pixels)]
        return [face for face in found if face_side(face.box) >= min(self._least, 20)]

    def detect_near(self, frame: Frame, boxes: Sequence[Box]) -> list[Detection]:
        return self.detect(frame)

    def describe(self, frame: Frame, found: Sequence[Detection]) -> list[Face]:
        by_box = {face.detection.box: face for face in _faces(frame.pixels)}
        return [_with_nose(by_box[each.box], frame.pixels) for each in found]


def _with_nose(face: Face, pixels: Pixels) -> Face:
    x0, y0, x1, y1 = (int(side) for side in face.detection.box)
    spots = np.argwhere((pixels[y0:y1, x0:x1] > 200).all(axis=2))
    points = face.points.copy()
    if len(spots):
        points[2] = spots.mean(axis=0)[::-1] + np.array([x0, y0])
    return replace(face, points=points)


def slow_eyes() -> None:
    """From now on, every look takes 50 ms."""
    frame_detection.PipelineDetector = FakeFrameDetector  # type: ignore[assignment,misc]
    FakeFrameDetector.seconds = 0.05
