"""A second look at what the detector network proposes: each place cut out, larger, with what is around it.

The first look sees a whole picture at once and is small because of that. Of the few places that it proposes a
classifier can see far more, as in the cascades of Viola and Jones (2001) and in MTCNN (Zhang et al. 2016).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facekit import runtime
from facekit.alignment import cut
from facekit.errors import WeightsError
from facekit.results import Detection, Pixels
from facekit.weights import SecondLookSpec, shipped_second_look, verified

Floats = NDArray[np.floating[Any]]

SIDE = 64
"""Of a place as it is looked at, in pixels."""
AROUND = 1.5
"""How many times as wide as the face's box, taken as a square, the place is."""


_AT_ONCE = 128
_WEIGHT = 0.15
"""Of the second look in the score. The first one was learned for far longer, and by a teacher."""


class SecondLook:
    """The shipped classifier. Raises WeightsError for a file that is not the released one."""

    def __init__(self, spec: SecondLookSpec | None = None, *, threads: int = 0) -> None:
        spec = spec or shipped_second_look()
        try:
            self._network = runtime.load(verified(spec.path, spec.sha256), threads=threads)
        except runtime.LoadError as error:
            raise WeightsError(f"{spec.path}: is no network that can be run ({error})") from None

    def scores(self, pixels: Pixels, faces: Sequence[Detection]) -> NDArray[np.float64]:
        """How sure each face, with the score of its first look, is after both, (n,) in 0 … 1: a weighted
        geometric mean of what either says."""
        first = np.array([face.score for face in faces], np.float64)
        boxes = np.array([face.box for face in faces]).reshape(-1, 4)
        parts = [boxes[at : at + _AT_ONCE] for at in range(0, len(boxes), _AT_ONCE)]
        seen = [self._network(places(pixels, part).astype(np.float32)) for part in parts]
        return first ** (1 - _WEIGHT) * np.concatenate(seen) ** _WEIGHT if seen else first


def places(pixels: Pixels, boxes: Floats) -> NDArray[np.uint8]:
    """Each box (n, 4) with its surroundings, uint8 (n, SIDE, SIDE, 3) RGB, black beyond the picture."""
    crops = [cut(pixels, _to_place(box), SIDE) for box in boxes]
    return np.stack(crops) if crops else np.zeros((0, SIDE, SIDE, 3), np.uint8)


def _to_place(box: Sequence[float] | Floats) -> NDArray[np.float64]:
    x0, y0, x1, y1 = (float(value) for value in box)
    scale = SIDE / (AROUND * max(1.0, np.sqrt(max(0.0, (x1 - x0) * (y1 - y0)))))
    middle = (SIDE - 1) / 2
    # `cut` counts from the middle of the first pixel, boxes from its outer edge.
    across, down = (x0 + x1) / 2 - 0.5, (y0 + y1) / 2 - 0.5
    return np.array([[scale, 0, middle - scale * across], [0, scale, middle - scale * down]])
