"""Rates against tables worked out by hand: ties, separable scores, one pair, failures to acquire."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facekit.evaluation import metrics

SCORES = st.lists(st.sampled_from([-0.5, 0.0, 0.1, 0.2, 0.3, 0.9]), min_size=1, max_size=30)


def array(*values: float) -> np.ndarray:
    return np.array(values, np.float64)


@pytest.mark.parametrize(
    ("count", "total", "low", "high"),
    [
        # Newcombe 1998, table I, method 3: score intervals.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (29, 29, 0.8830, 1.0000),
        (0, 0, 0.0, 1.0),
    ],
)
def test_wilson_intervals_as_published(count: int, total: int, low: float, high: float) -> None:
    assert metrics.wilson(count, total) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 500), st.data())
def test_a_wilson_interval_holds_the_rate(total: int, data: st.DataObject) -> None:
    count = data.draw(st.integers(0, total))
    low, high = metrics.wilson(count, total)
    assert 0 <= low <= count / total <= high <= 1


def test_a_rate_says_what_it_was_counted_from() -> None:
    assert metrics.Rate(1, 4).to_dict() == pytest.approx(
        {"rate": 0.25, "count": 1, "total": 4, "low": 0.0456, "high": 0.6994}, abs=1e-4
    )
    assert np.isnan(metrics.Rate(0, 0).value)


@pytest.mark.parametrize(
    ("fmr", "tar"),
    # Of ten non-mated scores none, one, two … may be accepted.
    [(0.0, 0.25), (0.09, 0.25), (0.1, 0.75), (0.2, 0.75), (0.3, 0.75), (0.4, 1.0), (1.0, 1.0)],
)
def test_tar_at_fmr_by_hand(fmr: float, tar: float) -> None:
    mated = array(0.95, 0.8, 0.7, 0.25)
    non_mated = array(0.9, 0.6, 0.5, 0.3, 0.2, 0.1, 0.1, 0.0, -0.1, -0.2)
    assert metrics.tar_at_fmr(mated, non_mated, fmr) == tar


def test_ties_at_the_edge_are_on_the_wrong_side() -> None:
    """One of four may be accepted, but three share the highest score: none is."""
    non_mated = array(0.5, 0.5, 0.5, 0.1)
    threshold = metrics.threshold_at_fmr(non_mated, 0.25)
    assert np.count_nonzero(non_mated >= threshold) == 0
    assert metrics.tar_at_fmr(array(0.5, 0.51), non_mated, 0.25) == 0.5
    assert metrics.threshold_at_fmr(non_mated, 0.75) == np.nextafter(0.1, 1)


@given(SCORES, st.sampled_from([0.0, 0.01, 0.1, 0.29, 0.5, 1.0]))
def test_the_threshold_holds_the_fmr_and_none_lower_does(scores: list[float], fmr: float) -> None:
    non_mated = array(*scores)
    threshold = metrics.threshold_at_fmr(non_mated, fmr)
    assert np.mean(non_mated >= threshold) <= fmr + 1e-12
    below = non_mated[non_mated < threshold]
    if len(below):
        assert np.mean(non_mated >= below.max()) > fmr


def test_a_product_that_should_be_whole_is() -> None:
    """0.29 · 100 is 28.999999999999996 in floating point."""
    non_mated = np.arange(100.0)
    assert np.count_nonzero(non_mated >= metrics.threshold_at_fmr(non_mated, 0.29)) == 29


def test_float32_scores_keep_their_edge() -> None:
    non_mated = np.array([0.1, 0.2, 0.3], np.float32)
    assert metrics.accepted(non_mated, metrics.threshold_at_fmr(non_mated, 0.0)).count == 0
    assert metrics.accepted(non_mated, metrics.threshold_at_fmr(non_mated, 0.34)).count == 1


def test_what_counts_can_show() -> None:
    assert metrics.supported(1e-4, 30_000)
    assert not metrics.supported(1e-4, 29_999)
    assert metrics.supported(0.0003, 10_000)


@pytest.mark.parametrize(
    ("scores", "mated", "threshold"),
    [
        ([0.1, 0.9], [False, True], 0.5),
        ([0.9], [True], 0.9),
        ([0.9], [False], np.nextafter(0.9, 1)),
        ([0.1, 0.2, 0.3, 0.4], [False, True, False, True], 0.15),
        ([0.5, 0.5, 0.8], [False, True, True], 0.5),
        ([-np.inf, 0.4], [False, True], 0.4),
    ],
)
def test_best_threshold_by_hand(scores: list[float], mated: list[bool], threshold: float) -> None:
    assert metrics.best_threshold(array(*scores), np.array(mated)) == pytest.approx(threshold)


@given(SCORES, st.integers(0, 2**30))
def test_no_threshold_is_better_than_the_best(scores: list[float], seed: int) -> None:
    values = array(*scores)
    mated = np.random.default_rng(seed).random(len(values)) < 0.5
    threshold = metrics.best_threshold(values, mated)
    reached = np.mean((values >= threshold) == mated)
    others = [*values, values.min() - 1, values.max() + 1]
    assert reached == pytest.approx(max(np.mean((values >= other) == mated) for other in others))


def test_fold_accuracy_judges_a_fold_by_the_threshold_of_the_others() -> None:
    """The other fold's best threshold is 0.3 for the first (one right of two), 0.7 for the second (all)."""
    scores = array(0.6, 0.8, 0.2, 0.4)
    mated = np.array([False, True, False, True])
    mean, deviation = metrics.fold_accuracy(scores, mated, np.array([0, 0, 1, 1]))
    assert (mean, deviation) == (0.5, 0.0)
    mean, _ = metrics.fold_accuracy(array(0.1, 0.9, 0.2, 0.8), mated, np.array([0, 0, 1, 1]))
    assert mean == 1.0


