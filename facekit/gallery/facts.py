"""What a user has said about the people and the faces of a gallery: it is not asked, proposed or named again
until the fact is taken back. It goes with the person.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from facekit.gallery.search.exact import score
from facekit.gallery.templates import file_name
from facekit.results import SCHEMA, Box, Candidate, Vector

Kind = Literal["not_same", "not_subject", "ignored"]
KINDS = ("not_same", "not_subject", "ignored")
Status = Literal["planned", "recorded", "already there", "taken back"]

COPY = 0.96
"""Faces so alike are one picture in two files, saved again or smaller. Two pictures of one person, 1,000
looked at, have 0.953 at most; of pictures saved again at JPEG quality 75, 98 % have more than this, of those
saved at half the size 69 %."""
_ROUNDING = 1e-3
"""More than float32 can be off in a product of two unit vectors."""


@dataclass(frozen=True, eq=False)
class Fact:
    """One thing that was said; `id` is its number in the gallery.

    not_same     `subject` and `other` are two people, however alike they are
    not_subject  the face is not `subject`
    ignored      nobody wants to know whose the face is

    The face has the unit vector `vector`, and is at `box` in the picture of this SHA-256 and name.
    """

    kind: Kind
    subject: str | None = None
    other: str | None = None
    vector: Vector | None = None
    sha256: str = ""
    source: str = ""
    box: Box | None = None
    added: str | None = None
    id: int | None = None
    status: Status = "planned"

    def to_dict(self) -> dict[str, Any]:
        """Without the vector."""
        return {
            "schema": SCHEMA,
            "fact": self.id,
            "kind": self.kind,
            "subject": self.subject,
            "other": self.other,
            "source": file_name(self.source) or None,
            "sha256": self.sha256 or None,
            "box": None if self.box is None else [round(side, 1) for side in self.box],
            "added": self.added,
            "status": self.status,
        }


class Denials:
    """The faces of which it was said whose they are not.

    A face that is as like one of them as it is like the person is not the person's: the very face, copies of
    its picture, and others of whoever it really is.
    """

    def __init__(self, facts: Iterable[Fact] = ()) -> None:
        faces: defaultdict[str, list[Vector]] = defaultdict(list)
        for fact in facts:
            if fact.kind == "not_subject" and fact.subject is not None and fact.vector is not None:
                faces[fact.subject].append(fact.vector)
        self._faces: dict[str, NDArray[np.float32]] = {name: np.stack(rows) for name, rows in faces.items()}

    def __bool__(self) -> bool:
        return bool(self._faces)

    def denies(self, subject: str, vector: Vector, likeness: float) -> bool:
        """Whether a face that is so like a person is not theirs all the same."""
        faces = self._faces.get(subject)
        if faces is None:
            return False
        near = faces[faces @ vector >= likeness - _ROUNDING]
        return any(score(vector, face) >= likeness for face in near)

    def denies_face(self, subject: str, vector: Vector) -> bool:
        """Whether it was said of this very face that it is not the person's."""
        return self.denies(subject, vector, COPY)

    def marked(self, vector: Vector, candidates: Sequence[Candidate]) -> list[Candidate]:
        """The candidates of a face, with those who are denied marked."""
        return [
            replace(item, denied=True) if self.denies(item.subject, vector, item.score) else item
            for item in candidates
        ]


class IgnoredFaces:
    """The faces of which nobody wants to know whose they are."""

    def __init__(self, facts: Iterable[Fact] = ()) -> None:
        faces = [fact.vector for fact in facts if fact.kind == "ignored" and fact.vector is not None]
        self._faces = np.stack(faces) if faces else None

    def likeness(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """The best score with one of them, for each of the unit vectors (n, dimension); −1 without any. From
        `COPY` on it is one of them.
        """
        if self._faces is None or not len(vectors):
            return np.full(len(vectors), -1, np.float32)
        return np.asarray((vectors @ self._faces.T).max(axis=1), np.float32)


def pairs_apart(facts: Iterable[Fact]) -> set[frozenset[str]]:
    """The pairs of people who are not the same."""
    return {frozenset((str(fact.subject), str(fact.other))) for fact in facts if fact.kind == "not_same"}
