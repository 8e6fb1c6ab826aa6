"""The usual detector: two that look together, and what is tried where neither sees a face."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facekit.detection import create
from facekit.detection.auto import Auto, merged, turned_back
from facekit.detection.geometry import overlap
from facekit.pictures.lighting import lit
from facekit.results import Detection, Pixels

PHOTO = Path(__file__).parents[1] / "data" / "astronaut.png"
FIVE = np.array([[10, 10], [30, 10], [20, 20], [12, 30], [28, 30]], np.float32)


@pytest.fixture(scope="module")
def photo() -> Pixels:
    return np.asarray(Image.open(PHOTO).convert("RGB"))


@pytest.fixture(scope="module")
def auto() -> Auto:
    detector = create("auto")
    assert isinstance(detector, Auto)
    return detector


def face(x: float, score: float, points: bool = True) -> Detection:
    return Detection((x, 0.0, x + 40, 40.0), score, FIVE + np.array([x, 0], np.float32) if points else None)


def test_a_face_that_both_see_counts_once_with_dlibs_box() -> None:
    (found,) = merged([face(0, 1.2, points=False)], [face(4, 0.9)], 0.5)
    assert found.box == (0, 0, 40, 40)
    assert found.score == 0.9


def test_what_one_alone_is_sure_of_is_found() -> None:
    found = merged([], [face(0, 0.9), face(100, 0.4)], 0.5)
    assert [each.box[0] for each in found] == [0]


def test_a_box_of_dlibs_counts_where_the_network_half_sees_a_face_and_not_where_it_sees_none() -> None:
    found = merged([face(0, 1.2, points=False), face(100, 1.2, points=False)], [face(4, 0.2)], 0.5)
    assert [(each.box[0], each.score) for each in found] == [(0, 0.5)]


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_places_are_turned_back(quarters: int) -> None:
    picture = np.zeros((60, 100, 3), np.uint8)
    picture[10:20, 70:75] = 255
    turned = np.rot90(picture, quarters)
    rows, columns = np.nonzero(turned[..., 0])
    box = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    spot = np.array([[columns[0] + 0.5, rows[0] + 0.5]], np.float32)
    found = turned_back(Detection(tuple(map(float, box)), 0.9, spot), quarters, 100, 60)  # type: ignore[arg-type]
    assert found.box == (70, 10, 75, 20)
    assert found.points is not None
    x, y = found.points[0]
    assert picture[int(y), int(x)].all()


@pytest.mark.parametrize(("quarters", "tilt"), [(0, 0), (1, -90), (2, 180), (3, 90)])
def test_a_picture_on_its_side_or_head_shows_the_same_face(
    quarters: int, tilt: int, photo: Pixels, auto: Auto
) -> None:
    upright = auto.detect(photo, min_face=40)[0]
    turned = np.ascontiguousarray(np.rot90(photo, quarters))
    found = auto.detect(turned, min_face=40)[0]
    assert found.tilt == tilt
    there = turned_back(found, quarters, photo.shape[1], photo.shape[0])
    assert overlap(np.array(there.box), np.array([upright.box]))[0] > 0.5


def test_a_face_in_the_dark_is_found(photo: Pixels, auto: Auto) -> None:
    dark = (photo * 0.06).astype(np.uint8)
    upright, found = (auto.detect(lit(pixels), min_face=40)[0] for pixels in (photo, dark))
    assert overlap(np.array(found.box), np.array([upright.box]))[0] > 0.5


def test_grain_and_emptiness_are_no_faces(auto: Auto) -> None:
    grain = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
    shown = np.asarray(Image.fromarray(grain).resize((640, 480), Image.Resampling.BILINEAR))
    assert auto.detect(shown, min_face=24) == []
    assert auto.detect(np.zeros((480, 640, 3), np.uint8), min_face=24) == []
