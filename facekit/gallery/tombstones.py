"""What was taken out of a gallery stays out: for each such picture a keyed hash is kept, a tombstone, that
the next enrollment of the same folder is held against.

Neither the name nor a vector can be read from it: without the picture, and for `NAMED` and `RENAMED` the
name as well, nobody can tell whose it is. The key is random, and lies in the gallery's sealed settings;
an export takes its key along, so that a gallery may know several.
"""

from __future__ import annotations

import hmac
import json
import math
import secrets
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np

from facekit import hints
from facekit.errors import UsageError
from facekit.gallery.faults import damaged
from facekit.gallery.records import checksum, flat_json, subject_name
from facekit.gallery.settings import KEYS, MODULUS, MOST_KEYS, Settings
from facekit.results import Box

Kind = Literal["face", "named", "renamed"]
"""`face`: this face of the picture was removed with its person. `named`: the picture was removed from a
person. `renamed`: the picture stands under another name since a rename or a merge."""

KINDS = ("face", "named", "renamed")
KEY_BYTES = 16
DIGEST_BYTES = 32
SAME_FACE = 0.4
"""From this overlap on (intersection over union), two boxes of one picture are of the same face; those of
neighbors in a crowd overlap by less."""


@dataclass(frozen=True, order=True)
class Tombstone:
    """`digest` is the keyed hash, in hexadecimal digits; `box` is the face's, JSON, or empty."""

    digest: str
    kind: Kind
    box: str = ""

    def checksum(self) -> int:
        return int.from_bytes(checksum("tombstone", self.digest, self.kind, self.box), "little")


class Tombstones:
    """The tombstones of a gallery, as they were read. `keys` are in hexadecimal digits, the own one first."""

    def __init__(self, keys: Sequence[str] = (), stones: Iterable[Tombstone] = ()) -> None:
        self.keys = list(keys)
        self._boxes: dict[tuple[str, Kind], set[str]] = {}
        for stone in stones:
            self._boxes.setdefault((stone.digest, stone.kind), set()).add(stone.box)

    @classmethod
    def read(cls, connection: sqlite3.Connection, settings: Settings, path: Path) -> Self:
        """Raises GalleryError when one is lost, doubled or changed: somebody would come back unnoticed."""
        if not settings.tombstones:
            return cls(settings.tombstone_keys.split())
        query = "SELECT digest, kind, box FROM tombstones LIMIT ?"
        rows = connection.execute(query, (settings.tombstones + 1,)).fetchall()
        try:
            stones = [_stone(*row) for row in rows]
        except (ValueError, TypeError, RecursionError) as error:
            raise damaged(path, f"what it keeps of removed pictures: {error}") from error
        total = sum(stone.checksum() for stone in stones) % MODULUS
        if (len(stones), total) != (settings.tombstones, settings.tombstone_digest):
            raise damaged(path, "what it keeps of removed pictures does not fit its checksum")
        return cls(settings.tombstone_keys.split(), stones)

    def __len__(self) -> int:
        return sum(map(len, self._boxes.values()))

    def __iter__(self) -> Iterator[Tombstone]:
        for (digest, kind), boxes in sorted(self._boxes.items()):
            for box in sorted(boxes):
                yield Tombstone(digest, kind, box)

    def count(self, kind: Kind) -> int:
        return sum(len(boxes) for (_, each), boxes in self._boxes.items() if each == kind)

    def has_face(self, sha256: str, box: Box) -> bool:
        """Whether this face of the picture was removed with its person."""
        boxes = [json.loads(each) for stone in self._stones("face", sha256) for each in self._boxes[stone]]
        return same_face(box, boxes) is not None

    def has_picture(self, kind: Kind, sha256: str, subject: str) -> bool:
        return bool(self._stones(kind, sha256, subject))

    def _stones(self, kind: Kind, sha256: str, subject: str = "") -> list[tuple[str, Kind]]:
        wanted = [(_digest(key, kind, sha256, subject), kind) for key in self.keys]
        return [each for each in wanted if each in self._boxes]

    def to_dict(self) -> dict[str, Any]:
        """As an export has them."""
        return {"keys": self.keys, "stones": [[s.digest, s.kind, s.box] for s in self]}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """What `to_dict` made. Raises ValueError, TypeError or KeyError for anything else."""
        if not KEYS.fullmatch(" ".join(values["keys"])):
            raise ValueError("a key of removed pictures is damaged")
        return cls(values["keys"], [_stone(*each) for each in values["stones"]])


