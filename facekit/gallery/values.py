"""Values that may be stored, and checksums by which a flipped bit becomes an error, never a wrong name."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facekit.arguments import text_of
from facekit.errors import GalleryError, UsageError

UNIT_TOLERANCE = 1e-3
DIGEST_SIZE = 16
# Characters of the name of a picture, and of the JSON of its qualities.
LONGEST_SOURCE = 10_000
LONGEST_QUALITY = 10_000
LONGEST_DATE = 40


def now() -> str:
    """The present second as text: ISO 8601, UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def second_after(date: str) -> str:
    """The second after one that `now` gave."""
    return (datetime.fromisoformat(date) + timedelta(seconds=1)).isoformat(timespec="seconds")


def picture_digest(sha256: str) -> str:
    """The SHA-256 as 64 lower-case hexadecimal digits. Raises UsageError."""
    digest = text_of(sha256, "the SHA-256 of a picture").lower()
    if len(digest) != 64 or not set(digest) <= set("0123456789abcdef"):
        raise UsageError(f"{sha256!a} is not a SHA-256 in hexadecimal digits")
    return digest


def unit_vectors(vectors: ArrayLike, dimension: int, what: str) -> NDArray[np.float32]:
    """`vectors` as float32 (n, dimension), each of length 1 ± 0.001.

    Raises GalleryError for another shape, and for NaN, infinite, zero or not-unit vectors.
    """
    try:
        array = np.ascontiguousarray(vectors, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise GalleryError(f"{what}: no vectors ({error})") from error
    if array.ndim != 2 or array.shape[1] != dimension:
        raise GalleryError(
            f"{what}: vectors of shape {array.shape}, but the gallery holds {dimension} numbers a face"
        )
    with np.errstate(over="ignore", invalid="ignore"):
        lengths = np.sqrt(np.einsum("ij,ij->i", array, array, dtype=np.float64))
    wrong = np.flatnonzero(~(np.abs(lengths - 1) <= UNIT_TOLERANCE))
    if wrong.size:
        number = int(wrong[0])
        raise GalleryError(
            f"{what}: vector {number} has length {lengths[number]:.4g}; only unit vectors can be compared"
        )
    return array


def flat_json(text: object) -> Any:
    """The list or the object that a gallery keeps as JSON, with nothing nested in it: json's guard against
    depth follows a limit that other packages raise, beyond what the stack holds. Raises ValueError or
    TypeError for anything else.
    """
    if not isinstance(text, str):
        raise TypeError("no text")
    if text.count("[") + text.count("{") > 1:
        raise ValueError("a list or an object within another")
    return json.loads(text)


def checksum(*fields: object, vector: bytes = b"") -> bytes:
    """16 bytes over the fields and the vector. `ascii` of a tuple writes every field with its type,
    unambiguously, and alike on every Python.
    """
    return blake2b(ascii(fields).encode() + vector, digest_size=DIGEST_SIZE).digest()
