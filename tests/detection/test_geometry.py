"""Boxes overlap, are suppressed and turned back as geometry says; a picture fits a network and back."""

import numpy as np
import pytest

from facekit.detection.geometry import fit, ordered, overlap, suppress, turned_back, working_side
from facekit.results import Detection


def test_overlap_is_intersection_over_union() -> None:
    boxes = np.array([[0, 0, 10, 10], [5, 0, 15, 10], [10, 0, 20, 10], [50, 50, 60, 60], [3, 3, 3, 3]], float)
    assert overlap(boxes[0], boxes) == pytest.approx([1, 1 / 3, 0, 0, 0])
    assert overlap(boxes[4], boxes[4:]) == pytest.approx([0])


def test_of_two_boxes_that_overlap_the_better_one_stays() -> None:
    boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [30, 0, 40, 10], [0, 1, 10, 11]], float)
    assert suppress(boxes, np.array([0.5, 0.9, 0.1, 0.7]), 0.4) == [1, 2]
    assert suppress(boxes, np.array([0.5, 0.5, 0.5, 0.5]), 0.4) == [0, 2]
    assert suppress(boxes[:0], np.zeros(0), 0.4) == []


def test_no_two_kept_boxes_overlap_and_every_other_is_covered() -> None:
    chance = np.random.default_rng(3)
    corners = chance.uniform(0, 80, (300, 2))
    boxes = np.concatenate([corners, corners + chance.uniform(5, 40, (300, 2))], axis=1)
    scores = chance.uniform(0, 1, 300)
    kept = suppress(boxes, scores, 0.4)
    for at in range(300):
        best = overlap(boxes[at], boxes[kept])
        if at in kept:
            assert (best > 0.4).sum() == 1
        else:
            assert scores[kept][best > 0.4].max() >= scores[at]


@pytest.mark.parametrize("turns", range(4))
def test_a_box_of_a_turned_picture_is_found_again(turns: int) -> None:
    picture = np.zeros((5, 9), int)
    picture[1, 7] = 1
    turned = np.rot90(picture, turns)
    ((row, column),) = np.argwhere(turned)
    box = (column, row, column + 1, row + 1)
    back = turned_back(box, 90 * turns, (turned.shape[1], turned.shape[0]), (9, 5))
    assert back == pytest.approx((7, 1, 8, 2))


@pytest.mark.parametrize("centered", [True, False])
@pytest.mark.parametrize("shape", [(300, 200), (200, 300), (10, 1000), (1, 1), (2000, 1500)])
def test_what_a_network_sees_is_found_again_in_the_picture(shape: tuple[int, int], centered: bool) -> None:
    fitted = fit(np.full((*shape, 3), 200, np.uint8), 320, 256, fill=7, centered=centered)
    assert fitted.canvas.shape == (256, 320, 3)
    seen = (fitted.canvas != 7).any(axis=2)
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    assert len(rows) == 256 or len(columns) == 320
    ends = fitted.back(np.array([[columns[0], rows[0]], [columns[-1] + 1, rows[-1] + 1]], float))
    assert np.abs(ends - [[0, 0], [shape[1], shape[0]]]).max() <= 0.51 / fitted.scale


@pytest.mark.parametrize(
    ("longer", "min_face", "side"),
    [(480, 40, 480), (2000, 50, 640), (4000, 40, 1280), (4000, 80, 800), (4000, 1, 1280)],
)
def test_a_picture_is_shrunk_as_far_as_small_faces_allow(longer: int, min_face: int, side: int) -> None:
    assert working_side(np.zeros((longer, 30, 3), np.uint8), min_face) == side


def test_faces_come_surest_first_and_without_the_small_ones() -> None:
    large, sure = Detection((5.0, 0.0, 95.0, 90.0), 0.5), Detection((0.0, 0.0, 50.0, 60.0), 0.9)
    equal, small = Detection((0.0, 0.0, 90.0, 90.0), 0.5), Detection((0.0, 0.0, 40.0, 30.0), 1.0)
    assert ordered([large, small, sure, equal], 40) == [sure, equal, large]
