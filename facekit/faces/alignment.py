"""From a face's box to five points, to better points, and to its crop in the ArcFace template.

Points are x, y in pixels, counted from the middle of the first pixel, "left" as seen in the picture.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Sequence
from pathlib import Path

import dlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facekit.errors import UsageError, WeightsError
from facekit.files import untrusted
from facekit.models import runtime
from facekit.models.weights import RefinerSpec, verified
from facekit.results import CROP_SIDE, Detection, Pixels

Points = NDArray[np.floating]

SCHEMES: dict[str, NDArray[np.float64]] = {
    # Eye centers, nose tip, mouth corners (Deng et al., arXiv:1801.07698).
    "arcface5": np.array(
        [(38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041)]
    ),
    # The right eye's outer and inner corner, the left eye's, the nose base: where dlib's own predictor
    # puts them, as the median over 536 photos aligned by `arcface5`.
    "dlib5": np.array([(80.86, 53.18), (66.29, 53.99), (30.45, 53.35), (44.96, 54.11), (55.78, 81.06)]),
}
"""Landmark schemes: for each, where its points lie in a crop of 112×112."""

CENTER = complex(*SCHEMES["arcface5"].mean(axis=0))
RADIUS = float(np.sqrt((SCHEMES["arcface5"].var(axis=0)).sum()))
SPOKES = (SCHEMES["arcface5"] @ np.array([1, 1j]) - CENTER) / RADIUS
"""The `arcface5` template as complex numbers: its middle, the root mean square distance of its points from
the middle, and the points themselves seen from there in that unit."""

# A larger box shows the predictor nothing more.
_SEEN_SIDE = 240.0
# The predictor's worst errors are of about this size, in pixels of the crop.
_FARTHEST = 15.0
# The middle, and a step to each side: what one shifted box misleads, the others correct.
_SHIFTS = ((0.0, 0.0), (0.04, 0.0), (-0.04, 0.0), (0.0, 0.04), (0.0, -0.04))


def similarity(points: Points, template: Points) -> NDArray[np.float64]:
    """The turn, scale and shift, (2, 3), that brings `points` (n, 2) nearest to `template` (n, 2).

    Least squares without reflection (Umeyama 1991), which in the plane is one division of complex
    numbers. Raises ValueError when the points are not finite or all the same.
    """
    if not np.isfinite(points).all() or np.ptp(points, axis=0).max() < 1e-4:
        raise ValueError("the points of a face must be finite and apart")
    start, end = (np.asarray(side, np.float64) @ np.array([1, 1j]) for side in (points, template))
    spread = start - start.mean()
    power = float(np.vdot(spread, spread).real)
    turn = complex(np.vdot(spread, end - end.mean())) / power
    shift = complex(end.mean()) - turn * complex(start.mean())
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def align(pixels: Pixels, points: Points, *, scheme: str = "arcface5", size: int = CROP_SIDE) -> Pixels:
    """The face cut out upright, uint8 (size, size, 3) RGB; black where the picture does not reach.

    `pixels` is (height, width, 3); `points` (5, 2) are of `scheme`. Bilinear, area-averaged first
    when shrinking by more than two. Raises ValueError as `similarity` does.
    """
    if scheme not in SCHEMES:
        raise UsageError(f"no landmark scheme {scheme!r}: use one of {', '.join(SCHEMES)}")
    # The template's frame ends at the outer edge of its last pixel.
    return cut(pixels, similarity(points, (SCHEMES[scheme] + 0.5) * (size / CROP_SIDE) - 0.5), size)


def cut(pixels: Pixels, to_crop: NDArray[np.float64], size: int) -> Pixels:
    """What the transform (2, 3) brings into a square of `size` pixels, as `align` does."""
    back = _inverse(to_crop)
    ends = np.array([[-1, -1, 1], [size, -1, 1], [-1, size, 1], [size, size, 1]], np.float64) @ back.T
    height, width = pixels.shape[:2]
    x0, y0 = np.clip(np.floor(ends.min(axis=0)) - 1, 0, [width, height]).astype(int).tolist()
    x1, y1 = np.clip(np.ceil(ends.max(axis=0)) + 2, 0, [width, height]).astype(int).tolist()
    if x0 >= x1 or y0 >= y1:
        return np.zeros((size, size, 3), np.uint8)
    part = Image.fromarray(np.ascontiguousarray(pixels[y0:y1, x0:x1]))
    times = max(1, int(math.hypot(back[0, 0], back[1, 0])))
    if times > 1:
        part = part.reduce(times)
    # Pillow counts from the outer edge of the first pixel, in the picture and in the crop.
    corner = back @ np.array([-0.5, -0.5, 1.0]) + 0.5 - np.array([x0, y0])
    inverse = np.column_stack([back[:, :2], corner]) / times
    crop = part.transform(
        (size, size), Image.Transform.AFFINE, inverse.ravel().tolist(), Image.Resampling.BILINEAR
    )
    return np.asarray(crop)


def reduce68(points: Points) -> NDArray[np.float32]:
    """The 68 points of the iBUG scheme, (68, 2), as the five of `arcface5`, (5, 2)."""
    positions = np.asarray(points, np.float32)
    five = [
        positions[36:42].mean(axis=0),
        positions[42:48].mean(axis=0),
        positions[30],
        positions[48],
        positions[54],
    ]
    return np.stack(five)


class Landmarks:
    """A dlib shape predictor (Kazemi and Sullivan, CVPR 2014): finds five points inside a face's box.

    `scheme` is the one its points are in; one of 68 points is reduced to `arcface5`. Raises
    WeightsError for a file that is no such predictor.
    """

    def __init__(self, path: Path, scheme: str = "arcface5") -> None:
        untrusted.require(path, error=WeightsError)
        try:
            self._predictor = dlib.shape_predictor(str(path))
        except (RuntimeError, MemoryError) as error:
            raise WeightsError(f"{path}: not a dlib shape predictor") from error
        probe = self._predictor(np.zeros((8, 8), np.uint8), dlib.rectangle(0, 0, 7, 7)).num_parts
        if probe not in (5, 68):
            raise WeightsError(f"{path}: a predictor of {probe} points, where 5 or 68 are needed")
        self.scheme = "arcface5" if probe == 68 else scheme

    def __call__(self, pixels: Pixels, detection: Detection) -> NDArray[np.float32]:
        """Five points, float32 (5, 2), in the picture, uint8 (height, width, 3) RGB."""
        if not detection.tilt:
            return self._predict(pixels, np.array(detection.box))
        # A tilted face is stood upright, with as much around it as its own size for the predictor to see.
        x0, y0, x1, y1 = detection.box
        side = max(x1 - x0, y1 - y0)
        zoom = min(1.0, _SEEN_SIDE / side)
        turn = cmath.rect(zoom, -math.radians(detection.tilt))
        size = round(3 * side * zoom)
        # Places count from the middle of the first pixel, the box from its outer edge.
        middle, center = complex(x0 + x1 - 1, y0 + y1 - 1) / 2, complex(size - 1, size - 1) / 2
        shift = center - turn * middle
        upright = cut(
            pixels, np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]]), size
        )
        box = np.array([size - side * zoom] * 2 + [size + side * zoom] * 2) / 2
        back = (self._predict(upright, box) @ np.array([1, 1j]) - shift) / turn
        return np.stack([back.real, back.imag], axis=1).astype(np.float32)

    def _predict(self, pixels: Pixels, box: NDArray[np.floating]) -> NDArray[np.float32]:
        width, height = box[2:] - box[:2]
        boxes = (box + np.array([dx * width, dy * height] * 2) for dx, dy in _SHIFTS)
        mean: NDArray[np.float64] = np.mean([self._points(pixels, shifted) for shifted in boxes], axis=0)
        five: NDArray[np.float32] = reduce68(mean) if len(mean) == 68 else mean.astype(np.float32)
        return five

    def _points(self, pixels: Pixels, box: NDArray[np.floating]) -> NDArray[np.float64]:
        x0, y0, x1, y1 = (round(float(side)) for side in box)
        shape = self._predictor(pixels, dlib.rectangle(x0, y0, max(x0, x1 - 1), max(y0, y1 - 1)))
        return np.array([(part.x, part.y) for part in shape.parts()], np.float64)


class Refiner:
    """A small network that looks at a roughly aligned face and says how its points must be moved.

    It gives two complex numbers a face, in pixels of the 112×112 frame: how far off the middle of the
    template is, and how far off a point would be besides that lies RADIUS to the right of the middle.
    Together they are a similarity. Raises WeightsError for a file that is not the released one.
    """

    def __init__(self, spec: RefinerSpec, *, looks: int = 1, threads: int = 1) -> None:
        self.spec = spec
        self.looks = looks
        try:
            self._network = runtime.load(verified(spec.path, spec.sha256), threads=threads)
        except runtime.LoadError as error:
            raise WeightsError(f"{spec.path}: is no network that can be run ({error})") from None

    def __call__(
        self, pixels: Pixels, points: Sequence[Points], *, scheme: str = "arcface5"
    ) -> list[NDArray[np.float32]]:
        """The points (5, 2) of each face, moved together so that its crop lies better.

        `pixels` is the picture, uint8 (height, width, 3) RGB, `scheme` the one of the points. Where the
        network would move them further than a predictor is ever wrong, they stay.
        """
        better = [np.asarray(each, np.float64) for each in points]
        for _ in range(self.looks if better else 0):
            frames = [similarity(each, SCHEMES[scheme]) for each in better]
            corrections = self._corrections(np.stack([self._window(pixels, frame) for frame in frames]))
            better = [_moved(*each) for each in zip(better, frames, corrections, strict=True)]
        return [each.astype(np.float32) for each in better]

    def _window(self, pixels: Pixels, to_frame: NDArray[np.float64]) -> Pixels:
        x0, y0, x1, _ = self.spec.window
        zoom = self.spec.side / (x1 - x0)
        return cut(
            pixels,
            to_frame * zoom + [[0, 0, (0.5 - x0) * zoom - 0.5], [0, 0, (0.5 - y0) * zoom - 0.5]],
            self.spec.side,
        )

    def _corrections(self, windows: Pixels) -> NDArray[np.complex128]:
        batch = np.ascontiguousarray(windows.transpose(0, 3, 1, 2), np.float32) / 127.5 - 1
        try:
            numbers = np.asarray(self._network(batch), np.float64)
        except runtime.RunError as error:
            raise WeightsError(
                f"{self.spec.path}: does not take crops of {self.spec.side} ({error})"
            ) from None
        if numbers.shape != (len(windows), 4):
            raise WeightsError(f"{self.spec.path}: gives {numbers.shape[1:]} numbers a face, not 4")
        return numbers.view(np.complex128)


def _moved(
    points: NDArray[np.float64], to_frame: NDArray[np.float64], correction: NDArray[np.complex128]
) -> NDArray[np.float64]:
    off, besides = correction.tolist()
    if not math.hypot(abs(off), abs(besides)) <= _FARTHEST:  # not a number is too far as well
        return points
    turn, shift = complex(*to_frame[:, 0]), complex(*to_frame[:, 2])
    places = points @ np.array([1, 1j]) * turn + shift
    moved = (places + off + (places - CENTER) * besides / RADIUS - shift) / turn
    return np.stack([moved.real, moved.imag], axis=1)


def _inverse(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """The (2, 3) transform that undoes one."""
    turned = np.linalg.inv(matrix[:, :2])
    return np.column_stack([turned, -turned @ matrix[:, 2]])
