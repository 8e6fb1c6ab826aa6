"""Long pictures, panoramas and screenshots, in overlapping parts: shrunk as a whole, their faces would be
too small to be found."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from facekit.detection.geometry import moved, ordered, suppress
from facekit.pictures.images import LONG
from facekit.results import Detection, Pixels

_PART, _COMMON = 3, 1
"""How long a part is, and what two have in common, in shorter sides: no face is larger than that."""
_LEAST = 1920
"""Pixels of a part: so many are looked at as they are, and a sliver has not thousands of parts."""
_EDGE = 2.0
"""A box this close to where a part was cut off is what is left of a face that the next part has whole."""
_SAME = 0.3


def is_long(width: int, height: int) -> bool:
    return max(width, height) > LONG * min(width, height)


def detect(
    pixels: Pixels, look: Callable[[Pixels], list[Detection]], *, scale: float, min_face: int
) -> list[Detection]:
    """What `look` finds in the parts of a long picture, whose pixels are each `scale` of the file's, in which
    its answers are counted."""
    found: list[Detection] = []
    axis = 0 if pixels.shape[1] >= pixels.shape[0] else 1
    for part, start_of_part, (low, high) in _parts(pixels):
        away = start_of_part * scale
        x, y = (away, 0.0) if axis == 0 else (0.0, away)
        for face in look(part):
            start, end = face.box[axis] / scale, face.box[axis + 2] / scale
            if start > low + _EDGE and end < high - _EDGE:
                found.append(moved(face, x, y))
    boxes = np.array([face.box for face in found], np.float32).reshape(-1, 4)
    scores = np.array([face.score for face in found], np.float32)
    return ordered((found[place] for place in suppress(boxes, scores, _SAME)), min_face)


def _parts(pixels: Pixels) -> Iterator[tuple[Pixels, int, tuple[float, float]]]:
    """Each part, where it begins, and between which of its own pixels it was cut off, along the picture."""
    height, width = pixels.shape[:2]
    longer, shorter = max(height, width), min(height, width)
    length, common = max(_LEAST, _PART * shorter), _COMMON * shorter
    for start in range(0, max(1, longer - common), length - common):
        end = min(longer, start + length)
        cuts = (0.0 if start else -np.inf, float(end - start) if end < longer else np.inf)
        part = pixels[:, start:end] if width >= height else pixels[start:end]
        yield np.ascontiguousarray(part), start, cuts
