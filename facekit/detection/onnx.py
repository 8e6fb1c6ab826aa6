"""What the detectors that come as ONNX files share: reading the file, running it, telling what is wrong."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facekit.detection.geometry import Fitted, fit, working_side
from facekit.errors import WeightsError
from facekit.files import untrusted
from facekit.models import runtime
from facekit.results import Pixels

Tensor = NDArray[np.floating[Any]]

_MULTIPLE = 32
"""Of which a network's input sides must be multiples, for its coarsest map."""


class OnnxDetector:
    """A detector network: one picture in, several tensors out. Raises WeightsError for any other file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            data = untrusted.content(path, most=untrusted.NETWORK, error=WeightsError)
            self._network = runtime.load(data, foreign=True)
        except runtime.LoadError as error:
            raise WeightsError(f"{path}: not an ONNX network that can be loaded ({error})") from error
        shape = self._network.input_shape
        if len(shape) != 4 or shape[1] not in (3, None):
            raise self.wrong(f"its input is {list(shape)}, not a batch of pictures")
        self._height, self._width = shape[2], shape[3]

    def fitted(self, pixels: Pixels, min_face: int, *, fill: int, centered: bool) -> Fitted:
        """The picture in the size that the network was exported for, or in the best where it takes any."""
        side = working_side(pixels, min_face)
        longer = max(pixels.shape[:2])
        height = self._height or _multiple(pixels.shape[0] * side / longer)
        width = self._width or _multiple(pixels.shape[1] * side / longer)
        return fit(pixels, width, height, fill=fill, centered=centered)

    def run(self, batch: Tensor) -> list[Tensor]:
        """All outputs as float32. Raises WeightsError where a value is not finite."""
        try:
            outputs = self._network.outputs(np.ascontiguousarray(batch))
        except runtime.RunError as error:
            raise self.wrong(str(error)) from error
        if not all(np.isfinite(each).all() for each in outputs):
            raise self.wrong("gives values that are no numbers, or infinite")
        return [each.astype(np.float32, copy=False) for each in outputs]

    def wrong(self, reason: str, outputs: Sequence[Tensor] = ()) -> WeightsError:
        """The error that says that the file is some other network, and which outputs tell so."""
        shapes = f" (outputs {', '.join(str(list(each.shape)) for each in outputs)})" if outputs else ""
        return WeightsError(f"{self._path}: {reason}{shapes}")


def cells(height: int, width: int, stride: int) -> Tensor:
    """Column and row of each cell of a map, (height/stride × width/stride, 2), row by row."""
    down, across = math.ceil(height / stride), math.ceil(width / stride)
    rows, columns = np.mgrid[:down, :across]
    return np.stack([columns.ravel(), rows.ravel()], axis=1).astype(np.float32)


def sigmoid(values: Tensor) -> Tensor:
    probabilities: Tensor = 1 / (1 + np.exp(-np.clip(values, -80, 80)))
    return probabilities


def _multiple(side: float) -> int:
    return max(_MULTIPLE, math.ceil(side / _MULTIPLE) * _MULTIPLE)
