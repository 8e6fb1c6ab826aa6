"""Who goes with whom: the best assignment of rows to columns."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def assignment(gain: NDArray[np.float64]) -> list[int]:
    """The column of each row, no column twice, with the largest sum of `gain` (rows ≤ columns).

    The Hungarian method by shortest augmenting paths with potentials (Jonker and Volgenant 1987),
    O(rows² · columns).
    """
    rows, columns = gain.shape
    cost = -gain
    row_potential = np.zeros(rows)
    column_potential = np.zeros(columns)
    row_of = np.full(columns, -1)
    for start in range(rows):
        distance = np.full(columns, np.inf)
        before = np.full(columns, -1)
        done = np.zeros(columns, dtype=bool)
        row, column, reached = start, -1, 0.0
        while True:
            through = reached + cost[row] - row_potential[row] - column_potential
            shorter = ~done & (through < distance)
            distance[shorter] = through[shorter]
            before[shorter] = column
            column = int(np.argmin(np.where(done, np.inf, distance)))
            reached = float(distance[column])
            done[column] = True
            row = int(row_of[column])
            if row < 0:
                break
        settled = done & (row_of >= 0)
        row_potential[start] += reached
        row_potential[row_of[settled]] += reached - distance[settled]
        column_potential[done] -= reached - distance[done]
        while column >= 0:
            earlier = int(before[column])
            row_of[column] = start if earlier < 0 else row_of[earlier]
            column = earlier
    taken = [0] * rows
    for number, row in enumerate(row_of):
        if row >= 0:
            taken[int(row)] = number
    return taken
