"""Changing rows inside a transaction, and keeping count of them for the settings."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from facekit.errors import GalleryError
from facekit.gallery import rows
from facekit.gallery.faults import damaged
from facekit.gallery.records import subject_name
from facekit.gallery.settings import Settings, Tally

SHORTEST_DIGEST = 8


def find_subject(connection: sqlite3.Connection, name: str) -> int | None:
    """The number of the subject of this name, or None."""
    found = connection.execute("SELECT id FROM subjects WHERE name = ?", (subject_name(name),)).fetchone()
    return None if found is None else int(found[0])


def subject_number(connection: sqlite3.Connection, path: Path, name: str) -> int:
    """The number of the subject of this name. Raises GalleryError when there is none."""
    number = find_subject(connection, name)
    if number is None:
        raise GalleryError(f"{path}: {name!r} is not in the gallery: `facekit gallery list` shows who is")
    return number


def _row_of(found: Sequence[rows.Row], photo: str, name: str, path: Path) -> rows.Row:
    """The template of the picture of this name, or of a SHA-256 that begins like this."""
    digest = photo.lower() if len(photo) >= SHORTEST_DIGEST else None
    alike = [row for row in found if row.source == photo or (digest and row.sha256.startswith(digest))]
    if not alike:
        raise GalleryError(
            f"{path}: {name!r} has no template of {photo!r}: `facekit gallery show` lists the pictures"
        )
    if len(alike) > 1:
        digests = ", ".join(row.sha256[:12] for row in alike)
        raise GalleryError(
            f"{path}: {name!r} has {len(alike)} pictures {photo!r}: give a SHA-256 instead: {digests}"
        )
    return alike[0]


class Change:
    """Changes of one transaction: how many templates came (`added`), went (`removed`) or changed their
    subject (`moved`), and the names of subjects that are `new`.
    """

    def __init__(self, connection: sqlite3.Connection, settings: Settings, path: Path) -> None:
        self.added = self.removed = self.moved = 0
        self.new: list[str] = []
        self._connection = connection
        self._before = settings
        self._path = path
        self._tally = Tally(settings.templates, settings.subjects, settings.digest)
        self._last = settings.last

    def settings(self) -> Settings:
        """The settings after this change; equal to those before when nothing was changed."""
        tally = self._tally
        after = replace(
            self._before,
            templates=tally.templates,
            subjects=tally.subjects,
            digest=tally.digest,
            last=self._last,
        )
        return after if after == self._before else replace(after, changes=after.changes + 1)

    def number(self, name: str) -> int:
        """The number of a subject. Raises GalleryError when it is not in the gallery."""
        return subject_number(self._connection, self._path, name)

    def add(self, name: str, described: tuple[str, str, str, str, str], vector: bytes) -> None:
        """Store a template, and its subject when new, unless the subject has one of that picture."""
        number = find_subject(self._connection, name)
        if number is None:
            number = self._new_subject(name, described[-1])
        elif self._has(number, described[0]):
            return
        self._insert(number, described, vector)
        self.added += 1

    def drop(self, number: int) -> None:
        """Delete a subject and its templates."""
        for row in self._templates(number):
            self._delete(row)
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
            self.removed += 1
        if len(wanted) == len(found):
            self._drop_subject(number)
        return len(wanted) == len(found)

    def rename(self, number: int, name: str) -> None:
        """Give a subject a name that no other has."""
        taken = find_subject(self._connection, name)
        if taken is not None:
            raise GalleryError(f"{self._path}: {name!r} is in the gallery already: merge the two instead")
        added, old = self._subject(number)
        code = rows.subject_checksum(number, name, added)
        self._connection.execute(
            "UPDATE subjects SET name = ?, checksum = ? WHERE id = ?", (name, code, number)
        )
        self._tally.subject(old, -1)
        self._tally.subject(code)

    def move(self, number: int, target: int) -> None:
        """Give the templates of one subject to another and delete the subject. A picture that both
        have stays once.
        """
        for row in self._templates(number):
            self._delete(row)
            if not self._has(target, row.sha256):
                self._insert(target, row.described(), row.vector)
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

    def _insert(self, subject: int, described: tuple[str, str, str, str, str], vector: bytes) -> None:
        number = self._next()
        code = rows.template_checksum(self._before.fingerprint, number, subject, *described, vector=vector)
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
