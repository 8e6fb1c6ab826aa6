"""Counting of faces found and missed."""

import numpy as np
import pytest

from facekit.evaluation.detection import outcome

SURE = np.array([True])


def boxes(*rows: tuple[float, ...]) -> np.ndarray:
    return np.array(rows, np.float64).reshape(-1, 4)


def test_a_face_counts_once_however_many_boxes_lie_on_it() -> None:
    twice = boxes((0, 0, 40, 40), (2, 2, 42, 42))
    result = outcome([(twice, np.array([0.9, 0.8]), boxes((0, 0, 40, 40)), SURE)])
    assert result.recall(40) == (1, 1)
    assert result.false.tolist() == [0.8]


def test_a_missed_face_stays_in_the_count_of_its_size() -> None:
    result = outcome([(boxes(), np.zeros(0), boxes((0, 0, 30, 38)), SURE)])
    assert result.recall(20, 40) == (0, 1)
    assert result.recall(40) == (0, 0)


def test_an_uncertain_place_counts_neither_way() -> None:
    places = boxes((0, 0, 40, 40), (100, 100, 140, 140))
    seen = boxes((105, 105, 125, 125))
    result = outcome([(seen, np.array([0.9]), places, np.array([True, False]))])
    assert (result.recall(0), result.false.size) == ((0, 1), 0)


def test_the_threshold_is_the_lowest_that_keeps_the_precision() -> None:
    faces = boxes(*((100 * n, 0, 100 * n + 40, 40) for n in range(4)))
    seen = np.concatenate([faces, boxes((0, 500, 40, 540))])
    result = outcome([(seen, np.array([0.9, 0.8, 0.7, 0.2, 0.5]), faces, np.ones(4, bool))])
    assert result.threshold(1.0) == pytest.approx(0.7)
    assert result.recall(0, least=result.threshold(1.0)) == (3, 4)
    assert result.threshold(0.8) == pytest.approx(0.2)


def test_where_no_box_is_right_no_threshold_will_do() -> None:
    result = outcome([(boxes((0, 0, 9, 9)), np.array([0.9]), boxes(), np.zeros(0, bool))])
    assert result.threshold(0.5) == np.inf
