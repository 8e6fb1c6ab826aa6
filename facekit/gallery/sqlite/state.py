"""The settings of a gallery, sealed: a threshold or a fingerprint with a flipped bit is an error."""

from __future__ import annotations

import math
import sqlite3
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

from facekit.arguments import number_of, whole_number
from facekit.errors import UsageError
from facekit.gallery.sqlite.faults import damaged
from facekit.gallery.tombstones import KEYS
from facekit.gallery.values import DIGEST_SIZE, checksum, text

MODULUS = 1 << (8 * DIGEST_SIZE)
MOST = 50
MOST_DIMENSIONS = 16_384
MOST_ROWS = 1 << 40
WHOLE = {
    "dimension": (1, MOST_DIMENSIONS),
    **dict.fromkeys(("digest", "tombstone_digest"), (0, MODULUS - 1)),
    **dict.fromkeys(("templates", "subjects", "tombstones", "calibrated_subjects"), (0, MOST_ROWS)),
    **dict.fromkeys(("last", "changes", "erasing", "rewritten"), (0, MOST_ROWS)),
}
"""The settings that are whole numbers, each with the least and the most."""

BOUNDS = {"threshold": (-1.0, 1.0), "tail": (0.0, 1.0), "poor_from": (0.0, 1.0)}
# Characters: a calibration is a sentence, a curve of probabilities a line of JSON.
SHORT = 200
LONGEST = {"calibration": 2_000, "probability": 100_000, "tombstone_keys": 10_000}


@dataclass(frozen=True)
class Settings:
    """Whose vectors these are, from which score on a face has a name, and a summary of the rows.

    `threshold` is a cosine; `calibration` says in words how it was chosen, `calibrated` when. It was
    chosen for `calibrated_subjects` people (0: not known) and rises by `tail` for each e-fold of them;
    `probability` is the curve of facekit.probability, or empty. From the rate `poor_from` on a template is
    poor (facekit.poorness); 0 where the embedder's is not known, and none is.
    `digest` is the sum of all rows' checksums: it stands for the content, and tells a lost or doubled
    row. `last` is the highest row number ever given: none is given twice. `changes` counts the transactions
    that changed the gallery. `erasing` is that number of the last one that removed something, until its bytes
    are gone from the files; `rewritten` is that of the last one after which the file was rewritten.
    `tombstones` is how many there are (see facekit.gallery.tombstones), `tombstone_digest` the sum of their
    checksums, `tombstone_keys` their keys.
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
    changes: int = 0
    rewritten: int = 0
    tombstones: int = 0
    tombstone_digest: int = 0
    tombstone_keys: str = ""
    poor_from: float = 0.0

    def threshold_for(self, subjects: int) -> float:
        """The threshold for so many people: threshold + tail · ln(subjects / calibrated_subjects).

        The best of N scores with an exponential tail of mean excess `tail` is shifted by tail · ln N
        (Gumbel's law; Coles 2001, "An introduction to statistical modeling of extreme values", chapter 3): at
        the same FPIR the threshold moves with it. It is never lowered.
        """
        if not 0 < self.calibrated_subjects < subjects:
            return self.threshold
        return self.threshold + self.tail * math.log(subjects / self.calibrated_subjects)

    def require_possible(self) -> None:
        """Raise UsageError for a value of another type, out of range, too long or no Unicode: a gallery that
        has it cannot be opened again.
        """
        for item in fields(self):
            name, value = item.name, getattr(self, item.name)
            if name in WHOLE:
                least, most = WHOLE[name]
                whole_number(value, name, least=least, most=most)
            elif name in BOUNDS:
                lowest, highest = BOUNDS[name]
                number_of(value, name, least=lowest, most=highest)
            else:
                text(value, name, LONGEST.get(name, SHORT))
        if not KEYS.fullmatch(self.tombstone_keys):
            raise UsageError("a key of removed pictures is damaged")

    def write(self, connection: sqlite3.Connection) -> None:
        """Raises UsageError, and writes nothing, for values that could not be read again."""
        self.require_possible()
        connection.executemany(
            "INSERT INTO settings (key, value) VALUES (?, ?) "
            "ON CONFLICT (key) DO UPDATE SET value = excluded.value WHERE value <> excluded.value",
            self.sealed().items(),
        )

    def sealed(self) -> dict[str, str]:
        """The rows of the table, with their seal."""
        rows = {item.name: str(getattr(self, item.name)) for item in fields(self)}
        return {**rows, "seal": _seal(rows)}

    @classmethod
    def read(cls, connection: sqlite3.Connection, path: Path) -> Self:
        """Raises GalleryError when the seal does not fit, or a value cannot be."""
        found = connection.execute("SELECT key, value FROM settings LIMIT ?", (MOST + 1,)).fetchall()
        if len(found) > MOST:
            raise damaged(path, "its settings are too many")
        rows = dict(found)
        seal = rows.pop("seal", None)
        if seal != _seal(rows):
            raise damaged(path, "the settings do not fit their seal")
        # The seal keeps accidents out, not somebody who writes a file on purpose.
        try:
            values: dict[str, Any] = {key: _value(str(key), value) for key, value in rows.items()}
            settings = cls(**values)
            settings.require_possible()
        except (TypeError, ValueError, UsageError) as error:
            raise damaged(path, f"its settings: {error}") from error
        # A digest of a tombstone has 64 letters.
        if settings.templates * settings.dimension * 4 + settings.tombstones * 64 > _size(connection):
            raise damaged(path, "its settings name more rows than the file can hold")
        return settings


def _value(key: str, text: object) -> int | float | str:
    """A setting as its type. Raises ValueError for one that is none."""
    if not isinstance(text, str) or len(text) > LONGEST.get(key, SHORT):
        raise ValueError(f"{key} is no text or too long")
    if key in WHOLE:
        number = int(text)
        if str(number) != text:
            raise ValueError(f"{key} is {text}")
        return number
    return float(text) if key in BOUNDS else text


def _size(connection: sqlite3.Connection) -> int:
    pages, size = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
    return int(pages * size)


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
