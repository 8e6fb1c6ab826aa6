"""Faces with their vectors in files (.npz), to be grouped and measured later: of a whole listing of pictures,
or of its shards, which are put together as if all pictures had been read at once.

A file holds arrays of numbers and text and is never unpickled. Each knows the listing of which it is a part:
files of other listings, a shard that is missing and one given twice are errors.
"""

from __future__ import annotations

import json
import os
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facekit.errors import FacekitError, UsageError
from facekit.faces.reading import Reading
from facekit.files import untrusted
from facekit.files.untrusted import Fields
from facekit.pictures.inputs import NamedPicture, Source
from facekit.pictures.shards import Portion, Shard
from facekit.results import CROP_SIDE, SCHEMA, Detection, Face, Quality

SUFFIX = ".npz"
KIND = "facekit vectors"
NAMES = (
    *("header", "vectors", "feature_norms", "boxes", "points", "detector_scores", "qualities"),
    *("sources", "sha256", "pictures", "picture_sha256", "sizes", "face_counts"),
)
# Those of each face are for programs of the user's: they say again what is said of the pictures.
_FOR_USERS = ("sources", "sha256")
# Names are as long in an array as the longest of them, and are packed to a small part of that.
_UNPACKED = 200
# Ten million faces of 512 numbers are 20 GB.
MOST_BYTES = 64 << 30
_UNIT_TOLERANCE = 1e-3
_MOST_DIMENSIONS = 16_384
_QUALITIES = ("size", "sharpness", "brightness", "yaw", "stranger_rate")
_LONGEST_ERROR = 100_000
# What reading a damaged file may raise.
_DAMAGE = (
    *(ValueError, KeyError, TypeError, AttributeError, EOFError, OverflowError, RuntimeError, MemoryError),
    *(zipfile.BadZipFile, zlib.error, NotImplementedError),
)


class _DamageError(FacekitError):
    """What is wrong with a file, which is not named yet."""


def arrays(
    readings: Sequence[Reading], portion: Portion, fingerprint: str, dimension: int
) -> dict[str, NDArray[Any]]:
    """What a file holds, by `NAMES`. For each face: `vectors` (n, dimension) float32, `feature_norms` (n,)
    float32 (NaN: not known), `boxes` (n, 4), `points` (n, 5, 2) float32, `detector_scores` (n,), `qualities`
    (n, 5), `sources` and `sha256` (n,). For each picture: `pictures` (m,), `picture_sha256`, `sizes` (m, 2),
    and `face_counts`, so many faces are its own. `header` is JSON as UTF-8: whose vectors, of which listing,
    and the pictures that could not be read.
    """
    faces = [(reading, face) for reading in readings for face in reading.faces]
    problems = {str(place): reading.error for place, reading in enumerate(readings) if reading.error}
    header = {
        "schema": SCHEMA,
        "kind": KIND,
        "embedder": fingerprint,
        "shard": str(portion.shard),
        "listing": portion.listing,
        "results": portion.results,
        "pictures": portion.pictures,
        "problems": problems,
    }
    norms = [np.nan if face.feature_norm is None else face.feature_norm for _, face in faces]
    return {
        "header": np.frombuffer(json.dumps(header).encode(), np.uint8),
        "vectors": np.array([face.vector for _, face in faces], np.float32).reshape(-1, dimension),
        "feature_norms": np.array(norms, np.float32),
        "boxes": np.array([face.detection.box for _, face in faces], np.float64).reshape(-1, 4),
        "points": np.array([face.points for _, face in faces], np.float32).reshape(-1, 5, 2),
        "detector_scores": np.array([face.detection.score for _, face in faces], np.float64),
        "qualities": np.array([_numbers(face.quality) for _, face in faces], np.float64).reshape(-1, 5),
        "sources": np.array([reading.source for reading, _ in faces], np.str_),
        "sha256": np.array([reading.sha256 for reading, _ in faces], np.str_),
        "pictures": np.array([reading.source for reading in readings], np.str_),
        "picture_sha256": np.array([reading.sha256 for reading in readings], np.str_),
        "sizes": np.array([reading.size for reading in readings], np.int64).reshape(-1, 2),
        "face_counts": np.array([len(reading.faces) for reading in readings], np.int64),
    }


def _numbers(quality: Quality) -> list[float]:
    """In the order of `_QUALITIES`; NaN for what is not known."""
    values = (getattr(quality, name) for name in _QUALITIES)
    return [np.nan if value is None else value for value in values]


