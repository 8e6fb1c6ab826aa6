"""What was taken out of a gallery stays out: for each such picture a keyed hash is kept, a tombstone, that
the next enrollment of the same folder is held against.

Neither the name nor a vector can be read from it: without the picture, and for `named` and `renamed` the
name as well, nobody can tell whose it is. The key is random, and lies in the gallery's sealed settings;
an export takes its key along, so that a gallery may know several.
"""

from __future__ import annotations

import hmac
import json
import math
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np

from facekit import hints
from facekit.errors import UsageError
from facekit.gallery.values import checksum, flat_json
from facekit.results import Box
from facekit.text.subject_names import subject_name

if TYPE_CHECKING:
    from facekit.gallery.fact_rows import StorableFact

Kind = Literal["face", "named", "renamed", "said"]
"""`face`: this face of the picture was removed with its person. `named`: the picture was removed from a
person. `renamed`: the picture stands under another name since a rename or a merge. `said`: what was said of
people, or of this face of the picture, was taken back or erased with a person."""

KINDS = ("face", "named", "renamed", "said")
KEY_BYTES = 16
DIGEST_BYTES = 32
MOST_KEYS = 300
KEYS = re.compile(r"([0-9a-f]{32}( [0-9a-f]{32})*)?")
SAME_FACE = 0.4
"""From this overlap on (intersection over union), two boxes of one picture are of the same face; those of
neighbors in a crowd overlap by less."""


@dataclass(frozen=True, order=True)
class Tombstone:
    """`digest` is the keyed hash, in hexadecimal digits; `box` is the face's, JSON, or empty."""

    digest: str
    kind: Kind
    box: str = ""

    @classmethod
    def of(cls, digest: str, kind: Kind, box: str) -> Self:
        """One that was stored or exported. Raises ValueError or TypeError for what is none."""
        if len(bytes.fromhex(digest)) != DIGEST_BYTES or kind not in KINDS:
            raise ValueError("what is kept of a removed picture is damaged")
        if (kind == "face" and not box) or (kind in ("named", "renamed") and box):
            raise ValueError("what is kept of a removed picture is damaged")
        if box:
            x0, y0, x1, y1 = map(float, flat_json(box))
            if not all(map(math.isfinite, (x0, y0, x1, y1))):
                raise ValueError("the box of a removed face has no place")
            box = json.dumps([x0, y0, x1, y1])
        return cls(digest, kind, box)

    def checksum(self) -> int:
        return int.from_bytes(checksum("tombstone", self.digest, self.kind, self.box), "little")


