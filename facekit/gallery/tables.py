"""The rows of a gallery in one transaction, whatever keeps them. Every row is checked against its checksum
before it is believed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace

import numpy as np

from facekit.gallery.damage import damaged, well_formed
from facekit.gallery.fact_rows import FactRow
from facekit.gallery.places import Place
from facekit.gallery.records import Row, subject_checksum
from facekit.gallery.state import MODULUS, State, Tally
from facekit.gallery.tombstones import Tombstone, Tombstones
from facekit.gallery.unknown_names import unknown_name
from facekit.gallery.values import unit_vectors
from facekit.text.subject_names import is_stored_name, subject_name

SubjectRow = tuple[int, str, str, bytes]
"""Number, name, date and checksum of a subject."""


class Tables(ABC):
    """The rows at a place, and the state that they have to fit. Methods that begin with `_` give them as
    they are.
    """

    def __init__(self, place: Place, state: State) -> None:
        self.place = place
        self.state = state

    @abstractmethod
    def _all(self, after: int) -> Iterator[Row]:
        """Those numbered above `after`, by number."""

    @abstractmethod
    def _of_subject(self, number: int) -> Iterator[Row]:
        """By number."""

    @abstractmethod
    def _of_pictures(self, sha256s: Sequence[str]) -> Iterator[Row]: ...

    @abstractmethod
    def _numbered(self, numbers: Sequence[int]) -> Iterator[Row]: ...

    @abstractmethod
    def _subjects(self) -> Iterator[SubjectRow]: ...

    @abstractmethod
    def _subject(self, number: int) -> SubjectRow | None: ...

    @abstractmethod
    def _tombstones(self, most: int) -> Sequence[Sequence[object]]:
        """Digest, kind and box of so many at most."""

    @abstractmethod
    def _facts(self, most: int) -> Iterator[FactRow]:
        """So many at most, by number."""

    @abstractmethod
    def find(self, name: str) -> int | None:
        """The number of the subject whose name is stored so, or None."""

    @abstractmethod
    def has_picture(self, subject: int, sha256: str) -> bool:
        """Whether the subject has a template of the picture."""

    @abstractmethod
    def has_templates(self, subject: int) -> bool: ...

    @abstractmethod
    def insert_subject(self, number: int, name: str, added: str, checksum: bytes) -> None: ...

    @abstractmethod
    def rename_subject(self, number: int, name: str, checksum: bytes) -> None: ...

    @abstractmethod
    def delete_subject(self, number: int) -> None: ...

    @abstractmethod
    def insert_template(
        self,
        number: int,
        subject: int,
        described: tuple[str, str, str, str, str],
        vector: bytes,
        checksum: bytes,
    ) -> None: ...

    @abstractmethod
    def delete_template(self, number: int) -> None: ...

    @abstractmethod
    def bury(self, stones: Iterable[Tombstone]) -> None: ...

    @abstractmethod
    def unbury(self, stones: Iterable[Tombstone]) -> None: ...

    @abstractmethod
    def insert_fact(self, row: FactRow) -> None: ...

    @abstractmethod
    def delete_fact(self, number: int) -> None: ...

    def batch(self) -> AbstractContextManager[object]:
        """Inside, rows are stored without waiting for each."""
        return nullcontext()

    def unchecked(self) -> Iterator[Row]:
        """All rows as they are, for the check."""
        return self._all(0)

    def unchecked_subjects(self) -> Iterator[SubjectRow]:
        """All subjects as they are, for the check."""
        return self._subjects()

    def _bulk(self) -> AbstractContextManager[Iterator[Row]]:
        """The rows of `in_bulk`, as they are."""
        return nullcontext(self._all(0))

    def all(self, *, after: int = 0, tally: Tally | None = None) -> Iterator[Row]:
        """All rows numbered above `after`, in the order of enrollment; `tally` has counted the others.

        Raises GalleryError also when rows are lost or doubled.
        """
        return self._counted(self._all(after), after, tally or Tally())

    @contextmanager
    def in_bulk(self) -> Iterator[Iterator[Row]]:
        """All rows as `all` gives them, to be read at once; nothing else may be asked inside."""
        with self._bulk() as rows:
            yield self._counted(rows, 0, Tally())

    def _counted(self, rows: Iterator[Row], after: int, tally: Tally) -> Iterator[Row]:
        seen: set[int] = set()
        for row in self._sound(rows):
            if tally.templates == self.state.templates:
                break  # there are more than were stored
            tally.template(row.checksum)
            if row.subject > after and row.subject not in seen:
                seen.add(row.subject)
                tally.subject(row.subject_checksum)
            yield row
        else:
            if tally.fits(self.state):
                return
        raise damaged(self.place, "rows are missing or doubled")

    def of_subject(self, number: int) -> list[Row]:
        """The rows of a subject, in the order of enrollment. Raises GalleryError at one that is not sound."""
        return list(self._sound(self._of_subject(number)))

    def of_pictures(self, sha256s: Sequence[str]) -> list[Row]:
        """The rows of pictures. Raises GalleryError at one that is not sound."""
        return list(self._sound(self._of_pictures(sha256s)))

    def numbered(self, numbers: Sequence[int]) -> list[Row]:
        """The rows of these numbers, as far as there are any, in any order. Raises GalleryError at one that
        is not sound.
        """
        return list(self._sound(self._numbered(numbers)))

    def number(self, name: str) -> int:
        """The number of the subject of this name. Raises GalleryError when there is none."""
        number = self.find(subject_name(name))
        if number is None:
            raise unknown_name(self.place, name, [other for _, other, *_ in self.subjects()])
        return number

    def subjects(self) -> Iterator[SubjectRow]:
        """Every subject. Raises GalleryError at one that does not fit its checksum."""
        for row in self._subjects():
            if not is_sound_subject(row):
                raise damaged(self.place, f"subject {row[0]} does not fit its checksum")
            yield row

    def subject(self, number: int) -> SubjectRow:
        """A subject that is there. Raises GalleryError when it does not fit its checksum."""
        row = self._subject(number)
        if row is None or not is_sound_subject(row):
            raise damaged(self.place, f"subject {number} does not fit its checksum")
        return row

    def tombstones(self) -> Tombstones:
        """Raises GalleryError when one is lost, doubled or changed: somebody would come back unnoticed."""
        keys = self.state.tombstone_keys.split()
        if not self.state.tombstones:
            return Tombstones(keys)
        rows = self._tombstones(self.state.tombstones + 1)
        try:
            stones = [Tombstone.of(*row) for row in rows]  # type: ignore[arg-type]
        except (ValueError, TypeError, RecursionError) as error:
            raise damaged(self.place, f"what it keeps of removed pictures: {error}") from error
        if (len(stones), _total(stones)) != (self.state.tombstones, self.state.tombstone_digest):
            raise damaged(self.place, "what it keeps of removed pictures does not fit its checksum")
        return Tombstones(keys, stones)

    def facts(self) -> list[FactRow]:
        """Raises GalleryError when one is lost, doubled or changed: somebody would be named or proposed
        against what was said.
        """
        if not self.state.facts:
            return []
        rows = list(self._facts(self.state.facts + 1))
        for row in rows:
            if not row.is_sound(self.state):
                raise damaged(self.place, f"fact {str(row.id)[:20]} does not fit its checksum")
        total = sum(int.from_bytes(row.checksum, "little") for row in rows) % MODULUS
        if (len(rows), total) != (self.state.facts, self.state.fact_digest):
            raise damaged(self.place, "facts are missing or doubled")
        faces = [row for row in rows if row.vector]
        if faces:
            dimension = self.state.settings.dimension
            unit_vectors(np.stack([row.array() for row in faces]), dimension, f"{self.place}: its facts")
        with well_formed(self.place):
            for row in faces:
                row.fact(dict.fromkeys(row.people, ""))
        return rows

    def write_tombstones(self, before: AbstractSet[Tombstone], tombstones: Tombstones, state: State) -> State:
        """Store what became of the tombstones `before`; the state that fits them."""
        after = set(tombstones)
        self.unbury(before - after)
        self.bury(after - before)
        return replace(
            state,
            tombstones=len(after),
            tombstone_digest=_total(after),
            tombstone_keys=" ".join(tombstones.keys),
        )

    def _sound(self, rows: Iterable[Row]) -> Iterator[Row]:
        for row in rows:
            if not row.is_sound(self.state):
                raise damaged(self.place, f"template {str(row.id)[:20]} does not fit its checksum")
            yield row


def is_sound_subject(row: SubjectRow) -> bool:
    """Whether it fits its checksum, and its name is as names are stored."""
    number, name, added, code = row
    return code == subject_checksum(number, name, added) and type(name) is str and is_stored_name(name)


def _total(stones: AbstractSet[Tombstone] | list[Tombstone]) -> int:
    return sum(stone.checksum() for stone in stones) % MODULUS