def test_balanced_accuracy_and_equal_error_rate_by_hand() -> None:
    mated, non_mated = array(0.9, 0.8, 0.3), array(0.5, 0.2, 0.1, 0.0)
    # At 0.8: TAR 2/3, refused 4/4. At 0.3: TAR 1, refused 3/4.
    assert metrics.balanced_accuracy(mated, non_mated) == pytest.approx(0.875)
    # At 0.3: FNMR 0, FMR 1/4. At 0.5: FNMR 1/3.
    assert metrics.equal_error_rate(mated, non_mated) == pytest.approx(0.25)
    assert metrics.balanced_accuracy(array(0.9), array(0.1)) == 1.0
    assert metrics.equal_error_rate(array(0.9), array(0.1)) == 0.0


def test_all_pairs_once_without_relatives() -> None:
    vectors = np.eye(5, dtype=np.float32)
    vectors[:, 0] += np.arange(5)
    subjects, families = np.array([0, 0, 1, 2, 3]), np.array([7, 7, 7, -1, -1])
    mated, non_mated = metrics.split_scores(vectors, subjects, families)
    product = vectors @ vectors.T
    assert mated.tolist() == [product[0, 1]]
    kept = [(0, 3), (0, 4), (1, 3), (1, 4), (2, 3), (2, 4), (3, 4)]
    assert sorted(non_mated.tolist()) == sorted(float(product[pair]) for pair in kept)
    assert len(metrics.split_scores(vectors, subjects)[1]) == 9


def test_pairs_are_complete_over_several_blocks() -> None:
    vectors = np.ones((2100, 1), np.float32)
    subjects = np.arange(2100) // 2
    mated, non_mated = metrics.split_scores(vectors, subjects)
    assert len(mated) == 1050
    assert len(non_mated) == 2100 * 2099 // 2 - 1050


def test_verification_prints_no_rate_below_what_it_can_show() -> None:
    vectors = np.repeat(np.eye(40, dtype=np.float32), 2, 0)
    rates = metrics.verification(vectors, np.arange(80) // 2)
    assert rates == {"accuracy": 1.0, "tar_1e-3": 1.0}
    assert metrics.headline(rates) == "tar_1e-3"
    assert metrics.headline({"accuracy": 1.0}) == "accuracy"


SEARCHES = np.array(
    [
        [0.9, 0.1, 0.2],
        [0.6, 0.5, 0.1],
        [0.4, 0.3, 0.4],
        [-np.inf, -np.inf, -np.inf],
    ]
)
TRUTH = np.array([0, 1, 2, 0])


def test_ranks_by_hand() -> None:
    """Right at once; second; tied with another; no face."""
    assert metrics.ranks(SEARCHES, TRUTH).tolist() == [1, 2, 2, 4]


def test_the_threshold_at_an_fpir_by_hand() -> None:
    assert metrics.threshold_at_fpir(SEARCHES, 0.25) == np.nextafter(0.6, 1)
    assert metrics.accepted(metrics.best(SEARCHES), metrics.threshold_at_fpir(SEARCHES, 0.0)).count == 0


def test_where_only_failures_must_be_refused_every_face_may_be_accepted() -> None:
    scores = array(*[-np.inf] * 6, 0.3, 0.2, 0.5, 0.4)
    assert metrics.threshold_at_fmr(scores, 0.5) == metrics.threshold_in_order(np.sort(scores), 0.5) == 0.2
    assert metrics.threshold_at_fmr(array(-np.inf, -np.inf), 0.5) == np.inf


def test_a_pair_without_a_face_is_never_judged_the_same_person() -> None:
    scores = np.concatenate([np.full(60, -np.inf), np.full(30, 0.9), np.full(10, 0.1)])
    mated = np.arange(100) < 90
    threshold = metrics.best_threshold(scores, mated)
    assert np.isfinite(threshold)
    assert np.mean((scores >= threshold) == mated) == pytest.approx(0.4)
