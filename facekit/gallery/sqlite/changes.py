"""Changing rows inside a transaction, and keeping count of them for the state."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from facekit import hints
from facekit.errors import GalleryError
from facekit.gallery.sqlite import rows
from facekit.gallery.sqlite.faults import damaged
from facekit.gallery.sqlite.place import FilePlace
from facekit.gallery.sqlite.state import State, Tally
from facekit.gallery.sqlite.tombstone_rows import read_tombstones, write_tombstones
from facekit.gallery.templates import Placement
from facekit.gallery.tombstones import same_face
from facekit.gallery.values import flat_json
from facekit.text.subject_names import is_stored_name, subject_name

SHORTEST_DIGEST = 8


def find_subject(connection: sqlite3.Connection, name: str) -> int | None:
    """The number of the subject of this name, or None."""
    found = connection.execute("SELECT id FROM subjects WHERE name = ?", (subject_name(name),)).fetchone()
    return None if found is None else int(found[0])


def subject_number(connection: sqlite3.Connection, path: Path, name: str) -> int:
    """The number of the subject of this name. Raises GalleryError when there is none."""
    number = find_subject(connection, name)
    if number is None:
        raise GalleryError(
            f"{path}: {name!r} is not in the gallery: {hints.list_people(FilePlace(path))} shows who is"
        )
    return number


def subject_rows(connection: sqlite3.Connection, path: Path) -> Iterator[tuple[int, str, str]]:
    """Number, name and date of every subject. Raises GalleryError at one that does not fit its checksum."""
    for number, name, added, code in connection.execute("SELECT id, name, added, checksum FROM subjects"):
        fits = code == rows.subject_checksum(number, name, added)
        if not fits or type(name) is not str or not is_stored_name(name):
            raise damaged(path, f"subject {number} does not fit its checksum")
        yield number, name, added


def _row_of(found: Sequence[rows.Row], photo: str, name: str, path: Path) -> rows.Row:
    """The template of the picture of this name, or of a SHA-256 that begins like this."""
    digest = photo.lower() if len(photo) >= SHORTEST_DIGEST else None
    alike = [row for row in found if row.source == photo or (digest and row.sha256.startswith(digest))]
    if not alike:
        raise GalleryError(
            f"{path}: {name!r} has no template of {photo!r}: the pictures are listed by "
            f"{hints.show_person(FilePlace(path), name)}"
        )
    if len(alike) > 1:
        digests = ", ".join(row.sha256[:12] for row in alike)
        raise GalleryError(
            f"{path}: {name!r} has {len(alike)} pictures {photo!r}: give a SHA-256 instead: {digests}"
        )
    return alike[0]


class Change:
    """Changes of one transaction: how many templates went (`removed`) or changed their subject (`moved`),
    the names of subjects that are `new`, and whether one is gone, so that something has to be `erased`.
    """

    def __init__(self, connection: sqlite3.Connection, state: State, path: Path) -> None:
        self.removed = self.moved = 0
        self.erased = False
        self.new: list[str] = []
        self._connection = connection
        self._before = state
        self._path = path
        self.tombstones = read_tombstones(connection, state, path)
        self._buried_before = frozenset(self.tombstones)
        self._tally = Tally(state.templates, state.subjects, state.digest)
        self._last = state.last

    def finish(self) -> State:
        """The state after this change; equal to those before when nothing was changed."""
        tally = self._tally
        after = replace(
            self._before,
            templates=tally.templates,
            subjects=tally.subjects,
            digest=tally.digest,
            last=self._last,
        )
        after = write_tombstones(self._connection, self._buried_before, self.tombstones, after)
        return after if after == self._before else replace(after, changes=after.changes + 1)

    def number(self, name: str) -> int:
        """The number of a subject. Raises GalleryError when it is not in the gallery."""
        return subject_number(self._connection, self._path, name)

    def add(
        self,
        name: str,
        described: tuple[str, str, str, str, str],
        vector: bytes,
        *,
        again: bool = False,
        move: bool = False,
    ) -> Placement:
        """Store a template, and its subject when new, unless the subject has one of that picture.

        One that was removed earlier is stored only `again`. Where another subject has the same face of the
        same picture, it is theirs, or with `move` is taken from them.
        """
        sha256, _, box, *_ = described
        number = find_subject(self._connection, name)
        if number is not None and self._has(number, sha256):
            return Placement("present")
        holder = self._holder(sha256, box)
        if not again and (buried := self._buried(sha256, name, box, holder)):
            return buried
        if holder and not move:
            return Placement("held", holder.name)
        if number is None:
            number = self._new_subject(name, described[-1])
        self._insert(number, name, described, vector)
        return Placement("added", holder and holder.name, self._take_from(holder))

    def _holder(self, sha256: str, box: str) -> rows.Row | None:
        """The template of the same face of the same picture, whosever it is."""
        query = "WHERE t.sha256 = ?"
        of_picture = list(rows.read(self._connection, self._before, self._path, query, (sha256,)))
        try:
            place = same_face(json.loads(box), [flat_json(row.box) for row in of_picture])
        except (ValueError, TypeError, IndexError, RecursionError) as error:
            raise damaged(self._path, f"the box of a template: {error}") from error
        return None if place is None else of_picture[place]

    def _buried(self, sha256: str, name: str, box: str, holder: rows.Row | None) -> Placement | None:
        if self.tombstones.has_picture("renamed", sha256, name):
            return Placement("renamed", holder.name) if holder else Placement("removed")
        if self.tombstones.has_picture("named", sha256, name) or self.tombstones.has_face(
            sha256, json.loads(box)
        ):
            return Placement("removed")
        return None

    def _take_from(self, holder: rows.Row | None) -> bool:
        """Delete the template whose face has another name now; whether its subject went with it."""
        if holder is None:
            return False
        self._delete(holder)
        query = "SELECT 1 FROM templates WHERE subject = ?"
        if self._connection.execute(query, (holder.subject,)).fetchone():
            return False
        self._drop_subject(holder.subject)
        self.erased = True
        return True

    def drop(self, number: int) -> None:
        """Delete a subject and its templates."""
        for row in self._templates(number):
            self._delete(row)
            self.tombstones.remove(row.sha256, row.name, row.box)
            self.removed += 1
        self._drop_subject(number)

    def drop_photos(self, number: int, name: str, photos: Sequence[str]) -> bool:
        """Delete the subject's templates of these pictures, and the subject when it has no other; whether
        it had none.
        """
        found = self._templates(number)
        wanted = dict.fromkeys(_row_of(found, photo, name, self._path) for photo in photos)
        for row in wanted:
            self._delete(row)
            self.tombstones.remove(row.sha256, row.name, None)
            self.removed += 1
        if len(wanted) == len(found):
            self._drop_subject(number)
        return len(wanted) == len(found)

    def rename(self, number: int, name: str) -> None:
        """Give a subject a name that no other has."""
        taken = find_subject(self._connection, name)
        if taken is not None:
            raise GalleryError(f"{self._path}: {name!r} is in the gallery already: merge the two instead")
        for row in self._templates(number):
            self.tombstones.rename(row.sha256, row.name)
            self.tombstones.admit(row.sha256, name, row.box)
        added, old = self._subject(number)
        code = rows.subject_checksum(number, name, added)
        self._connection.execute(
            "UPDATE subjects SET name = ?, checksum = ? WHERE id = ?", (name, code, number)
        )
        self._tally.subject(old, -1)
        self._tally.subject(code)

    def move(self, number: int, target: int, into: str) -> None:
        """Give the templates of one subject to another, whose name is `into`, and delete the subject. A
        picture that both have stays once.
        """
        for row in self._templates(number):
            self._delete(row)
            self.tombstones.rename(row.sha256, row.name)
            if not self._has(target, row.sha256):
                self._insert(target, into, row.described(), row.vector)
                self.moved += 1
        self._drop_subject(number)

    def _next(self) -> int:
        """A row number never given before, so that a number in a cache means one row for ever."""
        self._last += 1
        return self._last

    def _new_subject(self, name: str, added: str) -> int:
        number = self._next()
        code = rows.subject_checksum(number, name, added)
        self._connection.execute("INSERT INTO subjects VALUES (?, ?, ?, ?)", (number, name, added, code))
        self._tally.subject(code)
        self.new.append(name)
        return number

    def _insert(
        self, subject: int, name: str, described: tuple[str, str, str, str, str], vector: bytes
    ) -> None:
        self.tombstones.admit(described[0], name, described[2])
        number = self._next()
        code = rows.template_checksum(
            self._before.settings.fingerprint, number, subject, *described, vector=vector
        )
        self._connection.execute(
            "INSERT INTO templates VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (number, subject, *described, vector, code),
        )
        self._tally.template(code)

    def _drop_subject(self, number: int) -> None:
        _, code = self._subject(number)
        self._connection.execute("DELETE FROM subjects WHERE id = ?", (number,))
        self._tally.subject(code, -1)

    def _delete(self, row: rows.Row) -> None:
        self._connection.execute("DELETE FROM templates WHERE id = ?", (row.id,))
        self._tally.template(row.checksum, -1)

    def _has(self, number: int, sha256: str) -> bool:
        query = "SELECT 1 FROM templates WHERE subject = ? AND sha256 = ?"
        return self._connection.execute(query, (number, sha256)).fetchone() is not None

    def _templates(self, number: int) -> list[rows.Row]:
        return list(rows.read(self._connection, self._before, self._path, "WHERE t.subject = ?", (number,)))

    def _subject(self, number: int) -> tuple[str, bytes]:
        """When the subject was added, and its checksum."""
        query = "SELECT name, added, checksum FROM subjects WHERE id = ?"
        name, added, code = self._connection.execute(query, (number,)).fetchone()
        if code != rows.subject_checksum(number, name, added):
            raise damaged(self._path, f"subject {number} does not fit its checksum")
        return added, code
