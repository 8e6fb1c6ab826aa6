"""YuNet (Wu, Peng and Yu, Machine Intelligence Research 2023), run by OpenCV, which also decodes it."""

from __future__ import annotations

import threading
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from PIL import Image

from facekit import opencv
from facekit.detection import MIN_FACE
from facekit.detection.geometry import detections, ordered, scaled, working_side
from facekit.errors import WeightsError
from facekit.files import untrusted
from facekit.models import runtime
from facekit.models.pool import Pool
from facekit.results import Detection, Pixels

_SURE = 0.7
_OVERLAP = 0.3
_LARGE_FACES = 320
"""It does not see faces over 300 pixels: where nothing is found, the picture is shown in this size."""

_one_log_level = threading.Lock()


class YuNet:
    """Boxes with five points, from an ONNX file of the OpenCV Zoo, `face_detection_yunet_2023mar.onnx`."""

    name = "yunet"

    def __init__(self, path: Path, *, sure: float = _SURE) -> None:
        try:
            runtime.require_complete(untrusted.content(path, most=untrusted.NETWORK, error=WeightsError))
        except runtime.LoadError as error:
            raise WeightsError(f"{path}: not a YuNet network that can be read ({error})") from None
        cv2 = opencv.load("this detector")
        self._detectors = Pool(lambda: _load(cv2, path, sure))

    def longest_look(self, min_face: int) -> int | None:
        return None

    def detect(self, pixels: Pixels, *, min_face: int = MIN_FACE) -> list[Detection]:
        image = Image.fromarray(pixels)
        longer = max(image.size)
        found: list[Detection] = []
        for side in (working_side(pixels, min_face), min(longer, _LARGE_FACES)):
            found = found or self._look(scaled(image, side / longer), longer / side)
        return ordered(found, min_face)

    def _look(self, image: Image.Image, enlarge: float = 1.0) -> list[Detection]:
        with self._detectors.borrowed() as detector:
            rows = _rows(detector, image)
        if rows is None:
            return []
        rows = rows[np.isfinite(rows).all(axis=1)]
        boxes = np.concatenate([rows[:, :2], rows[:, :2] + rows[:, 2:4]], axis=1) * enlarge
        points = rows[:, 4:14].reshape(-1, 5, 2) * enlarge
        return detections(boxes, rows[:, 14], points, range(len(rows)))


def _load(cv2: ModuleType, path: Path, sure: float) -> Any:
    with _one_log_level:
        level = cv2.utils.logging.getLogLevel()
        cv2.utils.logging.setLogLevel(0)  # it warns of its own choice of engine
        try:
            detector = cv2.FaceDetectorYN.create(str(path), "", (320, 320), sure, _OVERLAP)
            # OpenCV notices a network that is no YuNet only when it decodes the first picture.
            _rows(detector, Image.new("RGB", (64, 64)))
        except cv2.error as error:
            raise WeightsError(f"{path}: not a YuNet network that this OpenCV can read") from error
        finally:
            cv2.utils.logging.setLogLevel(level)
    return detector


def _rows(detector: Any, image: Image.Image) -> Any:
    """A row of 15 numbers for each face, or None."""
    detector.setInputSize(image.size)
    return detector.detect(np.ascontiguousarray(np.asarray(image)[:, :, ::-1]))[1]
