"""YOLOv5-face (Qi et al., arXiv:2105.12931) and YOLOv8-face, as their projects export them to ONNX.

Four layouts are told apart by their shapes; N is the number of cells, S one of the strides 8, 16, 32:

    v5, joined     (1, N, 16)              cx, cy, w, h, object, five points, class; in pixels
    v5, by stride  3 × (1, 3, H/S, W/S, 16)  the same before the sigmoid and the anchors
    v8, joined     (1, 20, N)              cx, cy, w, h, class, five times x, y, visible; in pixels
    v8, by stride  3 × (1, 80, H/S, W/S)   4 × 16 bins of the distances to the sides, class, points; raw
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from facekit.detection import MIN_FACE
from facekit.detection.geometry import detections, ordered, suppress
from facekit.detection.onnx import OnnxDetector, Tensor, cells, sigmoid
from facekit.results import Detection, Pixels

_SURE = 0.5
_OVERLAP = 0.45
_STRIDES = (8, 16, 32)
_GRAY = 114
_V5_ANCHORS = {
    8: ((4, 5), (8, 10), (13, 16)),
    16: ((23, 29), (43, 55), (73, 105)),
    32: ((146, 217), (231, 300), (335, 433)),
}
_BINS = 16


class _Rows(NamedTuple):
    """Boxes (n, 4), scores (n,) and points (n, 5, 2), in pixels of the network's input."""

    boxes: Tensor
    scores: Tensor
    points: Tensor


class Yolo(OnnxDetector):
    """Boxes with five points, from a YOLOv5-face or YOLOv8-face network."""

    name = "yolo"

    def longest_look(self, min_face: int) -> int | None:
        return None

    def detect(self, pixels: Pixels, *, min_face: int = MIN_FACE) -> list[Detection]:
        view = self.fitted(pixels, min_face, fill=_GRAY, centered=True)
        outputs = self.run(view.canvas.transpose(2, 0, 1)[None].astype(np.float32) / 255)
        rows = self._decode(outputs, view.canvas.shape[0], view.canvas.shape[1])
        rows = _Rows(*(each[rows.scores >= _SURE] for each in rows))
        boxes = view.back(rows.boxes.reshape(-1, 2, 2)).reshape(-1, 4)
        kept = suppress(boxes, rows.scores, _OVERLAP)
        return ordered(detections(boxes, rows.scores, view.back(rows.points), kept), min_face)

    def _decode(self, outputs: Sequence[Tensor], height: int, width: int) -> _Rows:
        shapes = [output.shape for output in outputs]
        maps = [(-(-height // stride), -(-width // stride)) for stride in _STRIDES]
        if shapes[0][2:] == (16,):
            return _v5(outputs[0][0])
        if len(shapes[0]) == 3 and shapes[0][1] == 20:
            return _v8(outputs[0][0].T)
        if sorted(shapes[:3], reverse=True) == [(1, 3, *each, 16) for each in maps]:
            return _v5(np.concatenate([_v5_plain(each, height) for each in outputs[:3]]))
        if sorted(shapes, key=lambda shape: shape[2:], reverse=True) == [(1, 80, *each) for each in maps]:
            return _v8(np.concatenate([_v8_plain(each, height) for each in outputs]))
        raise self.wrong("not YOLOv5-face or YOLOv8-face with five points", outputs)


def _v5(rows: Tensor) -> _Rows:
    return _Rows(_from_middles(rows[:, :4]), rows[:, 4] * rows[:, 15], rows[:, 5:15].reshape(-1, 5, 2))


def _v8(rows: Tensor) -> _Rows:
    return _Rows(_from_middles(rows[:, :4]), rows[:, 4], rows[:, 5:20].reshape(-1, 5, 3)[:, :, :2])


def _v5_plain(output: Tensor, height: int) -> Tensor:
    """One stride's (1, 3, h, w, 16) as rows (3·h·w, 16) of the joined layout."""
    stride = _stride(height, output.shape[2])
    grid = np.tile(cells(output.shape[2], output.shape[3], 1), (3, 1))
    anchors = np.repeat(np.array(_V5_ANCHORS[stride], np.float32), output.shape[2] * output.shape[3], axis=0)
    rows = output.reshape(-1, 16).copy()
    rows[:, [0, 1, 2, 3, 4, 15]] = sigmoid(rows[:, [0, 1, 2, 3, 4, 15]])
    rows[:, 0:2] = (rows[:, 0:2] * 2 - 0.5 + grid) * stride
    rows[:, 2:4] = (rows[:, 2:4] * 2) ** 2 * anchors
    rows[:, 5:15] = rows[:, 5:15] * np.tile(anchors, 5) + np.tile(grid, 5) * stride
    return rows


def _v8_plain(output: Tensor, height: int) -> Tensor:
    """One stride's (1, 80, h, w) as rows (h·w, 20) of the joined layout."""
    stride = _stride(height, output.shape[2])
    middles = cells(output.shape[2], output.shape[3], 1) + 0.5
    raw = output[0].reshape(80, -1).T
    bins = raw[:, : 4 * _BINS].reshape(-1, 4, _BINS)
    weights = np.exp(bins - bins.max(axis=2, keepdims=True))
    sides = (weights / weights.sum(axis=2, keepdims=True)) @ np.arange(_BINS, dtype=np.float32)
    first, last = middles - sides[:, :2], middles + sides[:, 2:]
    points = raw[:, 65:80].reshape(-1, 5, 3).copy()
    points[:, :, :2] = (points[:, :, :2] * 2 + middles[:, None] - 0.5) * stride
    boxes = np.concatenate([(first + last) / 2, last - first], axis=1) * stride
    return np.concatenate([boxes, sigmoid(raw[:, 64:65]), points.reshape(-1, 15)], axis=1)


def _stride(height: int, rows: int) -> int:
    return min(_STRIDES, key=lambda stride: abs(stride - height / rows))


def _from_middles(boxes: Tensor) -> Tensor:
    """Boxes given by middle, width and height as x0, y0, x1, y1."""
    half = boxes[:, 2:] / 2
    return np.concatenate([boxes[:, :2] - half, boxes[:, :2] + half], axis=1)
