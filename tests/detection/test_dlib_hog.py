"""The built-in detector finds the face whatever its size or turn, climbs its ladder only when it must."""

from pathlib import Path

import dlib
import numpy as np
import pytest
from PIL import Image

from facekit.detection import dlib_hog
from facekit.detection.dlib_hog import DlibHog, Ladder
from facekit.errors import WeightsError
from facekit.models import weights
from facekit.models.pool import Pool
from facekit.pictures.images import read
from facekit.results import Box, Pixels

FACE = (178.0, 70.0, 268.0, 172.0)


@pytest.fixture(scope="module")
def photo(astronaut: Path) -> Pixels:
    return read(astronaut).pixels


@pytest.fixture(scope="module")
def detector() -> DlibHog:
    return DlibHog()


def resized(pixels: Pixels, scale: float) -> Pixels:
    size = (round(pixels.shape[1] * scale), round(pixels.shape[0] * scale))
    return np.asarray(Image.fromarray(pixels).resize(size))


def near(box: Box, scale: float = 1.0, truth: Box = FACE) -> bool:
    """Whether the middles lie within a fifth of a face, and the sizes within a third."""
    ours, theirs = np.array(box) / scale, np.array(truth)
    side = (theirs[2:] - theirs[:2]).mean()
    apart = np.abs((ours[:2] + ours[2:] - theirs[:2] - theirs[2:]) / 2).max()
    return bool(apart < side / 5 and 2 / 3 < (ours[2:] - ours[:2]).mean() / side < 3 / 2)


def test_the_filters_are_those_that_dlib_carries(tmp_path: Path) -> None:
    dlib.get_frontal_face_detector().save(str(tmp_path / "own.dat"))
    assert (tmp_path / "own.dat").read_bytes() == weights.shipped_detector().path.read_bytes()


