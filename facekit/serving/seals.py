"""Faces that whoever asks keeps for the server: sealed, so that nobody but this server reads or makes them.

A folder is grouped as a whole, and is too large for one request. So each photo is looked at by itself, and
its faces come back sealed (AES-GCM, with a key that lives as long as the server): what groups and enrolls
them later needs the seals, not the photos, and the server keeps nothing in between. Vectors are biometric
data, and are given out in no other way.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
from http import HTTPStatus
from typing import Any

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from facekit.library import thumbnails
from facekit.people.clustering import Sighting
from facekit.results import CROP_SIDE, Detection, Face, Quality, Vector
from facekit.serving.problems import RequestError

KEY_BYTES = 32
LONGEST = 32_768
"""Characters of a seal: a vector and what else a template needs take some 2000, a picture 6000 more."""
_NONCE_BYTES = 12
_QUALITY = ("size", "sharpness", "brightness", "yaw", "stranger_rate")


class Seals:
    """Seals faces of one embedder, and opens them again. Threads may share it."""

    def __init__(self, key: bytes, fingerprint: str, dimension: int, *, crops: bool = False) -> None:
        """With `crops` a face has its picture in its seal, as JPEG."""
        self._cipher = AESGCM(key)
        self._about = f"facekit face of {fingerprint}".encode()
        self._bytes = 4 * dimension
        self._crops = crops

    def seal(self, sighting: Sighting) -> str:
        """A face as text that tells nothing, not even whether two are the same."""
        values = _values(sighting)
        if self._crops:
            values["crop"] = base64.b64encode(thumbnails.encoded(sighting.face.crop)).decode()
        plain = sighting.face.vector.astype("<f4").tobytes() + json.dumps(values).encode()
        nonce = os.urandom(_NONCE_BYTES)
        return base64.urlsafe_b64encode(nonce + self._cipher.encrypt(nonce, plain, self._about)).decode()

    def opened(self, seal: str) -> Sighting:
        """The face that was sealed, without its crop. Raises RequestError for what it never sealed."""
        values, vector = self._plain(seal)
        return _sighting(values, vector)

    def picture(self, seal: str) -> bytes | None:
        """The picture of the face that was sealed, where it has one."""
        crop = self._plain(seal)[0].get("crop")
        return None if crop is None else base64.b64decode(crop)

    def _plain(self, seal: str) -> tuple[dict[str, Any], Vector]:
        try:
            raw = base64.urlsafe_b64decode(seal.encode("ascii"))
            plain = self._cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], self._about)
        except (UnicodeEncodeError, binascii.Error, ValueError, InvalidTag) as error:
            raise RequestError(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                "a face was not sealed by this server since it started: look at its photo again",
            ) from error
        vector = np.frombuffer(plain[: self._bytes], "<f4").astype(np.float32)
        return json.loads(plain[self._bytes :]), vector


def _values(sighting: Sighting) -> dict[str, Any]:
    face, quality = sighting.face, sighting.face.quality
    rates = {name: getattr(quality, name) for name in _QUALITY}
    return {
        "source": sighting.source,
        "sha256": sighting.sha256,
        "number": sighting.number,
        "box": [float(side) for side in face.detection.box],
        "score": float(face.detection.score),
        "tilt": float(face.detection.tilt),
        "points": [[float(x), float(y)] for x, y in face.points],
        "quality": {name: None if value is None else float(value) for name, value in rates.items()},
        "norm": None if face.feature_norm is None else float(face.feature_norm),
        "dark": bool(face.dark),
    }


def _sighting(values: dict[str, Any], vector: Vector) -> Sighting:
    x0, y0, x1, y1 = values["box"]
    points = np.array(values["points"], np.float32)
    face = Face(
        Detection((x0, y0, x1, y1), values["score"], points, values["tilt"]),
        points,
        np.zeros((0, CROP_SIDE, 3), np.uint8),
        vector,
        Quality(**values["quality"]),
        values["norm"],
        values["dark"],
    )
    return Sighting(values["source"], values["sha256"], values["number"], face)
