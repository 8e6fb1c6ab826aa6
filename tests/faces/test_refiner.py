"""Rough points come back closer, and nothing is moved that should stay."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from detection.networks import constant_network

from facekit.detection import create
from facekit.errors import WeightsError
from facekit.faces.alignment import CENTER, RADIUS, SCHEMES, Refiner, align, similarity
from facekit.faces.pipeline import Pipeline
from facekit.models import weights
from facekit.models.weights import RefinerSpec
from facekit.pictures.images import read
from facekit.results import Detection, Picture, Pixels

TEMPLATE = SCHEMES["arcface5"]
# As YuNet sees them, the mean of nine looks: one is off by a pixel or two.
ASTRONAUT = np.array([(201.1, 101.8), (246.2, 102.9), (222.1, 125.6), (201.9, 142.8), (241.8, 144.2)])


@pytest.fixture(scope="module")
def picture(astronaut: Path) -> Picture:
    return read(astronaut)


@pytest.fixture(scope="module")
def face(picture: Picture) -> Detection:
    """The face as dlib's detector has it: a box without points."""
    (found,) = create("dlib").detect(picture.pixels)
    return found


@pytest.fixture(scope="module")
def refiner() -> Refiner:
    return Refiner(weights.shipped_refiner(), threads=1)


def constant(tmp_path: Path, *numbers: float, side: int = 56) -> RefinerSpec:
    """A network that gives these numbers whatever it sees."""
    path = constant_network(tmp_path / "constant.onnx", [np.array([numbers])], [1, 3, side, side])
    return RefinerSpec(path, weights.digest(path), 56, (18.0, 28.0, 94.0, 104.0))


def complex_points(points: np.ndarray) -> np.ndarray:
    return np.asarray(points, np.float64) @ np.array([1, 1j])


def jittered(points: np.ndarray, seed: int) -> np.ndarray:
    """The points moved as a predictor is wrong: shifted, turned and scaled together."""
    random = np.random.default_rng(seed)
    x, y, angle, stretch = random.uniform(-1, 1, 4) * (6, 6, 0.12, 0.1)
    at = complex_points(points)
    moved = at.mean() + (at - at.mean()) * np.exp(stretch + 1j * angle) + complex(x, y)
    return np.column_stack([moved.real, moved.imag])


def crop_error(points: np.ndarray, truth: np.ndarray) -> float:
    """Mean distance in pixels, in the crop cut by `points`, of the true template points from their places."""
    to_crop, to_true = (np.vstack([similarity(each, TEMPLATE), [0, 0, 1]]) for each in (points, truth))
    places = np.column_stack([TEMPLATE, np.ones(5)]) @ (to_crop @ np.linalg.inv(to_true)).T
    return float(np.linalg.norm(places[:, :2] - TEMPLATE, axis=1).mean())


@pytest.mark.parametrize("scheme", ["arcface5", "dlib5"])
def test_rough_points_come_back_closer(scheme: str, picture: Picture, refiner: Refiner) -> None:
    upright = np.linalg.inv(np.vstack([similarity(ASTRONAUT, TEMPLATE), [0, 0, 1]]))
    truth = (np.column_stack([SCHEMES[scheme], np.ones(5)]) @ upright.T)[:, :2]
    rough = [jittered(truth, seed) for seed in range(12)]
    found = refiner(picture.pixels, rough, scheme=scheme)
    to_frame = similarity(truth, SCHEMES[scheme])[:, :2]
    before, after = (
        np.linalg.norm((np.array(each) - truth) @ to_frame.T, axis=2).mean(axis=1) for each in (rough, found)
    )
    assert after.mean() < before.mean() / 2
    assert after.max() < 4


def test_the_predictors_points_come_closer(picture: Picture, face: Detection) -> None:
    pipeline = Pipeline()
    rough = pipeline.landmarks(picture.pixels, face)
    (refined,) = pipeline.points(picture, [face])
    assert refined.shape == (5, 2)
    assert refined.dtype == np.float32
    assert crop_error(refined, ASTRONAUT) < max(crop_error(rough, ASTRONAUT), 2)


def test_points_keep_their_shape(picture: Picture, refiner: Refiner) -> None:
    """They move together: what they say of a turned head is the predictor's."""
    rough = jittered(ASTRONAUT, 3)
    (found,) = refiner(picture.pixels, [rough])
    spread, other = (complex_points(each) - complex_points(each).mean() for each in (rough, found))
    assert other / spread == pytest.approx(np.full(5, (other / spread)[0]), abs=1e-4)


