"""Reading the rows of a gallery: every row is checked against its checksum before it is believed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from facekit.arguments import number_of
from facekit.calibration.poorness import is_poor
from facekit.gallery.sqlite.faults import damaged
from facekit.gallery.sqlite.state import State, Tally
from facekit.gallery.templates import STRANGER_RATE, NewTemplate, TemplateInfo
from facekit.gallery.values import checksum, flat_json
from facekit.text.subject_names import is_stored_name

# SQLite takes no more than 999 parameters in old versions.
PARAMETERS = 900

SELECT = (
    "SELECT t.id, t.subject, t.sha256, t.source, t.box, t.quality, t.added, t.vector, t.checksum, "
    "s.name, s.added, s.checksum FROM templates t LEFT JOIN subjects s ON s.id = t.subject "
)


class Row(NamedTuple):
    """A template as it lies in the file, its subject beside it. Box and quality are JSON."""

    id: int
    subject: int
    sha256: str
    source: str
    box: str
    quality: str
    added: str
    vector: bytes
    checksum: bytes
    name: str
    subject_added: str
    subject_checksum: bytes

    def is_sound(self, state: State) -> bool:
        return self._has_types() and self._vector_fits(state) and self._subject_fits()

    def _has_types(self) -> bool:
        """A column of an SQLite table holds values of any type, and a checksum fits whatever was hashed."""
        texts = (*self.described(), self.name, self.subject_added)
        if not all(type(text) is str for text in texts) or type(self.subject) is not int:
            return False
        return is_stored_name(self.name)

    def _vector_fits(self, state: State) -> bool:
        if not isinstance(self.vector, bytes) or len(self.vector) != 4 * state.settings.dimension:
            return False
        fields = (state.settings.fingerprint, self.id, self.subject, *self.described())
        return self.checksum == template_checksum(*fields, vector=self.vector)

    def _subject_fits(self) -> bool:
        return self.subject_checksum == subject_checksum(self.subject, self.name, self.subject_added)

    def described(self) -> tuple[str, str, str, str, str]:
        return self.sha256, self.source, self.box, self.quality, self.added

    def info(self) -> TemplateInfo:
        """Without the vector. Raises ValueError, TypeError or the like where box or quality is something
        else.
        """
        x0, y0, x1, y1 = (number_of(value, "a corner of the box") for value in flat_json(self.box))
        quality = {name: number_of(value, name) for name, value in flat_json(self.quality).items()}
        box = (x0, y0, x1, y1)
        return TemplateInfo(self.id, self.name, self.source, self.sha256, box, quality, self.added)

    def is_poor(self, poor_from: float) -> bool:
        """Whether the template is too poor to decide anything. Raises as `info` does."""
        return poor_from > 0 and is_poor(flat_json(self.quality).get(STRANGER_RATE), poor_from)

    def template(self) -> NewTemplate:
        vector = np.frombuffer(self.vector, "<f4")
        info = self.info()
        return NewTemplate(
            self.name, vector, self.sha256, self.source, info.box, info.quality, added=self.added
        )


def template_checksum(fingerprint: str, number: int, subject: int, *described: str, vector: bytes) -> bytes:
    return checksum("template", fingerprint, number, subject, *described, vector=vector)


def subject_checksum(number: int, name: str, added: str) -> bytes:
    return checksum("subject", number, name, added)


def unchecked(
    connection: sqlite3.Connection, where: str = "", parameters: Sequence[object] = ()
) -> Iterator[Row]:
    """Rows as they are, for the integrity check."""
    for values in connection.execute(SELECT + where, tuple(parameters)):
        yield Row._make(values)


def read(
    connection: sqlite3.Connection,
    state: State,
    path: Path,
    where: str = "",
    parameters: Sequence[object] = (),
) -> Iterator[Row]:
    """Sound rows. Raises GalleryError at the first that is not."""
    for row in unchecked(connection, where, parameters):
        if not row.is_sound(state):
            raise damaged(path, f"template {str(row.id)[:20]} does not fit its checksum")
        yield row


def read_all(
    connection: sqlite3.Connection,
    state: State,
    path: Path,
    *,
    after: int = 0,
    tally: Tally | None = None,
) -> Iterator[Row]:
    """All rows numbered above `after`, in the order of enrollment; `tally` has counted the others.

    Raises GalleryError also when rows are lost or doubled.
    """
    tally = tally or Tally()
    seen: set[int] = set()
    for row in read(connection, state, path, "WHERE t.id > ? ORDER BY t.id", (after,)):
        if tally.templates == state.templates:
            break  # there are more than were stored
        tally.template(row.checksum)
        if row.subject > after and row.subject not in seen:
            seen.add(row.subject)
            tally.subject(row.subject_checksum)
        yield row
    else:
        if tally.fits(state):
            return
    raise damaged(path, "rows are missing or doubled")


def read_where_in(
    connection: sqlite3.Connection, state: State, path: Path, column: str, values: Sequence[object]
) -> Iterator[Row]:
    """Sound rows whose `column` (an SQL name of SELECT) is one of the values."""
    for first in range(0, len(values), PARAMETERS):
        some = values[first : first + PARAMETERS]
        marks = ", ".join("?" * len(some))
        yield from read(connection, state, path, f"WHERE {column} IN ({marks})", some)
