"""The settings of a gallery, sealed: a threshold or a fingerprint with a flipped bit is an error."""

from __future__ import annotations

import secrets
import sqlite3
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Self

from facekit.gallery.database import damaged
from facekit.gallery.records import DIGEST_SIZE, checksum

MODULUS = 1 << (8 * DIGEST_SIZE)


@dataclass(frozen=True)
class Settings:
    """Whose vectors these are, from which score on a face has a name, and a summary of the rows.

    `threshold` is a cosine; `calibration` says in words how it was chosen, `calibrated` when.
    `content` is a random token renewed with every change of the rows. `digest` is the sum of all
    rows' checksums: it tells a lost or doubled row. `erasing` is set from the removal of a subject
    until its bytes are gone from the files.
    """

    embedder: str
    fingerprint: str
    dimension: int
    threshold: float
    calibration: str
    calibrated: str
    created: str
    content: str = ""
    templates: int = 0
    subjects: int = 0
    digest: int = 0
    erasing: int = 0

    def changed(
        self, *, templates: int, subjects: int, plus: list[bytes], minus: list[bytes], erasing: int
    ) -> Self:
        """The settings after rows came (checksums `plus`) and went (`minus`); counts are differences."""
        digest = self.digest + sum(map(_number, plus)) - sum(map(_number, minus))
        return replace(
            self,
            content=secrets.token_hex(16),
            templates=self.templates + templates,
            subjects=self.subjects + subjects,
            digest=digest % MODULUS,
            erasing=erasing,
        )

    def write(self, connection: sqlite3.Connection) -> None:
        rows = {item.name: str(getattr(self, item.name)) for item in fields(self)}
        rows["seal"] = _seal(rows)
        connection.executemany(
            "INSERT INTO settings (key, value) VALUES (?, ?) "
            "ON CONFLICT (key) DO UPDATE SET value = excluded.value WHERE value <> excluded.value",
            rows.items(),
        )

    @classmethod
    def read(cls, connection: sqlite3.Connection, path: Path) -> Self:
        """Raises GalleryError when the seal does not fit."""
        rows = dict(connection.execute("SELECT key, value FROM settings").fetchall())
        seal = rows.pop("seal", None)
        if seal != _seal(rows):
            raise damaged(path, "the settings do not fit their seal")
        values: dict[str, Any] = dict(rows)
        for key in ("dimension", "templates", "subjects", "digest", "erasing"):
            values[key] = int(rows[key])
        return cls(**{**values, "threshold": float(rows["threshold"])})


class Tally:
    """Adds up the checksums of the rows that were read, to be compared with the settings."""

    def __init__(self) -> None:
        self.templates = self.subjects = self.digest = 0

    def template(self, code: bytes) -> None:
        self.templates += 1
        self.digest += _number(code)

    def subject(self, code: bytes) -> None:
        self.subjects += 1
        self.digest += _number(code)

    def fits(self, settings: Settings) -> bool:
        counted = (self.templates, self.subjects, self.digest % MODULUS)
        return counted == (settings.templates, settings.subjects, settings.digest)


def _seal(rows: dict[str, str]) -> str:
    # Sorted as text: in a damaged file a key may have another type.
    return checksum(*sorted(map(ascii, rows.items()))).hex()


def _number(code: bytes) -> int:
    return int.from_bytes(code, "little")
