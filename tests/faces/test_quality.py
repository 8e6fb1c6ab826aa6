"""The four numbers measure what they say, and every limit has its words."""

import dataclasses
import math

import numpy as np
import pytest

from facekit.faces.alignment import SCHEMES
from facekit.faces.quality import Limits, measure, pitch, problems
from facekit.results import Detection, Pixels, Quality

FACE = Detection((10.0, 10.0, 130.0, 110.0), 1.0)
GOOD = Quality(size=120, sharpness=400, brightness=120, yaw=0.02)


def measured(crop: Pixels, points: np.ndarray = SCHEMES["arcface5"], scheme: str = "arcface5") -> Quality:
    return measure(FACE, points, crop, scheme=scheme)


def striped(period: int) -> Pixels:
    columns = (np.arange(112) // period % 2 * 200).astype(np.uint8)
    return np.broadcast_to(columns[None, :, None], (112, 112, 3))


def test_size_is_the_side_of_a_square_as_large_as_the_box() -> None:
    assert measured(striped(4)).size == pytest.approx(math.sqrt(100 * 120))


def test_a_smooth_crop_is_less_sharp_than_a_detailed_one() -> None:
    flat = np.full((112, 112, 3), 90, np.uint8)
    assert measured(flat).sharpness == pytest.approx(0)
    assert measured(striped(16)).sharpness < measured(striped(4)).sharpness < measured(striped(1)).sharpness


def test_sharpness_is_the_variance_of_the_laplacian() -> None:
    gray = np.random.default_rng(0).integers(0, 256, (112, 112)).astype(float)
    crop = np.repeat(gray[:, :, None], 3, axis=2).astype(np.uint8)
    laplacian = [
        gray[y - 1, x] + gray[y + 1, x] + gray[y, x - 1] + gray[y, x + 1] - 4 * gray[y, x]
        for y in range(1, 111)
        for x in range(1, 111)
    ]
    assert measured(crop).sharpness == pytest.approx(np.var(laplacian), rel=1e-4)


@pytest.mark.parametrize(
    ("color", "brightness"), [((255, 255, 255), 255), ((0, 0, 0), 0), ((255, 0, 0), 76.2)]
)
def test_brightness_is_as_the_eye_weighs_colors(color: tuple[int, int, int], brightness: float) -> None:
    assert measured(np.full((112, 112, 3), color, np.uint8)).brightness == pytest.approx(brightness, abs=0.1)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("angle", [0.0, 1.0, 3.0])
def test_yaw_follows_the_nose_and_not_the_tilt_of_the_head(scheme: str, angle: float) -> None:
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = SCHEMES[scheme].copy()
    assert abs(measured(striped(4), points @ turn.T, scheme).yaw) < 0.02
    points[2 if scheme == "arcface5" else 4, 0] += 0.5 * 36
    assert measured(striped(4), points @ turn.T * 3, scheme).yaw == pytest.approx(0.5, abs=0.03)


def test_points_on_top_of_each_other_do_not_blow_up() -> None:
    points = SCHEMES["arcface5"].copy()
    points[1] = points[0]
    assert np.isfinite(list(measured(striped(4), points).to_stored().values())).all()


def test_a_good_face_has_no_problems() -> None:
    assert problems(GOOD) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"size": 20}, "too small (20 pixels"),
        ({"sharpness": 2}, "too blurred (sharpness 2"),
        ({"brightness": 10}, "too dark (brightness 10"),
        ({"brightness": 250}, "too bright (brightness 250"),
        ({"yaw": 1.2}, "turned too far to the right (1.20"),
        ({"yaw": -1.2}, "turned too far to the left (1.20"),
    ],
)
def test_every_limit_has_its_words(change: dict[str, float], words: str) -> None:
    (problem,) = problems(dataclasses.replace(GOOD, **change))
    assert problem.startswith(words)


def test_all_problems_are_told_and_limits_can_be_moved() -> None:
    poor = Quality(size=1, sharpness=0, brightness=0, yaw=-2)
    assert len(problems(poor)) == 4
    assert problems(poor, Limits(size=0, sharpness=0, darkest=0, yaw=3)) == []


def test_pitch_follows_the_nose_up_and_down_whatever_the_tilt_and_the_size() -> None:
    points = SCHEMES["arcface5"].copy()
    straight = pitch(points)
    points[2, 1] -= 0.2 * 40.7
    assert pitch(points) == pytest.approx(straight + 0.2, abs=0.01)
    turn = np.array([[np.cos(1.0), -np.sin(1.0)], [np.sin(1.0), np.cos(1.0)]])
    assert pitch(points @ turn.T * 3 + 50) == pytest.approx(pitch(points), abs=1e-6)
    assert np.isfinite(pitch(np.zeros((5, 2))))
