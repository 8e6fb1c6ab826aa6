"""Whether everything is there that facekit needs, and in order: each subject is looked at by itself, so that
one that is broken hides no other."""

from __future__ import annotations

import io
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr
from dataclasses import dataclass
from importlib import import_module, metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from facekit import extras, settings
from facekit.errors import FacekitError, WeightsError

# Nothing that could be missing is imported before it is looked at.
if TYPE_CHECKING:
    from facekit.gallery.places import AnyPlace, Place

State = Literal["ok", "absent", "warning", "failed"]

SCHEMA = 1
LEAST_PYTHON = (3, 11)
LITTLE_SPACE, NO_SPACE = 1 << 30, 100 << 20
"""Bytes from which on a disk is nearly full, and from which nothing more should be written."""

_PACKAGES = {
    "click": "click",
    "numpy": "numpy",
    "PIL": "pillow",
    "onnxruntime": "onnxruntime",
    "dlib": "dlib-bin",
}
_EXTRAS = {
    "raw": ("RAW pictures", "rawpy"),
    "plot": ("plots and reports", "matplotlib"),
    "evaluate": ("probabilities and maps", "sklearn pyarrow"),
    "postgres": ("a gallery on a PostgreSQL server", "psycopg pgvector"),
    "ray": ("reading on several machines", "ray grpc"),
    "serve": (
        "the server and its page",
        "cryptography fastapi python_multipart prometheus_client starlette uvicorn",
    ),
    "openvino": ("faster batches", "openvino"),
    "train": ("training", "torch torchvision onnx safetensors filelock"),
}
# Of these it is quickly proved that they can be loaded, with the libraries of the system that they need.
_LOADED = ("rawpy", "psycopg")
_AGAIN = "install facekit again (pip install --force-reinstall, from where it came)"
_SECONDS = 10
# Of a gallery's problems, those that keep nobody from using it.
_HARMLESS = ("erasing", "cache", "rights", "links", "leftover", "embedder", "beside")
# What nothing can be said of if a package is broken.
_OF_PACKAGES = ("weights", "a picture", "gallery")


@dataclass(frozen=True)
class Checkup:
    """What was found of one subject: `ok`; `absent`, which something needs that facekit does without;
    `warning`; or `failed`. `advice` says what to do."""

    subject: str
    state: State
    detail: str
    advice: str = ""

    def to_dict(self) -> dict[str, Any]:
        return {"schema": SCHEMA, **vars(self), "advice": self.advice or None}


def examine(gallery: AnyPlace | None = None) -> Iterator[Checkup]:
    """Everything there is to know, one subject after the other. Whatever goes wrong with one is what is
    found."""
    subjects: dict[str, Callable[[], Iterator[Checkup]]] = {
        "Python": _python,
        "packages": _packages,
        "weights": _weights,
        "a picture": _picture,
        "gallery": lambda: _gallery(gallery),
        "space": lambda: _space(gallery),
        "HEIC": _heic,
        "videos": _videos,
        "cameras": _cameras,
        "window": _window,
        "exiftool": _exiftool,
        "extras": _extras,
    }
    broken = False
    for subject, look in subjects.items():
        if broken and subject in _OF_PACKAGES:
            yield Checkup(subject, "failed", "cannot be looked at without these packages", "see above")
            continue
        try:
            for checkup in look():
                broken = broken or (subject == "packages" and checkup.state == "failed")
                yield checkup
        except FacekitError as error:
            yield Checkup(subject, "failed", _reason(error))
        except Exception as error:
            from facekit import hints

            advice = f"{_AGAIN}; tell us: {hints.bug_report()}"
            yield Checkup(subject, "failed", _reason(error), advice)


def _python() -> Iterator[Checkup]:
    version = platform.python_version()
    where = f"{version}, {platform.system()} {platform.machine()}, in {sys.prefix}"
    if sys.version_info < LEAST_PYTHON:
        least = ".".join(map(str, LEAST_PYTHON))
        yield Checkup("Python", "failed", where, f"facekit needs Python {least} or newer")
    else:
        yield Checkup("Python", "ok", where)
    encoding = sys.getfilesystemencoding()
    if encoding.lower().replace("-", "") != "utf8":
        advice = "set PYTHONUTF8=1, or LC_ALL to a locale of UTF-8"
        yield Checkup("file names", "warning", f"are read as {encoding}: some cannot be shown", advice)


