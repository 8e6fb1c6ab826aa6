"""Crops land on the template, equal OpenCV's, and turned or tiny or huge faces are handled alike."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from facekit.detection import create
from facekit.errors import UsageError, WeightsError
from facekit.faces.alignment import SCHEMES, Landmarks, align, reduce68, similarity
from facekit.pictures.images import read
from facekit.results import Detection, Pixels

ROOT = Path(__file__).parents[2]
TEMPLATE = SCHEMES["arcface5"]


@pytest.fixture(scope="module")
def photo(astronaut: Path) -> Pixels:
    return read(astronaut).pixels


@pytest.fixture(scope="module")
def landmarks() -> Landmarks:
    return Landmarks(ROOT / "weights" / "landmarks.dat")


def umeyama(points: np.ndarray, template: np.ndarray) -> np.ndarray:
    """The paper's equations 40 to 42, by singular values, with its rule against reflection."""
    start, end = points - points.mean(axis=0), template - template.mean(axis=0)
    u, values, v = np.linalg.svd(end.T @ start / len(points))
    signs = np.array([1.0, np.sign(np.linalg.det(u) * np.linalg.det(v))])
    turn = u @ np.diag(signs) @ v
    scale = (values * signs).sum() / start.var(axis=0).sum()
    return np.column_stack([scale * turn, template.mean(axis=0) - scale * turn @ points.mean(axis=0)])


def moved(points: np.ndarray, angle: float, scale: float, shift: tuple[float, float]) -> np.ndarray:
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return scale * points @ turn.T + shift


coordinates = st.floats(-1000, 1000, allow_nan=False).map(lambda value: round(value, 3))


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(coordinates, coordinates), min_size=5, max_size=5, unique=True))
def test_similarity_is_umeyamas_for_any_points(points: list[tuple[float, float]]) -> None:
    given_points = np.array(points)
    assert similarity(given_points, TEMPLATE) == pytest.approx(
        umeyama(given_points, TEMPLATE), rel=1e-6, abs=1e-6
    )


@pytest.mark.parametrize("angle", [0.0, 0.4, -1.6, 3.1])
@pytest.mark.parametrize("scale", [0.01, 1.0, 30.0])
def test_a_face_moved_by_a_similarity_is_brought_back_exactly(angle: float, scale: float) -> None:
    matrix = similarity(moved(TEMPLATE, angle, scale, (300.0, -20.0)), TEMPLATE)
    points = np.column_stack([moved(TEMPLATE, angle, scale, (300.0, -20.0)), np.ones(5)])
    assert points @ matrix.T == pytest.approx(TEMPLATE, abs=1e-6)


@pytest.mark.parametrize("points", [np.full((5, 2), 3.0), np.full((5, 2), np.nan), TEMPLATE * np.inf])
def test_points_that_say_nothing_are_an_error(points: np.ndarray, photo: Pixels) -> None:
    with pytest.raises(ValueError, match="finite and apart"):
        align(photo, points)


