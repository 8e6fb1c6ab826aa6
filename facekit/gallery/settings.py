"""The settings of a gallery, sealed: a threshold or a fingerprint with a flipped bit is an error."""

from __future__ import annotations

import math
import sqlite3
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

from facekit.gallery.database import damaged
from facekit.gallery.records import DIGEST_SIZE, checksum

MODULUS = 1 << (8 * DIGEST_SIZE)


@dataclass(frozen=True)
class Settings:
    """Whose vectors these are, from which score on a face has a name, and a summary of the rows.

    `threshold` is a cosine; `calibration` says in words how it was chosen, `calibrated` when. It was
    chosen for `calibrated_subjects` people (0: not known) and rises by `tail` for each e-fold of them;
    `probability` is the curve of facekit.probability, or empty.
    `digest` is the sum of all rows' checksums: it stands for the content, and tells a lost or doubled
    row. `last` is the highest row number ever given: none is given twice. `erasing` is set from the
    removal of a subject until its bytes are gone from the files.
    """

    embedder: str
    fingerprint: str
    dimension: int
    threshold: float
    calibration: str
    calibrated: str
    created: str
    templates: int = 0
    subjects: int = 0
    digest: int = 0
    last: int = 0
    erasing: int = 0
    calibrated_subjects: int = 0
    tail: float = 0.0
    probability: str = ""

    def threshold_for(self, subjects: int) -> float:
        """The threshold for so many people: threshold + tail · ln(subjects / calibrated_subjects).

        The best of N scores with an exponential tail of mean excess `tail` is shifted by tail · ln N
        (Gumbel's law; Coles 2001, "An introduction to statistical modeling of extreme values", chapter 3): at
        the same FPIR the threshold moves with it. It is never lowered.
        """
        if not 0 < self.calibrated_subjects < subjects:
            return self.threshold
        return self.threshold + self.tail * math.log(subjects / self.calibrated_subjects)

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
        for key in ("dimension", "templates", "subjects", "digest", "last", "erasing"):
            values[key] = int(rows[key])
        # Galleries of format 1 lack the last three.
        values["calibrated_subjects"] = int(rows.get("calibrated_subjects", 0))
        values["tail"] = float(rows.get("tail", 0))
        return cls(**{**values, "threshold": float(rows["threshold"])})


class Tally:
    """Counts rows and adds up their checksums, to be compared with the settings or to renew them."""

    def __init__(self, templates: int = 0, subjects: int = 0, digest: int = 0) -> None:
        self.templates, self.subjects, self.digest = templates, subjects, digest

    def template(self, code: bytes, sign: int = 1) -> None:
        self.templates += sign
        self._add(code, sign)

    def subject(self, code: bytes, sign: int = 1) -> None:
        self.subjects += sign
        self._add(code, sign)

    def fits(self, settings: Settings) -> bool:
        counted = (self.templates, self.subjects, self.digest)
        return counted == (settings.templates, settings.subjects, settings.digest)

    def _add(self, code: bytes, sign: int) -> None:
        self.digest = (self.digest + sign * int.from_bytes(code, "little")) % MODULUS


def _seal(rows: dict[str, str]) -> str:
    # Sorted as text: in a damaged file a key may have another type.
    return checksum(*sorted(map(ascii, rows.items()))).hex()
