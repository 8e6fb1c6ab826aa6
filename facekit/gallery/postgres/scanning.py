"""Search by the server: it scans the half-precision copies of all vectors, and the few that its error cannot
rule out are scored exactly here. For a client that asks once, and else had to fetch all vectors.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from pgvector import Vector

from facekit.gallery.damage import damaged, well_formed
from facekit.gallery.postgres import approximate
from facekit.gallery.postgres.rows import PostgresTables
from facekit.gallery.records import stacked
from facekit.gallery.search.exact import LONGEST, ROUNDING, FloatArray, ranked
from facekit.results import Candidate

# Rows that are asked for first, for each subject that is wanted; eight times as many while that is too few.
ROWS_A_SUBJECT = 16
MORE = 8
# Half precision rounds a number to 2⁻¹¹ of it, or to 2⁻²⁵ where it is smaller than 2⁻¹⁴ (IEEE 754 binary16).
HALF_ROUNDING = 2.0**-11
HALF_SMALLEST = 2.0**-25

BEST = (
    "SELECT id, subject, poor, -(half <#> %(probe)b::vector::halfvec) AS score FROM templates "
    "ORDER BY half <#> %(probe)b::vector::halfvec LIMIT %(rows)s"
)
GOOD = "SELECT DISTINCT subject FROM templates WHERE subject = ANY(%s::bigint[]) AND NOT poor"


def search(
    tables: PostgresTables, probes: FloatArray, k: int, *, exact: bool = True
) -> list[list[Candidate]]:
    """For each unit probe (n, d) its k best subjects, best first, as `search.index.Index` has them; unless
    `exact`, those that the approximate index finds.
    """
    if not tables.state.templates:
        return [[] for _ in probes]
    if not exact:
        approximate.use(tables.connection)
        return [_best_found(tables, probe, k) for probe in probes]
    # Only a scan of all is exact, whatever index somebody has made on the table.
    tables.connection.execute("SET LOCAL enable_indexscan = off")
    count = tables.connection.execute("SELECT count(*) FROM templates").fetchone()
    if count is None or count[0] != tables.state.templates:
        raise damaged(tables.place, "rows are missing or doubled")
    return [_best(tables, probe, k) for probe in probes]


def margin_of(dimension: int) -> float:
    """Twice the most by which the score of two half-precision copies is off the true one."""
    # |v − v̂| of a unit vector, of both vectors (Cauchy–Schwarz), and the sum in single precision.
    off = HALF_ROUNDING * LONGEST + HALF_SMALLEST * math.sqrt(dimension)
    return 2 * (2 * off * (LONGEST + off) + (dimension + 8) * ROUNDING * LONGEST**2)


def _best(tables: PostgresTables, probe: FloatArray, k: int) -> list[Candidate]:
    margin = margin_of(tables.state.settings.dimension)
    most = tables.state.templates
    wanted = max(1, min(ROWS_A_SUBJECT * k, most))
    while True:
        rows = _scanned(tables, probe, wanted)
        counting, weak = _counting(tables, rows)
        floor = _floor(counting, k)
        # What was not asked for is no better than the last row.
        if wanted >= most or (floor is not None and rows[-1][3] < floor - margin):
            break
        wanted = min(wanted * MORE, most)
    finalists = [number for number, _, _, score in counting if floor is None or score >= floor - margin]
    return _exact(tables, probe, finalists, weak, k)


def _best_found(tables: PostgresTables, probe: FloatArray, k: int) -> list[Candidate]:
    """Of what the approximate index finds. No row is ruled out: there are few."""
    counting, weak = _counting(tables, _scanned(tables, probe, approximate.EF_SEARCH))
    return _exact(tables, probe, [number for number, *_ in counting], weak, k)


def _scanned(tables: PostgresTables, probe: FloatArray, rows: int) -> list[tuple[Any, ...]]:
    """Number, subject, whether it is poor, and approximate score of the best rows."""
    parameters = {"probe": Vector(probe), "rows": rows}
    return tables.connection.execute(BEST, parameters).fetchall()


def _counting(tables: PostgresTables, rows: list[tuple[Any, ...]]) -> tuple[list[tuple[Any, ...]], set[int]]:
    """The rows that count, which a poor one does only if its subject has no other; and the subjects that have
    poor ones only.
    """
    poor = {subject for _, subject, is_poor, _ in rows if is_poor}
    if not poor:
        return rows, set()
    good = {subject for (subject,) in tables.connection.execute(GOOD, (list(poor),)).fetchall()}
    return [row for row in rows if not row[2] or row[1] not in good], poor - good


def _floor(rows: list[tuple[Any, ...]], k: int) -> float | None:
    """The approximate score of the k-th best subject; None if there are fewer among the rows."""
    best: dict[int, float] = {}
    for _, subject, _, score in rows:
        best.setdefault(subject, score)
        if len(best) == k:
            return float(score)
    return None


def _exact(
    tables: PostgresTables, probe: FloatArray, numbers: list[int], weak: set[int], k: int
) -> list[Candidate]:
    state = tables.state
    rows = tables.numbered(numbers)
    if len(rows) < len(numbers):
        raise damaged(tables.place, "rows are missing")
    with well_formed(tables.place):
        wrong = any(row.is_poor(state.settings.poor_from) != (row.subject in weak) for row in rows)
    if wrong:
        raise damaged(tables.place, "a template does not say how poor it is")
    vectors = stacked(rows, state.settings.dimension, tables.place)
    poor = {row.name for row in rows if row.subject in weak}
    return ranked(np.asarray(probe), [row.name for row in rows], vectors, k, poor)
