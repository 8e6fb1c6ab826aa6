"""Network and landmark files, what must be known to use them, and the check that they are the right ones."""

from __future__ import annotations

import hashlib
import operator
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facekit import settings
from facekit.errors import WeightsError

MANIFEST = "manifest.toml"


# What a description of an embedder may say.
CHOICES = {"colour": ("rgb", "bgr"), "layout": ("nchw", "nhwc")}
NUMBERS = ("mean", "scale", "threshold", "tail")
WHOLE = ("dimension", "side", "calibrated_subjects")


@dataclass(frozen=True)
class EmbedderSpec:
    """An ArcFace-style network file and how to feed it.

    A pixel value v in 0 … 255 goes in as (v − mean) / scale; `colour` is `rgb` or `bgr`, `layout`
    `nchw` or `nhwc`; `template` names the landmark scheme the crops are aligned to; `flip` averages
    the vectors of crop and mirror image. `threshold` is the cosine at which a calibration on
    strangers reached the rate that `calibration` describes, with `calibrated_subjects` people enrolled; for
    e times as many it rises by `tail`; `probability` is the curve of facekit.probability, or empty.
    """

    path: Path
    name: str
    sha256: str
    dimension: int
    side: int = 112
    colour: str = "rgb"
    layout: str = "nchw"
    mean: float = 127.5
    scale: float = 127.5
    template: str = "arcface5"
    flip: bool = False
    precision: str = "float32"
    threshold: float = 0.4
    calibration: str = "not calibrated"
    calibrated_subjects: int = 0
    tail: float = 0.0
    probability: str = ""

    @property
    def fingerprint(self) -> str:
        """SHA-256 over network file, preprocessing and template: vectors of another are never compared."""
        parts = (self.sha256, self.side, self.colour, self.mean, self.scale, self.template, self.flip)
        return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()


@dataclass(frozen=True)
class DetectorSpec:
    """dlib's own HOG detector of faces, as dlib saves it."""

    path: Path
    sha256: str


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
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise WeightsError(f"{path}: missing; install facekit again, its weights are part of it") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise WeightsError(f"{path}: cannot be read ({error})") from None


def shipped_embedder() -> EmbedderSpec:
    path = settings.weights_folder() / MANIFEST
    return _embedder(read_manifest(path), path)


def shipped_detector() -> DetectorSpec:
    folder, table = _shipped("detector", DetectorSpec)
    return DetectorSpec(folder / table["file"], table["sha256"])


def shipped_landmarks() -> LandmarkSpec:
    folder, table = _shipped("landmarks", LandmarkSpec)
    return LandmarkSpec(folder / table["file"], table["sha256"], table["scheme"])


def shipped_refiner() -> RefinerSpec:
    folder, table = _shipped("refiner", RefinerSpec)
    window = tuple(table["window"])
    return RefinerSpec(folder / table["file"], table["sha256"], table["side"], window, table["scheme"])


def _shipped(name: str, spec: Any) -> tuple[Path, dict[str, Any]]:
    """The folder of the manifest and one of its tables, with all that its description needs."""
    path = settings.weights_folder() / MANIFEST
    table = read_manifest(path).get(name, {})
    missing = {"file", *spec.__dataclass_fields__} - {"path", *table}
    if missing:
        raise WeightsError(f"{path}: [{name}] lacks {', '.join(sorted(missing))}; install facekit again")
    return path.parent, table


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
    table = dict(manifest.get("embedder", {}))
    fields = set(EmbedderSpec.__dataclass_fields__) - {"path"}
    known = {name: value for name, value in table.items() if name in fields}
    network = network or path.parent / str(table.get("file", ""))
    known.setdefault("name", network.stem)
    if "color" in table:
        raise WeightsError(f"{path}: [embedder] color: it is called colour here")
    for name, allowed in CHOICES.items():
        if known.get(name, allowed[0]) not in allowed:
            raise WeightsError(f"{path}: [embedder] {name} = {known[name]!r}: it is {' or '.join(allowed)}")
    try:
        known |= {name: float(known[name]) for name in NUMBERS if name in known}
        known |= {name: operator.index(known[name]) for name in WHOLE if name in known}
        if "sha256" not in known:
            known["sha256"] = digest(network)
        return EmbedderSpec(path=network, **known)
    except (TypeError, ValueError, OSError) as error:
        raise WeightsError(f"{path}: [embedder] does not describe a network ({error})") from None


def digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def verified(path: Path, sha256: str) -> bytes:
    """The bytes of a weights file, refused unless they are the ones that were released."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror}); install facekit again") from None
    if hashlib.sha256(data).hexdigest() != sha256:
        raise WeightsError(
            f"{path}: damaged or changed (its SHA-256 is not the one that was noted for it); install facekit "
            "again, or bring your own file again"
        )
    return data
