"""Recording facts and taking them back inside a transaction, and what becomes of them when people change."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from facekit import hints
from facekit.errors import FactError, GalleryError
from facekit.gallery.fact_rows import FactRow, StorableFact, fact_checksum
from facekit.gallery.facts import COPY, Fact
from facekit.gallery.places import Place
from facekit.gallery.records import Row
from facekit.gallery.state import MODULUS, State
from facekit.gallery.tables import Tables
from facekit.gallery.tombstones import Tombstones, same_face


class FactChanges:
    """The facts of a gallery in one transaction; whether some were `withdrawn`, so that bytes are to be
    erased. They are read when they are first needed. What was taken back or erased with a person is noted
    among the `tombstones`, so that no import brings it back.
    """

    def __init__(self, tables: Tables, tombstones: Tombstones, next_number: Callable[[], int]) -> None:
        self.withdrawn = False
        self._tables, self._tombstones, self._next = tables, tombstones, next_number
        self._read: dict[int, FactRow] | None = None
        self._templates: dict[int, tuple[Sequence[Row], NDArray[np.float32]]] = {}

    def finish(self, state: State) -> State:
        """The state that fits them."""
        if self._read is None:
            return state
        total = sum(int.from_bytes(row.checksum, "little") for row in self._read.values()) % MODULUS
        return replace(state, facts=len(self._read), fact_digest=total)

    def record(self, fact: StorableFact) -> Fact:
        """Store one, unless it is there. Raises GalleryError for people who are not in the gallery, and for a
        face that is enrolled as the one who it is said not to be.
        """
        people = [self._tables.number(name) for name in (fact.subject, fact.other) if name is not None]
        if fact.kind == "not_subject":
            self._require_not_enrolled(fact, people[0])
        if row := self._same_as(fact, people):
            return replace(self._fact(row), status="already there")
        self._tombstones.admit_fact(fact)
        return self._fact(self._insert(fact.kind, people, fact.face, fact.added, fact.vector))

    def has(self, fact: StorableFact, people: Sequence[int]) -> bool:
        """Whether it is there, of the people of these numbers."""
        return self._same_as(fact, people) is not None

    def _same_as(self, fact: StorableFact, people: Sequence[int]) -> FactRow | None:
        same_kind = (row for row in self._rows.values() if row.kind == fact.kind)
        alike = [row for row in same_kind if set(row.people) == set(people)]
        if not fact.vector:
            return alike[0] if alike else None
        # All at once: an import may have thousands.
        numbers = _of_face(alike, fact.face[0], fact.face[2], fact.vector)
        return self._rows[numbers[0]] if numbers else None

    def withdraw(self, number: int) -> Fact:
        """Raises GalleryError when there is none of this number."""
        if number not in self._rows:
            raise no_such_fact(self._tables.place, number)
        fact = self._fact(self._rows[number])
        self._bury([number])
        return replace(fact, status="taken back")

    def denies(self, subject: int | None, sha256: str, box: str, vector: bytes) -> bool:
        """Whether the face was said not to be the person."""
        rows = (row for row in self._rows.values() if row.kind == "not_subject" and row.subject == subject)
        return subject is not None and bool(_of_face(rows, sha256, box, vector))

    def admit(self, subject: int, sha256: str, box: str, vector: bytes) -> None:
        """The face is the person's: what was said against it is over."""
        self._templates.pop(subject, None)
        rows = (row for row in self._rows.values() if row.kind == "not_subject" and row.subject == subject)
        self._delete(_of_face(rows, sha256, box, vector))

    def notice(self, sha256: str, box: str, vector: bytes) -> None:
        """The face is enrolled, and so is of interest."""
        rows = (row for row in self._rows.values() if row.kind == "ignored")
        self._delete(_of_face(rows, sha256, box, vector))

    def erase_people_like(self, rows: Sequence[Row], threshold: float) -> None:
        """A person with these templates goes: so does every face that could be theirs."""
        faces = [row for row in self._rows.values() if row.vector]
        if not rows or not faces:
            return
        theirs = np.stack([np.frombuffer(row.vector, "<f4") for row in rows])
        scores = np.stack([row.array() for row in faces]) @ theirs.T
        like = {row.id for row, best in zip(faces, scores.max(axis=1), strict=True) if best >= threshold}
        of_template = (number for row in rows for number in _of_face(faces, row.sha256, row.box, row.vector))
        self._bury(like.union(of_template))

    def erase_face(self, row: Row) -> None:
        """A template goes, and so does what was said about its face."""
        faces = [fact for fact in self._rows.values() if fact.vector]
        self._bury(_of_face(faces, row.sha256, row.box, row.vector))

    def leave(self, subject: int) -> None:
        """A person goes, with all that was said about them."""
        self._bury([row.id for row in self._rows.values() if subject in row.people])

    def hand_over(self, number: int, target: int) -> None:
        """What was said of one person is true of another from now on, who is the same. Raises GalleryError
        where it was said that they are not.
        """
        for row in [row for row in self._rows.values() if number in row.people]:
            if target in row.people:
                fact = self._fact(row)
                raise FactError(
                    f"{self._tables.place}: {fact.subject} and {fact.other} were said not to be the same: if "
                    f"they are, first {hints.take_back(self._tables.place, row.id)}"
                )
            people = [target if person == number else person for person in row.people]
            is_theirs = row.kind == "not_subject" and self._template_like(
                target, row.sha256, row.box, row.vector
            )
            alike = any(
                other.kind == row.kind and set(other.people) == set(people) and _same(other, row)
                for other in self._rows.values()
            )
            self._delete([row.id])
            if not is_theirs and not alike:
                self._insert(row.kind, people, (row.sha256, row.source, row.box), row.added, row.vector)

    @property
    def _rows(self) -> dict[int, FactRow]:
        if self._read is None:
            self._read = {row.id: row for row in self._tables.facts()}
        return self._read

    def _fact(self, row: FactRow) -> Fact:
        return row.fact({number: self._tables.subject(number)[1] for number in row.people})

    def _insert(
        self, kind: str, people: Sequence[int], face: tuple[str, str, str], added: str, vector: bytes
    ) -> FactRow:
        subject, other = [*sorted(people), None, None][:2]
        row = FactRow(self._next(), kind, subject, other, *face, added, vector, checksum=b"")
        row = row._replace(checksum=fact_checksum(self._tables.state, *row[:-1]))
        self._tables.insert_fact(row)
        self._rows[row.id] = row
        return row

    def _bury(self, numbers: Iterable[int]) -> None:
        """Delete facts, and keep in mind that they were."""
        gone = list(numbers)
        for number in gone:
            row = self._rows[number]
            fact = self._fact(row)
            face = (row.sha256, row.source, row.box)
            said = StorableFact(fact.kind, fact.subject, fact.other, face, row.added, row.vector)
            self._tombstones.remove_fact(said)
        self._delete(gone)

    def _delete(self, numbers: Iterable[int]) -> None:
        for number in list(numbers):
            self._tables.delete_fact(number)
            del self._rows[number]
            self.withdrawn = True

    def _require_not_enrolled(self, fact: StorableFact, number: int) -> None:
        template = self._template_like(number, fact.face[0], fact.face[2], fact.vector)
        if template is not None:
            place, name = self._tables.place, str(fact.subject)
            copy = "" if template.sha256 == fact.face[0] else f", from another file ({template.source})"
            raise FactError(
                f"{place}: this face is enrolled as {name}{copy}: if it is not theirs, "
                f"{hints.remove_photo(place, name, template.sha256[:12])}"
            )

    def is_of_person(self, fact: StorableFact, number: int) -> bool:
        """Whether the face is a template of the person, from this picture or from a copy of it. If it were
        said not to be the person's, no face that is like this template would get the name.
        """
        return self._template_like(number, fact.face[0], fact.face[2], fact.vector) is not None

    def _template_like(self, number: int, sha256: str, box: str, vector: bytes) -> Row | None:
        if number not in self._templates:
            stored = self._tables.of_subject(number)
            if not stored:
                return None
            self._templates[number] = stored, np.stack([np.frombuffer(row.vector, "<f4") for row in stored])
        rows, vectors = self._templates[number]
        for row, likeness in zip(rows, vectors @ np.frombuffer(vector, "<f4"), strict=True):
            same = row.sha256 == sha256 and same_face(json.loads(box), [json.loads(row.box)]) is not None
            if same or likeness >= COPY:
                return row
        return None

    def is_enrolled(self, sha256: str, box: str) -> bool:
        """Whether this face of this picture is a template of anybody."""
        rows = self._tables.of_pictures([sha256])
        return same_face(json.loads(box), [json.loads(row.box) for row in rows]) is not None


