"""Network and landmark files, what must be known to use them, and the check that they are the right ones."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from facekit import settings
from facekit.calibration.threshold import Calibration
from facekit.errors import GalleryError, WeightsError
from facekit.files import untrusted
from facekit.files.untrusted import Fields
from facekit.results import CROP_SIDE

if TYPE_CHECKING:
    from facekit.calibration.poorness import Poorness

MANIFEST = "manifest.toml"
UNCALIBRATED = Calibration(0.4)
_SHA256 = re.compile("[0-9a-f]{64}")
_LARGEST = 1e6  # what is larger is no model of anything, and could become infinite
_LEAST_SCALE = 1e-6  # by a smaller one pixels become more than a float32 holds


@dataclass(frozen=True)
class EmbedderSpec:
    """An ArcFace-style network file and how to feed it.

    A pixel value v in 0 … 255 goes in as (v − mean) / scale; `color` is `rgb` or `bgr`, `layout`
    `nchw` or `nhwc`; `template` names the landmark scheme the crops are aligned to; `flip` averages
    the vectors of crop and mirror image. `calibration` is what a new
    gallery begins with. `poorness` tells which faces are too poor to compare with, None where that was not
    measured.
    """

    path: Path
    name: str
    sha256: str
    dimension: int
    side: int = CROP_SIDE
    color: str = "rgb"
    layout: str = "nchw"
    mean: float = 127.5
    scale: float = 127.5
    template: str = "arcface5"
    flip: bool = False
    precision: str = "float32"
    calibration: Calibration = UNCALIBRATED
    poorness: Poorness | None = None

    @property
    def threshold(self) -> float:
        return self.calibration.threshold

    @property
    def poor_from(self) -> float:
        """The rate from which a face is poor, 0 where that was not measured."""
        return 0.0 if self.poorness is None else self.poorness.poor_from

    @property
    def fingerprint(self) -> str:
        """SHA-256 over network file, preprocessing and template: vectors of another are never compared."""
        parts = (self.sha256, self.side, self.color, self.mean, self.scale, self.template, self.flip)
        return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()


@dataclass(frozen=True)
class DetectorSpec:
    """dlib's own HOG detector of faces, as dlib saves it."""

    path: Path
    sha256: str


@dataclass(frozen=True)
class FaceNetworkSpec:
    """The network that finds faces; boxes of at least the score `threshold` are believed."""

    path: Path
    sha256: str
    threshold: float


@dataclass(frozen=True)
class LandmarkSpec:
    """A dlib shape predictor and the scheme of its points."""

    path: Path
    sha256: str
    scheme: str = "arcface5"


@dataclass(frozen=True)
class RefinerSpec:
    """A network that refines points: it sees `window`, x0, y0, x1, y1 from outer edge to outer edge in the
    112×112 frame of `scheme`, as a square of `side` pixels, RGB from −1 to 1."""

    path: Path
    sha256: str
    side: int
    window: tuple[float, float, float, float]
    scheme: str = "arcface5"


def read_manifest(path: Path | None = None) -> dict[str, Any]:
    """The manifest as plain values; `path` None is the shipped one."""
    path = path or settings.weights_folder() / MANIFEST
    if not path.exists():
        raise WeightsError(f"{path}: missing; install facekit again, its weights are part of it")
    return untrusted.toml(path, error=WeightsError)


def shipped_embedder() -> EmbedderSpec:
    path = settings.weights_folder() / MANIFEST
    return _embedder(read_manifest(path), path)


def shipped_detector() -> DetectorSpec:
    return DetectorSpec(*_file(_shipped("detector")))


def shipped_face_network() -> FaceNetworkSpec:
    table = _shipped("detector-network")
    return FaceNetworkSpec(*_file(table), table.number("threshold", least=0, most=1))


def shipped_landmarks() -> LandmarkSpec:
    table = _shipped("landmarks")
    return LandmarkSpec(*_file(table), table.text("scheme"))


def shipped_refiner() -> RefinerSpec:
    table = _shipped("refiner")
    x0, y0, x1, y1 = table.numbers("window", 4)
    side = table.integer("side", least=8, most=1024)
    return RefinerSpec(*_file(table), side, (x0, y0, x1, y1), table.text("scheme"))


def _shipped(name: str) -> Fields:
    """A table of the shipped manifest."""
    path = settings.weights_folder() / MANIFEST
    return Fields(read_manifest(path).get(name, {}), f"{path}: [{name}]", WeightsError)