def _packages() -> Iterator[Checkup]:
    wrong = {}
    for module, package in _PACKAGES.items():
        if problem := _import_problem(module):
            wrong[package] = problem
    for package, problem in wrong.items():
        advice = f"pip install --force-reinstall {package}"
        yield Checkup(f"package {package}", "failed", problem, advice)
    if not wrong:
        yield Checkup("packages", "ok", ", ".join(f"{name} {_version(name)}" for name in _PACKAGES.values()))


def _weights() -> Iterator[Checkup]:
    from facekit.models import weights

    try:
        files = weights.shipped_files()
    except WeightsError as error:
        yield Checkup("weights", "failed", str(error), _AGAIN)
        return
    wrong = False
    for use, path, sha256 in files:
        try:
            weights.verified(path, sha256)
        except (WeightsError, OSError) as error:
            wrong = True
            yield Checkup(f"weights: {use}", "failed", _reason(error), _AGAIN)
    if not wrong:
        yield Checkup("weights", "ok", f"{len(files)} files, each as released (SHA-256)")


def _picture() -> Iterator[Checkup]:
    """A picture goes all the way, from pixels to a vector."""
    import numpy as np

    from facekit.faces.pipeline import Pipeline
    from facekit.results import Detection, Picture

    pipeline = Pipeline(threads=1)
    picture = Picture("", np.full((160, 160, 3), 128, np.uint8), "")
    pipeline.faces(picture)
    [face] = pipeline.describe(picture, [Detection((40.0, 40.0, 120.0, 120.0), 1.0)])
    length = float(np.linalg.norm(face.vector))
    if not 0.99 < length < 1.01:
        yield Checkup("a picture", "failed", f"gives a vector of length {length:.3f}", _AGAIN)
    else:
        yield Checkup("a picture", "ok", f"detector {pipeline.detector.name}, embedder {pipeline.spec.name}")


def _gallery(address: AnyPlace | None) -> Iterator[Checkup]:
    from facekit import hints
    from facekit.gallery import usual_places
    from facekit.library import index_check

    tried = usual_places.to_read(address)
    place = usual_places.in_use(tried)
    if place is None:
        advice = f"make one: {hints.enroll(usual_places.named(address))}"
        yield Checkup("gallery", "failed", f"there is none at {', '.join(map(str, tried))}", advice)
        return
    more = f"more about it: {hints.check(place)}"
    try:
        # What is shipped is public, and everybody on this machine may read it.
        found = index_check.all_problems(place)
        problems = [each for each in found if not (place.is_shipped and each.kind == "rights")]
        for problem in problems:
            state: State = "warning" if problem.kind in _HARMLESS else "failed"
            yield Checkup("gallery", state, f"{place}: {problem.message.removeprefix(f'{place}: ')}", more)
        if not any(problem.kind not in _HARMLESS for problem in problems):
            yield _opened(place)
    except (FacekitError, OSError) as error:
        yield Checkup("gallery", "failed", _reason(error), more)


def _opened(place: Place) -> Checkup:
    from facekit import hints
    from facekit.models import weights

    fingerprint = weights.shipped_embedder().fingerprint
    with place.open() as gallery:
        people, templates = gallery.subject_count, len(gallery)
        theirs = gallery.settings.fingerprint
    detail = f"{place}: undamaged, {people} people, {templates} templates"
    if theirs != fingerprint:
        advice = "give that embedder with --embedder, or enroll the people again"
        return Checkup("gallery", "warning", f"{detail}, of another embedder than the shipped", advice)
    if place.is_shipped:
        return Checkup(
            "gallery", "ok", f"{detail}: the shipped one of public figures", f"make yours: {hints.enroll()}"
        )
    return Checkup("gallery", "ok", detail)


def _space(address: AnyPlace | None) -> Iterator[Checkup]:
    from facekit.gallery import usual_places

    folders = {"for temporary files": Path(os.environ.get("TMPDIR") or "/tmp")}
    place = usual_places.to_write(address)
    if isinstance(path := getattr(place, "path", None), Path):
        folders["for the gallery"] = _existing(path.absolute().parent)
    for what, folder in folders.items():
        yield _space_of(folder, what)


def _space_of(folder: Path, what: str) -> Checkup:
    free = shutil.disk_usage(folder).free
    detail = f"{free / 1e9:.1f} GB free in {folder}, {what}"
    if not os.access(folder, os.W_OK):
        return Checkup("space", "failed", f"{folder}, {what}, cannot be written to", f"chmod u+w {folder}")
    if free < NO_SPACE:
        return Checkup("space", "failed", detail, "make room before you enroll anybody")
    if free < LITTLE_SPACE:
        return Checkup("space", "warning", detail, "make room soon")
    return Checkup("space", "ok", detail)


