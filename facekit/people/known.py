"""Whom a face or a name is like among all who are enrolled, while templates come and go."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from facekit.gallery.templates import NewTemplate
from facekit.people.names import Register
from facekit.results import Candidate, Vector

if TYPE_CHECKING:
    from facekit.gallery.base import Gallery


class Known:
    """The templates to compare with: the gallery as it was, without those that go to somebody else, and what
    this run has added to it."""

    def __init__(self, gallery: Gallery) -> None:
        self._gallery = gallery
        self._before = gallery.matrix()
        self._register: Register | None = None
        self._left: dict[str, NDArray[np.float32]] = {}
        self._names: list[str] = []
        self._numbers: dict[str, int] = {}
        self._count = 0
        self._subjects = np.empty(64, np.int64)
        self._vectors = np.empty((64, gallery.settings.dimension), np.float32)

    def add(self, templates: Iterable[NewTemplate]) -> None:
        for template in templates:
            if self._count == len(self._subjects):  # twice the room: copied seldom, however many come
                self._subjects = np.concatenate([self._subjects, np.empty_like(self._subjects)])
                self._vectors = np.concatenate([self._vectors, np.empty_like(self._vectors)])
            if template.subject not in self._numbers:
                self._numbers[template.subject] = len(self._names)
                self._names.append(template.subject)
            self._subjects[self._count] = self._numbers[template.subject]
            self._vectors[self._count] = template.vector
            self._count += 1

    def leave(self, moving: Mapping[str, Collection[str]]) -> None:
        """Templates of these people and pictures go to somebody else: only their others speak for them."""
        for name in [*self._left, *moving]:
            gone = moving.get(name, ())
            rest = [item.vector for item in self._gallery.stored(name) if item.sha256 not in gone]
            self._left[name] = np.stack(rest) if rest else self._vectors[:0]

    def other(self, subject: str, vector: Vector) -> Candidate | None:
        """Whom the face is most like among all others, of the gallery and of those that were added."""
        changed = {subject, *self._left}
        # One place more than there are people to leave out.
        best = self._before.search(vector[None], len(changed) + 1)[0]
        candidates = [item for item in best if item.subject not in changed and not item.denied]
        for name, vectors in self._left.items():
            if name != subject and len(vectors):
                candidates.append(Candidate(1, name, float((vectors @ vector).max())))
        rows = np.flatnonzero(self._subjects[: self._count] != self._numbers.get(subject, -1))
        if rows.size:
            scores = self._vectors[rows] @ vector
            row = int(scores.argmax())
            candidates.append(Candidate(1, self._names[self._subjects[rows[row]]], float(scores[row])))
        return max(candidates, key=lambda item: item.score, default=None)

    def copied(
        self, subject: str, vectors: NDArray[np.float32], least: float, ours: Collection[str]
    ) -> NDArray[np.bool_]:
        """Which of the vectors (n, dimension) have a score of `least` or more with somebody else's template,
        those of the pictures `ours`, by their SHA-256, left out."""
        copied = np.zeros(len(vectors), np.bool_)
        added = self._vectors[: self._count][self._subjects[: self._count] != self._numbers.get(subject, -1)]
        if len(added):
            copied |= (vectors @ added.T).max(axis=1) >= least
        for number, best in enumerate(self._before.search(vectors, 2)):
            names = [item.subject for item in best if item.score >= least and item.subject != subject]
            copied[number] |= any(self._has(name, vectors[number], least, ours) for name in names)
        return copied

    def _has(self, name: str, vector: Vector, least: float, ours: Collection[str]) -> bool:
        """Whether the gallery has this face of the person in another picture."""
        others = [item.vector for item in self._gallery.stored(name) if item.sha256 not in ours]
        return bool(others) and float((np.stack(others) @ vector).max()) >= least

    def look_alike(self, name: str) -> str | None:
        """A line about the enrolled people whose names look like that of a new one, if there are any. The
        gallery is asked for its names once: a name that another process adds later is not told."""
        if self._register is None:
            self._register = Register(self._gallery.names())
        warning = self._register.warning(name, self._gallery.place)
        self._register.enter(name)
        return warning

    def leave_names(self, names: Iterable[str]) -> None:
        """These people are not enrolled any more."""
        if self._register is not None:
            for name in names:
                self._register.discard(name)
