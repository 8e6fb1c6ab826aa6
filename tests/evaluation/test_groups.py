"""Rates by group: one threshold for all, and how far apart they are."""

import numpy as np
import pytest

from facekit.errors import UsageError
from facekit.evaluation import groups
from facekit.evaluation.metrics import Rate, accepted
from facekit.evaluation.scores import VerificationScores

SCORES = VerificationScores(
    tuple("abcdef"),
    tuple("ghijkl"),
    np.array([False] * 6),
    np.array([0.9, 0.1, 0.9, 0.8, 0.1, 0.1]),
    groups={"kin": ("1", "1", "0", "0", "0", "0"), "age": ("", "", "", "x", "x", "x")},
)


def by(column: str) -> groups.GroupRates:
    return groups.by(SCORES, column, 0.5, lambda part: {"FMR": accepted(part.scores, 0.5)}, lambda part: None)


def test_groups_by_hand() -> None:
    found = by("kin")
    assert found.rates == {"0": {"FMR": Rate(2, 4)}, "1": {"FMR": Rate(1, 2)}}
    assert found.spread()["FMR"]["ratio"] == 1.0
    assert by("age").spread() == {"FMR": {"worst": "", "best": "x", "ratio": 2.0}}
    assert by("age").to_dict()["groups"]["x"]["rates"]["FMR"]["count"] == 1


def test_the_ratio_to_a_group_without_errors_is_none() -> None:
    rates = {"a": {"FMR": Rate(1, 4)}, "b": {"FMR": Rate(0, 4)}, "c": {"FMR": Rate(0, 0)}}
    found = groups.GroupRates("x", 0.5, rates, dict.fromkeys(rates))
    assert found.spread() == {"FMR": {"worst": "a", "best": "b", "ratio": None}}


def test_a_column_that_is_not_there_is_told_with_those_that_are() -> None:
    with pytest.raises(UsageError, match="no column 'sex' to group by; there is: kin, age"):
        by("sex")
