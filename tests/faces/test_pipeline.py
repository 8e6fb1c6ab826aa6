"""One pipeline serves many threads, and gives each what it would give it alone."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facekit import Pipeline
from facekit.detection import Detector, create
from facekit.models import runtime
from facekit.models.pool import Pool
from facekit.models.weights import shipped_embedder
from facekit.pictures.images import read
from facekit.results import Detection, Picture, Pixels

THREADS = 4


@pytest.fixture(scope="module")
def pictures(astronaut: Path) -> list[Picture]:
    """The same face in other places and sizes, so that a thread that got another's faces is noticed."""
    photo = Image.fromarray(read(astronaut).pixels)
    made = []
    for number in range(6):
        canvas = Image.new("RGB", (420 + 40 * number, 420), (90, 120, 150))
        canvas.paste(photo.resize((300 + 20 * number,) * 2), (30 * number, 7 * number))
        made.append(Picture(str(number), np.asarray(canvas), ""))
    return made * 4


def boxes(faces: Sequence[Detection]) -> list[tuple[float, ...]]:
    return [face.box for face in faces]


def test_threads_that_share_a_pipeline_get_the_faces_that_each_would_get_alone(
    pictures: list[Picture],
) -> None:
    alone = [Pipeline().faces(picture) for picture in pictures[:6]] * 4
    assert all(alone)
    shared = Pipeline()
    with ThreadPoolExecutor(THREADS) as pool:
        together = list(pool.map(shared.faces, pictures))
    assert [boxes([f.detection for f in faces]) for faces in together] == [
        boxes([f.detection for f in faces]) for faces in alone
    ]
    for faces, expected in zip(together, alone, strict=True):
        assert np.allclose(faces[0].vector, expected[0].vector, atol=1e-5)
        assert np.array_equal(faces[0].points, expected[0].points)


def same_in_threads(detector: Detector, pixels: Sequence[Pixels]) -> None:
    alone = [boxes(detector.detect(each)) for each in pixels]
    with ThreadPoolExecutor(THREADS) as pool:
        assert list(pool.map(lambda each: boxes(detector.detect(each)), pixels)) == alone


def test_threads_share_yunet(models_folder: Path, pictures: list[Picture]) -> None:
    pytest.importorskip("cv2", exc_type=ImportError)
    same_in_threads(create(f"yunet={models_folder / 'yunet.onnx'}"), [each.pixels for each in pictures])


def test_threads_share_scrfd(models_folder: Path, pictures: list[Picture]) -> None:
    path = models_folder / "scrfd_2.5g.onnx"
    if not path.is_file():
        pytest.skip(f"{path} is missing")
    same_in_threads(create(f"retinaface={path}"), [each.pixels for each in pictures])


def test_threads_share_a_network_of_openvino() -> None:
    pytest.importorskip("openvino")
    network = runtime.load(shipped_embedder().path.read_bytes(), runtime="openvino", threads=1)
    crops = [np.full((1, 3, 112, 112), number / 10 - 1, np.float32) for number in range(20)]
    alone = [network(each) for each in crops]
    with ThreadPoolExecutor(THREADS) as pool:
        assert all(map(np.array_equal, pool.map(network, crops), alone))


def test_what_is_lent_has_one_borrower_and_is_lent_again() -> None:
    made: list[object] = []

    def make() -> object:
        made.append(object())
        return made[-1]

    lending = Pool(make)
    with lending.borrowed() as first, lending.borrowed() as second:
        assert first is not second
    for _ in range(5):
        with lending.borrowed(), lending.borrowed():
            pass
    assert len(made) == 2


def test_what_failed_is_not_lent_again() -> None:
    lending = Pool(object)
    with pytest.raises(ValueError), lending.borrowed() as broken:
        raise ValueError
    with lending.borrowed() as other:
        assert other is not broken
