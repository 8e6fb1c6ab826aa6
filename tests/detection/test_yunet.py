"""YuNet, where its file and OpenCV are at hand; a network that is none is refused."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facekit.detection import create
from facekit.errors import WeightsError
from facekit.pictures.images import read

from .networks import constant_network

pytest.importorskip("cv2", exc_type=ImportError)


@pytest.fixture(scope="module")
def spec(models_folder: Path) -> str:
    return f"yunet={models_folder / 'yunet.onnx'}"


@pytest.mark.parametrize("size", [128, 512, 3000])
def test_the_one_face_is_found_with_its_points(size: int, spec: str, astronaut: Path) -> None:
    picture = Image.fromarray(read(astronaut).pixels).resize((size, size))
    (face,) = create(spec).detect(np.asarray(picture), min_face=10)
    assert np.array(face.box) * 512 / size == pytest.approx((178, 63, 268, 176), abs=10)
    assert face.points is not None
    left, right, nose, mouth_left, mouth_right = face.points
    assert left[0] < nose[0] < right[0]
    assert max(left[1], right[1]) < nose[1] < min(mouth_left[1], mouth_right[1])


@pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (3000, 1), (50, 50)])
def test_pictures_of_any_shape_without_a_face(shape: tuple[int, int], spec: str) -> None:
    assert create(spec).detect(np.zeros((*shape, 3), np.uint8)) == []


def test_nothing_is_printed(spec: str, capfd: pytest.CaptureFixture[str]) -> None:
    create(spec).detect(np.zeros((64, 64, 3), np.uint8))
    assert capfd.readouterr() == ("", "")


def test_another_network_is_refused(tmp_path: Path) -> None:
    path = constant_network(tmp_path / "other.onnx", [np.zeros((1, 10))], [1, 3, "h", "w"])
    with pytest.raises(WeightsError, match=r"other\.onnx: not a YuNet network"):
        create(f"yunet={path}")
