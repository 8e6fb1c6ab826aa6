"""Reading and writing the rows of an SQLite file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from facekit.gallery.fact_rows import FactRow
from facekit.gallery.records import Row
from facekit.gallery.sqlite.place import FilePlace
from facekit.gallery.state import State
from facekit.gallery.tables import SubjectRow, Tables
from facekit.gallery.tombstones import Tombstone

# SQLite takes no more than 999 parameters in old versions.
PARAMETERS = 900

SELECT = (
    "SELECT t.id, t.subject, t.sha256, t.source, t.box, t.quality, t.added, t.vector, t.checksum, "
    "s.name, s.added, s.checksum FROM templates t LEFT JOIN subjects s ON s.id = t.subject "
)
SUBJECTS = "SELECT id, name, added, checksum FROM subjects"
FACTS = "SELECT id, kind, subject, other, sha256, source, box, added, vector, checksum FROM facts"


def unchecked(
    connection: sqlite3.Connection, where: str = "", parameters: Sequence[object] = ()
) -> Iterator[Row]:
    """Rows as they are."""
    for values in connection.execute(SELECT + where, tuple(parameters)):
        yield Row._make(values)


class SqliteTables(Tables):
    """The rows of a file, inside a transaction of its connection."""

    def __init__(self, connection: sqlite3.Connection, state: State, path: Path) -> None:
        super().__init__(FilePlace(path), state)
        self._connection = connection

    def _all(self, after: int) -> Iterator[Row]:
        return unchecked(self._connection, "WHERE t.id > ? ORDER BY t.id", (after,))

    def _of_subject(self, number: int) -> Iterator[Row]:
        return unchecked(self._connection, "WHERE t.subject = ? ORDER BY t.id", (number,))

    def _of_pictures(self, sha256s: Sequence[str]) -> Iterator[Row]:
        return self._where_in("t.sha256", sha256s)

    def _numbered(self, numbers: Sequence[int]) -> Iterator[Row]:
        return self._where_in("t.id", numbers)

    def _where_in(self, column: str, values: Sequence[object]) -> Iterator[Row]:
        for first in range(0, len(values), PARAMETERS):
            some = values[first : first + PARAMETERS]
            marks = ", ".join("?" * len(some))
            yield from unchecked(self._connection, f"WHERE {column} IN ({marks})", some)

    def _subjects(self) -> Iterator[SubjectRow]:
        yield from self._connection.execute(SUBJECTS)

    def _subject(self, number: int) -> SubjectRow | None:
        found: SubjectRow | None = self._connection.execute(f"{SUBJECTS} WHERE id = ?", (number,)).fetchone()
        return found

    def _tombstones(self, most: int) -> list[tuple[object, ...]]:
        return self._connection.execute(
            "SELECT digest, kind, box FROM tombstones LIMIT ?", (most,)
        ).fetchall()

    def _facts(self, most: int) -> Iterator[FactRow]:
        yield from map(FactRow._make, self._connection.execute(f"{FACTS} ORDER BY id LIMIT ?", (most,)))

    def find(self, name: str) -> int | None:
        found = self._connection.execute("SELECT id FROM subjects WHERE name = ?", (name,)).fetchone()
        return None if found is None else int(found[0])

    def has_picture(self, subject: int, sha256: str) -> bool:
        query = "SELECT 1 FROM templates WHERE subject = ? AND sha256 = ?"
        return self._connection.execute(query, (subject, sha256)).fetchone() is not None

    def has_templates(self, subject: int) -> bool:
        query = "SELECT 1 FROM templates WHERE subject = ?"
        return self._connection.execute(query, (subject,)).fetchone() is not None

    def insert_subject(self, number: int, name: str, added: str, checksum: bytes) -> None:
        self._connection.execute("INSERT INTO subjects VALUES (?, ?, ?, ?)", (number, name, added, checksum))

    def rename_subject(self, number: int, name: str, checksum: bytes) -> None:
        values = (name, checksum, number)
        self._connection.execute("UPDATE subjects SET name = ?, checksum = ? WHERE id = ?", values)

    def delete_subject(self, number: int) -> None:
        self._connection.execute("DELETE FROM subjects WHERE id = ?", (number,))

    def insert_template(
        self,
        number: int,
        subject: int,
        described: tuple[str, str, str, str, str],
        vector: bytes,
        checksum: bytes,
    ) -> None:
        self._connection.execute(
            "INSERT INTO templates VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (number, subject, *described, vector, checksum),
        )

    def delete_template(self, number: int) -> None:
        self._connection.execute("DELETE FROM templates WHERE id = ?", (number,))

    def bury(self, stones: Iterable[Tombstone]) -> None:
        values = [(stone.digest, stone.kind, stone.box) for stone in stones]
        self._connection.executemany("INSERT INTO tombstones VALUES (?, ?, ?)", values)

    def unbury(self, stones: Iterable[Tombstone]) -> None:
        values = [(stone.digest, stone.kind, stone.box) for stone in stones]
        query = "DELETE FROM tombstones WHERE digest = ? AND kind = ? AND box = ?"
        self._connection.executemany(query, values)

    def insert_fact(self, row: FactRow) -> None:
        self._connection.execute("INSERT INTO facts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)

    def delete_fact(self, number: int) -> None:
        self._connection.execute("DELETE FROM facts WHERE id = ?", (number,))
