"""RetinaFace (Deng et al., arXiv:1905.00641) and SCRFD (Guo et al., arXiv:2105.04714), as exported to ONNX.

RetinaFace, the PyTorch project's MobileNet-0.25 and ResNet-50: three tensors, with N priors,
    (1, N, 4) offsets of boxes, (1, N, 2) background and face, (1, N, 10) offsets of points;
    input BGR less 104, 117, 123.

SCRFD, of InsightFace: for each stride S a tensor of scores (n, 1), of distances to the four sides in
    strides (n, 4) and, in the networks with points, of distances to them (n, 10), with or without a
    batch of one before; input RGB, (x − 127.5) / 128.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from facekit.detection import MIN_FACE
from facekit.detection.geometry import detections, ordered, suppress
from facekit.detection.onnx import OnnxDetector, Tensor, cells
from facekit.results import Detection, Pixels

_SURE = 0.5
_OVERLAP = 0.4
_BGR_MEANS = np.array([104, 117, 123], np.float32)
_PRIORS = {8: (16, 32), 16: (64, 128), 32: (256, 512)}
_VARIANCES = (0.1, 0.2)


class _Rows(NamedTuple):
    """Boxes (n, 4), scores (n,) and points (n, 5, 2) or None, in pixels of the network's input."""

    boxes: Tensor
    scores: Tensor
    points: Tensor | None


class RetinaFace(OnnxDetector):
    """Boxes with five points, from a RetinaFace or SCRFD network; which of them, the first run tells."""

    name = "retinaface"

    def __init__(self, path: Path, *, sure: float = _SURE) -> None:
        super().__init__(path)
        self._sure = sure
        self._is_scrfd = self._network.output_count != 3

    def longest_look(self, min_face: int) -> int | None:
        return None

    def detect(self, pixels: Pixels, *, min_face: int = MIN_FACE) -> list[Detection]:
        view = self.fitted(pixels, min_face, fill=0, centered=False)
        height, width = view.canvas.shape[:2]
        look = self._scrfd if self._is_scrfd else self._retinaface
        rows = look(view.canvas.transpose(2, 0, 1)[None].astype(np.float32), height, width)
        sure = rows.scores >= self._sure
        boxes, scores = view.back(rows.boxes[sure].reshape(-1, 2, 2)).reshape(-1, 4), rows.scores[sure]
        points = None if rows.points is None else view.back(rows.points[sure])
        return ordered(detections(boxes, scores, points, suppress(boxes, scores, _OVERLAP)), min_face)

    def _retinaface(self, rgb: Tensor, height: int, width: int) -> _Rows:
        outputs = self.run(rgb[:, ::-1] - _BGR_MEANS[:, None, None])
        priors = _priors(height, width)
        by_width = {each.shape[-1]: each[0] for each in outputs if each.shape[:2] == (1, len(priors))}
        if set(by_width) != {4, 2, 10}:
            raise self.wrong(f"not RetinaFace with {len(priors)} priors", outputs)
        middles, sides = priors[:, :2], priors[:, 2:]
        at = middles + by_width[4][:, :2] * _VARIANCES[0] * sides
        half = sides * np.exp(np.minimum(by_width[4][:, 2:] * _VARIANCES[1], 10)) / 2
        points = middles[:, None] + by_width[10].reshape(-1, 5, 2) * _VARIANCES[0] * sides[:, None]
        return _Rows(np.concatenate([at - half, at + half], axis=1), by_width[2][:, 1], points)

    def _scrfd(self, rgb: Tensor, height: int, width: int) -> _Rows:
        outputs = self.run((rgb - 127.5) / 128)
        flat = [each.reshape(-1, each.shape[-1]) for each in outputs if each.ndim in (2, 3)]
        # Fine maps have more rows, so that the order of the outputs in the file does not matter.
        by_width = {
            n: sorted((e for e in flat if e.shape[1] == n), key=len, reverse=True) for n in (1, 4, 10)
        }
        levels = len(by_width[1])
        if levels not in (3, 5) or len(by_width[4]) != levels or len(by_width[10]) not in (0, levels):
            raise self.wrong("neither RetinaFace nor SCRFD", outputs)
        grids = [self._anchors(height, width, 8 << level, by_width[1][level]) for level in range(levels)]
        at = np.concatenate(grids)
        strides = np.concatenate(
            [np.full((len(grid), 1), 8 << level, np.float32) for level, grid in enumerate(grids)]
        )
        if any(
            [len(each) for each in by_width[n]] != [len(grid) for grid in grids]
            for n in (4, 10)
            if by_width[n]
        ):
            raise self.wrong("not SCRFD: scores, boxes and points differ in number", outputs)
        sides = np.concatenate(by_width[4]) * strides
        points = (
            at[:, None] + np.concatenate(by_width[10]).reshape(-1, 5, 2) * strides[:, None]
            if by_width[10]
            else None
        )
        boxes = np.concatenate([at - sides[:, :2], at + sides[:, 2:]], axis=1)
        return _Rows(boxes, np.concatenate(by_width[1])[:, 0], points)

    def _anchors(self, height: int, width: int, stride: int, scores: Tensor) -> Tensor:
        """What one stride's rows count from: each cell's corner, once for each of its anchors."""
        grid = cells(height, width, stride) * stride
        if len(scores) == 0 or len(scores) % len(grid):
            raise self.wrong(f"not SCRFD: {len(scores)} scores on {len(grid)} cells of {stride} pixels")
        return np.repeat(grid, len(scores) // len(grid), axis=0)


def _priors(height: int, width: int) -> Tensor:
    """Middles and sides of the default boxes, (N, 4), in pixels of the input."""
    found = []
    for stride, sides in _PRIORS.items():
        middles = np.repeat((cells(height, width, stride) + 0.5) * stride, len(sides), axis=0)
        squares = np.tile(
            np.repeat(np.array(sides, np.float32)[:, None], 2, axis=1), (len(middles) // len(sides), 1)
        )
        found.append(np.concatenate([middles, squares], axis=1))
    return np.concatenate(found)
