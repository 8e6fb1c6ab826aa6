"""An index that finds most neighbors and not all (HNSW, Malkov and Yashunin, arXiv:1603.09320), for those who
ask for it with `?index=hnsw`; and how many it finds.

A person whom it misses is unknown, or leaves the name to one who is less like the face and reaches the
threshold as well. Scores are exact, as everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection

from facekit.errors import GalleryError
from facekit.results import Candidate

if TYPE_CHECKING:
    from facekit.gallery.postgres.gallery import PostgresGallery

HNSW = "hnsw"
NAME = "templates_nearest"
CREATE = f"CREATE INDEX IF NOT EXISTS {NAME} ON templates USING hnsw (half halfvec_ip_ops)"
LONGEST = 4_000  # numbers of a half-precision vector that pgvector indexes
# How many it looks at for a face: with 40 of them a quarter of strangers' nearest were found among a million.
EF_SEARCH = 400
PROBES = 100
NEAREST = 5
NOISE = 0.03
SEED = 24


def make(connection: Connection[Any], dimension: int) -> None:
    """Make the index, unless it is there. Raises GalleryError for vectors that are too long."""
    if dimension > LONGEST:
        raise GalleryError(f"an index {HNSW} holds vectors of at most {LONGEST} numbers, not {dimension}")
    connection.execute(CREATE)


def exists(connection: Connection[Any]) -> bool:
    row = connection.execute("SELECT to_regclass(%s)", (NAME,)).fetchone()
    return row is not None and row[0] is not None


def use(connection: Connection[Any]) -> None:
    """Let the server go by it in this transaction."""
    connection.execute("SET LOCAL enable_seqscan = off")
    connection.execute(f"SET LOCAL hnsw.ef_search = {EF_SEARCH}")


@dataclass(frozen=True)
class Recall:
    """What part of the five nearest people the index finds: of faces that are `known`, and of `strangers`."""

    known: float
    strangers: float

    def __str__(self) -> str:
        return (
            f"the index {HNSW} finds {self.known:.1%} of the {NEAREST} people nearest to {PROBES} enrolled "
            f"faces, and {self.strangers:.1%} of those nearest to {PROBES} random ones; a person whom it "
            "misses is unknown, or leaves the name to one who is less alike"
        )


def measured(gallery: PostgresGallery) -> Recall:
    """Search for some faces by the index and by a scan of all. Of random vectors most is missed: they are
    about as far from everybody."""
    random = np.random.default_rng(SEED)
    dimension = gallery.settings.dimension
    with gallery.tables() as tables:
        rows = tables.connection.execute(
            "SELECT vector FROM templates ORDER BY hashint8(id) LIMIT %s", (PROBES,)
        ).fetchall()
    known = np.array([vector.to_numpy() for (vector,) in rows], np.float32)
    noise = NOISE * random.standard_normal(known.shape)
    strangers = random.standard_normal((PROBES, dimension))
    return Recall(*(_part_found(gallery, probes) for probes in (known + noise, strangers)))


def _part_found(gallery: PostgresGallery, faces: NDArray[np.float64]) -> float:
    probes = (faces / np.linalg.norm(faces, axis=1, keepdims=True)).astype(np.float32)
    by_index, exact = (gallery.searched_by_server(probes, NEAREST, exact=exact) for exact in (False, True))
    found = [
        len(_people(some) & _people(all_nearest)) / len(all_nearest)
        for some, all_nearest in zip(by_index, exact, strict=True)
    ]
    return float(np.mean(found))


def _people(candidates: Sequence[Candidate]) -> set[str]:
    return {candidate.subject for candidate in candidates}
