"""Frames as they are shown: names where people are by now, and the ring of the poses."""

from dataclasses import replace

import numpy as np

from facekit.rendering.annotated import NAMED, UNKNOWN
from facekit.rendering.moving import drawn
from facekit.rendering.ring import line, ringed
from facekit.video.frames import Frame
from facekit.video.poses import POSES
from facekit.video.registering import Progress
from facekit.video.session import TrackState

GRAY = np.full((360, 480, 3), 128, np.uint8)
NOTHING = Progress(dict.fromkeys(POSES, 0), 3, "look into the camera")


def where(pixels: np.ndarray, color: tuple[int, int, int]) -> np.ndarray:
    """The mean place, x and y, of a color."""
    return np.argwhere((pixels == color).all(axis=2)).mean(axis=0)[::-1]


def test_a_box_is_drawn_where_the_person_is_expected_by_now() -> None:
    velocity = np.array([200.0, 0, 200, 0])
    person = TrackState(1, (50, 100, 150, 200), velocity, 2.0, "Ada", 0.7)
    pixels, notes = drawn(Frame(GRAY, 50, 2.1), [person])
    assert pixels.shape == GRAY.shape
    assert tuple(pixels[150, 70]) == NAMED
    assert notes == []
    unknown, _ = drawn(Frame(GRAY, 50, 2.0), [replace(person, subject=None)])
    assert tuple(unknown[150, 50]) == UNKNOWN


def test_a_frame_with_nothing_to_say_is_left_as_it_is() -> None:
    assert drawn(Frame(GRAY, 0, 0.0), [])[0] is GRAY
    assert (drawn(Frame(GRAY, 0, 0.0), [], "25 frames per second")[0][-10:, :10] < 128).any()


def test_what_is_done_is_green_and_on_the_persons_side() -> None:
    left = replace(NOTHING, counts={**NOTHING.counts, "front": 3, "left": 3})
    assert left.next == "right"
    ring = slice(0, 300)  # the text below has the colors too
    mirror = np.asarray(ringed(GRAY, left, mirrored=True))[ring]
    assert where(mirror, NAMED)[0] < 150
    assert where(mirror, UNKNOWN)[0] > 330
    other = np.asarray(ringed(GRAY, left, mirrored=False))[ring]
    assert where(other, NAMED)[0] > 330


def test_the_line_says_the_same_in_words() -> None:
    progress = replace(NOTHING, counts={**NOTHING.counts, "front": 3, "left": 1}, hint="turn")
    assert line(progress) == "front done  left 1/3  right 0/3  up 0/3  down 0/3: turn"
