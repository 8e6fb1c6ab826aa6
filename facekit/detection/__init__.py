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

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from facekit.errors import UsageError, WeightsError
from facekit.text.suggestions import did_you_mean

if TYPE_CHECKING:  # the help of commands lists the kinds, and does not wait for NumPy
    from facekit.results import Detection, Pixels

MIN_FACE = 24
"""In pixels. Photos with faces of 28 pixels still name the right person first in 93 %, of 20 in 85 %."""
SCHEME = "arcface5"
"""Of the points that come with a box."""

KINDS = {
    "auto": "facekit.detection.auto:Auto",
    "dlib": "facekit.detection.dlib_hog:DlibHog",
    "network": "facekit.detection.network:FaceNetwork",
    "dlib-cnn=FILE": "facekit.detection.dlib_cnn:DlibCnn",
    "yunet=FILE": "facekit.detection.yunet:YuNet",
    "yolo=FILE": "facekit.detection.yolo:Yolo",
    "retinaface=FILE": "facekit.detection.retinaface:RetinaFace",
}
"""Each kind of detector and its class, imported when it is used: of a file it takes the path, built in it
takes `threads`."""


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
    if "=" not in spec and spec in KINDS:
        return _class_of(spec)(threads=threads)
    if f"{kind}=FILE" not in KINDS or not file:
        known = {name.partition("=")[0]: name.replace("FILE", file or "FILE") for name in KINDS}
        meant = did_you_mean(kind.lower(), known)
        raise UsageError(f"no detector {spec!r}: use one of {', '.join(KINDS)}.{meant}")
    path = Path(file)
    if not path.is_file():
        raise WeightsError(f"{path}: no such file; --detector {kind} needs a network that you bring")
    return _class_of(f"{kind}=FILE")(path)


def _class_of(kind: str) -> Callable[..., Detector]:
    module, _, name = KINDS[kind].partition(":")
    made: Callable[..., Detector] = getattr(import_module(module), name)
    return made