def _file(table: Fields) -> tuple[Path, str]:
    """The file that a table of the shipped manifest is about, and its SHA-256."""
    return settings.weights_folder() / table.text("file"), table.text("sha256")


def shipped_files() -> list[tuple[str, Path, str]]:
    """What each file of the manifest is for, where it is, and its SHA-256."""
    path = settings.weights_folder() / MANIFEST
    return [
        (use, path.parent / table["file"], table["sha256"])
        for use, table in read_manifest(path).items()
        if isinstance(table, dict) and "file" in table
    ]


def user_embedder(network: Path) -> EmbedderSpec:
    """The network that a user brings, described by `NAME.toml` beside `NAME.onnx`."""
    path = network.with_suffix(".toml")
    if not network.is_file():
        raise WeightsError(f"{network}: no such network file")
    if not path.is_file():
        raise WeightsError(
            f"{network}: needs {path.name} beside it, with a table [embedder] as in facekit's own {MANIFEST}"
        )
    return _embedder(read_manifest(path), path, network)


def _embedder(manifest: dict[str, Any], path: Path, network: Path | None = None) -> EmbedderSpec:
    table = Fields(manifest.get("embedder", {}), f"{path}: [embedder]", WeightsError)
    if "colour" in table.values:
        raise WeightsError(f"{path}: [embedder] colour: it is called color here")
    network = network or path.parent / table.text("file")
    sha256 = table.text("sha256", "").lower() or digest(network)
    if not _SHA256.fullmatch(sha256):
        raise WeightsError(
            f"{path}: [embedder] sha256 = {untrusted.excerpt(sha256)}: it is 64 hexadecimal digits"
        )
    scale = table.number("scale", 127.5, least=-1e6, most=1e6)
    if scale < _LEAST_SCALE:
        raise WeightsError(
            f"{path}: [embedder] scale = {scale:g}: it is a number above 0, and at least {_LEAST_SCALE:g}"
        )
    return EmbedderSpec(
        path=network,
        name=table.text("name", network.stem, longest=200),
        sha256=sha256,
        dimension=table.integer("dimension", least=2, most=8192),
        side=table.integer("side", CROP_SIDE, least=16, most=1024),
        color=table.text("color", "rgb", choices=("rgb", "bgr")),
        layout=table.text("layout", "nchw", choices=("nchw", "nhwc")),
        mean=table.number("mean", 127.5, least=-1e6, most=1e6),
        scale=scale,
        template=table.text("template", "arcface5", longest=50),
        flip=table.flag("flip", False),
        precision=table.text("precision", "float32", longest=50),
        calibration=_calibration(table),
        poorness=_poorness(table),
    )


def _poorness(table: Fields) -> Poorness | None:
    """The table [embedder.poorness] that scripts/measure_quality.py writes, if there is one."""
    if "poorness" not in table.values:
        return None
    from facekit.calibration.poorness import Poorness

    inner = table.inner("poorness")
    weights = inner.numbers("weights", table.integer("dimension"))
    if any(abs(weight) > _LARGEST for weight in weights):
        raise WeightsError(f"{inner.place}: its weights are at most {_LARGEST:g}")
    return Poorness(
        weights,
        inner.number("length", least=-_LARGEST, most=_LARGEST),
        inner.number("log_length", least=-_LARGEST, most=_LARGEST),
        inner.number("bias", least=-_LARGEST, most=_LARGEST),
        inner.number("poor_from", least=0, most=1),
    )


def _calibration(table: Fields) -> Calibration:
    """The calibration of the embedder, whose curve facekit.calibration.probability can read."""
    from facekit.calibration.probability import Probability

    calibration = Calibration.read(table, UNCALIBRATED)
    try:
        Probability.read(calibration.probability)
    except GalleryError:
        shown = untrusted.excerpt(calibration.probability)
        raise WeightsError(
            f"{table.place} probability = {shown}: it is what facekit calibrate writes"
        ) from None
    return calibration


def digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with untrusted.opened(path, most=untrusted.NETWORK, error=WeightsError) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def verified(path: Path, sha256: str) -> bytes:
    """The bytes of a weights file, refused unless they are the ones that were released."""
    try:
        data = untrusted.content(path, most=untrusted.NETWORK, error=WeightsError)
    except WeightsError as error:
        raise WeightsError(f"{error}; install facekit again") from None
    if hashlib.sha256(data).hexdigest() != sha256:
        raise WeightsError(
            f"{path}: damaged or changed (its SHA-256 is not the one that was noted for it); install facekit "
            "again, or bring your own file again"
        )
    return data