@dataclass(frozen=True, eq=False)
class VectorFile:
    """One file, checked: the readings of a portion of a listing, in its order."""

    path: Path
    fingerprint: str
    portion: Portion
    problems: dict[int, str]
    arrays: dict[str, NDArray[Any]]

    def __len__(self) -> int:
        return len(self.arrays["pictures"])

    @cached_property
    def _starts(self) -> list[int]:
        counts = self.arrays["face_counts"]
        return [*(np.cumsum(counts) - counts).tolist(), int(counts.sum())]

    def reading(self, place: int) -> Reading:
        """The reading of a picture. Its faces have no crops."""
        found, (start, end) = self.arrays, self._starts[place : place + 2]
        width, height = found["sizes"][place].tolist()
        return Reading(
            str(found["pictures"][place]),
            tuple(self._face(row) for row in range(start, end)),
            str(found["picture_sha256"][place]),
            (width, height),
            error=self.problems.get(place),
        )

    def _face(self, row: int) -> Face:
        found = self.arrays
        x0, y0, x1, y1 = found["boxes"][row].tolist()
        size, sharpness, brightness, yaw, rate = found["qualities"][row].tolist()
        quality = Quality(size, sharpness, brightness, yaw, None if np.isnan(rate) else rate)
        norm = float(found["feature_norms"][row])
        points = found["points"][row]
        return Face(
            Detection((x0, y0, x1, y1), float(found["detector_scores"][row]), points),
            points,
            np.empty((0, CROP_SIDE, 3), np.uint8),
            found["vectors"][row],
            quality,
            None if np.isnan(norm) else norm,
        )


def among(inputs: Sequence[Source]) -> list[Path]:
    """The inputs as files of vectors, if they are such files; none if they are pictures. Raises UsageError if
    there are both.
    """
    files = [Path(item) for item in inputs if not isinstance(item, NamedPicture) and _is_file(item)]
    if files and len(files) < len(inputs):
        raise UsageError(f"{files[0]}: holds vectors: give pictures, or files of vectors, not both at once")
    return files


def _is_file(path: str) -> bool:
    return path.lower().endswith(SUFFIX) and not os.path.isdir(path)


