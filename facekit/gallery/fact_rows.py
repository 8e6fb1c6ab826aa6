"""A fact as it is stored: people by their numbers, so that no name stands here; what vouches for it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NamedTuple, cast

import numpy as np

from facekit.arguments import number_of, short_text
from facekit.errors import UsageError
from facekit.gallery.facts import KINDS, Fact, Kind
from facekit.gallery.state import State
from facekit.gallery.storable import corners_of, storable
from facekit.gallery.values import (
    LONGEST_DATE,
    LONGEST_SOURCE,
    checksum,
    flat_json,
    now,
    picture_digest,
    unit_vectors,
)
from facekit.results import Box, Vector
from facekit.text.subject_names import subject_name


class FactRow(NamedTuple):
    """`box` is JSON; box, picture and vector are empty where the fact is about no face."""

    id: int
    kind: str
    subject: int | None
    other: int | None
    sha256: str
    source: str
    box: str
    added: str
    vector: bytes
    checksum: bytes

    @property
    def people(self) -> tuple[int, ...]:
        return tuple(number for number in (self.subject, self.other) if number is not None)

    def is_sound(self, state: State) -> bool:
        """Whether it fits its checksum, and says what its kind has to say."""
        texts = (self.kind, self.sha256, self.source, self.box, self.added)
        if not all(type(text) is str for text in texts) or not isinstance(self.vector, bytes):
            return False
        sides = {"not_same": 2, "not_subject": 1, "ignored": 0}
        numbers = all(type(number) is int for number in self.people)
        size = 0 if self.kind == "not_same" else 4 * state.settings.dimension
        fits = numbers and sides.get(self.kind) == len(self.people) and len(self.vector) == size
        return fits and self.checksum == fact_checksum(state, *self[:-1])

    def array(self) -> Vector:
        """Its vector. Only of one that is about a face."""
        return np.frombuffer(self.vector, "<f4").astype(np.float32, copy=False)

    def fact(self, names: Mapping[int, str]) -> Fact:
        """With the names of its people. Raises ValueError, TypeError or the like where the box is none."""
        box: Box | None = None
        if self.vector:
            x0, y0, x1, y1 = (number_of(value, "a corner of the box") for value in flat_json(self.box))
            box = (x0, y0, x1, y1)
        first, second = (None if number is None else names[number] for number in (self.subject, self.other))
        if first is not None and second is not None:
            first, second = sorted((first, second))
        return Fact(
            cast(Kind, self.kind),
            first,
            second,
            self.array() if self.vector else None,
            self.sha256,
            self.source,
            box,
            self.added,
            self.id,
            "recorded",
        )


def fact_checksum(state: State, *fields: object) -> bytes:
    """Over all fields but the checksum, the vector as the last of them."""
    *described, vector = fields
    assert isinstance(vector, bytes)
    return checksum("fact", state.settings.fingerprint, *described, vector=vector)


class StorableFact(NamedTuple):
    """A fact with everything but the numbers that the gallery gives; `face` is picture, source and box."""

    kind: Kind
    subject: str | None
    other: str | None
    face: tuple[str, str, str]
    added: str
    vector: bytes


def storable_fact(fact: object, dimension: int) -> StorableFact:
    """Raises UsageError or GalleryError for one that cannot be stored."""
    if not isinstance(fact, Fact) or fact.kind not in KINDS:
        raise UsageError("what is recorded is no fact: give a sequence of Fact")
    first, second = (None if name is None else subject_name(name) for name in (fact.subject, fact.other))
    wanted = {"not_same": (True, True), "not_subject": (True, False), "ignored": (False, False)}
    if (first is not None, second is not None) != wanted[fact.kind]:
        raise UsageError(f"a fact of the kind {fact.kind} is about other people than it names")
    if fact.kind == "not_same" and first == second:
        raise UsageError(f"{first!r} is one name: give two people who are not the same")
    date = short_text(fact.added or now(), "a date", LONGEST_DATE)
    if fact.kind == "not_same":
        return StorableFact(fact.kind, first, second, ("", "", ""), date, b"")
    source = short_text(storable(fact.source), "the name of a picture", LONGEST_SOURCE)
    face = (picture_digest(fact.sha256), source, json.dumps(corners_of(fact.box)))
    vector = unit_vectors(np.asarray(fact.vector)[None], dimension, repr(fact.source))
    return StorableFact(fact.kind, first, second, face, date, vector.astype("<f4").tobytes())
