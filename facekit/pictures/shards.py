"""A part of many pictures: `3/8` is every eighth from the third on, for eight machines to share a folder."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TypeVar

from facekit.errors import UsageError

Item = TypeVar("Item")

MOST = 1_000_000


@dataclass(frozen=True)
class Shard:
    """Part `number`, from 1, of `count`."""

    number: int
    count: int

    @classmethod
    def of(cls, value: object) -> Shard:
        """The shard that a text means; None means the only one. Raises UsageError for any other value."""
        if value is None:
            return cls(1, 1)
        # Only as many digits as can be right: Python does not take thousands.
        match = re.fullmatch(r"([0-9]{1,7})/([0-9]{1,7})", value) if isinstance(value, str) else None
        number, count = (int(digits) for digits in match.groups()) if match else (0, 0)
        if not 1 <= number <= count <= MOST:
            raise UsageError(f"the shard is {value!r:.40}: give its number and how many there are, as 3/8")
        return cls(number, count)

    def part(self, items: Sequence[Item]) -> Sequence[Item]:
        """Every `count`-th of the items. Those of all shards, taken in turn, are all items in their order."""
        return items if self.count == 1 else items[self.number - 1 :: self.count]

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"


@dataclass(frozen=True)
class Portion:
    """The part that a `shard` takes of the results of a listing: of how many `results` in all, of which so
    many are `pictures`, the others empty folders. `listing` is a digest of the names of all in order, which
    tells parts of another listing; `names` are those of this part, in order, where they are known.
    """

    shard: Shard
    listing: str
    results: int
    pictures: int
    names: tuple[str, ...] = ()


def portion_of(empty: Sequence[str], pictures: Sequence[str], shard: Shard) -> Portion:
    """The part of the shard, of empty folders and pictures by their names."""
    names = [*empty, *pictures]
    digest = blake2b(digest_size=16)
    for name in names:
        digest.update(name.encode("utf-8", "surrogatepass") + b"\0")
    return Portion(shard, digest.hexdigest(), len(names), len(pictures), tuple(shard.part(names)))
