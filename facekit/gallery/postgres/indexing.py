"""The search index in memory of a gallery on a server, which follows its changes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facekit.gallery.encoding import Reading, coded, codes_of, encoded, in_memory, joined, last_number
from facekit.gallery.postgres.rows import PostgresTables
from facekit.gallery.search.cache import Cache
from facekit.gallery.search.codes import CodeScan
from facekit.gallery.search.index import Index

# Up to here all vectors are fetched for a search, and held as they are.
IN_MEMORY = 5_000


@dataclass(frozen=True)
class Followed:
    """Codes of the rows as they were after `change`; None where the vectors themselves are held."""

    change: int
    codes: Cache | None


def read_index(tables: PostgresTables, before: Followed | None, reading: Reading) -> tuple[Index, Followed]:
    """The index of the rows, and what the next one can go on from; only what is new or gone since `before` is
    fetched. For later searches it takes rows from `reading`.

    Raises GalleryError when a row does not fit its checksum.
    """
    state = tables.state
    if state.templates <= IN_MEMORY:
        return in_memory(tables), Followed(state.changes, None)
    codes = _followed(tables, before) or encoded(tables)
    return coded(codes, state, tables.place, reading), Followed(state.changes, codes)


def _followed(tables: PostgresTables, before: Followed | None) -> Cache | None:
    """The codes with what was removed and added since; None when that does not give what there is now."""
    if before is None or before.codes is None or before.change > tables.state.changes:
        return None
    codes = before.codes
    last = last_number(codes)
    gone = tables.removed_after(before.change)
    if gone:
        codes = _without(codes, gone, tables.state.digest)
    added = list(tables.added_after(last))
    if added:
        codes = joined([codes, codes_of(iter(added), tables)], tables.state)
    # What a restored database has is not known by its number of changes alone.
    counts = len(codes.ids), len(np.unique(codes.subjects))
    return codes if counts == (tables.state.templates, tables.state.subjects) else None


def _without(codes: Cache, gone: list[int], digest: int) -> Cache:
    stay = ~np.isin(codes.ids, np.array(gone, np.int64))
    scan = CodeScan(codes.scan.codes[stay], codes.scan.scales[stay], codes.scan.radius)
    return Cache(digest, scan, codes.subjects[stay], codes.ids[stay], codes.poor[stay])
