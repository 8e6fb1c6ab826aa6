"""The usual detector: dlib's and facekit's network look at the same picture, and what they see is one list.

dlib's boxes of frontal faces are the steadiest; what it misses, profiles, masks, small and turned faces, the
network finds. Where neither sees anything the picture may lie on its side, stand on its head, or be dark.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from PIL import Image

from facekit.detection import MIN_FACE
from facekit.detection.dlib_hog import DlibHog
from facekit.detection.geometry import overlap, scaled
from facekit.detection.network import LARGE_FACES, FaceNetwork, sides
from facekit.pictures.lighting import levels, stretched
from facekit.results import Box, Detection, Pixels

_SAME = 0.3
_DOUBTED = 0.5
"""Of the network's threshold: below that part of it dlib's box is taken for no face."""
_FEW_LEVELS = 192
_SURE, _SURER = 0.9, 0.03
_TURNS = (1, 2, 3)
"""Quarter turns counter-clockwise."""


class Auto:
    """dlib's first look and the network. Scores are the network's; it says what dlib's box is worth."""

    name = "auto"

    def __init__(self, *, threads: int = 0) -> None:
        self._dlib, self.network = DlibHog(), FaceNetwork(threads=threads)

    def longest_look(self, min_face: int) -> int | None:
        return self.network.longest_look(min_face)

    def detect(self, pixels: Pixels, *, min_face: int = MIN_FACE) -> list[Detection]:
        upright = self._upright(pixels, min_face)
        if upright and upright[0].score >= _SURE:
            return upright
        # A face that lies or stands on its head is seen as it is too, but badly, and with its points astray.
        return self._turned(pixels, min_face, upright) or upright or self._stretched(pixels, min_face)

    def _upright(self, pixels: Pixels, min_face: int) -> list[Detection]:
        views = sides(pixels, min_face)
        seen = self.network.look(pixels, views, min_face=min_face, least=_DOUBTED * self.network.threshold)
        return merged(self._dlib.first_look(pixels, min_face=min_face), seen, self.network.threshold)

    def _turned(self, pixels: Pixels, min_face: int, upright: list[Detection]) -> list[Detection]:
        """The faces of the picture turned by quarters, by the turn that shows the surest one, if that is much
        surer than what is seen `upright`."""
        longer = max(pixels.shape[:2])
        side = min(LARGE_FACES, longer)
        small = np.asarray(scaled(Image.fromarray(pixels), side / longer))
        least = max(1, math.floor(min_face * side / longer))
        best, turns = (upright[0].score + _SURER if upright else 0.0), 0
        for quarters in _TURNS:
            view = np.ascontiguousarray(np.rot90(small, quarters))
            faces = self.network.look(view, [side], min_face=least, least=self.network.threshold)
            if faces and faces[0].score > best:
                best, turns = faces[0].score, quarters
        if not turns:
            return []
        found = self.network.detect(np.ascontiguousarray(np.rot90(pixels, turns)), min_face=min_face)
        return [turned_back(face, turns, pixels.shape[1], pixels.shape[0]) for face in found]

    def _stretched(self, pixels: Pixels, min_face: int) -> list[Detection]:
        """The faces of a picture that is rather dark or flat; others look no better stretched."""
        return self._upright(stretched(pixels), min_face) if levels(pixels) < _FEW_LEVELS else []


def merged(first: list[Detection], second: list[Detection], threshold: float) -> list[Detection]:
    """dlib's faces with what the network thinks of them, and the network's of at least `threshold`.

    A face that both see has dlib's box and the network's points; one of dlib's of which `second`, which has
    what the network half believes too, knows nothing is left out.
    """
    boxes = np.array([face.box for face in second]).reshape(-1, 4)
    free = np.ones(len(second), bool)
    faces = []
    for face in first:
        shares = overlap(np.array(face.box), boxes) * free
        if len(second) and shares.max() > _SAME:
            match = second[int(shares.argmax())]
            free &= overlap(np.array(match.box), boxes) <= _SAME
            faces.append(replace(match, box=face.box, score=max(match.score, threshold)))
    faces += [face for face, alone in zip(second, free, strict=True) if alone and face.score >= threshold]
    return sorted(faces, key=lambda face: (-face.score, face.box))


def turned_back(face: Detection, quarters: int, width: int, height: int) -> Detection:
    """A face of a picture that was turned by quarters counter-clockwise, in the picture as it was."""
    corners = np.array(face.box).reshape(2, 2)
    points = face.points
    for size in _sizes(quarters, width, height):
        corners = _quarter_back(corners, size)
        points = None if points is None else _quarter_back(points, size)
    (x0, y0), (x1, y1) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
    box: Box = (x0, y0, x1, y1)
    tilt = (90.0 * quarters + 180) % 360 - 180
    return Detection(box, face.score, points, tilt=tilt if tilt != -180 else 180.0)


def _sizes(quarters: int, width: int, height: int) -> Iterator[int]:
    """The widths before each quarter turn, the last turn first."""
    for turn in reversed(range(quarters)):
        yield height if turn % 2 else width


def _quarter_back(points: np.ndarray, width: int) -> np.ndarray:
    """Points of a picture turned by a quarter counter-clockwise, in the one `width` wide that was turned."""
    return np.stack([width - points[..., 1], points[..., 0]], axis=-1).astype(points.dtype)
