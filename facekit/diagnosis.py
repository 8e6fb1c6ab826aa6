"""What is installed, on what machine, and in what state: for bug reports, without names or folders."""

from __future__ import annotations

import platform
import re
from importlib import metadata
from pathlib import Path

from facekit import __version__, settings
from facekit.errors import FacekitError, WeightsError
from facekit.gallery import usual_places
from facekit.gallery.places import AnyPlace
from facekit.models import weights

_PACKAGES = (
    "numpy",
    "pillow",
    "pillow-heif",
    "rawpy",
    "onnxruntime",
    "openvino",
    "dlib-bin",
    "dlib",
    "opencv-python",
    "av",
    "click",
    "torch",
)
_FEATURES = (
    "sse4_2",
    "avx",
    "avx2",
    "fma",
    "f16c",
    "avx512f",
    "avx512_vnni",
    "avx512_bf16",
    "amx_int8",
    "asimd",
)


def diagnose(gallery: AnyPlace | None = None) -> dict[str, str]:
    """One line of text for each subject of a bug report."""
    return {
        "facekit": __version__,
        "Python": f"{platform.python_version()} ({platform.python_implementation()})",
        "system": " ".join((platform.system(), platform.release(), platform.machine(), *platform.libc_ver())),
        "processor": _processor(),
        "packages": ", ".join(f"{name} {version}" for name in _PACKAGES if (version := _version(name))),
        "weights": _weights(),
        "gallery": _gallery(gallery),
    }


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _processor() -> str:
    cores = f"{settings.default_threads()} usable cores"
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return f"{platform.processor() or platform.machine()}, {cores}"
    model = re.search(r"model name\s*: (.*)", text)
    flags = set(re.findall(r"\w+", "".join(re.findall(r"(?:flags|Features)\s*:(.*)", text)[:1])))
    known = " ".join(feature for feature in _FEATURES if feature in flags)
    return f"{model[1] if model else platform.machine()}, {cores}, {known}"


def _weights() -> str:
    try:
        spec = weights.shipped_embedder()
        state = "as released" if weights.digest(spec.path) == spec.sha256 else "changed since the release"
    except (WeightsError, OSError) as error:
        return f"cannot be used: {type(error).__name__}"
    return f"{spec.name}, {spec.dimension} numbers, SHA-256 {spec.sha256[:12]}, {state}"


def _gallery(path: AnyPlace | None) -> str:
    place = usual_places.in_use(usual_places.to_read(path))
    if place is None:
        return "none"
    whose = "the shipped one" if place.is_shipped else "the user's"
    try:
        with place.open() as gallery:
            return (
                f"{whose}, format {gallery.version}, {len(gallery.subjects())} subjects, "
                f"{len(gallery)} templates, embedder {gallery.settings.fingerprint[:12]}, "
                f"threshold {gallery.threshold:.3f}"
            )
    except FacekitError as error:
        reason = str(error).replace(str(place), "it")
        return f"{whose}, cannot be used: {reason}"
