"""facekit's own detector network: anchor-free, five points with each box, run by ONNX Runtime."""

from __future__ import annotations

import numpy as np

from facekit.detection.onnx import Tensor, cells

STRIDES = (8, 16, 32)
ANSWERS = 15
"""Of each cell: a score, the middle and the logarithms of the sides of a box, five points."""

_LARGEST = 8.0


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
