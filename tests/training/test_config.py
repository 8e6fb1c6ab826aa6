"""The learning rate and the weight of the labels over a run."""

import math

import pytest

from training.small import quick


def test_the_rate_rises_in_a_line_stays_and_falls_by_a_cosine() -> None:
    config = quick(phases=((32, 40), (64, 60)), rate=2.0, warmup=10, decay=0.5)
    rates = [config.rate_at(step) for step in range(100)]
    assert rates[:10] == pytest.approx([0.2 * number for number in range(1, 11)])
    assert rates[10:50] == [2.0] * 40
    falling = [1 + math.cos(math.pi * number / 50) for number in range(50)]
    assert rates[50:] == pytest.approx(falling)
    assert rates[75] == pytest.approx(1.0)


def test_a_rate_that_falls_over_all_steps_begins_to_after_the_warm_up() -> None:
    config = quick(phases=((32, 100),), rate=2.0, warmup=20, decay=1.0)
    assert config.rate_at(9) == pytest.approx(1.0)
    assert config.rate_at(20) == pytest.approx(2.0)
    assert config.rate_at(60) == pytest.approx(1.0)
    assert config.rate_at(99) == pytest.approx(1 + math.cos(math.pi * 79 / 80))


def test_a_rate_without_decay_or_warm_up_is_one_number() -> None:
    config = quick(phases=((32, 30),), rate=0.3, warmup=0, decay=0.0)
    assert {config.rate_at(step) for step in range(30)} == {0.3}


def test_labels_count_more_and_more_beside_a_teacher_and_whole_without_one() -> None:
    config = quick(label_weight=0.6, label_ramp=4)
    weights = [config.label_weight_at(step, distilled=True) for step in range(7)]
    assert weights == pytest.approx([0, 0.15, 0.3, 0.45, 0.6, 0.6, 0.6])
    assert config.label_weight_at(0, distilled=False) == 1.0
