"""The search index of a gallery's rows: their vectors in memory, or int8 codes of them if they are many."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from facekit.errors import GalleryError
from facekit.gallery.damage import damaged
from facekit.gallery.records import Row, poor_ones, stacked
from facekit.gallery.search.cache import Cache
from facekit.gallery.search.codes import CodeScan, encode
from facekit.gallery.search.exact import FloatArray
from facekit.gallery.search.index import Index
from facekit.gallery.state import State, Tally
from facekit.gallery.tables import Tables

ROWS_AT_ONCE = 8192
Reading = Callable[[], AbstractContextManager[Tables]]


def in_memory(tables: Tables) -> Index:
    """Of all vectors. Raises GalleryError when a row does not fit its checksum."""
    rows = list(tables.all())
    vectors = stacked(rows, tables.state.settings.dimension, tables.place)
    return Index.of(vectors, [row.name for row in rows], poor=poor_ones(rows, tables.state, tables.place))


def coded(codes: Cache, state: State, place: object, reading: Reading) -> Index:
    """Of codes of this state; it takes finalists from rows that `reading` gives."""

    def finalists(positions: NDArray[np.intp]) -> tuple[Sequence[str | None], FloatArray]:
        numbers = codes.ids[positions].tolist()
        with reading() as tables:
            rows = tables.numbered(numbers)
            # An index that is kept over a removal finds the others.
            if len(rows) < len(numbers) and tables.state.digest == state.digest:
                raise damaged(place, "rows are missing")
        by_number = {row.id: row for row in rows}
        there = [position for position, number in enumerate(numbers) if number in by_number]
        in_order = [by_number[numbers[position]] for position in there]
        vectors = np.zeros((len(numbers), state.settings.dimension), np.float32)
        vectors[there] = stacked(in_order, state.settings.dimension, place)
        names: list[str | None] = [None] * len(numbers)
        for position, row in zip(there, in_order, strict=True):
            names[position] = row.name
        return names, vectors

    return Index(codes.scan, codes.subjects, finalists, poor=codes.poor)


def encoded(tables: Tables) -> Cache:
    """Codes of all rows."""
    with tables.in_bulk() as rows:
        return codes_of(rows, tables)


def extended(codes: Cache | None, tables: Tables) -> Cache | None:
    """The codes of an earlier content with the rows added since; None when it is not that plus them."""
    if codes is None:
        return None
    tally = Tally(len(codes.ids), len(np.unique(codes.subjects)), codes.digest)
    try:
        added = codes_of(tables.all(after=last_number(codes), tally=tally), tables)
    except GalleryError:
        return None  # reading all rows will tell a lost row from damage
    return joined([codes, added], tables.state)


def last_number(codes: Cache) -> int:
    """The highest number of a row or subject in it."""
    return max(int(codes.ids.max()), int(codes.subjects.max()))


def codes_of(rows: Iterator[Row], tables: Tables) -> Cache:
    """Numbers and codes of the rows; their float32 vectors are never all in memory."""
    state, place = tables.state, tables.place
    parts = []
    while block := list(islice(rows, ROWS_AT_ONCE)):
        codes, scales, errors = encode(stacked(block, state.settings.dimension, place))
        subjects, ids = np.array([row.subject for row in block]), np.array([row.id for row in block])
        scan = CodeScan(codes, scales, float(errors.max()))
        parts.append(Cache(state.digest, scan, subjects, ids, poor_ones(block, state, place)))
    return joined(parts, state)


def joined(parts: Sequence[Cache], state: State) -> Cache:
    """One of several, the rows of a subject together."""
    subjects = np.concatenate([part.subjects for part in parts])
    order = np.argsort(subjects, kind="stable")
    scan = CodeScan(
        np.concatenate([part.scan.codes for part in parts])[order],
        np.concatenate([part.scan.scales for part in parts])[order],
        max(part.scan.radius for part in parts),
    )
    ids = np.concatenate([part.ids for part in parts])
    poor = np.concatenate([part.poor for part in parts])
    return Cache(state.digest, scan, subjects[order], ids[order], poor[order])
