"""What a gallery holds, and the checksums by which a flipped bit becomes an error, never a wrong name."""

from __future__ import annotations

import json
import os
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facekit.arguments import text_of
from facekit.errors import GalleryError, UsageError
from facekit.results import Box, Vector

UNIT_TOLERANCE = 1e-3
DIGEST_SIZE = 16
# Characters of a name: no person's is longer, and a table, a file name or a log can hold it.
LONGEST_NAME = 300
# Of the name of a picture, and of the JSON of its qualities.
LONGEST_SOURCE = 10_000
LONGEST_QUALITY = 10_000
LONGEST_DATE = 40


@dataclass(frozen=True)
class Subject:
    """An enrolled person: name, number of templates, and when the first was stored (ISO 8601, UTC)."""

    name: str
    templates: int
    added: str

    def to_dict(self) -> dict[str, Any]:
        return {"subject": self.name, "templates": self.templates, "added": self.added}


@dataclass(frozen=True)
class TemplateInfo:
    """A stored template without its vector. `sha256` is of the picture's bytes, `source` its name."""

    id: int
    subject: str
    source: str
    sha256: str
    box: Box
    quality: dict[str, float]
    added: str

    def to_dict(self) -> dict[str, Any]:
        return {**vars(self), "box": list(self.box)}


@dataclass(frozen=True, eq=False)
class NewTemplate:
    """A template to store: `vector` is a float32 unit vector, `sha256` the hexadecimal digest of
    the picture's bytes, `box` x0, y0, x1, y1. `added` is given by imports; else it is now.
    """

    subject: str
    vector: Vector
    sha256: str
    source: str
    box: Box
    quality: Mapping[str, float] = field(default_factory=dict)
    added: str | None = None


@dataclass(frozen=True)
class Placement:
    """What became of one template that was to be stored.

    added      it is stored; it was moved from `other`, if somebody had this face of this picture, and
               `emptied` says whether that was all that was stored of them
    present    its subject has a template of the picture already
    held       `other` has this face of this picture, and keeps it
    removed    it was removed earlier, and stays removed
    renamed    the picture was this subject's until a rename or a merge, and stays where it is
    """

    status: Literal["added", "present", "held", "removed", "renamed"]
    other: str | None = None
    emptied: bool = False


@dataclass(frozen=True)
class AddReport:
    """What became of each template, in their order, and which subjects are new."""

    placements: tuple[Placement, ...]
    subjects: tuple[str, ...] = ()

    @property
    def added(self) -> int:
        return self._count("added")

    @property
    def present(self) -> int:
        """How many were there already."""
        return self._count("present")

    @property
    def held(self) -> int:
        """How many were left out, for the same face of the same picture has another name here."""
        return self._count("held")

    @property
    def removed(self) -> int:
        """How many were left out, for they were removed or renamed earlier."""
        return self._count("removed") + self._count("renamed")

    def _count(self, status: str) -> int:
        return sum(each.status == status for each in self.placements)


def now() -> str:
    """The present second as text: ISO 8601, UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def subject_name(name: str) -> str:
    """The name as it is stored: any Unicode text of 1 to 300 characters, in normal form C, so that a
    name typed on one system is found on another, with single blanks between words and none around them,
    for nobody sees them. Nothing else is changed: slashes and control characters are data. Raises UsageError.
    """
    if not isinstance(name, str):
        raise UsageError(f"a subject's name is of type {type(name).__qualname__}: give a str")
    # Before it is normalized, which may take long and makes no text three times shorter.
    if len(name) > 3 * LONGEST_NAME:
        raise _too_long(name, len(name))
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise UsageError(f"the name {name!a} is not valid Unicode text: rename it") from error
    name = " ".join(unicodedata.normalize("NFC", name).split())
    if not name:
        raise UsageError("a subject's name is empty or blank: give one")
    if len(name) > LONGEST_NAME:
        raise _too_long(name, len(name))
    return name


def is_stored_name(name: str) -> bool:
    """Whether `subject_name` leaves the name as it is. A row with any other was not written by us: it looks
    like another's, and whoever removed it would remove the other.
    """
    return (
        0 < len(name) <= LONGEST_NAME
        and unicodedata.is_normalized("NFC", name)
        and " ".join(name.split()) == name
    )


def _too_long(name: str, length: int) -> UsageError:
    return UsageError(
        f"the name {name[:40]!a}… has {length} characters: a subject's has at most {LONGEST_NAME}"
    )


def text(value: object, what: str, longest: int) -> str:
    """The same text. Raises UsageError when it is none, too long or no valid Unicode."""
    value = text_of(value, what)
    if len(value) > longest:
        raise UsageError(f"{what} has {len(value)} characters: at most {longest} are stored")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise UsageError(f"{what} is not valid Unicode text") from error
    return value


def name_of_folder(name: str) -> str:
    """The subject of a folder of this name; bytes that are no text are written as `\\xff`."""
    try:
        return subject_name(os.fsencode(name).decode(errors="backslashreplace"))
    except UsageError as error:
        raise UsageError(f"the folder {name!a}: {error}") from error


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
