"""Photos of another quality are told from photos that only differ by chance."""

import numpy as np
import pytest

from facekit.evaluation.shift import difference, poorer

USUAL = np.array([1e-4, 1e-4, 1e-4, 2e-4, 3e-4, 1e-3])
POOR = np.array([2e-3, 3e-3, 4e-3, 6e-3, 5e-3])


def test_equal_rates_count_half() -> None:
    assert poorer(USUAL, USUAL) == pytest.approx(0.5)
    assert poorer(POOR, USUAL) == 1
    assert poorer(USUAL, POOR) == 0


def test_photos_of_one_quality_do_not_differ() -> None:
    assert difference(USUAL, USUAL[::-1]) is None


def test_a_poor_gallery_and_poor_strangers_are_told_apart() -> None:
    assert str(difference(POOR, USUAL)).startswith(
        "the gallery's photos are poorer than the strangers' (in 100 %"
    )
    assert str(difference(USUAL, POOR)).startswith("the strangers' photos are poorer than the gallery's")


def test_a_few_photos_or_rates_that_are_not_known_tell_nothing() -> None:
    assert difference(POOR[:4], USUAL) is None
    assert difference(np.full(9, np.nan), USUAL) is None
    assert difference(np.concatenate([POOR, [np.nan]]), USUAL) is not None
