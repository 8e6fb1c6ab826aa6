"""The search index of a gallery: read from its rows, or from the cache beside it when they are many."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing, suppress
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facekit.errors import GalleryError
from facekit.gallery import cache, database, rows
from facekit.gallery.search import CodeScan, FloatArray, Index, encode
from facekit.gallery.settings import Settings

# Up to here reading and checking every row takes less than 50 ms, and no cache is written.
IN_MEMORY = 5_000
ROWS_AT_ONCE = 8192


def read_index(connection: sqlite3.Connection, settings: Settings, path: Path) -> Index:
    """The index of the content that `settings` describe, inside their transaction.

    Raises GalleryError when a row does not fit its checksum.
    """
    if settings.templates <= IN_MEMORY:
        return _in_memory(connection, settings, path)
    content = bytes.fromhex(settings.content)
    try:
        kept = cache.load(path, content, settings.templates, settings.dimension)
    except cache.StaleCacheError:
        kept = _encoded(connection, settings, path)
        _keep(kept, settings, path)

    def finalists(positions: NDArray[np.intp]) -> tuple[Sequence[str], FloatArray]:
        numbers = kept.ids[positions].tolist()
        found = list(rows.read_where_in(connection, settings, path, "t.id", numbers))
        if len(found) != len(numbers):
            raise database.damaged(path, "rows are missing")
        return [row.name for row in found], _matrix(found, settings.dimension)

    return Index(kept.scan, kept.subjects, finalists)


def _in_memory(connection: sqlite3.Connection, settings: Settings, path: Path) -> Index:
    found = list(rows.read_all(connection, settings, path))
    return Index.of(_matrix(found, settings.dimension), [row.name for row in found])


def _encoded(connection: sqlite3.Connection, settings: Settings, path: Path) -> cache.Cache:
    """The cache's arrays, made from all rows; the float32 vectors are never all in memory."""
    count, dimension = settings.templates, settings.dimension
    ids, subjects = np.empty(count, np.int64), np.empty(count, np.int64)
    scales, codes = np.empty(count, np.float32), np.empty((count, dimension), np.int8)
    radius, first = 0.0, 0
    found = rows.read_all(connection, settings, path)
    while block := list(islice(found, ROWS_AT_ONCE)):
        last = first + len(block)
        ids[first:last] = [row.id for row in block]
        subjects[first:last] = [row.subject for row in block]
        codes[first:last], scales[first:last], errors = encode(_matrix(block, dimension))
        radius, first = max(radius, float(errors.max())), last
    return cache.Cache(CodeScan(codes, scales, radius), subjects, ids)


def _keep(kept: cache.Cache, settings: Settings, path: Path) -> None:
    """Write the cache, where that is possible: searching works without, only slower to open.

    Under the write lock, and only while the content is still the same: a removal beside this must
    not find the vectors it erased written again.
    """
    with (
        suppress(GalleryError, sqlite3.Error, OSError),
        closing(database.connect(path, write=True, timeout=0)) as lock,
        database.transaction(lock, "IMMEDIATE"),
    ):
        if Settings.read(lock, path).content == settings.content:
            cache.save(path, bytes.fromhex(settings.content), kept)


def _matrix(block: Sequence[rows.Row], dimension: int) -> FloatArray:
    joined = b"".join(row.vector for row in block)
    return np.frombuffer(joined, "<f4").astype(np.float32, copy=False).reshape(-1, dimension)
