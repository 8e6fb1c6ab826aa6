"""dlib's detector of faces: histograms of oriented gradients under five linear filters (King 2015).

A face in its picture has to be about 80 pixels wide. So pictures are brought to the cheapest size first,
and a ladder is climbed where that is not enough.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import dlib
import numpy as np
from PIL import Image

from facekit.detection import MIN_FACE
from facekit.detection.geometry import face_side, ordered, overlap, scaled, turned_back
from facekit.errors import WeightsError
from facekit.models.pool import Pool
from facekit.models.weights import shipped_detector, verified
from facekit.results import Box, Detection, Pixels

_SURE_SIDE, _SMALLEST_BOX = 80.0, 73.0
"""From which width on a face is seen well, and the side of the smallest box that comes out, in pixels
of the picture that the detector is shown. Boxes come in steps of a fifth, so a face of 80 may get 73."""

_TILTS = (90.0, -90.0, 30.0, -30.0)
"""The filters see faces that lean by up to about 20°; what leans more is turned towards them."""

_MOST_TURNED = 4.0
"""A sliver of a picture that leans lies in a field of so many times its area, and is not looked at so: in
width 300,000 and height 200 it would be two hundred times."""

_MOST_ENLARGED = 4.0
"""A face of fewer than 20 pixels cannot be made out, however it is enlarged."""


@dataclass(frozen=True)
class Ladder:
    """How hard to look. The values come from scripts/measure_detection.py.

    The picture is first looked at in its own size, shrunk to `first_area` pixels. While nothing is
    found, or the smallest face found is less than `close` times the smallest that could be, so that
    others may be just below, it is looked at twice as large, until faces of `min_face` are seen or
    `last_area` is reached. Then it is turned by 90° and by 30° either way, in the first size, where scores
    of at least `turned` count; and last, upright scores down to `lowered` are believed. None skips a step.
    """

    first_area: float = 0.8e6
    last_area: float = 12e6
    close: float = 1.1
    turned: float | None = 0.2
    lowered: float = -0.3


class _Seen(NamedTuple):
    box: Box
    score: float


class DlibHog:
    """The detector that is always there: boxes without points, score 0 and above where it is sure.

    Its filters are dlib's own. They are read from a file, in a millisecond: dlib takes 0.3 s to unpack
    those it carries. dlib looks with one thread, whatever `threads` allows. Raises WeightsError for a file
    that is not the released one.
    """

    name = "dlib"

    def __init__(self, ladder: Ladder | None = None, *, threads: int = 0) -> None:
        self._ladder = ladder or Ladder()
        spec = shipped_detector()
        verified(spec.path, spec.sha256)
        self._detectors = Pool(lambda: _load(spec.path))

    def longest_look(self, min_face: int) -> int | None:
        return None

    def detect(self, pixels: Pixels, *, min_face: int = MIN_FACE) -> list[Detection]:
        if 2 * min(pixels.shape[:2]) < min_face:  # not half a face fits in, however it is enlarged
            return []
        gray = Image.fromarray(pixels).convert("L")
        scales = list(self._scales(gray.width * gray.height, min_face))
        sure: list[_Seen] = []
        seen: list[_Seen] = []
        for scale in scales:
            seen += self._look(gray, scale)
            sure = _apart([face for face in seen if face.score >= 0])
            enough = self._ladder.close * _SMALLEST_BOX / scale
            if sure and all(face_side(face.box) >= enough for face in sure):
                break
        faces = [Detection(*face) for face in sure] or self._turned(gray, scales[0])
        faces = faces or [Detection(*face) for face in _apart(seen)]
        return ordered(faces, min_face)

    def first_look(self, pixels: Pixels, *, min_face: int = MIN_FACE) -> list[Detection]:
        """The faces seen at once: upright, in the picture as it is or shrunk to the ladder's first area."""
        gray = Image.fromarray(pixels).convert("L")
        area = gray.width * gray.height
        scale = min(1.0, _SURE_SIDE / min_face, math.sqrt(self._ladder.first_area / area))
        sure = [face for face in self._look(gray, scale) if face.score >= 0]
        return ordered([Detection(*face) for face in _apart(sure)], min_face)

    def _scales(self, area: float, min_face: int) -> Iterator[float]:
        ladder = self._ladder
        # The least scale that shows the smallest face wanted; more would cost time for nothing.
        last = min(_SURE_SIDE / min_face, _MOST_ENLARGED, math.sqrt(ladder.last_area / area))
        scale = min(1.0, math.sqrt(ladder.first_area / area), last)
        while scale < last / 1.05:
            yield scale
            scale *= 2
        yield last

    def _turned(self, gray: Image.Image, scale: float) -> list[Detection]:
        """Faces of the picture turned, by the angle that shows the surest one."""
        least = self._ladder.turned
        if least is None:
            return []
        found: list[list[Detection]] = []
        for tilt in (tilt for tilt in _TILTS if _turned_area(*gray.size, tilt) <= _MOST_TURNED):
            faces = [face for face in self._look(gray, scale, tilt) if face.score >= least]
            found.append([Detection(*face, tilt=tilt) for face in faces])
        return max(found, key=lambda faces: max((face.score for face in faces), default=least - 1))

    def _look(self, gray: Image.Image, scale: float, tilt: float = 0.0) -> list[_Seen]:
        upright = scaled(gray, scale)
        view = upright.rotate(tilt, Image.Resampling.BILINEAR, expand=True) if tilt else upright
        with self._detectors.borrowed() as detector:
            boxes, scores, _ = detector.run(np.asarray(view), 0, min(0.0, self._ladder.lowered))
        across, down = gray.width / upright.width, gray.height / upright.height
        seen = []
        for found, score in zip(boxes, scores, strict=True):
            box: Box = (found.left(), found.top(), found.right() + 1, found.bottom() + 1)
            if tilt:
                box = turned_back(box, tilt, view.size, upright.size)
            x0, y0, x1, y1 = box
            seen.append(_Seen((x0 * across, y0 * down, x1 * across, y1 * down), float(score)))
        return seen


def _turned_area(width: int, height: int, tilt: float) -> float:
    """Of the upright field around a turned picture, in areas of the picture."""
    across, down = abs(math.cos(math.radians(tilt))), abs(math.sin(math.radians(tilt)))
    return (width * across + height * down) * (width * down + height * across) / (width * height)


def _load(path: Path) -> Any:
    try:
        return dlib.fhog_object_detector(str(path))
    except (RuntimeError, MemoryError) as error:
        raise WeightsError(f"{path}: not a detector that this dlib can read ({error})") from None


def _apart(faces: Sequence[_Seen]) -> list[_Seen]:
    """One box a face, the surest, where several sizes of the picture showed it."""
    kept: list[_Seen] = []
    for face in sorted(faces, key=lambda face: (-face.score, face.box)):
        others = np.array([other.box for other in kept]).reshape(-1, 4)
        if not (overlap(np.array(face.box), others) > 0.3).any():
            kept.append(face)
    return kept