class Tombstones:
    """The tombstones of a gallery, as they were read, and the rules by which a change of the gallery sets and
    takes them. `keys` are in hexadecimal digits, the gallery's own one first.
    """

    def __init__(self, keys: Sequence[str] = (), stones: Iterable[Tombstone] = ()) -> None:
        self.keys = list(keys)
        self._boxes: dict[tuple[str, Kind], set[str]] = {}
        for stone in stones:
            self._set(stone)

    def __len__(self) -> int:
        return sum(map(len, self._boxes.values()))

    def __iter__(self) -> Iterator[Tombstone]:
        for (digest, kind), boxes in sorted(self._boxes.items()):
            for box in sorted(boxes):
                yield Tombstone(digest, kind, box)

    def count(self, kind: Kind) -> int:
        return sum(len(boxes) for (_, other), boxes in self._boxes.items() if other == kind)

    def has_face(self, sha256: str, box: Box) -> bool:
        """Whether this face of the picture was removed with its person."""
        boxes = [json.loads(stone.box) for stone in self._of_faces(sha256)]
        return same_face(box, boxes) is not None

    def has_picture(self, kind: Kind, sha256: str, subject: str) -> bool:
        return any((_digest(key, kind, sha256, subject), kind) in self._boxes for key in self.keys)

    def remove(self, sha256: str, subject: str, box: str | None) -> None:
        """A template was removed; with `box`, along with its person."""
        self._set(Tombstone(_digest(self._instance_key(), "named", sha256, subject), "named"))
        if box is not None:
            self._set(Tombstone(_digest(self._instance_key(), "face", sha256), "face", box))

    def rename(self, sha256: str, old: str) -> None:
        """A template of `old` stands under another name now."""
        self._set(Tombstone(_digest(self._instance_key(), "renamed", sha256, old), "renamed"))

    def admit(self, sha256: str, subject: str, box: str) -> None:
        """A template of this person stands in the gallery: nothing is held against it any more."""
        if not self._boxes:
            return
        for key in self.keys:
            self._boxes.pop((_digest(key, "named", sha256, subject), "named"), None)
            self._boxes.pop((_digest(key, "renamed", sha256, subject), "renamed"), None)
        for stone in self._of_faces(sha256):
            if same_face(json.loads(box), [json.loads(stone.box)]) is not None:
                self._take(stone)

    def remove_fact(self, fact: StorableFact) -> None:
        """What was said holds no longer."""
        self._set(Tombstone(_said(self._instance_key(), fact), "said", fact.face[2]))

    def has_fact(self, fact: StorableFact) -> bool:
        """Whether it was said once, and holds no longer."""
        return bool(self._of_fact(fact))

    def admit_fact(self, fact: StorableFact) -> None:
        """It is said again."""
        for stone in self._of_fact(fact):
            self._take(stone)

    def take_over(self, others: Tombstones) -> None:
        """Have those of another gallery as well. Raises UsageError when they are of too many galleries."""
        self.keys += [key for key in others.keys if key not in self.keys]
        if len(self.keys) > MOST_KEYS:
            raise UsageError(
                f"what was removed from more than {MOST_KEYS} galleries cannot be kept in one: export again "
                f"after {hints.forget_removals(Path('FROM'))}, which lets those pictures be enrolled again"
            )
        for stone in others:
            self._set(stone)

    def forget(self) -> int:
        """Take all away; how many pictures there were."""
        pictures = self.count("named")
        self.keys, self._boxes = [], {}
        return pictures

    def to_dict(self) -> dict[str, Any]:
        """As an export has them."""
        return {"keys": self.keys, "stones": [[s.digest, s.kind, s.box] for s in self]}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """What `to_dict` made. Raises ValueError, TypeError or KeyError for anything else."""
        if not KEYS.fullmatch(" ".join(values["keys"])):
            raise ValueError("a key of removed pictures is damaged")
        return cls(values["keys"], [Tombstone.of(*stone) for stone in values["stones"]])

    def _instance_key(self) -> str:
        if not self.keys:
            self.keys.append(secrets.token_hex(KEY_BYTES))
        return self.keys[0]

    def _of_faces(self, sha256: str) -> list[Tombstone]:
        digests = [_digest(key, "face", sha256) for key in self.keys]
        return [
            Tombstone(digest, "face", box)
            for digest in digests
            for box in sorted(self._boxes.get((digest, "face"), ()))
        ]

    def _of_fact(self, fact: StorableFact) -> list[Tombstone]:
        digests = [_said(key, fact) for key in self.keys]
        stones = [
            Tombstone(digest, "said", box)
            for digest in digests
            for box in sorted(self._boxes.get((digest, "said"), ()))
        ]
        box = fact.face[2]
        return [
            stone
            for stone in stones
            if not (box and stone.box) or same_face(json.loads(box), [json.loads(stone.box)]) is not None
        ]

    def _set(self, stone: Tombstone) -> None:
        self._boxes.setdefault((stone.digest, stone.kind), set()).add(stone.box)

    def _take(self, stone: Tombstone) -> None:
        boxes = self._boxes[stone.digest, stone.kind]
        boxes.remove(stone.box)
        if not boxes:
            del self._boxes[stone.digest, stone.kind]


def same_face(box: Sequence[float], others: Sequence[Sequence[float]]) -> int | None:
    """Which of the other boxes of the picture is of the same face, or None."""
    if not others:
        return None
    from facekit.detection.geometry import overlap  # with Pillow, which few commands on galleries need

    shares = overlap(np.asarray(box, np.float64), np.asarray(others, np.float64))
    best = int(shares.argmax())
    return best if shares[best] >= SAME_FACE else None


def _said(key: str, fact: StorableFact) -> str:
    people = [fact.subject or "", fact.other or ""]
    hashed = "\0".join(["said", fact.face[0], fact.kind, *sorted(people)])
    return hmac.digest(bytes.fromhex(key), hashed.encode(), "sha256").hex()


def _digest(key: str, kind: Kind, sha256: str, subject: str = "") -> str:
    hashed = f"{kind}\0{sha256}\0{subject_name(subject) if subject else ''}"
    return hmac.digest(bytes.fromhex(key), hashed.encode(), "sha256").hex()
