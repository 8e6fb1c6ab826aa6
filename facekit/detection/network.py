"""facekit's own detector network: anchor-free, five points with each box, run by ONNX Runtime.

It sees faces of about 10 to 300 pixels. So a picture is shown to it in several sizes, each for the faces that
are well seen in it, and what is seen in two of them counts once. What is small in the largest of them is
looked at again by itself and larger: a flower on a tie is no face then, a small face still one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image

from facekit.detection import MIN_FACE
from facekit.detection.geometry import detections, ordered, overlap, scaled, suppress
from facekit.detection.onnx import Tensor, cells
from facekit.errors import WeightsError
from facekit.models import runtime
from facekit.models.weights import FaceNetworkSpec, shipped_face_network, verified
from facekit.results import Detection, Pixels

STRIDES = (8, 16, 32)
ANSWERS = 15
"""Of each cell: a score, the middle and the logarithms of the sides of a box, five points."""

USUAL = 640
"""The longer side in which a picture is always shown, unless it is smaller."""
LARGE_FACES = 320
"""The longer side for faces that fill the picture."""

_LARGEST_SIDE, _LARGEST_OF_ALL = 2000, 6000
"""The largest longer side in which a picture is shown, where no smaller faces are asked for than usual, and
where they are. Half of 12 megapixels costs a third of the whole."""
_STEP = 3.2
"""How many times as large the next view may be: it sees the faces that are too large for this one."""
_SMALLEST_SEEN = 20.0
_WELL_SEEN = 64.0
"""A face of so many pixels is seen as well as any larger one."""
_SMALL = 20.0
"""A face of fewer pixels in the largest view is looked at again."""
_DOUBTFUL, _DOUBT = 40.0, 1.28
"""Of fewer pixels its score counts as this power of it, so that 0.67 is 0.6 then: a small blur is sooner
taken for a face than a large one."""
_SHOWN, _SEEN_AGAIN = 128, 32.0
"""The side of such a look, and of the face in it."""
_FAINT, _AT_ONCE = 0.05, 64
_BOTH = 0.435
"""Power of the product of both scores; a small face has no more. 22 of 24 known ones stay, 1 of 9 flowers on
a tie."""
_SAME = 0.3
_OVERLAP = 0.4
_WITHIN, _TIMES = 0.7, 2.2
_MOST_ENLARGED = 2.0
_LARGEST = 8.0


class FaceNetwork:
    """The shipped network. Raises WeightsError for a file that is not the released one."""

    name = "network"

    def __init__(self, spec: FaceNetworkSpec | None = None, *, threads: int = 0) -> None:
        spec = spec or shipped_face_network()
        self.threshold = spec.threshold
        try:
            self._network = runtime.load(verified(spec.path, spec.sha256), threads=threads)
        except runtime.LoadError as error:
            raise WeightsError(f"{spec.path}: is no network that can be run ({error})") from None

    def longest_look(self, min_face: int) -> int | None:
        return longest_side(min_face)

    def detect(self, pixels: Pixels, *, min_face: int = MIN_FACE) -> list[Detection]:
        return self.look(pixels, sides(pixels, min_face), min_face=min_face, least=self.threshold)

    def look(
        self, pixels: Pixels, longer_sides: Sequence[int], *, min_face: int, least: float
    ) -> list[Detection]:
        """The faces of at least the score `least`, where the picture is shown with these longer sides."""
        views = sorted(longer_sides, reverse=True)
        longer, image = max(pixels.shape[:2]), Image.fromarray(pixels)
        seen_in: list[tuple[Tensor, Tensor, Tensor]] = []
        for number, side in enumerate(views):
            # Each view is made of the one before it, which is smaller than the picture.
            image = scaled(image, side / max(image.size))
            boxes, scores, points = rows(self._network, np.asarray(image), least)
            seen = _side(boxes)
            # The smallest view has the largest faces; the others leave to it what is well seen there.
            kept = seen < (math.inf if number == len(views) - 1 else _WELL_SEEN * side / views[number + 1])
            enlarge = longer / side
            seen_in.append((boxes[kept] * enlarge, scores[kept], points[kept] * enlarge))
        boxes, scores, points = (np.concatenate(parts) for parts in zip(*seen_in, strict=True))
        once = single(boxes, suppress(boxes, scores, _OVERLAP))
        boxes, scores, points = boxes[once], scores[once], points[once]
        shown = _side(boxes) * views[0] / longer
        scores = np.where(shown < _DOUBTFUL, scores**_DOUBT, scores)
        small = np.flatnonzero(shown < _SMALL)
        if len(small):
            both = scores[small] * self._again(pixels, boxes[small])
            scores[small] = np.minimum(scores[small], both**_BOTH)
        sure = np.flatnonzero(scores >= least)
        return ordered(detections(boxes, scores, points, sure.tolist()), min_face)

    def _again(self, pixels: Pixels, boxes: Tensor) -> Tensor:
        """The scores (n,) of what is seen at the boxes (n, 4), each shown by itself with its surroundings."""
        halves = _side(boxes)[:, None] * _SHOWN / _SEEN_AGAIN / 2
        middles = (boxes[:, :2] + boxes[:, 2:]) / 2
        fields = np.concatenate([middles - halves, middles + halves], axis=1)
        image = Image.fromarray(pixels)
        places = np.concatenate([(boxes[:, :2] - fields[:, :2]), (boxes[:, 2:] - fields[:, :2])], axis=1)
        places *= _SHOWN / (2 * halves)
        scores = np.zeros(len(boxes), np.float32)
        cells = grid(_SHOWN, _SHOWN)
        for first in range(0, len(boxes), _AT_ONCE):
            part = slice(first, first + _AT_ONCE)
            views = [
                image.transform((_SHOWN, _SHOWN), Image.Transform.EXTENT, field, Image.Resampling.BILINEAR)
                for field in fields[part].tolist()
            ]
            answers = self._network(np.stack([np.asarray(view, np.float32) for view in views]))
            for place, (box, answer) in enumerate(zip(places[part], answers, strict=True), first):
                sure = answer[:, 0] >= _FAINT
                seen, _ = decode(answer[sure, 1:], cells[sure])
                scores[place] = (answer[sure, 0] * (overlap(box, seen) > _SAME)).max(initial=0.0)
        return scores


def _side(boxes: Tensor) -> Tensor:
    """Of squares as large as the boxes (n, 4), (n,)."""
    sides: Tensor = np.sqrt(np.prod(boxes[:, 2:] - boxes[:, :2], axis=1))
    return sides


def rows(network: runtime.Network, view: Pixels, least: float) -> tuple[Tensor, Tensor, Tensor]:
    """Boxes (n, 4), scores (n,) and points (n, 5, 2) of one view, in its pixels."""
    height, width = (-(-side // STRIDES[-1]) * STRIDES[-1] for side in view.shape[:2])
    canvas = np.zeros((1, height, width, 3), np.float32)
    canvas[0, : view.shape[0], : view.shape[1]] = view
    answers = network(canvas)[0]
    sure = answers[:, 0] >= least
    boxes, points = decode(answers[sure, 1:], grid(height, width)[sure])
    return boxes, answers[sure, 0], points


def single(boxes: Tensor, order: Sequence[int]) -> list[int]:
    """Which of the boxes (n, 4) stay, in `order` from the surest on, when one that mostly lies in a surer
    one, or the surer one in it, is the same face in another view, unless one is more than _TIMES as large."""
    kept: list[int] = []
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 0)
    areas = np.prod(sides, axis=1)
    for place in order:
        surer = boxes[kept].reshape(-1, 4)
        common = np.minimum(boxes[place, 2:], surer[:, 2:]) - np.maximum(boxes[place, :2], surer[:, :2])
        shared = np.prod(np.maximum(common, 0), axis=1)
        smaller, larger = np.minimum(areas[place], areas[kept]), np.maximum(areas[place], areas[kept])
        if not ((shared > _WITHIN * smaller) & (larger < _TIMES**2 * smaller)).any():
            kept.append(place)
    return kept


def sides(pixels: Pixels, min_face: int) -> list[int]:
    """The longer sides in which a picture should be shown, so that faces of `min_face` pixels are seen."""
    longer = max(pixels.shape[:2])
    needed = math.ceil(longer * min(_MOST_ENLARGED, _SMALLEST_SEEN / min_face))
    # Enlarged no further than a large one is shown: it may be one, shrunk, with its smallest face.
    most = max(_LARGEST_SIDE, min(longer, longest_side(min_face)))
    last = min(max(needed, min(longer, USUAL)), most)
    chosen = [last]
    while chosen[-1] > USUAL:
        chosen.append(USUAL if chosen[-1] <= _STEP * USUAL else chosen[-1] // 2)
    if chosen[-1] > LARGE_FACES:
        chosen.append(LARGE_FACES)
    return chosen


def longest_side(min_face: int) -> int:
    """The largest longer side in which a picture is shown."""
    return max(_LARGEST_SIDE, min(_LARGEST_OF_ALL, _LARGEST_SIDE * MIN_FACE // min_face))


def grid(height: int, width: int) -> Tensor:
    """Column, row and stride of each cell, (n, 3), stride 8 first, row by row."""
    parts = []
    for stride in STRIDES:
        places = cells(height, width, stride)
        parts.append(np.column_stack([places, np.full(len(places), stride, np.float32)]))
    return np.concatenate(parts)


def decode(answers: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
    """Boxes (n, 4) and points (n, 5, 2) in pixels, of answers without their scores, (n, 14), by cells (n, 3).

    All is counted from the cell's corner in strides, as YuNet does it.
    """
    corners, strides = places[:, :2], places[:, 2:]
    middles = (corners + answers[:, :2]) * strides
    halves = np.exp(np.minimum(answers[:, 2:4], _LARGEST)) * strides / 2
    points = (corners[:, None] + answers[:, 4:14].reshape(-1, 5, 2)) * strides[:, None]
    return np.concatenate([middles - halves, middles + halves], axis=1), points
