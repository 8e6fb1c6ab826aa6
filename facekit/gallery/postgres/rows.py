"""Reading and writing the rows of a gallery in a schema."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from itertools import count
from typing import Any

import numpy as np
from pgvector import Vector
from psycopg import Connection
from psycopg.rows import tuple_row

from facekit.calibration.poorness import is_poor
from facekit.gallery.fact_rows import FactRow
from facekit.gallery.postgres.place import ServerPlace
from facekit.gallery.postgres.text import escaped, unescaped
from facekit.gallery.records import Row
from facekit.gallery.state import State
from facekit.gallery.tables import SubjectRow, Tables
from facekit.gallery.templates import STRANGER_RATE
from facekit.gallery.tombstones import Tombstone
from facekit.gallery.values import flat_json

SELECT = (
    "SELECT t.id, t.subject, t.sha256, t.source, t.box, t.quality, t.added, t.vector, t.checksum, "
    "s.name, s.added, s.checksum FROM templates t LEFT JOIN subjects s ON s.id = t.subject "
)
COPY = f"COPY ({SELECT} ORDER BY t.id) TO STDOUT (FORMAT BINARY)"
COPIED = (
    *("int8", "int8", "text", "text", "text", "text", "text", "vector", "bytea"),
    *("text", "text", "bytea"),
)
SUBJECTS = "SELECT id, name, added, checksum FROM subjects "
FACTS = "SELECT id, kind, subject, other, sha256, source, box, added, vector, checksum FROM facts "
# So many are fetched at once; fewer rows are read whole, without a cursor on the server.
ROWS_AT_ONCE = 2_000

_cursors = count(1)


class PostgresTables(Tables):
    """The rows in a schema, inside a transaction of the connection."""

    def __init__(self, connection: Connection[Any], place: ServerPlace, state: State) -> None:
        super().__init__(place, state)
        self.connection = connection

    def _all(self, after: int) -> Iterator[Row]:
        query = f"{SELECT} WHERE t.id > %s ORDER BY t.id"
        if self.state.templates <= ROWS_AT_ONCE:
            return self._rows(query, (after,))
        return self._streamed(query, (after,))

    def _streamed(self, query: str, parameters: Sequence[object]) -> Iterator[Row]:
        name = f"rows_{next(_cursors)}"
        with self.connection.cursor(name, row_factory=tuple_row) as cursor:
            cursor.itersize = ROWS_AT_ONCE
            cursor.execute(query, parameters, binary=True)
            yield from map(_row, cursor)

    @contextmanager
    def _bulk(self) -> Iterator[Iterator[Row]]:
        # One that is not read to its end ends the transaction.
        with self.connection.cursor() as cursor, cursor.copy(COPY) as copy:
            copy.set_types(COPIED)
            yield map(_row, copy.rows())

    def _rows(self, query: str, parameters: Sequence[object]) -> Iterator[Row]:
        with self.connection.cursor(binary=True, row_factory=tuple_row) as cursor:
            yield from map(_row, cursor.execute(query, parameters).fetchall())

    def _of_subject(self, number: int) -> Iterator[Row]:
        return self._rows(f"{SELECT} WHERE t.subject = %s ORDER BY t.id", (number,))

    def _of_pictures(self, sha256s: Sequence[str]) -> Iterator[Row]:
        return self._rows(f"{SELECT} WHERE t.sha256 = ANY(%s::text[]) ORDER BY t.id", (list(sha256s),))

    def _numbered(self, numbers: Sequence[int]) -> Iterator[Row]:
        return self._rows(f"{SELECT} WHERE t.id = ANY(%s::bigint[])", (list(numbers),))

    def _subjects(self) -> Iterator[SubjectRow]:
        yield from map(_subject, self.connection.execute(SUBJECTS).fetchall())

    def _subject(self, number: int) -> SubjectRow | None:
        row = self.connection.execute(f"{SUBJECTS} WHERE id = %s", (number,)).fetchone()
        return None if row is None else _subject(row)

    def _tombstones(self, most: int) -> Sequence[Sequence[object]]:
        return self.connection.execute(
            "SELECT digest, kind, box FROM tombstones LIMIT %s", (most,)
        ).fetchall()

    def _facts(self, most: int) -> Iterator[FactRow]:
        rows = self.connection.execute(f"{FACTS} ORDER BY id LIMIT %s", (most,)).fetchall()
        for number, kind, subject, other, sha256, source, box, added, vector, code in rows:
            about = (kind, subject, other, sha256, unescaped(source), box, unescaped(added))
            yield FactRow(number, *about, bytes(vector), bytes(code))

    def find(self, name: str) -> int | None:
        row = self.connection.execute("SELECT id FROM subjects WHERE name = %s", (escaped(name),)).fetchone()
        return None if row is None else int(row[0])

    def has_picture(self, subject: int, sha256: str) -> bool:
        query = "SELECT 1 FROM templates WHERE subject = %s AND sha256 = %s"
        return self.connection.execute(query, (subject, sha256)).fetchone() is not None

    def has_templates(self, subject: int) -> bool:
        query = "SELECT 1 FROM templates WHERE subject = %s LIMIT 1"
        return self.connection.execute(query, (subject,)).fetchone() is not None

    def insert_subject(self, number: int, name: str, added: str, checksum: bytes) -> None:
        values = (number, escaped(name), escaped(added), checksum)
        self.connection.execute("INSERT INTO subjects VALUES (%s, %s, %s, %s)", values)

    def rename_subject(self, number: int, name: str, checksum: bytes) -> None:
        query = "UPDATE subjects SET name = %s, checksum = %s WHERE id = %s"
        self.connection.execute(query, (escaped(name), checksum, number))

    def delete_subject(self, number: int) -> None:
        self.connection.execute("DELETE FROM subjects WHERE id = %s", (number,))

    def insert_template(
        self,
        number: int,
        subject: int,
        described: tuple[str, str, str, str, str],
        vector: bytes,
        checksum: bytes,
    ) -> None:
        sha256, source, box, quality, added = described
        poor_from = self.state.settings.poor_from
        poor = poor_from > 0 and is_poor(flat_json(quality).get(STRANGER_RATE), poor_from)
        values = Vector(np.frombuffer(vector, "<f4").astype(np.float32))
        self.connection.execute(
            "INSERT INTO templates "
            "(id, subject, poor, sha256, source, box, quality, added, checksum, vector) "
            "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %b)",
            (number, subject, poor, sha256, escaped(source), box, quality, escaped(added), checksum, values),
        )

    def delete_template(self, number: int) -> None:
        self.connection.execute("DELETE FROM templates WHERE id = %s", (number,))
        self.connection.execute("INSERT INTO removals VALUES (%s, %s)", (number, self.state.changes + 1))

    def batch(self) -> AbstractContextManager[object]:
        return self.connection.pipeline()

    def removed_after(self, change: int) -> list[int]:
        """The numbers of the templates that changes after this one removed."""
        query = "SELECT id FROM removals WHERE change > %s"
        return [number for (number,) in self.connection.execute(query, (change,)).fetchall()]

    def added_after(self, number: int) -> Iterator[Row]:
        """The rows numbered above this one. Raises GalleryError at one that is not sound."""
        return self._sound(self._all(number))

    def bury(self, stones: Iterable[Tombstone]) -> None:
        values = [(stone.digest, stone.kind, stone.box) for stone in stones]
        with self.connection.cursor() as cursor:
            cursor.executemany("INSERT INTO tombstones VALUES (%s, %s, %s)", values)

    def unbury(self, stones: Iterable[Tombstone]) -> None:
        values = [(stone.digest, stone.kind, stone.box) for stone in stones]
        query = "DELETE FROM tombstones WHERE digest = %s AND kind = %s AND box = %s"
        with self.connection.cursor() as cursor:
            cursor.executemany(query, values)

    def insert_fact(self, row: FactRow) -> None:
        stored = row._replace(source=escaped(row.source), added=escaped(row.added))
        marks = ", ".join(["%s"] * len(stored))
        self.connection.execute(f"INSERT INTO facts VALUES ({marks})", stored)

    def delete_fact(self, number: int) -> None:
        self.connection.execute("DELETE FROM facts WHERE id = %s", (number,))


def _row(values: Sequence[Any]) -> Row:
    number, subject, sha256, source, box, quality, added, vector, code, *of_subject = values
    name, subject_added, subject_code = of_subject
    return Row(
        *(number, subject, sha256, unescaped(source), box, quality, unescaped(added)),
        vector.to_numpy().astype("<f4").tobytes(),
        code,
        # A template without its subject has no name, which is not sound.
        *(name and unescaped(name), subject_added and unescaped(subject_added), subject_code),
    )


def _subject(values: Sequence[Any]) -> SubjectRow:
    number, name, added, code = values
    return number, unescaped(name), unescaped(added), code
