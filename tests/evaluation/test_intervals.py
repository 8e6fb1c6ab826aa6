"""Intervals over subjects: right on average, and never narrower than what single scores would give."""

import numpy as np
import pytest

from facekit.evaluation.intervals import Resampler, clustered, over_people, percentiles, ratio
from facekit.evaluation.metrics import wilson


def test_sums_of_ones_are_as_many_as_there_are_on_average() -> None:
    resampler = Resampler(50)
    subjects = np.arange(200) % 50
    assert resampler.sums(np.ones(200), subjects).mean() == pytest.approx(200, rel=0.01)
    first, second = np.triu_indices(50, 1)
    sums = resampler.pair_sums(lambda part: np.ones(len(first[part])), first, second)
    assert sums.mean() == pytest.approx(len(first), rel=0.02)


def test_the_same_draws_for_every_sum() -> None:
    """So that a ratio of equal sums is 1 in every round."""
    resampler = Resampler(10)
    ones = np.ones(100)
    subjects = np.arange(100) % 10
    assert set(ratio(resampler.sums(ones, subjects), resampler.sums(ones, subjects))) == {1.0}


def test_pairs_that_share_a_subject_are_not_independent() -> None:
    """All wrong pairs are those of one subject of twenty: a draw without him has none."""
    first, second = np.triu_indices(20, 1)
    wrong = (first == 0).astype(float)
    resampler = Resampler(20)
    sums = [
        resampler.pair_sums(lambda part, values=values: values[part], first, second)
        for values in (wrong, np.ones(len(wrong)))
    ]
    rate = clustered(int(wrong.sum()), len(wrong), ratio(*sums))
    low, high = wilson(int(wrong.sum()), len(wrong))
    assert rate.interval[0] < low / 3
    assert rate.interval[1] > 1.3 * high


def test_an_interval_is_never_narrower_than_wilsons() -> None:
    rate = clustered(0, 100, np.zeros(1000))
    assert rate.interval == wilson(0, 100)
    assert clustered(5, 5, np.full(1000, np.nan)).interval == wilson(5, 5)


def test_rounds_that_drew_nothing_are_left_out() -> None:
    assert percentiles(ratio(np.array([1.0, 0.0]), np.array([2.0, 0.0]))) == (0.5, 0.5)


def test_the_interval_over_subjects_covers_the_truth() -> None:
    """100 draws of 40 subjects whose own rates differ: about 95 of the intervals hold the mean rate."""
    random = np.random.default_rng(1)
    held = 0
    for _ in range(100):
        rates = random.beta(1, 9, 40)
        subjects = np.repeat(np.arange(40), 25)
        hits = random.random(1000) < rates[subjects]
        resampler = Resampler(40, rounds=300)
        drawn = ratio(resampler.sums(hits, subjects), resampler.sums(np.ones(1000), subjects))
        low, high = clustered(int(hits.sum()), 1000, drawn).interval
        held += low <= 0.1 <= high
    assert held >= 88


def test_searches_of_one_person_are_no_independent_witnesses() -> None:
    people = np.repeat(np.arange(30, 55), 6)
    together = np.isin(people, (31, 40, 41, 42))
    alike = over_people(together, people)
    assert (alike.count, alike.total) == (24, 150)
    low, high = wilson(24, 150)
    assert alike.interval[0] < low - 0.03
    assert alike.interval[1] > high + 0.03
    assert over_people(np.arange(150) % 6 == 0, people).interval == pytest.approx(wilson(25, 150))