def _heic() -> Iterator[Checkup]:
    problem = _import_problem("pillow_heif")
    if problem:
        advice = "pip install pillow-heif, or convert such photos to JPEG"
        yield Checkup("HEIC", "absent", f"photos of iPhones are not read ({problem})", advice)
    else:
        yield Checkup("HEIC", "ok", f"pillow-heif {_version('pillow-heif')}")


def _videos() -> Iterator[Checkup]:
    from facekit.video import backends

    av = backends.pyav()
    if av is None:
        detail = "without PyAV OpenCV reads videos, without times and sound"
        yield Checkup("videos", "absent", detail, extras.install("video"))
        return
    lacking = [name for name in ("h264", "hevc", "vp9", "aac") if not _codec(av, name, "r")]
    lacking += [f"{name} (to write)" for name in ("libx264", "libvpx") if not _codec(av, name, "w")]
    if lacking:
        advice = f"pip install --force-reinstall av ({extras.install('video')})"
        yield Checkup("videos", "warning", f"PyAV {_version('av')} lacks {', '.join(lacking)}", advice)
    else:
        yield Checkup("videos", "ok", f"PyAV {_version('av')} with its codecs")


def _codec(av: Any, name: str, mode: str) -> bool:
    try:
        av.Codec(name, mode)
    except ValueError:
        return False
    return True


def _cameras() -> Iterator[Checkup]:
    if not sys.platform.startswith("linux"):
        yield Checkup("cameras", "ok", "this system tells only the program that opens one: try it")
        return
    devices = sorted(Path("/dev").glob("video[0-9]*"))
    if not devices:
        yield Checkup("cameras", "absent", "none is plugged in", "plug one in, or watch an address or a file")
        return
    closed = [str(device) for device in devices if not os.access(device, os.R_OK | os.W_OK)]
    if closed:
        advice = "sudo usermod -aG video $USER, then log in again"
        yield Checkup("cameras", "warning", f"{', '.join(closed)} cannot be opened by you", advice)
    else:
        yield Checkup("cameras", "ok", ", ".join(map(str, devices)))


def _window() -> Iterator[Checkup]:
    from facekit.errors import DependencyError
    from facekit.opencv import PACKAGES, load

    if settings.display() is None:
        advice = "needed for watch --view only: run it on a desktop, or with ssh -X"
        yield Checkup("window", "absent", "there is no display", advice)
        return
    try:
        load("a window")
    except DependencyError as error:
        yield Checkup("window", "absent", _reason(error), PACKAGES)
    else:
        yield Checkup("window", "ok", f"on {settings.display()}")


def _exiftool() -> Iterator[Checkup]:
    program = shutil.which("exiftool")
    if program is None:
        advice = "apt install libimage-exiftool-perl, or https://exiftool.org"
        yield Checkup(
            "exiftool", "absent", "only identify --xmp --in-place needs it; sidecars do not", advice
        )
        return
    done = subprocess.run(
        [program, "-ver"], capture_output=True, text=True, timeout=_SECONDS, check=False, errors="replace"
    )
    version = done.stdout.strip()
    if done.returncode or not version:
        detail = f"{program} does not run: {done.stderr.strip()[:100] or f'status {done.returncode}'}"
        yield Checkup("exiftool", "warning", detail, "install it again")
    else:
        yield Checkup("exiftool", "ok", version)


def _extras() -> Iterator[Checkup]:
    for extra, (use, names) in _EXTRAS.items():
        modules = names.split()
        missing = [module for module in modules if not settings.has_package(module)]
        wrong = [_import_problem(module) for module in modules if module in _LOADED and not missing]
        subject = f"extra {extra}"
        if len(missing) == len(modules):
            yield Checkup(subject, "absent", f"not installed; for {use}", extras.install(extra))
        elif missing:
            yield Checkup(subject, "warning", f"lacks {', '.join(missing)}; for {use}", extras.install(extra))
        elif any(wrong):
            yield Checkup(subject, "warning", f"{'; '.join(filter(None, wrong))}; for {use}", _AGAIN)
        else:
            yield Checkup(subject, "ok", use)


def _import_problem(module: str) -> str:
    """Why a module cannot be imported; empty if it can."""
    try:
        with redirect_stderr(io.StringIO()):  # some print a trace themselves
            import_module(module)
    # A library of another processor or system raises whatever its loader does.
    except Exception as error:
        return _reason(error)
    return ""


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "of its own"


def _existing(folder: Path) -> Path:
    """The folder, or the nearest above it that is there."""
    return next(place for place in (folder, *folder.parents) if place.is_dir())


def _reason(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:300]