class Burials:
    """Tombstones set and taken away in a transaction, and counted for the settings."""

    def __init__(self, connection: sqlite3.Connection, settings: Settings, path: Path) -> None:
        self.stones = Tombstones.read(connection, settings, path)
        self._connection = connection
        self._settings = settings
        self._count, self._total = settings.tombstones, settings.tombstone_digest

    def settings(self, after: Settings) -> Settings:
        """The settings with what was done here."""
        return replace(
            after,
            tombstones=self._count,
            tombstone_digest=self._total,
            tombstone_keys=" ".join(self.stones.keys),
        )

    def remove(self, sha256: str, subject: str, box: str | None) -> None:
        """A template was removed; with `box`, along with its person."""
        self._set(Tombstone(_digest(self._key(), "named", sha256, subject), "named"))
        if box is not None:
            self._set(Tombstone(_digest(self._key(), "face", sha256), "face", box))

    def rename(self, sha256: str, old: str) -> None:
        """A template of `old` stands under another name now."""
        self._set(Tombstone(_digest(self._key(), "renamed", sha256, old), "renamed"))

    def admit(self, sha256: str, subject: str, box: str) -> None:
        """A template of this person stands in the gallery: nothing is held against it any more."""
        if not len(self.stones):
            return
        kinds: tuple[Kind, ...] = ("named", "renamed")
        for kind in kinds:
            for key in self.stones.keys:
                self._take(Tombstone(_digest(key, kind, sha256, subject), kind))
        for digest, kind in self.stones._stones("face", sha256):
            for other in list(self.stones._boxes[digest, kind]):
                if same_face(json.loads(box), [json.loads(other)]) is not None:
                    self._take(Tombstone(digest, kind, other))

    def take_over(self, others: Tombstones) -> None:
        """Have those of another gallery as well. Raises UsageError when they are of too many galleries."""
        self.stones.keys += [key for key in others.keys if key not in self.stones.keys]
        if len(self.stones.keys) > MOST_KEYS:
            raise UsageError(
                f"what was removed from more than {MOST_KEYS} galleries cannot be kept in one: export again "
                f"after {hints.forget_removals(Path('FROM'))}, which lets those pictures be enrolled again"
            )
        for stone in others:
            self._set(stone)

    def forget(self) -> int:
        """Take all away; how many pictures there were."""
        pictures = self.stones.count("named")
        self._connection.execute("DELETE FROM tombstones")
        self._count = self._total = 0
        self.stones = Tombstones()
        return pictures

    def _key(self) -> str:
        if not self.stones.keys:
            self.stones.keys.append(secrets.token_hex(KEY_BYTES))
        return self.stones.keys[0]

    def _set(self, stone: Tombstone) -> None:
        boxes = self.stones._boxes.setdefault((stone.digest, stone.kind), set())
        if stone.box in boxes:
            return
        boxes.add(stone.box)
        values = (stone.digest, stone.kind, stone.box)
        self._connection.execute("INSERT INTO tombstones VALUES (?, ?, ?)", values)
        self._tally(stone, 1)

    def _take(self, stone: Tombstone) -> None:
        boxes = self.stones._boxes.get((stone.digest, stone.kind), set())
        if stone.box not in boxes:
            return
        boxes.remove(stone.box)
        if not boxes:
            del self.stones._boxes[stone.digest, stone.kind]
        values = (stone.digest, stone.kind, stone.box)
        self._connection.execute("DELETE FROM tombstones WHERE digest = ? AND kind = ? AND box = ?", values)
        self._tally(stone, -1)

    def _tally(self, stone: Tombstone, sign: int) -> None:
        self._count += sign
        self._total = (self._total + sign * stone.checksum()) % MODULUS


def same_face(box: Sequence[float], others: Sequence[Sequence[float]]) -> int | None:
    """Which of the other boxes of the picture is of the same face, or None."""
    if not others:
        return None
    from facekit.detection.geometry import overlap  # with Pillow, which few commands on galleries need

    shares = overlap(np.asarray(box, np.float64), np.asarray(others, np.float64))
    best = int(shares.argmax())
    return best if shares[best] >= SAME_FACE else None


def _stone(digest: str, kind: Kind, box: str) -> Tombstone:
    if len(bytes.fromhex(digest)) != DIGEST_BYTES or kind not in KINDS or (kind == "face") != bool(box):
        raise ValueError("what is kept of a removed picture is damaged")
    if box:
        x0, y0, x1, y1 = map(float, flat_json(box))
        if not all(map(math.isfinite, (x0, y0, x1, y1))):
            raise ValueError("the box of a removed face has no place")
        box = json.dumps([x0, y0, x1, y1])
    return Tombstone(digest, kind, box)


def _digest(key: str, kind: Kind, sha256: str, subject: str = "") -> str:
    said = f"{kind}\0{sha256}\0{subject_name(subject) if subject else ''}"
    return hmac.digest(bytes.fromhex(key), said.encode(), "sha256").hex()
