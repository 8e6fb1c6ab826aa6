"""One person's faces are one part, two people's two."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facekit.people.mixture import parts

THRESHOLD = 0.5


def crowd(*sizes: int, noise: float = 0.1, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    middles = np.linalg.qr(random.standard_normal((32, 32)))[0]
    faces = [
        middle + noise * random.standard_normal((size, 32))
        for middle, size in zip(middles, sizes, strict=False)
    ]
    vectors = np.concatenate(faces)
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("sizes", [(1,), (5,), (6, 6), (3, 2, 1), (1, 1, 1, 1)])
def test_each_person_is_a_part_the_largest_first(sizes: tuple[int, ...]) -> None:
    found = parts(crowd(*sizes), THRESHOLD)
    ends = np.cumsum(sizes)
    assert [rows.tolist() for rows in found] == [
        list(range(end - size, end)) for end, size in zip(ends, sizes, strict=True)
    ]


def test_faces_a_little_below_the_threshold_stay_together() -> None:
    first, second = np.eye(32, dtype=np.float32)[:2]
    aside = 0.45 * first + np.sqrt(1 - 0.45**2) * second
    assert len(parts(np.stack([first, aside]).astype(np.float32), THRESHOLD)) == 1
    assert len(parts(np.stack([first, second]), THRESHOLD)) == 2


@settings(max_examples=30, deadline=None)
@given(st.permutations(range(9)))
def test_the_order_of_the_faces_changes_nothing(order: list[int]) -> None:
    vectors = crowd(5, 4)
    found = parts(vectors[order], THRESHOLD)
    assert [sorted(order[row] for row in rows) for rows in found] == [[0, 1, 2, 3, 4], [5, 6, 7, 8]]


def test_nothing_has_no_part() -> None:
    assert parts(np.zeros((0, 32), np.float32), THRESHOLD) == []
