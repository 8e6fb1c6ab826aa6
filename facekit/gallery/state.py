"""The state of a gallery, sealed: a threshold or a fingerprint with a flipped bit is an error."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Self

from facekit.arguments import integer_of, short_text
from facekit.calibration.threshold import LONGEST_DESCRIPTION, LONGEST_PROBABILITY
from facekit.errors import UsageError
from facekit.gallery.damage import damaged
from facekit.gallery.gallery_settings import LONGEST_TEXT, GallerySettings
from facekit.gallery.tombstones import KEYS
from facekit.gallery.values import DIGEST_SIZE, checksum

MODULUS = 1 << (8 * DIGEST_SIZE)
MOST_ROWS = 1 << 40
MOST_SETTINGS = 50
# Characters: MOST_KEYS keys of 32 hexadecimal digits.
LONGEST_KEYS = 10_000
LONGEST = {
    "calibration": LONGEST_DESCRIPTION,
    "probability": LONGEST_PROBABILITY,
    "tombstone_keys": LONGEST_KEYS,
}
DECIMAL = ("threshold", "tail", "poor_from")
LATER = ("facts", "fact_digest")
TEXT = ("embedder", "fingerprint", "calibration", "probability", "created", "calibrated", "tombstone_keys")


@dataclass(frozen=True)
class State:
    """The settings of the gallery and a summary of its rows.

    `digest` is the sum of all rows' checksums: it stands for the content, and tells a lost or doubled
    row. `last` is the highest row number ever given: none is given twice. `changes` counts the transactions
    that changed the gallery. `erasing` is that number of the last one that removed something, until its bytes
    are gone from the files; `rewritten` is that of the last one after which the file was rewritten.
    `tombstones` is how many there are (see facekit.gallery.tombstones), `tombstone_digest` the sum of their
    checksums, `tombstone_keys` their keys; `facts` and `fact_digest` are the same of facts
    (facekit.gallery.facts).
    """

    settings: GallerySettings
    templates: int = 0
    subjects: int = 0
    digest: int = 0
    last: int = 0
    changes: int = 0
    erasing: int = 0
    rewritten: int = 0
    tombstones: int = 0
    tombstone_digest: int = 0
    tombstone_keys: str = ""
    facts: int = 0
    fact_digest: int = 0

    @property
    def threshold(self) -> float:
        """The threshold for as many templates as there are."""
        return self.settings.calibration.threshold_for(self.templates)

    @property
    def cohort(self) -> float:
        """`Calibration.cohort_for` as many templates as there are, as long as nobody has calibrated it: a
        threshold that was measured with the gallery's own pictures is right for them, however poor they are.
        """
        if self.settings.calibrated != self.settings.created:
            return math.inf
        return self.settings.calibration.cohort_for(self.templates)

    def checked(self) -> Self:
        """The same. Raises UsageError for a value with which the gallery could not be opened again."""
        for name in _NUMBERS:
            most = MODULUS - 1 if name.endswith("digest") else MOST_ROWS
            integer_of(getattr(self, name), name, least=0, most=most)
        keys = short_text(self.tombstone_keys, "tombstone_keys", LONGEST_KEYS)
        if not KEYS.fullmatch(keys):
            raise UsageError("a key of removed pictures is damaged")
        return replace(self, settings=self.settings.checked())

    def sealed(self) -> dict[str, str]:
        """The rows of the table, with their seal. Raises UsageError for values that could not be read
        again.
        """
        state = self.checked()
        own = {name: getattr(state, name) for name in (*_NUMBERS, "tombstone_keys")}
        rows = {key: str(value) for key, value in {**state.settings.to_dict(), **own}.items()}
        return {**rows, "seal": seal_of(rows)}

    @classmethod
    def of_table(cls, rows: dict[str, str], place: object) -> Self:
        """What `sealed` made. Raises GalleryError when the seal does not fit, or a value cannot be."""
        if len(rows) > MOST_SETTINGS:
            raise damaged(place, "its settings are too many")
        seal = rows.pop("seal", None)
        if seal != seal_of(rows):
            raise damaged(place, "the settings do not fit their seal")
        # The seal keeps accidents out, not somebody who writes a gallery on purpose.
        try:
            return cls._of({str(key): _value(str(key), value) for key, value in rows.items()})
        except KeyError as error:
            raise damaged(place, f"its settings lack {error.args[0]}") from error
        except (TypeError, ValueError, UsageError) as error:
            raise damaged(place, f"its settings: {error}") from error

    @classmethod
    def _of(cls, values: Mapping[str, Any]) -> Self:
        # A gallery that nobody has changed since lacks what came later.
        values = {**dict.fromkeys(LATER, 0), **values}
        settings = GallerySettings.of(values)
        own = {name: values[name] for name in (*_NUMBERS, "tombstone_keys")}
        if unknown := set(values) - set(own) - set(settings.to_dict()):
            raise ValueError(f"{min(unknown)} is none of them")
        return cls(settings, **own).checked()


_NUMBERS = [item.name for item in fields(State) if item.name not in ("settings", "tombstone_keys")]


def _value(key: str, text: object) -> int | float | str:
    """A setting as its type. Raises ValueError for one that is none."""
    if not isinstance(text, str) or len(text) > LONGEST.get(key, LONGEST_TEXT):
        raise ValueError(f"{key} is no text or too long")
    if key in TEXT:
        return text
    if key in DECIMAL:
        return float(text)
    number = int(text)
    if str(number) != text:
        raise ValueError(f"{key} is {text}")
    return number


class Tally:
    """Counts rows and adds up their checksums, to be compared with the state or to renew it."""

    def __init__(self, templates: int = 0, subjects: int = 0, digest: int = 0) -> None:
        self.templates, self.subjects, self.digest = templates, subjects, digest

    def template(self, code: bytes, sign: int = 1) -> None:
        self.templates += sign
        self._add(code, sign)

    def subject(self, code: bytes, sign: int = 1) -> None:
        self.subjects += sign
        self._add(code, sign)

    def fits(self, state: State) -> bool:
        counted = (self.templates, self.subjects, self.digest)
        return counted == (state.templates, state.subjects, state.digest)

    def _add(self, code: bytes, sign: int) -> None:
        self.digest = (self.digest + sign * int.from_bytes(code, "little")) % MODULUS


def seal_of(rows: dict[str, str]) -> str:
    # Sorted as text: in a damaged file a key may have another type.
    return checksum(*sorted(map(ascii, rows.items()))).hex()
