"""The best assignment is found, however many look alike."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facekit.assignment import assignment


@given(st.integers(1, 5), st.integers(0, 3), st.integers(0, 2**32 - 1))
def test_the_assignment_is_the_best_one(rows: int, more: int, seed: int) -> None:
    gain = np.random.default_rng(seed).normal(size=(rows, rows + more))
    taken = assignment(gain)
    assert len(set(taken)) == rows
    best = max(
        sum(gain[row, column] for row, column in enumerate(columns))
        for columns in product(range(rows + more), repeat=rows)
        if len(set(columns)) == rows
    )
    assert sum(gain[row, column] for row, column in enumerate(taken)) == pytest.approx(best)


def test_a_hundred_faces_that_all_look_alike_are_decided_at_once() -> None:
    rng = np.random.default_rng(5)
    gain = np.hstack([rng.uniform(0, 1, (100, 100)), np.zeros((100, 100))])
    assert sorted(assignment(gain)) == list(range(100))
