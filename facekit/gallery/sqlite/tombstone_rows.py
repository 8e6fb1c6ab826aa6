"""The table of tombstones: read whole, checked against the state, and written as far as it changed."""

from __future__ import annotations

import sqlite3
from collections.abc import Set as AbstractSet
from dataclasses import replace
from pathlib import Path

from facekit.gallery.sqlite.faults import damaged
from facekit.gallery.sqlite.state import MODULUS, State
from facekit.gallery.tombstones import Tombstone, Tombstones


def read_tombstones(connection: sqlite3.Connection, state: State, path: Path) -> Tombstones:
    """Raises GalleryError when one is lost, doubled or changed: somebody would come back unnoticed."""
    keys = state.tombstone_keys.split()
    if not state.tombstones:
        return Tombstones(keys)
    query = "SELECT digest, kind, box FROM tombstones LIMIT ?"
    rows = connection.execute(query, (state.tombstones + 1,)).fetchall()
    try:
        stones = [Tombstone.of(*row) for row in rows]
    except (ValueError, TypeError, RecursionError) as error:
        raise damaged(path, f"what it keeps of removed pictures: {error}") from error
    if (len(stones), _total(stones)) != (state.tombstones, state.tombstone_digest):
        raise damaged(path, "what it keeps of removed pictures does not fit its checksum")
    return Tombstones(keys, stones)


def write_tombstones(
    connection: sqlite3.Connection, before: AbstractSet[Tombstone], tombstones: Tombstones, state: State
) -> State:
    """Store what became of the tombstones `before`; the state that fit them."""
    after = set(tombstones)
    values = [(stone.digest, stone.kind, stone.box) for stone in before - after]
    connection.executemany("DELETE FROM tombstones WHERE digest = ? AND kind = ? AND box = ?", values)
    values = [(stone.digest, stone.kind, stone.box) for stone in after - before]
    connection.executemany("INSERT INTO tombstones VALUES (?, ?, ?)", values)
    return replace(
        state,
        tombstones=len(after),
        tombstone_digest=_total(after),
        tombstone_keys=" ".join(tombstones.keys),
    )


def _total(stones: AbstractSet[Tombstone] | list[Tombstone]) -> int:
    return sum(stone.checksum() for stone in stones) % MODULUS
