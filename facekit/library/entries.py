"""A picture with its faces as the index keeps it: a description and the vectors, vouched for by a
checksum."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from facekit.errors import UsageError
from facekit.faces.reading import Reading
from facekit.files import untrusted
from facekit.gallery.values import UNIT_TOLERANCE, checksum
from facekit.results import Detection, Face, Quality

if TYPE_CHECKING:
    from facekit.results import Box

ERASED = "erased"
"""A face whose vector was erased with its person: it is there, and nobody can be told by it."""
_LARGEST = 1e12


@dataclass(frozen=True, eq=False)
class Entry:
    """A picture of the index: `described` is JSON, `vectors` float32 (faces, dimension)."""

    sha256: str
    described: str
    vectors: NDArray[np.float32]

    @classmethod
    def of(cls, reading: Reading) -> Entry:
        vectors = [face.vector for face in reading.faces]
        stacked = np.stack(vectors) if vectors else np.zeros((0, 0), np.float32)
        values = {
            "size": list(reading.size),
            "notes": list(reading.notes),
            "orientation": reading.orientation,
            "faces": [_described(face) for face in reading.faces],
        }
        return cls(reading.sha256, json.dumps(values), np.ascontiguousarray(stacked, np.float32))

    @classmethod
    def stored(cls, sha256: str, described: str, vectors: bytes, faces: int) -> Entry:
        """Raises ValueError for vectors that are not so many."""
        numbers = np.frombuffer(vectors, "<f4")
        if bool(faces) != bool(len(numbers)) or (faces and len(numbers) % faces):
            raise ValueError("its vectors are not those of its faces")
        stacked = numbers.reshape(faces, -1) if faces else numbers.reshape(0, 0)
        with np.errstate(over="ignore", invalid="ignore"):
            lengths = np.einsum("ij,ij->i", stacked, stacked, dtype=np.float64) ** 0.5
        if not ((np.abs(lengths - 1) <= UNIT_TOLERANCE) | (lengths == 0)).all():  # 0: erased
            raise ValueError("a vector of another length than 1")
        return cls(sha256, described, stacked)

    @cached_property
    def values(self) -> dict[str, Any]:
        """What is described. Raises ValueError for anything but a box for each vector."""
        try:
            values: Any = untrusted.json_value(self.described, "its description", error=UsageError)
        except UsageError as error:
            raise ValueError(str(error)) from None
        described: dict[str, Any] = values if isinstance(values, dict) else {}
        faces = described.get("faces")
        if not isinstance(faces, list) or len(faces) != len(self.vectors):
            raise ValueError("its description has other faces")
        for face in faces:
            if not isinstance(face, dict):
                raise ValueError("its description has something else than faces")
            _numbers(face.get("box"), 4)
        return described

    def checksum(self, look: str) -> bytes:
        return checksum("picture", self.sha256, look, self.described, vector=self.vectors.tobytes())

    def reading(self, source: str) -> Reading:
        """As if the picture had been looked through now, but for the crops of its faces. Faces whose vectors
        were erased are left out. Raises ValueError or the like for what was not written by us."""
        values = self.values
        faces = [
            _face(described, vector)
            for described, vector in zip(values["faces"], self.vectors, strict=True)
            if not described.get(ERASED)
        ]
        width, height = map(int, _numbers(values["size"], 2))
        notes = tuple(map(str, values["notes"]))
        return Reading(
            source,
            tuple(faces),
            self.sha256,
            (width, height),
            notes=notes,
            orientation=int(values["orientation"]),
        )

    def boxes(self) -> list[Box]:
        """Raises ValueError as `values` does."""
        return [tuple(_numbers(face["box"], 4)) for face in self.values["faces"]]  # type: ignore[misc]

    @property
    def is_whole(self) -> bool:
        """Whether no face's vector was erased."""
        return not any(face.get(ERASED) for face in self.values["faces"])

    def without(self, faces: set[int]) -> Entry:
        """Without the vectors of these faces."""
        vectors = self.vectors.copy()
        vectors[list(faces)] = 0
        described = [
            {"box": face["box"], ERASED: True} if number in faces else face
            for number, face in enumerate(self.values["faces"])
        ]
        return Entry(self.sha256, json.dumps({**self.values, "faces": described}), vectors)


def _described(face: Face) -> dict[str, Any]:
    quality = face.quality
    return {
        "box": [float(side) for side in face.detection.box],
        "score": float(face.detection.score),
        "tilt": float(face.detection.tilt),
        "points": [[float(x), float(y)] for x, y in face.points],
        "quality": [
            None if value is None else float(value)
            for value in (
                *(quality.size, quality.sharpness, quality.brightness, quality.yaw),
                quality.stranger_rate,
            )
        ],
        "norm": face.feature_norm,
        "dark": bool(face.dark),
    }


def _face(values: dict[str, Any], vector: NDArray[np.float32]) -> Face:
    x0, y0, x1, y1 = _numbers(values["box"], 4)
    score, tilt = _numbers([values["score"], values["tilt"]], 2)
    points = np.array([_numbers(point, 2) for point in values["points"]], np.float32).reshape(5, 2)
    known = iter(_numbers([value for value in values["quality"] if value is not None]))
    quality = [None if value is None else next(known) for value in values["quality"]]
    if not vector.any():
        raise ValueError("a face without a vector")
    crop = np.zeros((0, 112, 3), np.uint8)
    norm = None if values["norm"] is None else _numbers([values["norm"]])[0]
    detection = Detection((x0, y0, x1, y1), score, tilt=tilt)
    return Face(detection, points, crop, vector, Quality(*quality), norm, bool(values["dark"]))  # type: ignore[arg-type]


def _numbers(values: object, count: int | None = None) -> list[float]:
    """A list of finite numbers, so many of them where `count` says it. Raises ValueError for another."""
    if not isinstance(values, list) or (count is not None and len(values) != count):
        raise ValueError("numbers are missing")
    if any(isinstance(value, bool) or not isinstance(value, int | float) for value in values):
        raise ValueError("something else than a number")
    if not all(-_LARGEST < value < _LARGEST for value in values):
        raise ValueError("a number out of all proportion")
    return list(map(float, values))
