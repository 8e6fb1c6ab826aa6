"""Changing rows inside a transaction, and keeping count of them for the settings."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from facekit.errors import GalleryError
from facekit.gallery import rows
from facekit.gallery.database import damaged
from facekit.gallery.records import subject_name
from facekit.gallery.settings import Settings


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


class Change:
    """Changes of one transaction. `templates` and `subjects` are differences, `moved` is a count,
    `new` the names of subjects that came.
    """

    def __init__(self, connection: sqlite3.Connection, settings: Settings, path: Path) -> None:
        self.templates = self.subjects = self.moved = 0
        self.new: list[str] = []
        self._connection = connection
        self._settings = settings
        self._path = path
        self._plus: list[bytes] = []
        self._minus: list[bytes] = []

    def settings(self, *, erasing: int) -> Settings:
        """The settings after this change; the same object when nothing was changed."""
        if not self._plus and not self._minus:
            return self._settings
        return self._settings.changed(
            templates=self.templates,
            subjects=self.subjects,
            plus=self._plus,
            minus=self._minus,
            erasing=erasing or self._settings.erasing,
        )

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
        code = rows.template_checksum(self._settings.fingerprint, number, *described, vector=vector)
        self._connection.execute(
            "INSERT INTO templates (subject, sha256, source, box, quality, added, vector, checksum) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (number, *described, vector, code),
        )
        self.templates += 1
        self._plus.append(code)

    def drop(self, number: int) -> None:
        """Delete a subject and its templates."""
        for row in self._templates(number):
            self._delete(row)
        self._drop_subject(number)

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
        self._minus.append(old)
        self._plus.append(code)

    def move(self, number: int, target: int) -> None:
        """Give the templates of one subject to another and delete the subject. A picture that both
        have stays once.
        """
        for row in self._templates(number):
            self._delete(row)
            if not self._has(target, row.sha256):
                code = rows.template_checksum(
                    self._settings.fingerprint, target, *row.described(), vector=row.vector
                )
                self._connection.execute(
                    "INSERT INTO templates VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (row.id, target, *row.described(), row.vector, code),
                )
                self.templates += 1
                self.moved += 1
                self._plus.append(code)
        self._drop_subject(number)

    def _new_subject(self, name: str, added: str) -> int:
        number = int(self._connection.execute("SELECT ifnull(max(id), 0) + 1 FROM subjects").fetchone()[0])
        code = rows.subject_checksum(number, name, added)
        self._connection.execute("INSERT INTO subjects VALUES (?, ?, ?, ?)", (number, name, added, code))
        self.subjects += 1
        self.new.append(name)
        self._plus.append(code)
        return number

    def _drop_subject(self, number: int) -> None:
        _, code = self._subject(number)
        self._connection.execute("DELETE FROM subjects WHERE id = ?", (number,))
        self.subjects -= 1
        self._minus.append(code)

    def _delete(self, row: rows.Row) -> None:
        self._connection.execute("DELETE FROM templates WHERE id = ?", (row.id,))
        self.templates -= 1
        self._minus.append(row.checksum)

    def _has(self, number: int, sha256: str) -> bool:
        query = "SELECT 1 FROM templates WHERE subject = ? AND sha256 = ?"
        return self._connection.execute(query, (number, sha256)).fetchone() is not None

    def _templates(self, number: int) -> list[rows.Row]:
        return list(rows.read(self._connection, self._settings, self._path, "WHERE t.subject = ?", (number,)))

    def _subject(self, number: int) -> tuple[str, bytes]:
        """When the subject was added, and its checksum."""
        query = "SELECT name, added, checksum FROM subjects WHERE id = ?"
        name, added, code = self._connection.execute(query, (number,)).fetchone()
        if code != rows.subject_checksum(number, name, added):
            raise damaged(self._path, f"subject {number} does not fit its checksum")
        return added, code
