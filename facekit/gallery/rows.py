"""Reading the rows of a gallery: every row is checked against its checksum before it is believed."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from facekit.gallery.database import damaged
from facekit.gallery.records import NewTemplate, TemplateInfo, checksum
from facekit.gallery.settings import Settings, Tally

# SQLite takes no more than 999 parameters in old versions.
PARAMETERS = 900

SELECT = (
    "SELECT t.id, t.subject, t.sha256, t.source, t.box, t.quality, t.added, t.vector, t.checksum, "
    "s.name, s.added, s.checksum FROM templates t LEFT JOIN subjects s ON s.id = t.subject "
)


@dataclass(frozen=True)
class Row:
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

    def is_sound(self, settings: Settings) -> bool:
        fits = (
            isinstance(self.vector, bytes)
            and len(self.vector) == 4 * settings.dimension
            and self.checksum
            == template_checksum(settings.fingerprint, self.subject, *self.described(), vector=self.vector)
        )
        return fits and self.subject_checksum == subject_checksum(self.subject, self.name, self.subject_added)

    def described(self) -> tuple[str, str, str, str, str]:
        return self.sha256, self.source, self.box, self.quality, self.added

    def info(self) -> TemplateInfo:
        box = tuple(json.loads(self.box))
        quality = json.loads(self.quality)
        return TemplateInfo(self.id, self.name, self.source, self.sha256, box, quality, self.added)

    def template(self) -> NewTemplate:
        vector = np.frombuffer(self.vector, "<f4")
        info = self.info()
        return NewTemplate(
            self.name, vector, self.sha256, self.source, info.box, info.quality, added=self.added
        )


def template_checksum(fingerprint: str, subject: int, *described: str, vector: bytes) -> bytes:
    return checksum("template", fingerprint, subject, *described, vector=vector)


def subject_checksum(number: int, name: str, added: str) -> bytes:
    return checksum("subject", number, name, added)


def unchecked(
    connection: sqlite3.Connection, where: str = "", parameters: Sequence[object] = ()
) -> Iterator[Row]:
    """Rows as they are, for the integrity check."""
    for values in connection.execute(SELECT + where, tuple(parameters)):
        yield Row(*values)


def read(
    connection: sqlite3.Connection,
    settings: Settings,
    path: Path,
    where: str = "",
    parameters: Sequence[object] = (),
) -> Iterator[Row]:
    """Sound rows. Raises GalleryError at the first that is not."""
    for row in unchecked(connection, where, parameters):
        if not row.is_sound(settings):
            raise damaged(path, f"template {row.id} does not fit its checksum")
        yield row


def read_all(connection: sqlite3.Connection, settings: Settings, path: Path) -> Iterator[Row]:
    """All rows, those of a subject together. Raises GalleryError also when one is lost or doubled."""
    tally = Tally()
    last = None
    for row in read(connection, settings, path, "ORDER BY t.subject, t.sha256"):
        tally.template(row.checksum)
        if row.subject != last:
            tally.subject(row.subject_checksum)
        last = row.subject
        yield row
    if not tally.fits(settings):
        raise damaged(path, "rows are missing or doubled")


def read_where_in(
    connection: sqlite3.Connection, settings: Settings, path: Path, column: str, values: Sequence[object]
) -> Iterator[Row]:
    """Sound rows whose `column` (an SQL name of SELECT) is one of the values."""
    for first in range(0, len(values), PARAMETERS):
        some = values[first : first + PARAMETERS]
        marks = ", ".join("?" * len(some))
        yield from read(connection, settings, path, f"WHERE {column} IN ({marks})", some)
