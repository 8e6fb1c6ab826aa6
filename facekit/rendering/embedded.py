"""Faces with their vectors, written as CSV, JSON Lines or NPZ."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np

from facekit.errors import UsageError
from facekit.faces import vector_files
from facekit.faces.reading import Reading
from facekit.files import outputs
from facekit.files.writing import replacing
from facekit.output import opened
from facekit.pictures.shards import Portion
from facekit.rendering.pictures import PictureView
from facekit.rendering.rows import csv_line
from facekit.results import Face, Vector

_COLUMNS = (
    *("source", "face", "x0", "y0", "x1", "y1", "detector_score"),
    *("size", "sharpness", "brightness", "yaw", "stranger_rate"),
)
_FORMATS = {".csv": "csv", ".jsonl": "jsonl"}
_NPZ = vector_files.SUFFIX


@dataclass(frozen=True)
class Embedding(Reading):
    """A picture's faces with their unit vectors; only vectors of one `embedder`, its fingerprint, can be
    compared."""

    embedder: str = ""

    @classmethod
    def of(cls, reading: Reading, embedder: str) -> Embedding:
        return cls(**vars(reading), embedder=embedder)

    def to_dict(self) -> dict[str, Any]:
        values = super().to_dict()
        start = {key: values.pop(key) for key in ("schema", "source")}
        faces = [
            {**face.to_dict(), "feature_norm": _norm(face), "vector": _numbers(face.vector)}
            for face in self.faces
        ]
        return {**start, "embedder": self.embedder, "sha256": self.sha256 or None, **values, "faces": faces}


class Embedded(PictureView[Embedding]):
    """A row for each face, with a column for each of the `dimension` numbers of its vector."""

    def __init__(self, dimension: int) -> None:
        super().__init__()
        self.columns = (*_COLUMNS, *(f"v{place}" for place in range(dimension)), "feature_norm")

    def rows(self, result: Embedding) -> Iterator[Sequence[object]]:
        for number, face in enumerate(result.faces, 1):
            values = face.to_dict()
            start = [result.source, number, *values["box"], values["detector_score"]]
            yield [*start, *values["quality"].values(), *_numbers(face.vector), _norm(face)]


class Writer(Protocol):
    """Takes the results of one file; `read` is whether a picture could be read."""

    read: bool

    def begin(self, portion: Portion) -> None:
        """Be told which part of which listing comes."""
        ...

    def take(self, result: Embedding) -> None: ...

    def close(self) -> None: ...


@contextmanager
def written(path: Path, dimension: int, inputs: Sequence[str] = ()) -> Iterator[Writer]:
    """A writer for `path`, in the format that its name ends with.

    The file appears under its name when all is written; where no picture could be read, none does, and what
    has the name stays. It is the owner's alone (mode 0600). Raises UsageError where it is one of the inputs,
    or another kind of file has its name.
    """
    if path.suffix not in (_NPZ, *_FORMATS):
        raise UsageError(f"{path}: name it {path.stem}.npz, .csv or .jsonl, for the format to write")
    outputs.require_replaceable(path, inputs, is_embedded)
    with (
        suppress(_NothingReadError),
        replacing(path, private=True) as unfinished,
        unfinished.open("wb") as file,
    ):
        writer = (
            _Arrays(file, dimension) if path.suffix == _NPZ else _Rows(file, _FORMATS[path.suffix], dimension)
        )
        yield writer
        if not writer.read:
            raise _NothingReadError
        writer.close()


class _NothingReadError(Exception):
    """No picture was read: a folder that is empty, or a disk that is not there."""


def is_embedded(path: Path) -> bool:
    """Whether the file holds faces with their vectors, in the format that its name ends with."""
    try:
        if path.suffix == _NPZ:
            with zipfile.ZipFile(path) as file:
                return file.namelist() == [f"{name}.npy" for name in vector_files.NAMES]
        with path.open("rb") as lines:
            start = lines.readline(500).decode(errors="replace")
    except (OSError, ValueError, zipfile.BadZipFile):
        return False
    if path.suffix == ".csv":
        return start.startswith(csv_line(_COLUMNS))
    return re.match(r'{"schema": \d+, "source": ".*", "embedder": "', start) is not None


class _Rows:
    """Each face as a row of CSV, or each picture as a line of JSON."""

    def __init__(self, file: BinaryIO, style: str, dimension: int) -> None:
        self._file = file
        self._format = opened(style, Embedded(dimension))
        self.read = False
        self._write(self._format.begin())

    def begin(self, portion: Portion) -> None:
        """Rows and lines say nothing of the others."""

    def take(self, result: Embedding) -> None:
        self.read = self.read or not result.error
        self._write(self._format.one(result))

    def close(self) -> None:
        self._write(self._format.end())

    def _write(self, lines: Iterator[str]) -> None:
        for line in lines:
            self._file.write(line.encode(errors="backslashreplace") + b"\n")


class _Arrays:
    """All faces as arrays, in the order of the listing."""

    def __init__(self, file: BinaryIO, dimension: int) -> None:
        self._file = file
        self._dimension = dimension
        self._results: list[Embedding] = []
        self._portion: Portion | None = None
        self.read = False

    def begin(self, portion: Portion) -> None:
        self._portion = portion

    def take(self, result: Embedding) -> None:
        self.read = self.read or not result.error
        faces = tuple(face.without_crop() for face in result.faces)
        self._results.append(replace(result, faces=faces, picture=None))

    def close(self) -> None:
        results, portion = self._results, self._portion
        assert portion is not None
        # Workers may give them in another order.
        places = {name: place for place, name in enumerate(portion.names)}
        results.sort(key=lambda result: places.get(result.source, 0))
        arrays = vector_files.arrays(results, portion, results[0].embedder, self._dimension)
        np.savez_compressed(self._file, allow_pickle=False, **arrays)


def _norm(face: Face) -> float | None:
    return None if face.feature_norm is None else _number(face.feature_norm)


def _numbers(vector: Vector) -> list[float]:
    return [_number(value) for value in vector]


def _number(value: float) -> float:
    """Nine digits, which give back the very float32."""
    return float(f"{value:.9g}")
