"""Faces with their vectors, written as CSV, JSON lines or NPZ."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from facekit import outputs
from facekit.errors import UsageError
from facekit.reading import Reading
from facekit.rendering.detected import face_values
from facekit.rendering.escaping import json_line
from facekit.rendering.identified import csv_line
from facekit.results import SCHEMA, Face, Vector
from facekit.writing import replacing

_COLUMNS = (
    "source",
    "face",
    "x0",
    "y0",
    "x1",
    "y1",
    "detector_score",
    "size",
    "sharpness",
    "brightness",
    "yaw",
    "stranger_rate",
)
_STYLES = {".npz": "npz", ".csv": "csv", ".jsonl": "json"}


@contextmanager
def open_writer(
    path: Path | None, style: str, emit: Callable[[str], None], inputs: Sequence[str] = ()
) -> Iterator[Lines | Arrays]:
    """A writer for `path`, in the format that its name ends with; without one, of `style` by `emit`.

    A file appears under its name when all is written; where no picture could be read, none does, and what has
    the name stays. It is the owner's alone (mode 0600). Raises UsageError
    where it is one of the inputs, or another kind of file has its name.
    """
    if path is None:
        yield Lines(emit, style)
        return
    if path.suffix not in _STYLES:
        raise UsageError(f"{path}: name it {path.stem}.npz, .csv or .jsonl, for the format to write")
    outputs.require_replaceable(path, inputs, is_embedded)
    with (
        suppress(_NothingReadError),
        replacing(path, private=True) as unfinished,
        unfinished.open("wb") as file,
    ):
        if path.suffix == ".npz":
            arrays = Arrays()
            yield arrays
            _require_read(arrays)
            np.savez_compressed(file, allow_pickle=False, **arrays.values())
        else:
            lines = Lines(lambda line: _write(file.write, line), _STYLES[path.suffix])
            yield lines
            _require_read(lines)


class _NothingReadError(Exception):
    """No picture was read: a folder that is empty, or a disk that is not there."""


def _require_read(writer: Lines | Arrays) -> None:
    if not writer.read:
        raise _NothingReadError


def is_embedded(path: Path) -> bool:
    """Whether the file holds faces with their vectors, in the format that its name ends with."""
    try:
        if path.suffix == ".npz":
            with zipfile.ZipFile(path) as file:
                return file.namelist() == [f"{name}.npy" for name in Arrays().values()]
        with path.open("rb") as lines:
            start = lines.readline(500).decode(errors="replace")
    except (OSError, ValueError, zipfile.BadZipFile):
        return False
    if path.suffix == ".csv":
        return start.startswith(csv_line(_COLUMNS))
    return re.match(r'{"schema": \d+, "source": ".*"sha256": "[0-9a-f]{64}", "face": ', start) is not None


class Lines:
    """Each face as a line of JSON or CSV."""

    def __init__(self, emit: Callable[[str], None], style: str) -> None:
        self._emit = emit
        self._style = style
        self._started = False
        self.read = False

    def take(self, reading: Reading) -> None:
        self.read = self.read or not reading.error
        for number, face in enumerate(reading.faces, 1):
            self._emit(
                self._csv(reading, number, face) if self._style == "csv" else _json(reading, number, face)
            )

    def finish(self) -> None:
        """Nothing is kept back."""

    def _csv(self, reading: Reading, number: int, face: Face) -> str:
        values = face_values(face)
        row = [reading.source, number, *values["box"], values["detector_score"], *values["quality"].values()]
        line = csv_line([*row, *_numbers(face.vector), _norm(face)])
        if self._started:
            return line
        self._started = True
        vector = (f"v{place}" for place in range(len(face.vector)))
        return csv_line([*_COLUMNS, *vector, "feature_norm"]) + "\n" + line


class Arrays:
    """All faces as arrays: `vectors` (n, d) float32, `feature_norms` (n,), `boxes` (n, 4),
    `points` (n, 5, 2), `scores` (n,), `sources`, `sha256`."""

    def __init__(self) -> None:
        self._faces: list[tuple[Reading, Face]] = []
        self.read = False

    def take(self, reading: Reading) -> None:
        self.read = self.read or not reading.error
        kept = Reading(reading.source, sha256=reading.sha256)
        self._faces += [(kept, face.without_crop()) for face in reading.faces]

    def finish(self) -> None:
        """The arrays are written when the file is closed."""

    def values(self) -> dict[str, np.ndarray]:
        faces = [face for _, face in self._faces]
        return {
            "vectors": np.array([face.vector for face in faces], np.float32),
            "feature_norms": np.array([face.feature_norm for face in faces], np.float32),
            "boxes": np.array([face.detection.box for face in faces], np.float32).reshape(-1, 4),
            "points": np.array([face.points for face in faces], np.float32).reshape(-1, 5, 2),
            "scores": np.array([face.detection.score for face in faces], np.float32),
            "sources": np.array([reading.source for reading, _ in self._faces], np.str_),
            "sha256": np.array([reading.sha256 for reading, _ in self._faces], np.str_),
        }


def _json(reading: Reading, number: int, face: Face) -> str:
    start = {"schema": SCHEMA, "source": reading.source, "sha256": reading.sha256, "face": number}
    values = {**face_values(face), "notes": list(reading.notes), "feature_norm": _norm(face)}
    return json_line({**start, **values, "vector": _numbers(face.vector)})


def _norm(face: Face) -> float | None:
    return None if face.feature_norm is None else _number(face.feature_norm)


def _numbers(vector: Vector) -> list[float]:
    return [_number(value) for value in vector]


def _number(value: float) -> float:
    """Nine digits, which give back the very float32."""
    return float(f"{value:.9g}")


def _write(write: Callable[[bytes], int], line: str) -> None:
    write(line.encode(errors="backslashreplace") + b"\n")
