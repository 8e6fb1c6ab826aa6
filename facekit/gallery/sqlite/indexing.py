"""The search index of an SQLite gallery, and the cache beside it when the templates are many."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from pathlib import Path

from facekit.errors import GalleryError
from facekit.gallery.encoding import coded, encoded, extended, in_memory
from facekit.gallery.search import cache
from facekit.gallery.search.index import Index
from facekit.gallery.sqlite import database
from facekit.gallery.sqlite.faults import in_words
from facekit.gallery.sqlite.rows import SqliteTables
from facekit.gallery.sqlite.state import read_state
from facekit.gallery.state import State
from facekit.gallery.tables import Tables

# Up to here reading and checking every row takes less than 50 ms, and no cache is written.
IN_MEMORY = 5_000
Reading = Callable[[], AbstractContextManager[sqlite3.Connection]]


def read_index(tables: Tables, path: Path, reading: Reading) -> Index:
    """The index of the rows; for later searches it takes connections from `reading`.

    Raises GalleryError when a row does not fit its checksum.
    """
    state = tables.state
    if state.templates <= IN_MEMORY:
        return in_memory(tables)
    codes = cache.load(path, state.settings.dimension)
    if codes is None or codes.digest != state.digest:
        codes = extended(codes, tables) or encoded(tables)
        _keep(codes, state, path)

    @contextmanager
    def rows() -> Iterator[Tables]:
        with reading() as connection, in_words(path):
            yield SqliteTables(connection, read_state(connection, path), path)

    return coded(codes, state, path, rows)


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
        if read_state(lock, path).digest == state.digest:
            cache.save(path, cached)
