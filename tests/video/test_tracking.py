"""Which face of this frame is which of the last."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facekit.detection.geometry import overlap
from facekit.results import Detection
from facekit.video.tracking import LEAST_OVERLAP, Track, moved, pair

from .conftest import square


def test_boxes_go_to_where_they_overlap_most() -> None:
    assert pair([square(0), square(100)], [square(105), square(3)]) == [1, 0]


def test_a_box_without_overlap_stays_alone() -> None:
    assert pair([square(0), square(100)], [square(200)]) == [None, None]
    assert pair([], [square(0)]) == []
    assert pair([square(0)], []) == [None]


def test_of_two_that_want_one_the_nearer_gets_it() -> None:
    assert pair([square(0), square(20)], [square(22)]) == [None, 0]


def test_who_walks_past_another_is_followed_by_how_they_walk() -> None:
    """Two cross each other: where they overlap, the way they move tells them apart."""
    left, right = (Track(n, Detection(square(x), 1), square(x), 0, 0) for n, x in ((1, 0), (2, 200)))
    for step in range(1, 11):
        a, b = square(20 * step), square(200 - 20 * step, 110)
        places = pair([left.expected_box(step / 10), right.expected_box(step / 10)], [a, b])
        assert places == [0, 1]
        left.see(Detection(a, 1), step / 10)
        right.see(Detection(b, 1), step / 10)
    assert left.box[0] > right.box[0]


def test_a_track_is_expected_further_on_but_not_for_long() -> None:
    velocity = np.array([100.0, 0, 100, 0])
    assert moved(square(0), velocity, 0.1) == pytest.approx(square(10))
    assert moved(square(0), velocity, 60) == pytest.approx(square(30))
    assert moved(square(0), velocity, -1) == square(0)


boxes = st.lists(
    st.tuples(st.integers(0, 300), st.integers(0, 200), st.integers(1, 90)).map(lambda b: square(*b)),
    max_size=6,
)


@given(expected=boxes, found=boxes)
def test_no_face_is_given_to_two_tracks(expected: list, found: list) -> None:
    places = [place for place in pair(expected, found) if place is not None]
    assert len(places) == len(set(places))
    assert all(0 <= place < len(found) for place in places)


@given(expected=boxes.filter(lambda found: len(found) < 5), found=boxes.filter(lambda found: len(found) < 5))
def test_the_overlaps_of_all_have_the_largest_sum(expected: list, found: list) -> None:
    shares = np.zeros((len(expected), len(found) + len(expected)))
    for row, box in enumerate(expected):
        if found:
            shares[row, : len(found)] = overlap(np.array(box, float), np.array(found, float))
    shares[shares < LEAST_OVERLAP] = 0
    places = pair(expected, found)
    reached = sum(shares[row, place] for row, place in enumerate(places) if place is not None)
    best = max(
        sum(shares[row, column] for row, column in enumerate(columns))
        for columns in permutations(range(shares.shape[1]), len(expected))
    )
    assert reached == pytest.approx(best)


def test_a_hundred_faces_in_one_place_are_paired_at_once() -> None:
    assert sorted(pair([square(50)] * 100, [square(50)] * 100)) == list(range(100))
