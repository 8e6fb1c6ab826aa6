"""The built-in network: which sizes a picture is shown in, what comes back, and from several threads."""

import dataclasses
import itertools
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facekit.detection.geometry import face_side
from facekit.detection.network import FaceNetwork, longest_side, sides, single
from facekit.errors import WeightsError
from facekit.models import weights
from facekit.results import Pixels

PHOTO = Path(__file__).parents[1] / "data" / "astronaut.png"


@pytest.fixture(scope="module")
def photo() -> Pixels:
    return np.asarray(Image.open(PHOTO).convert("RGB"))


@pytest.fixture(scope="module")
def network() -> FaceNetwork:
    return FaceNetwork(threads=1)


def blank(width: int, height: int) -> Pixels:
    return np.zeros((height, width, 3), np.uint8)


@pytest.mark.parametrize(("width", "height"), [(640, 480), (4000, 3000), (3000, 6000), (300, 200)])
@pytest.mark.parametrize("min_face", [10, 24, 40, 100])
def test_faces_of_every_size_are_well_seen_in_some_view(width: int, height: int, min_face: int) -> None:
    longer = max(width, height)
    shown = [face * side / longer for face in (min_face,) for side in sides(blank(width, height), min_face)]
    as_large = min(2, max(2000, min(longer, longest_side(min_face))) / longer)
    assert max(shown) >= 19 or max(shown) >= 0.99 * min_face * as_large
    views = sides(blank(width, height), min_face)
    assert min(views) <= 320
    assert all(first <= 3.2 * second + 1 for first, second in itertools.pairwise(views))


def test_half_of_a_large_photo_is_enough_unless_smaller_faces_are_asked_for() -> None:
    assert max(sides(blank(4032, 3024), 24)) == longest_side(24) <= 4032 / 2
    assert max(sides(blank(4032, 3024), 12)) == longest_side(12) == 2 * longest_side(24)
    assert longest_side(1) <= 6000


@pytest.mark.parametrize("min_face", [12, 24, 40])
def test_a_photo_that_was_shrunk_to_the_largest_look_is_not_enlarged_again(min_face: int) -> None:
    """Its smallest face is as much smaller, and so asked for in fewer pixels."""
    longest = longest_side(min_face)
    shrunk = blank(longest, longest * 3 // 4)
    assert max(sides(shrunk, min_face * longest // 6000)) <= longest


def test_a_larger_least_face_costs_no_larger_view() -> None:
    assert max(sides(blank(4000, 3000), 200)) == 640


@pytest.mark.parametrize("side", [40, 90, 200, 320])
def test_a_face_is_found_at_every_size_with_its_points_inside(
    side: int, photo: Pixels, network: FaceNetwork
) -> None:
    """The astronaut's face is a quarter of the photo's width."""
    scale = side / 110
    image = Image.fromarray(photo[:300, 60:360])
    shown = np.asarray(image.resize((round(300 * scale), round(300 * scale)), Image.Resampling.LANCZOS))
    face = network.detect(shown, min_face=24)[0]
    assert 0.7 * side < face_side(face.box) < 1.4 * side
    assert face.points is not None
    x0, y0, x1, y1 = face.box
    assert ((face.points > [x0, y0]) & (face.points < [x1, y1])).all()
    left, right = face.points[:2]
    assert left[0] < right[0]


def test_what_is_small_must_look_like_a_face_by_itself_too(
    photo: Pixels, network: FaceNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    """18 pixels in a large picture: one look says it is a face, the second one decides."""
    scene = np.full((1500, 2000, 3), 128, np.uint8)
    small = Image.fromarray(photo).resize((84, 84), Image.Resampling.LANCZOS)
    scene[700:784, 900:984] = np.asarray(small)
    face = network.detect(scene, min_face=10)[0]
    assert face_side(face.box) < 20
    assert 929 < (face.box[0] + face.box[2]) / 2 < 945
    asked: list[int] = []
    original = FaceNetwork._again

    def blind(self: FaceNetwork, pixels: Pixels, boxes: np.ndarray) -> np.ndarray:
        asked.append(len(boxes))
        return np.zeros_like(original(self, pixels, boxes))

    monkeypatch.setattr(FaceNetwork, "_again", blind)
    assert network.detect(scene, min_face=10) == []
    assert asked == [1]
    assert network.detect(photo, min_face=20)


def test_smaller_faces_than_asked_for_are_left_out(photo: Pixels, network: FaceNetwork) -> None:
    (face,) = network.detect(photo, min_face=60)
    side = face_side(face.box)
    assert network.detect(photo, min_face=round(side * 1.3)) == []


def test_threads_share_it(photo: Pixels, network: FaceNetwork) -> None:
    alone = network.detect(photo, min_face=40)
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda _: network.detect(photo, min_face=40), range(8)))
    for faces in together:
        assert [(face.box, face.score) for face in faces] == [(face.box, face.score) for face in alone]


@pytest.mark.parametrize("size", [(1, 1), (3, 900), (900, 3), (33, 31)])
def test_pictures_of_odd_shapes_are_looked_at(size: tuple[int, int], network: FaceNetwork) -> None:
    assert network.detect(blank(*size), min_face=20) == []


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    spec = weights.shipped_face_network()
    copy = tmp_path / "detector-network.onnx"
    shutil.copy(spec.path, copy)
    with copy.open("r+b") as file:
        file.write(b"\0\0")
    with pytest.raises(WeightsError, match=r"detector-network\.onnx: damaged or changed"):
        FaceNetwork(dataclasses.replace(spec, path=copy))


def test_a_face_that_two_views_show_in_different_sizes_counts_once() -> None:
    boxes = np.array(
        [[420, 1948, 461, 1998], [403, 1933, 468, 2021], [600, 1948, 641, 1998], [440, 1960, 470, 1990]]
    )
    assert single(boxes.astype(np.float32), [0, 1, 2]) == [0, 2]
    for again in ([77, 1933, 134, 2010], [93, 1929, 169, 2027], [105, 1952, 131, 1985]):
        assert single(np.array([[100, 1947, 140, 1997], again], np.float32), [0, 1]) == [0]
    # A small face beside or in front of a large one is another.
    assert single(np.array([[0, 0, 200, 240], [150, 150, 190, 200]], np.float32), [0, 1]) == [0, 1]