def no_such_fact(place: Place, number: int) -> GalleryError:
    return GalleryError(
        f"{place}: there is no fact {number}: {hints.list_facts(place)} shows which there are"
    )


def is_of_face(fact: StorableFact, sha256: str, box: str, vector: bytes) -> bool:
    """Whether a fact is about this face, in the same picture or in a copy of it."""
    likeness = float(np.frombuffer(fact.vector, "<f4") @ np.frombuffer(vector, "<f4"))
    same_picture = fact.face[0] == sha256
    return likeness >= COPY or (
        same_picture and same_face(json.loads(box), [json.loads(fact.face[2])]) is not None
    )


def _same(row: FactRow, other: FactRow) -> bool:
    return not row.vector or bool(_of_face([row], other.sha256, other.box, other.vector))


def _of_face(rows: Iterable[FactRow], sha256: str, box: str, vector: bytes) -> list[int]:
    """The numbers of those that are about this face: it is there in the same picture, or in a copy of it."""
    facts = list(rows)
    if not facts:
        return []
    face, corners = np.frombuffer(vector, "<f4"), json.loads(box)
    scores = np.stack([row.array() for row in facts]) @ face
    return [
        row.id
        for row, likeness in zip(facts, scores.tolist(), strict=True)
        if likeness >= COPY
        or (row.sha256 == sha256 and same_face(corners, [json.loads(row.box)]) is not None)
    ]
