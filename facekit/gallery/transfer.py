"""Galleries to and from files that other programs read: NPZ and JSON lines.

JSON lines: first a header, `{"schema": 1, "kind": "facekit gallery", …}` with embedder, fingerprint,
dimension, threshold, calibration, the number of templates and what is kept of removed ones; then one object
a template: subject, vector, sha256, source, box, quality, added. NPZ: `vectors`, float32 (n, dimension), and
`header` and `templates`, the same JSON (without vectors) as UTF-8 bytes. Nothing is ever unpickled.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from facekit.errors import GalleryError, UsageError
from facekit.gallery.drafts import new_file
from facekit.gallery.records import AddReport, NewTemplate, picture_digest, subject_name, unit_vectors
from facekit.gallery.search import FloatArray
from facekit.gallery.store import Gallery
from facekit.gallery.tombstones import Tombstones
from facekit.results import SCHEMA, Vector

KIND = "facekit gallery"
SUFFIXES = (".jsonl", ".npz")
# What reading a damaged file may raise.
DAMAGE = (
    *(ValueError, KeyError, TypeError, AttributeError, EOFError, OverflowError, RuntimeError, MemoryError),
    *(zipfile.BadZipFile, zlib.error),
)


@dataclass(frozen=True)
class Exported:
    """What an exported file holds: the settings of its gallery, and its templates."""

    embedder: str
    fingerprint: str
    dimension: int
    threshold: float
    calibration: str
    templates: list[NewTemplate]
    calibrated_subjects: int = 0
    tail: float = 0.0
    probability: str = ""
    tombstones: Tombstones = field(default_factory=Tombstones)


def write(gallery: Gallery, path: Path | str) -> int:
    """Export all templates to a new .npz or .jsonl file of mode 0600; return their number.

    Raises UsageError for another suffix, GalleryError when the file is there or cannot be written.
    """
    path = Path(path)
    _suffix(path)
    try:
        with new_file(path) as draft, draft.open("wb") as file, gallery.snapshot():
            if path.suffix == ".npz":
                _write_npz(gallery, file)
            else:
                file.writelines(line.encode() + b"\n" for line in lines(gallery))
            return len(gallery)
    except OSError as error:
        raise GalleryError(f"{path}: cannot be written: {error.strerror}") from error


def lines(gallery: Gallery) -> Iterator[str]:
    """The gallery as JSON lines in ASCII, the header first: no name in them can do harm to a terminal."""
    with gallery.snapshot():
        yield json.dumps(_header(gallery))
        for item in gallery.contents():
            yield json.dumps({**_described(item), "vector": item.vector.tolist()})


def read(path: Path | str) -> Exported:
    """Read a file that `write` made. Raises GalleryError when it is missing, damaged or another kind."""
    path = Path(path)
    _suffix(path)
    try:
        header, described, vectors = _read_npz(path) if path.suffix == ".npz" else _read_lines(path)
        if header["kind"] != KIND or header["schema"] != SCHEMA:
            raise ValueError("another kind of file")
        if header["templates"] != len(described) or len(vectors) != len(described):
            raise ValueError(f"{len(described)} of {header['templates']} templates are there")
        checked = unit_vectors(vectors, int(header["dimension"]), str(path)) if described else vectors
        templates = [_template(item, vector) for item, vector in zip(described, checked, strict=True)]
        return Exported(
            embedder=str(header["embedder"]),
            fingerprint=str(header["fingerprint"]),
            dimension=int(header["dimension"]),
            threshold=float(header["threshold"]),
            calibration=str(header["calibration"]),
            templates=templates,
            calibrated_subjects=int(header.get("calibrated_subjects", 0)),
            tail=float(header.get("tail", 0)),
            probability=str(header.get("probability", "")),
            tombstones=Tombstones.from_dict(header["removed"]) if "removed" in header else Tombstones(),
        )
    except UsageError as error:
        raise GalleryError(f"{path}: {error}") from error
    except OSError as error:
        raise GalleryError(f"{path}: cannot be read: {error.strerror or error}") from error
    except DAMAGE as error:
        raise GalleryError(
            f"{path}: not an export of a gallery, or damaged ({error}): export it again"
        ) from error


def import_into(gallery: Gallery, exported: Exported, *, again: bool = False) -> AddReport:
    """Add the templates of an export, or none at an error; those are left out that are there already, that
    have another name here, and, unless `again`, that were removed here. What was removed there is removed
    here too, for every later enrollment, and nothing else.

    Raises GalleryError for an export of another embedder. The gallery keeps its own threshold.
    """
    if exported.fingerprint != gallery.fingerprint:
        raise GalleryError(
            f"{gallery.path}: holds vectors of the embedder {gallery.embedder_name!r} "
            f"({gallery.fingerprint[:12]}), the export those of {exported.embedder!r} "
            f"({exported.fingerprint[:12]}): they cannot be compared; enroll the pictures instead"
        )
    return gallery.add(exported.templates, again=again, tombstones=exported.tombstones)


def copy(source: Gallery, target: Gallery) -> AddReport:
    """Add all templates of one open gallery to another of the same embedder, and what was removed there."""
    templates, tombstones = list(source.contents()), source.tombstones()
    return import_into(target, Exported(**_settings(source), templates=templates, tombstones=tombstones))


def create_from(exported: Exported, path: Path | str) -> Gallery:
    """Make a new gallery of an export, with its threshold. Raises GalleryError when one is there."""
    gallery = Gallery.create(
        path,
        fingerprint=exported.fingerprint,
        dimension=exported.dimension,
        embedder_name=exported.embedder,
        threshold=exported.threshold,
        calibration=exported.calibration,
        calibrated_subjects=exported.calibrated_subjects,
        tail=exported.tail,
        probability=exported.probability,
    )
    import_into(gallery, exported)
    return gallery


def _settings(gallery: Gallery) -> dict[str, Any]:
    return {
        "embedder": gallery.embedder_name,
        "fingerprint": gallery.fingerprint,
        "dimension": gallery.dimension,
        "threshold": gallery.settings.threshold,
        "calibration": gallery.calibration,
        "calibrated_subjects": gallery.settings.calibrated_subjects,
        "tail": gallery.settings.tail,
        "probability": gallery.settings.probability,
    }


def _header(gallery: Gallery) -> dict[str, Any]:
    tombstones = gallery.tombstones()
    removed = {"removed": tombstones.to_dict()} if len(tombstones) else {}
    return {"schema": SCHEMA, "kind": KIND, **_settings(gallery), "templates": len(gallery), **removed}


def _described(template: NewTemplate) -> dict[str, Any]:
    fields = {name: value for name, value in vars(template).items() if name != "vector"}
    return {**fields, "box": list(template.box), "quality": dict(template.quality)}


def _template(described: dict[str, Any], vector: Vector) -> NewTemplate:
    x0, y0, x1, y1 = map(float, described["box"])
    quality = {str(name): float(value) for name, value in described["quality"].items()}
    return NewTemplate(
        subject_name(str(described["subject"])),
        vector,
        picture_digest(str(described["sha256"])),
        str(described["source"]),
        (x0, y0, x1, y1),
        quality,
        str(described["added"]),
    )


def _write_npz(gallery: Gallery, file: IO[bytes]) -> None:
    vectors = np.empty((len(gallery), gallery.dimension), np.float32)
    described = []
    for number, item in enumerate(gallery.contents()):
        vectors[number] = item.vector
        described.append(_described(item))
    np.savez(file, vectors=vectors, header=_bytes(_header(gallery)), templates=_bytes(described))


def _bytes(value: Any) -> NDArray[np.uint8]:
    # Not an array of str: NumPy drops NUL characters from the end of those.
    return np.frombuffer(json.dumps(value, ensure_ascii=False).encode(), np.uint8)


def _read_npz(path: Path) -> tuple[dict[str, Any], list[dict[str, Any]], FloatArray]:
    with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        header, described = (json.loads(arrays[name].tobytes()) for name in ("header", "templates"))
        return header, described, arrays["vectors"]


def _read_lines(path: Path) -> tuple[dict[str, Any], list[dict[str, Any]], FloatArray]:
    with path.open("rb") as file:
        header = json.loads(file.readline())
        described = [json.loads(line) for line in file]
    vectors = [_floats(item.pop("vector")) for item in described]
    return header, described, np.array(vectors, np.float32)


def _floats(values: Sequence[float]) -> FloatArray:
    with np.errstate(over="ignore"):
        return np.array(values, np.float32)


def _suffix(path: Path) -> None:
    if path.suffix not in SUFFIXES:
        raise UsageError(f"{path}: exports end in {' or '.join(SUFFIXES)}")