class Collection:
    """The files of one listing or several, each with all of its shards."""

    def __init__(self, paths: Sequence[Path], fingerprint: str) -> None:
        """Read them. Raises UsageError for a file that is damaged, is of another embedder than that with this
        `fingerprint`, or is given twice, and where a shard is missing.
        """
        files = [read(path) for path in paths]
        for file in files:
            if file.fingerprint != fingerprint:
                raise UsageError(
                    f"{file.path}: holds vectors of the embedder {file.fingerprint[:12]}, not of this one "
                    f"({fingerprint[:12]}), and they cannot be compared: choose that with --embedder, or "
                    "embed the pictures again"
                )
        of_listing: defaultdict[tuple[str, int], list[VectorFile]] = defaultdict(list)
        for file in files:
            of_listing[file.portion.listing, file.portion.shard.count].append(file)
        self._listings = [_complete(parts) for parts in of_listing.values()]
        self.pictures = sum(parts[0].portion.pictures for parts in self._listings)

    def readings(self) -> Iterator[Reading]:
        """Those of all pictures, in the order in which they are read at once."""
        for parts in self._listings:
            shards = parts[0].portion.shard.count
            for place in range(parts[0].portion.results):
                yield parts[place % shards].reading(place // shards)

    def of_paths(self, paths: Sequence[str]) -> Iterator[Reading]:
        """The readings of the pictures at these paths. Raises UsageError for one that is in none of the
        files.
        """
        for path in paths:
            where = self._places.get(os.path.abspath(path))
            if where is None:
                raise UsageError(
                    f"{path}: is in none of the files of vectors: give the folder by the path by which it "
                    "was embedded, and embed it again if pictures have come since"
                )
            file, place = where
            yield file.reading(place)

    @cached_property
    def _places(self) -> dict[str, tuple[VectorFile, int]]:
        return {
            os.path.abspath(name): (file, place)
            for parts in self._listings
            for file in parts
            for place, name in enumerate(file.arrays["pictures"].tolist())
        }


def _complete(parts: Sequence[VectorFile]) -> list[VectorFile]:
    """The shards of a listing by their numbers. One with a number above that of the results has no file."""
    count, results = parts[0].portion.shard.count, parts[0].portion.results
    by_number: dict[int, VectorFile] = {}
    for part in parts:
        other = by_number.setdefault(part.portion.shard.number, part)
        if other is not part:
            raise UsageError(
                f"{part.path}: is shard {part.portion.shard}, and so is {other.path}: give each once"
            )
    missing = [number for number in range(1, min(count, results) + 1) if number not in by_number]
    if missing:
        raise UsageError(
            f"{parts[0].path}: is shard {parts[0].portion.shard} of a listing of which shard "
            f"{missing[0]}/{count} is not given: give the files of all shards, made while no picture came or "
            "went"
        )
    return [by_number[number] for number in sorted(by_number)]


def read(path: Path) -> VectorFile:
    """A file that `facekit embed -o` wrote. Raises UsageError if it is missing, damaged, or another kind."""
    with untrusted.opened(path, most=MOST_BYTES) as file, _damage_told(path):
        # What unpacks to far more than the file is made to fill the memory.
        most = min(MOST_BYTES, _UNPACKED * os.fstat(file.fileno()).st_size + 16 * untrusted.MIB)
        with zipfile.ZipFile(file) as archive:
            found = {
                name: untrusted.array_of(untrusted.member(archive, f"{name}.npy", most=most))
                for name in NAMES
                if name not in _FOR_USERS
            }
        return _checked(path, found)


@contextmanager
def _damage_told(path: Path) -> Iterator[None]:
    try:
        yield
    except (_DamageError, *_DAMAGE) as error:
        raise UsageError(
            f"{path}: no file of faces with their vectors, or damaged ({untrusted.reason(error)}): "
            "embed the pictures again"
        ) from error


def _checked(path: Path, found: dict[str, NDArray[Any]]) -> VectorFile:
    values = untrusted.json_value(found.pop("header").tobytes(), "header", error=_DamageError)
    header = Fields(values, "header", _DamageError)
    if header.text("kind") != KIND or header.integer("schema") != SCHEMA:
        raise ValueError("another kind of file")
    results = header.integer("results")
    try:
        shard = Shard.of(header.text("shard"))
    except UsageError as error:
        raise ValueError(str(error)) from error
    portion = Portion(shard, header.text("listing"), results, header.integer("pictures", most=results))
    places = range(shard.number - 1, results, shard.count)
    _require_shapes(found, len(places))
    _require_values(found)
    errors = header.inner("problems")
    problems = {int(place): errors.text(place, longest=_LONGEST_ERROR) for place in errors.values}
    return VectorFile(path, header.text("embedder"), portion, problems, found)


def _require_shapes(found: dict[str, NDArray[Any]], pictures: int) -> None:
    faces = len(found["vectors"])
    if found["vectors"].ndim != 2 or not 0 < found["vectors"].shape[1] <= _MOST_DIMENSIONS:
        raise ValueError("vectors of another shape")
    shapes: dict[str, tuple[tuple[int, ...], str]] = {
        "vectors": (found["vectors"].shape, "f4"),
        "feature_norms": ((faces,), "f4"),
        "boxes": ((faces, 4), "f8"),
        "points": ((faces, 5, 2), "f4"),
        "detector_scores": ((faces,), "f8"),
        "qualities": ((faces, len(_QUALITIES)), "f8"),
        "pictures": ((pictures,), "U"),
        "picture_sha256": ((pictures,), "U"),
        "sizes": ((pictures, 2), "i8"),
        "face_counts": ((pictures,), "i8"),
    }
    for name, (shape, kind) in shapes.items():
        array = found[name]
        if array.shape != shape or (array.dtype.kind != "U" if kind == "U" else array.dtype != kind):
            raise ValueError(f"{name} is of another shape or kind")


def _require_values(found: dict[str, NDArray[Any]]) -> None:
    counts, vectors = found["face_counts"], found["vectors"]
    if (counts < 0).any() or int(counts.sum()) != len(vectors):
        raise ValueError("the counts of faces do not fit")
    with np.errstate(over="ignore", invalid="ignore"):
        lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64))
    if not (np.abs(lengths - 1) <= _UNIT_TOLERANCE).all():
        raise ValueError("vectors that are no unit vectors")
    finite = (found["boxes"], found["points"], found["detector_scores"], found["qualities"][:, :-1])
    if not all(np.isfinite(array).all() for array in finite):
        raise ValueError("numbers that are not finite")
