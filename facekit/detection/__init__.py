"""Where the faces are. A detector is a small class behind one protocol; `create` makes one from its name.

    dlib              dlib's HOG detector, built in: boxes only
    dlib-cnn=FILE     dlib's MMOD network: boxes only
    yunet=FILE        YuNet, through OpenCV
    yolo=FILE         YOLOv5-face or YOLOv8-face, ONNX
    retinaface=FILE   RetinaFace or SCRFD, ONNX

The last three give five points with each box, in the scheme `arcface5`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from facekit.errors import UsageError, WeightsError
from facekit.results import Detection, Pixels

MIN_FACE = 40
SCHEME = "arcface5"
"""Of the points that come with a box."""

KINDS = ("dlib", "dlib-cnn=FILE", "yunet=FILE", "yolo=FILE", "retinaface=FILE")


class Detector(Protocol):
    """Finds faces. The same pixels always give the same detections."""

    @property
    def name(self) -> str:
        """Its kind: `dlib`, `yunet` …"""
        ...

    def detect(self, pixels: Pixels, *, min_face: int = MIN_FACE) -> list[Detection]:
        """The faces of a picture, uint8 (height, width, 3) RGB, surest first, then by place.

        Faces whose box is narrower or lower than `min_face` pixels are not looked for.
        """
        ...


def create(spec: str) -> Detector:
    """The detector that a name like `dlib` or `yunet=FILE` stands for.

    Raises UsageError for a name that means nothing, WeightsError for a file that is missing or not
    such a network, DependencyError where OpenCV is needed and cannot be loaded.
    """
    kind, _, file = spec.partition("=")
    if spec == "dlib":
        from facekit.detection.dlib_hog import DlibHog

        return DlibHog()
    if f"{kind}=FILE" not in KINDS or not file:
        raise UsageError(f"no detector {spec!r}: use one of {', '.join(KINDS)}")
    path = Path(file)
    if not path.is_file():
        raise WeightsError(f"{path}: no such file; --detector {kind} needs a network that you bring")
    return _from_file(kind, path)


def _from_file(kind: str, path: Path) -> Detector:
    if kind == "dlib-cnn":
        from facekit.detection.dlib_cnn import DlibCnn

        return DlibCnn(path)
    if kind == "yunet":
        from facekit.detection.yunet import YuNet

        return YuNet(path)
    if kind == "yolo":
        from facekit.detection.yolo import Yolo

        return Yolo(path)
    from facekit.detection.retinaface import RetinaFace

    return RetinaFace(path)