@pytest.mark.parametrize("angle", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("scale", [0.6, 1.0, 1.9])
def test_crops_equal_opencvs(angle: float, scale: float, photo: Pixels) -> None:
    points = moved(TEMPLATE - 56, angle, scale, (230.0, 200.0))
    ours = align(photo, points).astype(int)
    theirs = cv2.warpAffine(photo, similarity(points, TEMPLATE), (112, 112), flags=cv2.INTER_LINEAR)
    assert ours.shape == (112, 112, 3)
    assert np.abs(ours - theirs).max() <= 8
    assert np.abs(ours - theirs).mean() < 0.7


@pytest.mark.parametrize("scale", [2.5, 4.0])
def test_every_pixel_counts_when_a_face_is_shrunk(scale: float) -> None:
    checked = np.indices((900, 900)).sum(axis=0) % 2 * np.uint8(255)
    picture = np.repeat(checked[:, :, None], 3, axis=2).astype(np.uint8)
    crop = align(picture, moved(TEMPLATE - 56, 0.3, scale, (450.0, 450.0)))
    assert np.abs(crop.astype(int) - 127).max() < 70
    assert crop.std() < 20


def test_shrinking_keeps_the_place(photo: Pixels) -> None:
    large = cv2.resize(photo, None, fx=5, fy=5, interpolation=cv2.INTER_CUBIC)
    points = moved(TEMPLATE - 56, 0.2, 1.0, (225.0, 125.0))
    difference = align(large, points * 5 + 2).astype(int) - align(photo, points)
    assert np.abs(difference).mean() < 4


def test_beyond_the_picture_is_black(photo: Pixels) -> None:
    crop = align(photo, TEMPLATE - [56, 0])
    assert not crop[:, :54].any()
    assert crop[:, 60:].any()
    assert not align(photo, TEMPLATE + 5000).any()


def test_a_part_of_a_picture_need_not_be_contiguous(photo: Pixels) -> None:
    mirrored = photo[:, ::-1]
    points = TEMPLATE + 150
    assert np.array_equal(align(mirrored, points), align(np.ascontiguousarray(mirrored), points))


def test_other_sizes_show_the_same_part(photo: Pixels) -> None:
    small, large = (align(photo, TEMPLATE + 150, size=size) for size in (112, 224))
    assert large.shape == (224, 224, 3)
    assert np.abs(cv2.resize(large, (112, 112), interpolation=cv2.INTER_AREA).astype(int) - small).mean() < 4


def test_each_scheme_has_its_template(photo: Pixels) -> None:
    crops = [align(photo, SCHEMES[scheme] + 150, scheme=scheme) for scheme in SCHEMES]
    assert all(np.abs(crops[0].astype(int) - crop).max() <= 1 for crop in crops)
    with pytest.raises(UsageError, match="arcface5, dlib5"):
        align(photo, TEMPLATE, scheme="dlib68")


def test_68_points_are_reduced_to_five() -> None:
    points = np.zeros((68, 2))
    points[36:42], points[42:48], points[30], points[48], points[54] = 1, 2, 3, 4, 5
    points[36] = 7
    assert reduce68(points)[:, 0] == pytest.approx([2, 2, 3, 4, 5])
    assert reduce68(points).dtype == np.float32


def in_eye_distances(points: np.ndarray, others: np.ndarray) -> float:
    return float(np.linalg.norm(points - others, axis=1).mean() / np.linalg.norm(points[1] - points[0]))


def test_the_astronauts_points_are_found(photo: Pixels, landmarks: Landmarks) -> None:
    (face,) = create("dlib").detect(photo)
    points = landmarks(photo, face)
    assert points.shape == (5, 2)
    assert points.dtype == np.float32
    # As YuNet sees them.
    assert (
        in_eye_distances(
            np.array([(200.1, 101.8), (247.1, 102.6), (220.4, 124.5), (198.6, 142.8), (239.7, 143.6)]), points
        )
        < 0.1
    )


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_turned_face_has_the_same_points(turns: int, photo: Pixels, landmarks: Landmarks) -> None:
    x0, y0, x1, y1 = 179, 83, 267, 171
    expected = landmarks(photo, Detection((x0, y0, x1, y1), 1.0))
    lying = np.ascontiguousarray(np.rot90(photo, -turns))
    box = {
        1: (512 - y1, x0, 512 - y0, x1),
        2: (512 - x1, 512 - y1, 512 - x0, 512 - y0),
        3: (y0, 512 - x1, y1, 512 - x0),
    }
    points = landmarks(lying, Detection(box[turns], 1.0, tilt=90 * turns))
    back = {1: lambda x, y: (y, 511 - x), 2: lambda x, y: (511 - x, 511 - y), 3: lambda x, y: (511 - y, x)}
    upright = np.array([back[turns](x, y) for x, y in points])
    assert np.abs(upright - expected).max() < 1
    assert np.abs(align(lying, points).astype(int) - align(photo, expected)).mean() < 8


@pytest.mark.parametrize("lean", [-35, 20, 30])
def test_a_leaning_face_has_nearly_the_same_points(lean: int, photo: Pixels, landmarks: Landmarks) -> None:
    expected = landmarks(photo, Detection((179, 83, 267, 171), 1.0)) @ np.array([1, 1j])
    leaning = np.asarray(Image.fromarray(photo).rotate(lean, Image.Resampling.BILINEAR))
    turn, center = np.exp(-1j * np.radians(lean)), complex(255.5, 255.5)
    middle = (complex(222.5, 126.5) - center) * turn + center
    x, y = middle.real + 0.5, middle.imag + 0.5
    points = landmarks(leaning, Detection((x - 44, y - 44, x + 44, y + 44), 1.0, tilt=-lean))
    assert np.abs(points @ np.array([1, 1j]) - ((expected - center) * turn + center)).max() < 1.5


def test_a_large_leaning_face_is_seen_smaller(photo: Pixels, landmarks: Landmarks) -> None:
    large = np.asarray(Image.fromarray(photo).resize((5120, 5120)))
    small = landmarks(photo, Detection((179, 83, 267, 171), 1.0, tilt=1))
    found = landmarks(large, Detection((1790, 830, 2670, 1710), 1.0, tilt=1))
    assert np.abs(found / 10 - small).max() < 2


@pytest.mark.parametrize("tilt", [0, 90, -30])
@pytest.mark.parametrize(
    "box", [(-50, -50, 30, 30), (0, 0, 1, 1), (10.4, 10.4, 10.6, 10.6), (500, 480, 900, 880)]
)
def test_boxes_over_the_edge_give_points(
    box: tuple[float, float, float, float], tilt: int, photo: Pixels, landmarks: Landmarks
) -> None:
    assert np.isfinite(landmarks(photo, Detection(box, 1.0, tilt=tilt))).all()


@pytest.mark.parametrize("content", [b"", b"no predictor", bytes(range(256)) * 50])
def test_a_wrong_file_is_refused_in_one_line(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "landmarks.dat"
    path.write_bytes(content)
    for wrong in (path, tmp_path / "none.dat"):
        with pytest.raises(WeightsError, match=r"\.dat: (not a dlib shape predictor|cannot be read)"):
            Landmarks(wrong)