@pytest.mark.parametrize(("looks", "size", "off"), [(1, 1.1, 1), (2, 1.1**2, 1 + 1.1)])
def test_a_correction_moves_the_points_as_it_says(
    looks: int, size: float, off: float, tmp_path: Path, picture: Picture
) -> None:
    """Each look moves them in the crop by (3, 4), and a tenth apart."""
    refiner = Refiner(constant(tmp_path, 3, 4, 0.1 * RADIUS, 0), looks=looks, threads=1)
    frame = similarity(ASTRONAUT, TEMPLATE)
    (found,) = refiner(picture.pixels, [ASTRONAUT])
    grown = complex_points(found) - complex_points(found).mean()
    plain = complex_points(ASTRONAUT) - complex_points(ASTRONAUT).mean()
    assert np.abs(grown / plain) == pytest.approx(np.full(5, size), rel=1e-5)
    middle = complex(*(np.append(found.mean(axis=0), 1) @ frame.T))
    assert middle - CENTER == pytest.approx((3 + 4j) * off, abs=1e-3)


@pytest.mark.parametrize("numbers", [(40, 0, 0, 0), (0, 0, 0, 40), (float("nan"), 0, 0, 0), (0, 0, 1e30, 0)])
def test_an_implausible_correction_is_ignored(
    numbers: tuple[float, ...], tmp_path: Path, picture: Picture
) -> None:
    (found,) = Refiner(constant(tmp_path, *numbers), threads=1)(picture.pixels, [ASTRONAUT])
    assert found == pytest.approx(ASTRONAUT.astype(np.float32))


def test_a_batch_gives_what_single_faces_give(picture: Picture, refiner: Refiner) -> None:
    rough = [jittered(ASTRONAUT, seed) for seed in range(3)]
    together = refiner(picture.pixels, rough)
    for alone, found in zip(rough, together, strict=True):
        assert refiner(picture.pixels, [alone])[0] == pytest.approx(found, abs=1e-3)
    assert refiner(picture.pixels, []) == []


@pytest.mark.parametrize("place", [(-300, -300), (500, 480)])
def test_faces_over_the_edge_have_points(place: tuple[int, int], picture: Picture, refiner: Refiner) -> None:
    (found,) = refiner(picture.pixels, [TEMPLATE + place])
    assert np.isfinite(found).all()


def test_a_changed_byte_is_refused(tmp_path: Path) -> None:
    spec = weights.shipped_refiner()
    copy = tmp_path / spec.path.name
    data = bytearray(spec.path.read_bytes())
    data[len(data) // 2] ^= 1
    copy.write_bytes(data)
    with pytest.raises(WeightsError, match=r"refiner\.onnx: damaged or changed"):
        Refiner(replace(spec, path=copy))
    shutil.copy(spec.path, copy)
    assert Refiner(replace(spec, path=copy), threads=1).spec.side == spec.side


def test_a_network_of_another_kind_is_refused(tmp_path: Path, picture: Picture) -> None:
    path = tmp_path / "text.onnx"
    path.write_text("no network")
    with pytest.raises(WeightsError, match="is no network"):
        Refiner(RefinerSpec(path, weights.digest(path), 56, (18.0, 28.0, 94.0, 104.0)))
    with pytest.raises(WeightsError, match="not 4"):
        Refiner(constant(tmp_path, 1, 2), threads=1)(picture.pixels, [ASTRONAUT])
    with pytest.raises(WeightsError, match="does not take crops of 56"):
        Refiner(constant(tmp_path, 0, 0, 0, 0, side=48), threads=1)(picture.pixels, [ASTRONAUT])


def test_a_detectors_own_points_come_closer_too(picture: Picture, face: Detection) -> None:
    pipeline = Pipeline()
    own = jittered(ASTRONAUT, 1).astype(np.float32)
    pointed = Detection(face.box, 0.5, own)
    first, second = pipeline.points(picture, [pointed, face])
    assert crop_error(first, ASTRONAUT) < crop_error(own, ASTRONAUT) / 2
    assert crop_error(second, ASTRONAUT) < 4


def test_the_crop_is_cut_by_the_refined_points(picture: Picture) -> None:
    pipeline = Pipeline()
    (face,) = pipeline.faces(picture)
    expected: Pixels = align(picture.pixels, pipeline.points(picture, [face.detection])[0])
    assert (face.crop == expected).all()