@pytest.mark.parametrize("released", [False, True])
def test_a_file_that_is_no_detector_is_refused(
    released: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "detector.dat"
    path.write_bytes(b"no detector")
    sha256 = weights.digest(path) if released else "0" * 64
    monkeypatch.setattr(dlib_hog, "shipped_detector", lambda: weights.DetectorSpec(path, sha256))
    with pytest.raises(WeightsError, match=f"^{path}: {'not a detector' if released else 'damaged'}"):
        DlibHog()


def test_the_one_face_is_found(photo: Pixels, detector: DlibHog) -> None:
    (face,) = detector.detect(photo)
    assert near(face.box)
    assert face.score > 0.5
    assert face.points is None
    assert face.tilt == 0


@pytest.mark.parametrize("scale", [0.55, 1.7, 5.0])
def test_boxes_are_in_pixels_of_the_picture_whatever_its_size(
    scale: float, photo: Pixels, detector: DlibHog
) -> None:
    (face,) = detector.detect(resized(photo, scale))
    assert near(face.box, scale)


@pytest.mark.parametrize(("turns", "upright"), [(1, -90), (3, 90)])
def test_a_picture_on_its_side_is_turned(turns: int, upright: int, photo: Pixels, detector: DlibHog) -> None:
    lying = np.ascontiguousarray(np.rot90(photo, turns))
    (face,) = detector.detect(lying)
    assert face.tilt == upright
    x0, y0, x1, y1 = FACE
    assert near(face.box, truth=(y0, 512 - x1, y1, 512 - x0) if turns == 1 else (512 - y1, x0, 512 - y0, x1))


@pytest.mark.parametrize("lean", [55, -55])
def test_a_face_that_leans_is_turned(lean: int, photo: Pixels, detector: DlibHog) -> None:
    leaning = np.asarray(Image.fromarray(photo).rotate(lean, Image.Resampling.BILINEAR, fillcolor=(90,) * 3))
    (face,) = detector.detect(leaning)
    assert face.tilt == (-30 if lean > 0 else 30)
    middle = complex(FACE[0] + FACE[2], FACE[1] + FACE[3]) / 2 - complex(256, 256)
    moved = middle * np.exp(-1j * np.radians(lean)) + complex(256, 256)
    half = (FACE[2] - FACE[0]) / 2
    x, y = moved.real, moved.imag
    assert near(face.box, truth=(x - half, y - half, x + half, y + half))


def test_of_the_two_sides_the_surer_one_is_believed(photo: Pixels, detector: DlibHog) -> None:
    either_way = np.concatenate([np.rot90(photo, 1), np.rot90(photo, 3)])
    assert len({face.tilt for face in detector.detect(either_way)}) == 1


def test_turning_can_be_left_out(photo: Pixels) -> None:
    assert DlibHog(Ladder(turned=None)).detect(np.ascontiguousarray(np.rot90(photo))) == []


def test_a_faint_face_is_believed_only_at_the_last_rung(photo: Pixels) -> None:
    mean = photo.mean(axis=(0, 1))
    chance = np.random.default_rng(0)
    for fade in np.arange(0.3, 0, -0.03):
        faint = mean + (photo - mean) * fade + chance.normal(0, 12, photo.shape)
        picture = np.clip(faint, 0, 255).astype(np.uint8)
        if not DlibHog(Ladder(turned=None, lowered=0.0)).detect(picture):
            break
    face = DlibHog(Ladder(turned=None, lowered=-1.0)).detect(picture)[0]
    assert face.score < 0
    assert near(face.box)


def test_the_smallest_face_wanted_decides(photo: Pixels, detector: DlibHog) -> None:
    half = resized(photo, 0.5)
    assert detector.detect(half, min_face=30)
    assert detector.detect(half, min_face=80) == []
    assert detector.detect(photo, min_face=60)


def test_small_faces_beside_a_face_of_nearly_their_size_are_found(photo: Pixels, detector: DlibHog) -> None:
    wide = np.full((512, 1024, 3), 128, np.uint8)
    wide[:430, :430] = resized(photo, 430 / 512)
    wide[:300, 600:900] = resized(photo, 300 / 512)
    first, second = sorted(detector.detect(wide)[:2], key=lambda face: face.box)
    assert near(first.box, 430 / 512)
    assert near(second.box, 300 / 512, truth=(FACE[0] + 1024, FACE[1], FACE[2] + 1024, FACE[3]))


def test_the_same_pixels_give_the_same_faces(photo: Pixels, detector: DlibHog) -> None:
    def found(by: DlibHog) -> list[tuple[Box, float, float]]:
        return [(face.box, face.score, face.tilt) for face in by.detect(photo)]

    assert found(detector) == found(detector) == found(DlibHog())


@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (5000, 1), (7, 3), (40, 40), (79, 640)])
@pytest.mark.parametrize("min_face", [1, 40, 100_000])
def test_pictures_of_any_shape_without_a_face(
    shape: tuple[int, int], min_face: int, detector: DlibHog
) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (*shape, 3), np.uint8)
    found = detector.detect(noise, min_face=min_face)
    assert min_face == 1 or found == []


@pytest.mark.parametrize("shape", [(200, 40_000), (40_000, 200), (15, 60_000), (400, 2000)])
def test_a_sliver_costs_no_more_than_another_picture_of_its_area(shape: tuple[int, int]) -> None:
    sizes: list[int] = []
    detector = DlibHog(Ladder(first_area=1e5, last_area=2e5))
    inner = detector._detectors._make()

    class Counting:
        def run(self, view: np.ndarray, *options: float) -> object:
            sizes.append(view.size)
            return inner.run(view, *options)

    detector._detectors = Pool(Counting)
    assert detector.detect(np.zeros((*shape, 3), np.uint8)) == []
    assert max(sizes, default=0) < 5e5


def test_a_large_picture_is_not_looked_at_in_full() -> None:
    sizes: list[int] = []
    detector = DlibHog(Ladder(first_area=1e4, last_area=4e4))
    inner = detector._detectors._make()

    class Counting:
        def run(self, view: np.ndarray, *options: float) -> object:
            sizes.append(view.size)
            return inner.run(view, *options)

    detector._detectors = Pool(Counting)
    assert detector.detect(np.zeros((800, 1000, 3), np.uint8)) == []
    assert sizes[0] == pytest.approx(1e4, rel=0.1)
    assert max(sizes) == pytest.approx(4e4, rel=0.1)
