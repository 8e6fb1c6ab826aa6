"""Boxes and points: overlap, suppression, turning back, and fitting a picture into a network's input.

Boxes are x0, y0, x1, y1 in pixels, measured from the outer edge of the first pixel; points are x, y.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facekit.results import Box, Detection, Pixels

Floats = NDArray[np.floating[Any]]

_MOST = 5000
_SMALLEST_BOX = 0.91
"""dlib's boxes come in steps of a fifth: what a face of 80 pixels gets may be 73 pixels wide."""


def overlap(box: Floats, boxes: Floats) -> Floats:
    """Intersection over union of one box, (4,), with each of n, (n, 4): (n,) in 0 … 1."""
    sides = np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2])
    common: Floats = np.prod(np.maximum(sides, 0), axis=1)
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    union = np.prod(box[2:] - box[:2]) + areas - common
    shares: Floats = common / np.maximum(union, 1e-9)
    return shares


def suppress(boxes: Floats, scores: Floats, most: float) -> list[int]:
    """Which boxes stay, best first, when of two that overlap by more than `most` the better one stays.

    Of equal scores the earlier box is the better. Only the best 5,000 are looked at.
    """
    order = np.argsort(-scores, kind="stable")[:_MOST]
    kept: list[int] = []
    while order.size:
        best, order = int(order[0]), order[1:]
        kept.append(best)
        order = order[overlap(boxes[best], boxes[order]) <= most]
    return kept


def ordered(faces: Iterable[Detection], min_face: float) -> list[Detection]:
    """Surest first, then by place; without faces of fewer than `min_face` pixels, as far as a box tells."""
    large = (face for face in faces if face_side(face.box) >= min_face * _SMALLEST_BOX)
    return sorted(large, key=lambda face: (-face.score, face.box))


def face_side(box: Box) -> float:
    """How large a face is, whoever drew its box: the side of a square of the same area.

    dlib's boxes are square. Networks' are a sixth narrower and as much higher, so that of their sides neither
    could be compared with them.
    """
    return math.sqrt(max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1]))


def turned_back(box: Box, tilt: float, turned: tuple[int, int], upright: tuple[int, int]) -> Box:
    """A box of a picture that was turned by `tilt` degrees counter-clockwise around its middle: as large, and
    around the same place, in the picture as it was. Sizes are width, height of the turned and of the upright.
    """
    x0, y0, x1, y1 = box
    seen = complex(x0 + x1 - turned[0], y0 + y1 - turned[1]) / 2
    middle = seen * cmath.rect(1, math.radians(tilt)) + complex(*upright) / 2
    across, down = (x1 - x0) / 2, (y1 - y0) / 2
    return middle.real - across, middle.imag - down, middle.real + across, middle.imag + down


def resized(face: Detection, times: float) -> Detection:
    """A face in the same picture `times` as large."""
    x0, y0, x1, y1 = face.box
    points = None if face.points is None else resized_points(face.points, times)
    return replace(face, box=(x0 * times, y0 * times, x1 * times, y1 * times), points=points)


def moved(face: Detection, x: float, y: float) -> Detection:
    """A face as much further to the right and down."""
    x0, y0, x1, y1 = face.box
    points = None if face.points is None else (face.points + np.array((x, y))).astype(np.float32)
    return replace(face, box=(x0 + x, y0 + y, x1 + x, y1 + y), points=points)


def resized_points(points: NDArray[np.float32], times: float) -> NDArray[np.float32]:
    """Points, which count from the middle of the first pixel, in the same picture `times` as large."""
    return points if times == 1 else ((points + 0.5) * times - 0.5).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Fitted:
    """A picture scaled and laid into a canvas: `canvas` uint8 (height, width, 3) RGB."""

    canvas: Pixels
    scale: float
    left: int
    top: int

    def back(self, points: Floats) -> Floats:
        """Points, (…, 2), of the canvas in the picture."""
        moved: Floats = (points - np.array([self.left, self.top], np.float32)) / self.scale
        return moved


def fit(pixels: Pixels, width: int, height: int, *, fill: int, centered: bool) -> Fitted:
    """Scale a picture so that it just fits, keeping its shape, and fill the rest of the canvas."""
    scale = min(width / pixels.shape[1], height / pixels.shape[0])
    image = scaled(Image.fromarray(pixels), scale)
    left, top = ((width - image.width) // 2, (height - image.height) // 2) if centered else (0, 0)
    canvas = np.full((height, width, 3), fill, np.uint8)
    canvas[top : top + image.height, left : left + image.width] = np.asarray(image)
    return Fitted(canvas, scale, left, top)


def scaled(image: Image.Image, scale: float) -> Image.Image:
    """Bilinear; when shrinking, every pixel counts."""
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image if size == image.size else image.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)


def working_side(
    pixels: Pixels,
    min_face: int,
    *,
    smallest: int = 16,
    usual: int = 640,
    most: int = 1280,
) -> int:
    """The longer side, in pixels, at which a network should see a picture.

    At `usual`, unless faces of `min_face` pixels would come out smaller than the `smallest` that the
    network can see; then as much larger as is needed, up to `most`. Never larger than the picture.
    """
    longer: int = max(pixels.shape[:2])
    return min(longer, max(usual, min(most, math.ceil(longer * smallest / min_face))))


def detections(boxes: Floats, scores: Floats, points: Floats | None, rows: Sequence[int]) -> list[Detection]:
    """Rows of arrays, boxes (n, 4), scores (n,), points (n, 5, 2), as values.

    A row whose five points are one point is no face, and left out.
    """
    found = []
    for number in rows:
        x0, y0, x1, y1 = (float(value) for value in boxes[number])
        five = None if points is None else points[number].astype(np.float32)
        if five is not None and np.ptp(five, axis=0).max() < 1:
            continue
        found.append(Detection((x0, y0, x1, y1), float(scores[number]), five))
    return found
