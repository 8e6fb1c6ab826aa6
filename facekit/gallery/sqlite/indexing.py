"""The search index of a gallery: read from its rows, or from the cache beside it when they are many."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, suppress
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facekit.errors import GalleryError
from facekit.gallery.search import cache
from facekit.gallery.search.codes import CodeScan, encode
from facekit.gallery.search.exact import FloatArray
from facekit.gallery.search.index import Index
from facekit.gallery.sqlite import database, rows
from facekit.gallery.sqlite.faults import damaged, in_words, well_formed
from facekit.gallery.sqlite.state import State, Tally
from facekit.gallery.values import unit_vectors

# Up to here reading and checking every row takes less than 50 ms, and no cache is written.
IN_MEMORY = 5_000
ROWS_AT_ONCE = 8192
Reading = Callable[[], AbstractContextManager[sqlite3.Connection]]


def read_index(connection: sqlite3.Connection, state: State, path: Path, reading: Reading) -> Index:
    """The index of the content that `settings` describe, inside their transaction; for later searches it
    takes connections from `reading`.

    Raises GalleryError when a row does not fit its checksum.
    """
    if state.templates <= IN_MEMORY:
        return _in_memory(connection, state, path)
    cached = cache.load(path, state.settings.dimension)
    if cached is None or cached.digest != state.digest:
        cached = _extended(cached, connection, state, path) or _encoded(connection, state, path)
        _keep(cached, state, path)

    def finalists(positions: NDArray[np.intp]) -> tuple[Sequence[str], FloatArray]:
        numbers = cached.ids[positions].tolist()
        with reading() as here, in_words(path):
            found = list(rows.read_where_in(here, state, path, "t.id", numbers))
            # An index that is kept over a removal finds the others.
            lost = len(found) < len(numbers)
            if lost and State.read(here, path).digest == state.digest:
                raise damaged(path, "rows are missing")
        return [row.name for row in found], stacked(found, state.settings.dimension, path)

    return Index(cached.scan, cached.subjects, finalists, poor=cached.poor)


def _in_memory(connection: sqlite3.Connection, state: State, path: Path) -> Index:
    found = list(rows.read_all(connection, state, path))
    vectors = stacked(found, state.settings.dimension, path)
    return Index.of(vectors, [row.name for row in found], poor=_poor(found, state, path))


def _poor(found: Sequence[rows.Row], state: State, path: Path) -> NDArray[np.bool_]:
    """Which of the rows are poor, (n,)."""
    with well_formed(path):
        return np.fromiter((row.is_poor(state.settings.poor_from) for row in found), np.bool_, len(found))


def _encoded(connection: sqlite3.Connection, state: State, path: Path) -> cache.Cache:
    return _cache_of(rows.read_all(connection, state, path), state, path)


def _extended(
    cached: cache.Cache | None, connection: sqlite3.Connection, state: State, path: Path
) -> cache.Cache | None:
    """The cache of an earlier content with the rows added since; None when it is not that plus them."""
    if cached is None:
        return None
    after = max(int(cached.ids.max()), int(cached.subjects.max()))
    tally = Tally(len(cached.ids), len(np.unique(cached.subjects)), cached.digest)
    try:
        new = _cache_of(rows.read_all(connection, state, path, after=after, tally=tally), state, path)
    except GalleryError:
        return None  # reading all rows will tell a lost row from damage
    return _joined([cached, new], state)


def _cache_of(found: Iterator[rows.Row], state: State, path: Path) -> cache.Cache:
    """Numbers and codes of the rows; their float32 vectors are never all in memory."""
    parts = []
    while block := list(islice(found, ROWS_AT_ONCE)):
        codes, scales, errors = encode(stacked(block, state.settings.dimension, path))
        subjects, ids = np.array([row.subject for row in block]), np.array([row.id for row in block])
        scan = CodeScan(codes, scales, float(errors.max()))
        parts.append(cache.Cache(state.digest, scan, subjects, ids, _poor(block, state, path)))
    return _joined(parts, state)


def _joined(parts: Sequence[cache.Cache], state: State) -> cache.Cache:
    subjects = np.concatenate([part.subjects for part in parts])
    order = np.argsort(subjects, kind="stable")
    scan = CodeScan(
        np.concatenate([part.scan.codes for part in parts])[order],
        np.concatenate([part.scan.scales for part in parts])[order],
        max(part.scan.radius for part in parts),
    )
    ids = np.concatenate([part.ids for part in parts])
    poor = np.concatenate([part.poor for part in parts])
    return cache.Cache(state.digest, scan, subjects[order], ids[order], poor[order])


def _keep(cached: cache.Cache, state: State, path: Path) -> None:
    """Write the cache, where that is possible: searching works without, only slower to open.

    Under the write lock, and only while the content is still the same: a removal beside this must
    not find the vectors it erased written again.
    """
    with (
        suppress(GalleryError, sqlite3.Error, OSError),
        closing(database.connect(path, write=True, timeout=0)) as lock,
        database.transaction(lock, "IMMEDIATE"),
    ):
        if State.read(lock, path).digest == state.digest:
            cache.save(path, cached)


def stacked(block: Sequence[rows.Row], dimension: int, path: Path) -> FloatArray:
    """The vectors of the rows, float32 (n, dimension). Raises GalleryError for one that is no unit vector."""
    joined = b"".join(row.vector for row in block)
    vectors = np.frombuffer(joined, "<f4").astype(np.float32, copy=False).reshape(-1, dimension)
    return unit_vectors(vectors, dimension, str(path))
