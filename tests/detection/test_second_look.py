"""The second look: what it is shown, and that a damaged network is refused."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facekit import weights
from facekit.detection.network import FaceNetwork
from facekit.detection.second_look import AROUND, SIDE, SecondLook, places
from facekit.errors import WeightsError
from facekit.results import Detection, Pixels

PHOTO = Path(__file__).parents[1] / "data/astronaut.png"


@pytest.fixture(scope="module")
def second() -> SecondLook:
    return SecondLook(threads=1)


def test_a_place_is_the_face_with_what_is_around_it() -> None:
    pixels = np.zeros((200, 300, 3), np.uint8)
    pixels[80:120, 100:140] = 255
    (crop,) = places(pixels, np.array([[100.0, 80.0, 140.0, 120.0]]))
    light = crop[:, :, 0] > 127
    assert crop.shape == (SIDE, SIDE, 3)
    assert np.sqrt(light.sum()) == pytest.approx(SIDE / AROUND, abs=1)
    rows, columns = np.nonzero(light)
    assert (rows.mean(), columns.mean()) == pytest.approx(((SIDE - 1) / 2, (SIDE - 1) / 2), abs=0.6)


def test_beyond_the_picture_all_is_black() -> None:
    (crop,) = places(np.full((50, 50, 3), 200, np.uint8), np.array([[-10.0, -10.0, 10.0, 10.0]]))
    assert (crop[: SIDE // 3, : SIDE // 3] == 0).all()
    assert (crop[-SIDE // 3 :, -SIDE // 3 :] == 200).all()


def test_places_of_nothing() -> None:
    assert places(np.zeros((9, 9, 3), np.uint8), np.zeros((0, 4))).shape == (0, SIDE, SIDE, 3)


def test_a_face_is_surer_than_what_is_none(second: SecondLook) -> None:
    pixels = np.asarray(Image.open(PHOTO).convert("RGB"))
    face = Detection((175.0, 70.0, 275.0, 195.0), 0.9, None)
    suit = Detection((100.0, 350.0, 200.0, 460.0), 0.9, None)
    sure, unsure = second.scores(pixels, [face, suit])
    assert sure > 0.85
    assert unsure < sure - 0.05


def test_both_looks_make_the_score(second: SecondLook) -> None:
    pixels = np.asarray(Image.open(PHOTO).convert("RGB"))
    faces = [Detection((175.0, 70.0, 275.0, 195.0), score, None) for score in (0.2, 0.5, 0.9)]
    scores = second.scores(pixels, faces)
    assert (np.diff(scores) > 0).all()


def test_more_places_than_are_shown_at_once_are_all_answered(
    second: SecondLook, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels: Pixels = np.random.default_rng(1).integers(0, 256, (90, 90, 3), np.uint8)
    faces = [Detection((n * 5.0, 9.0, n * 5.0 + 20, 30.0), 0.5, None) for n in range(7)]
    at_once = second.scores(pixels, faces)
    monkeypatch.setattr("facekit.detection.second_look._AT_ONCE", 2)
    np.testing.assert_allclose(second.scores(pixels, faces), at_once, atol=1e-6)


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    spec = weights.shipped_second_look()
    copy = tmp_path / "second-look.onnx"
    copy.write_bytes(spec.path.read_bytes()[:-1] + b"x")
    with pytest.raises(WeightsError, match=r"second-look\.onnx: damaged or changed"):
        SecondLook(dataclasses.replace(spec, path=copy))


def test_what_the_second_look_refuses_is_no_face(monkeypatch: pytest.MonkeyPatch) -> None:
    network = FaceNetwork(threads=1)
    pixels = np.asarray(Image.open(PHOTO).convert("RGB"))
    assert network.detect(pixels)
    monkeypatch.setattr(network.second, "scores", lambda pixels, faces: np.zeros(len(faces)))
    assert network.detect(pixels) == []
