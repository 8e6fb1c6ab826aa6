"""The report on comparisons against a table worked out by hand."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facekit.evaluation import verification_report
from facekit.evaluation.comparisons import Comparisons
from facekit.evaluation.metrics import Rate
from facekit.evaluation.scores import VerificationScores

SCORES = st.lists(st.sampled_from([-np.inf, -0.5, 0.0, 0.1, 0.9]), min_size=1, max_size=20)


def test_decisions_by_hand() -> None:
    """At 0.5: three of four mated accepted, one without a face; one of six non-mated, the tie."""
    mated = np.array([0.9, 0.8, 0.5, -np.inf])
    non_mated = np.array([0.5, 0.4, 0.3, 0.2, 0.1, -np.inf])
    found = verification_report.of_comparisons(Comparisons(mated, non_mated), threshold=0.5)
    assert found.failed == 2
    given_ = found.at_threshold
    assert given_ is not None
    assert (given_.point.tar, given_.point.fmr) == (Rate(3, 4), Rate(1, 6))
    assert (given_.point.fnmr.count, given_.point.fnmr.total) == (1, 4)
    assert (given_.accuracy.count, given_.accuracy.total) == (8, 10)
    assert (given_.precision.count, given_.precision.total) == (3, 4)
    assert given_.f1.value == pytest.approx(2 * 3 / (2 * 3 + 1 + 1))
    assert found.auc.value == pytest.approx((6 + 6 + 5.5 + 0) / 24)


def test_the_promised_keys_are_in_the_json() -> None:
    scores = VerificationScores(
        tuple("abcdefgh"),
        tuple("ijklmnop"),
        np.array([True, False] * 4),
        np.array([0.9, 0.1, 0.8, 0.2, 0.7, 0.0, 0.9, 0.3]),
        np.array([0, 0, 0, 0, 1, 1, 1, 1]),
    )
    made = json.loads(json.dumps(verification_report.report(scores).to_dict(), allow_nan=False))
    assert (made["schema"], made["protocol"], made["pairs"], made["failed"]) == (1, "verification", 8, 0)
    assert (made["accuracy"], made["accuracy_sd"], made["auc"], made["eer"]) == (1.0, 0.0, 1.0, 0.0)
    assert made["tar_at_fmr"] == {}
    assert made["unresolved"] == ["1e-1", "1e-2", "1e-3", "1e-4", "1e-5", "1e-6"]
    assert made["tpr_at_fpr"] == {}


def test_rates_are_given_as_far_as_counts_resolve_them() -> None:
    random = np.random.default_rng(0)
    found = verification_report.of_comparisons(
        Comparisons(random.normal(2, 1, 50), random.normal(0, 1, 3000))
    )
    assert list(found.points) == [0.1, 0.01, 0.001]
    assert list(found.table) == [0.05, 0.1, 0.2]
    for fmr, point in found.points.items():
        assert point.fmr.value <= fmr
    assert found.accuracy is None


def test_without_folds_there_is_no_accuracy_over_folds() -> None:
    scores = VerificationScores(("a", "b"), ("c", "d"), np.array([True, False]), np.array([0.5, 0.1]))
    assert verification_report.report(scores).to_dict()["accuracy"] is None


@given(SCORES, SCORES, st.sampled_from([-1.0, 0.0, 0.05, 0.9, 2.0]))
def test_every_interval_holds_its_value(mated: list[float], non_mated: list[float], threshold: float) -> None:
    found = verification_report.of_comparisons(
        Comparisons(np.array(mated), np.array(non_mated)), threshold=threshold
    )
    low, high = found.auc.bounds
    assert low <= found.auc.value <= high
    assert found.at_threshold is not None
    for name, rate in found.at_threshold.to_dict().items():
        if isinstance(rate, dict) and rate.get("total"):
            assert rate["low"] <= rate["rate"] <= rate["high"], name
    assert json.dumps(found.to_dict())


def test_the_eer_is_where_the_two_errors_are_nearest() -> None:
    found = verification_report.of_comparisons(
        Comparisons(np.array([0.9, 0.8, 0.3]), np.array([0.5, 0.2, 0.1, 0.0]))
    )
    assert found.equal_error == pytest.approx(0.25)
    assert found.eer.threshold == 0.3
