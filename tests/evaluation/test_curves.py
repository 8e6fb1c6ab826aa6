"""Curves against tables worked out by hand, scikit-learn, and what must hold for all scores."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facekit.evaluation import curves, metrics
from facekit.evaluation.comparisons import Comparisons

SCORES = st.lists(st.sampled_from([-0.5, 0.0, 0.1, 0.2, 0.3, 0.9]), min_size=1, max_size=30)
WITH_FAILURES = st.lists(st.sampled_from([-np.inf, -0.5, 0.0, 0.1, 0.9]), min_size=1, max_size=30)


def array(*values: float) -> np.ndarray:
    return np.array(values, np.float64)


def test_a_curve_by_hand() -> None:
    found = curves.curve(array(0.9, 0.5, -np.inf), array(0.5, 0.5, 0.1, 0.0))
    assert found.thresholds.tolist() == [np.inf, 0.9, 0.5, 0.1, 0.0]
    assert found.fmr.tolist() == [0.0, 0.0, 0.5, 0.75, 1.0]
    assert found.tar.tolist() == pytest.approx([0, 1 / 3, 2 / 3, 2 / 3, 2 / 3])


def area(mated: np.ndarray, non_mated: np.ndarray) -> float:
    return Comparisons(mated, non_mated).auc()[0]


def test_one_pair_of_each_kind() -> None:
    assert area(array(0.9), array(0.1)) == 1.0
    assert area(array(0.1), array(0.9)) == 0.0
    assert area(array(0.5), array(0.5)) == 0.5
    assert area(array(-np.inf), array(-np.inf)) == 0.0


@given(WITH_FAILURES, WITH_FAILURES)
def test_a_curve_is_the_rates_at_its_thresholds(mated: list[float], non_mated: list[float]) -> None:
    low, high = array(*mated), array(*non_mated)
    found = curves.curve(low, high)
    for threshold, fmr, tar in zip(found.thresholds, found.fmr, found.tar, strict=True):
        assert tar == pytest.approx(metrics.accepted(low, threshold).value)
        assert fmr == pytest.approx(metrics.accepted(high, threshold).value)
    assert (np.diff(found.thresholds) < 0).all()
    assert (np.diff(found.fmr) >= 0).all()
    assert (np.diff(found.fnmr) <= 0).all()


@given(SCORES, SCORES, st.floats(0.1, 5), st.floats(-3, 3))
def test_no_rate_depends_on_the_scale_of_scores(
    mated: list[float], non_mated: list[float], scale: float, shift: float
) -> None:
    low, high = array(*mated), array(*non_mated)
    assert area(low, high) == pytest.approx(area(low * 2, high * 2))
    assert area(low, high) == pytest.approx(1 - area(high, low))
    moved = metrics.equal_error_rate(low * scale + shift, high * scale + shift)
    assert moved == pytest.approx(metrics.equal_error_rate(low, high))


@settings(deadline=None)  # the first call imports scikit-learn
@given(SCORES, SCORES)
def test_scikit_learn_draws_the_same_curves(mated: list[float], non_mated: list[float]) -> None:
    sklearn = pytest.importorskip("sklearn.metrics", reason="needs the extra evaluate")
    low, high = array(*mated), array(*non_mated)
    truth = np.concatenate([np.ones(len(low)), np.zeros(len(high))])
    scores = np.concatenate([low, high])
    ours = curves.curve(low, high)
    fpr, tpr, thresholds = sklearn.roc_curve(truth, scores, drop_intermediate=False)
    assert thresholds == pytest.approx(ours.thresholds)
    assert fpr == pytest.approx(ours.fmr)
    assert tpr == pytest.approx(ours.tar)
    assert sklearn.roc_auc_score(truth, scores) == pytest.approx(area(low, high))
    fpr, fnr, thresholds = sklearn.det_curve(truth, scores)
    place = [ours.thresholds.tolist().index(threshold) for threshold in thresholds]
    assert fpr == pytest.approx(ours.fmr[place])
    assert fnr == pytest.approx(ours.fnmr[place])


def test_few_points_of_a_long_curve_keep_its_ends() -> None:
    random = np.random.default_rng(0)
    mated, non_mated = random.normal(1, 1, 5000), random.normal(-1, 1, 50000)
    short = curves.curve(mated, non_mated, most=300)
    assert len(short.thresholds) <= 301
    assert (short.fmr[0], short.fnmr[0], short.fmr[-1], short.fnmr[-1]) == (0, 1, 1, 0)
    assert 0 < short.fmr[short.fmr > 0].min() < 1e-4
    assert (np.diff(short.fmr) >= 0).all()
