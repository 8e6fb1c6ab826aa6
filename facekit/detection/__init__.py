"""Where the faces are. A detector is a small class behind one protocol; `create` makes one from its name.

    auto              dlib's detector and facekit's network together, built in
    dlib              dlib's HOG detector alone, built in: boxes only
    network           facekit's network alone, built in
    dlib-cnn=FILE     dlib's MMOD network: boxes only
    yunet=FILE        YuNet, through OpenCV
    yolo=FILE         YOLOv5-face or YOLOv8-face, ONNX
    retinaface=FILE   RetinaFace or SCRFD, ONNX

The networks but dlib's give five points with each box, in the scheme `arcface5`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from facekit.errors import UsageError, WeightsError
from facekit.results import Detection, Pixels

MIN_FACE = 24
"""In pixels. Photos with faces of 28 pixels still name the right person first in 93 %, of 20 in 85 %."""
SCHEME = "arcface5"
"""Of the points that come with a box."""

KINDS = ("auto", "dlib", "network", "dlib-cnn=FILE", "yunet=FILE", "yolo=FILE", "retinaface=FILE")


_BUILT_IN = tuple(kind for kind in KINDS if "=" not in kind)


class Detector(Protocol):
    """Finds faces. The same pixels always give the same detections."""

    @property
    def name(self) -> str:
        """Its kind: `dlib`, `yunet` …"""
        ...

    def longest_look(self, min_face: int) -> int | None:
        """The longer side, in pixels, of the largest version of a picture that it ever looks at for faces of
        `min_face` pixels; None where that is the picture itself, however large it is."""
        ...

    def detect(self, pixels: Pixels, *, min_face: int = MIN_FACE) -> list[Detection]:
        """The faces of a picture, uint8 (height, width, 3) RGB, surest first, then by place.

        Faces of fewer than `min_face` pixels are not looked for. The side of dlib's square box counts, and
        that of a square as large as another detector's box.
        """
        ...


def create(spec: str, *, threads: int = 0) -> Detector:
    """The detector that a name like `auto` or `yunet=FILE` stands for; the built-in ones run with so many
    threads, 0 for one per usable core.

    Raises UsageError for a name that means nothing, WeightsError for a file that is missing or not
    such a network, DependencyError where OpenCV is needed and cannot be loaded.
    """
    kind, _, file = spec.partition("=")
    if spec in _BUILT_IN:
        return _built_in(spec, threads)
    if f"{kind}=FILE" not in KINDS or not file:
        raise UsageError(f"no detector {spec!r}: use one of {', '.join(KINDS)}")
    path = Path(file)
    if not path.is_file():
        raise WeightsError(f"{path}: no such file; --detector {kind} needs a network that you bring")
    return _from_file(kind, path)


def _built_in(kind: str, threads: int) -> Detector:
    if kind == "dlib":
        from facekit.detection.dlib_hog import DlibHog

        return DlibHog()
    from facekit.detection.auto import Auto
    from facekit.detection.network import FaceNetwork

    return FaceNetwork(threads=threads) if kind == "network" else Auto(threads=threads)


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
