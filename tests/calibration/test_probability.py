"""The curve from score to probability: what is stored comes back, and damage is told."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facekit.calibration.probability import Probability
from facekit.errors import GalleryError

LOGISTIC = Probability("logistic", (20.0, -8.0))
ISOTONIC = Probability("isotonic", (0.0, 0.5, 1.0), (0.1, 0.3, 0.5))


def test_both_curves_by_hand() -> None:
    assert LOGISTIC.of(0.4) == pytest.approx(0.5)
    assert LOGISTIC.of(0.5) == pytest.approx(1 / (1 + np.exp(-2)))
    assert ISOTONIC(np.array([-1, 0.1, 0.2, 0.4, 0.9])).tolist() == pytest.approx([0, 0, 0.25, 0.75, 1])


@given(st.floats(-1e6, 1e6))
def test_a_probability_is_between_0_and_1(score: float) -> None:
    for curve in (LOGISTIC, ISOTONIC):
        assert 0 <= curve.of(score) <= 1


def test_what_is_stored_comes_back() -> None:
    assert [Probability.read(curve.text()) for curve in (LOGISTIC, ISOTONIC)] == [LOGISTIC, ISOTONIC]
    assert Probability.read("") is None


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"kind": "logistic", "values": [1], "knots": []}', '{"values": 1}']
)
def test_a_damaged_curve_is_told(text: str) -> None:
    with pytest.raises(GalleryError, match="calibrate it again"):
        Probability.read(text)
