"""dlib's convolutional detector of faces, trained by max-margin object detection (King, arXiv:1502.00046)."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import dlib
import numpy as np
from PIL import Image

from facekit.detection import MIN_FACE
from facekit.detection.geometry import ordered, scaled
from facekit.errors import WeightsError
from facekit.files import untrusted
from facekit.models.pool import Pool
from facekit.results import Detection, Pixels

_WINDOW = 73.0
_FIRST_AREA, _LAST_AREA = 0.3e6, 2e6


class DlibCnn:
    """Boxes without points, from `mmod_human_face_detector.dat`. Ten seconds a megapixel without a GPU."""

    name = "dlib-cnn"

    def __init__(self, path: Path) -> None:
        untrusted.require(path, error=WeightsError)
        self._detectors = Pool(lambda: _load(path))

    def longest_look(self, min_face: int) -> int | None:
        return None

    def detect(self, pixels: Pixels, *, min_face: int = MIN_FACE) -> list[Detection]:
        area = pixels.shape[0] * pixels.shape[1]
        last = min(_WINDOW / min_face, math.sqrt(_LAST_AREA / area))
        first = min(1.0, last, math.sqrt(_FIRST_AREA / area))
        found = self._look(pixels, first)
        return ordered(found or (self._look(pixels, last) if last > first else []), min_face)

    def _look(self, pixels: Pixels, scale: float) -> list[Detection]:
        height, width = pixels.shape[:2]
        view = np.asarray(scaled(Image.fromarray(pixels), scale))
        across, down = width / view.shape[1], height / view.shape[0]
        with self._detectors.borrowed() as detector:
            faces = detector(view, 0)
        found = []
        for face in faces:
            at = face.rect
            box = (
                at.left() * across,
                at.top() * down,
                (at.right() + 1) * across,
                (at.bottom() + 1) * down,
            )
            found.append(Detection(box, float(face.confidence)))
        return found


def _load(path: Path) -> Any:
    try:
        return dlib.cnn_face_detection_model_v1(str(path))
    except (RuntimeError, MemoryError) as error:
        raise WeightsError(f"{path}: not dlib's MMOD face detector") from error
