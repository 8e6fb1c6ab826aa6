"""A picture with its faces as the index keeps it: a description and the vectors, vouched for by a
checksum."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from facekit.faces.reading import Reading
from facekit.gallery.values import checksum
from facekit.results import Detection, Face, Quality

if TYPE_CHECKING:
    from facekit.results import Box

ERASED = "erased"
"""A face whose vector was erased with its person: it is there, and nobody can be told by it."""


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
        return cls(sha256, described, numbers.reshape(faces, -1) if faces else numbers.reshape(0, 0))

    def checksum(self, look: str) -> bytes:
        return checksum("picture", self.sha256, look, self.described, vector=self.vectors.tobytes())

    def reading(self, source: str) -> Reading:
        """As if the picture had been looked through now, but for the crops of its faces. Faces whose vectors
        were erased are left out. Raises ValueError or the like for what was not written by us."""
        values = json.loads(self.described)
        faces = [
            _face(described, vector)
            for described, vector in zip(values["faces"], self.vectors, strict=True)
            if not described.get(ERASED)
        ]
        width, height = map(int, values["size"])
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
        return [tuple(map(float, face["box"])) for face in json.loads(self.described)["faces"]]  # type: ignore[misc]

    @property
    def is_whole(self) -> bool:
        """Whether no face's vector was erased."""
        return not any(face.get(ERASED) for face in json.loads(self.described)["faces"])

    def without(self, faces: set[int]) -> Entry:
        """Without the vectors of these faces."""
        values, vectors = json.loads(self.described), self.vectors.copy()
        for number in faces:
            values["faces"][number] = {"box": values["faces"][number]["box"], ERASED: True}
            vectors[number] = 0
        return Entry(self.sha256, json.dumps(values), vectors)


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
    x0, y0, x1, y1 = map(float, values["box"])
    if not all(map(math.isfinite, (x0, y0, x1, y1))):
        raise ValueError("a box without a place")
    detection = Detection((x0, y0, x1, y1), float(values["score"]), tilt=float(values["tilt"]))
    points = np.array(values["points"], np.float32).reshape(5, 2)
    crop = np.zeros((0, 112, 3), np.uint8)
    norm = None if values["norm"] is None else float(values["norm"])
    return Face(detection, points, crop, vector, Quality(*values["quality"]), norm, bool(values["dark"]))
