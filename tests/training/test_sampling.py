"""Batches are functions of seed and number, and hold what their sampler promises."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facekit.errors import UsageError
from facekit.training import sampling

LABELS = np.repeat([0, 1, 2, 3, -1], [40, 10, 4, 1, 45])


def made(name: str, use: np.ndarray | None = None, size: int = 12, seed: int = 0) -> sampling.Sampler:
    rows = np.arange(len(LABELS)) if use is None else use
    return sampling.create(name, rows, LABELS, size=size, seed=seed, power=0.5, per_subject=4)


@pytest.mark.parametrize("name", ["every", "balanced", "subjects"])
def test_a_batch_is_a_function_of_seed_and_number(name: str) -> None:
    first, again, other = made(name), made(name), made(name, seed=1)
    third = [first.rows(number) for number in (0, 1, 2)][2]
    assert (again.rows(2) == third).all()
    assert not (first.rows(1) == third).all()
    assert not (other.rows(2) == third).all()
    assert third.dtype == np.int64
    assert third.shape == (12,)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 5))
@settings(max_examples=50, deadline=None)
def test_every_crop_comes_once_an_epoch(total: int, size: int, seed: int) -> None:
    use = np.arange(total) * 3
    sampler = sampling.EveryCrop(use, size, seed)
    batches = -(-2 * total // size)
    seen = np.concatenate([sampler.rows(number) for number in range(batches)])
    assert sorted(seen[:total]) == sorted(use)
    assert sorted(seen[total : 2 * total]) == sorted(use)


def test_balanced_draws_subjects_by_the_root_of_their_depth_and_keeps_the_unknown_share() -> None:
    rows = np.concatenate([made("balanced", size=500).rows(number) for number in range(40)])
    drawn = LABELS[rows]
    assert np.mean(drawn == -1) == pytest.approx(0.45, abs=0.015)
    shares = np.bincount(drawn[drawn >= 0]) / np.sum(drawn >= 0)
    wanted = np.sqrt([40, 10, 4, 1])
    assert shares == pytest.approx(wanted / wanted.sum(), abs=0.015)


def test_per_subject_batches_have_pairs_of_everyone_and_no_loners() -> None:
    for number in range(20):
        rows = made("subjects").rows(number)
        groups = LABELS[rows].reshape(-1, 4)
        assert (groups == groups[:, :1]).all()
        assert len(set(groups[:, 0])) == 3
        assert set(groups[:, 0]) == {0, 1, 2}
        assert len(set(rows)) == 12


def test_a_subject_with_fewer_pictures_than_wanted_has_each_before_any_twice() -> None:
    labels = np.array([0, 0, 1, 1, 1])
    sampler = sampling.PerSubject(np.arange(5), labels, 8, 0, per_subject=4)
    rows = sampler.rows(0)
    assert {0, 1} <= set(rows)
    assert {2, 3, 4} <= set(rows)


@pytest.mark.parametrize("name", ["every", "balanced", "subjects"])
def test_only_rows_in_use_are_drawn(name: str) -> None:
    use = np.concatenate([np.arange(5), np.arange(40, 45)])
    assert set(made(name, use, size=8).rows(3)) <= set(use)


def test_what_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(UsageError, match="two subjects with two pictures"):
        made("subjects", np.array([0, 1, 54])).rows(0)
    with pytest.raises(UsageError, match="cannot hold"):
        made("subjects", size=10)
    with pytest.raises(UsageError, match="balanced"):
        made("random")
