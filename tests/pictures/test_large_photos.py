"""Large JPEGs are decoded no larger than needed, and what is found and printed is that of the file."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from loading import script
from PIL import Image

from facekit import Pipeline
from facekit.faces.reading import Options, read_one
from facekit.pictures.images import decode
from facekit.results import Detection, Face, Picture, Pixels


def jpeg(image: Image.Image, orientation: int = 1, **options: object) -> bytes:
    file, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = orientation
    image.save(file, "JPEG", quality=90, exif=exif.tobytes(), **options)
    return file.getvalue()


def ramp(width: int, height: int) -> Image.Image:
    x, y = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    return Image.fromarray(np.stack([x, y, 255 - x], axis=2).astype(np.uint8))


@pytest.fixture(scope="module")
def photo(astronaut: Path) -> Image.Image:
    """A face of 350 pixels in 2048×2048."""
    with Image.open(astronaut) as opened:
        return opened.convert("RGB").resize((2048, 2048), Image.Resampling.BICUBIC)


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return Pipeline(threads=1)


@pytest.mark.parametrize(("longest", "scale"), [(800, 1), (401, 1), (400, 2), (200, 4), (100, 8), (20, 8)])
def test_the_longer_side_stays_as_long_as_is_asked_for(longest: int, scale: int) -> None:
    picture = decode(jpeg(ramp(800, 600)), "a", longest=longest)
    assert picture.scale == scale
    assert picture.pixels.shape == (600 // scale, 800 // scale, 3)
    assert picture.size == (800, 600)


@pytest.mark.parametrize("orientation", [1, 3, 6])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_part_of_the_size_shows_the_same_upright_picture(mode: str, orientation: int) -> None:
    data = jpeg(ramp(800, 600).convert(mode), orientation)
    whole = Image.fromarray(decode(data, "a").pixels)
    part = decode(data, "a", longest=200)
    expected = whole.resize((whole.width // 4, whole.height // 4), Image.Resampling.BOX)
    assert np.abs(part.pixels.astype(int) - np.asarray(expected)).mean() < 2


def test_other_formats_come_as_they_are() -> None:
    file = io.BytesIO()
    ramp(800, 600).save(file, "PNG")
    assert decode(file.getvalue(), "a", longest=100).scale == 1


def test_a_large_face_is_told_of_as_in_the_full_size(photo: Image.Image, pipeline: Pipeline) -> None:
    data = jpeg(photo)
    (whole,) = pipeline.faces(decode(data, "a"))
    part = decode(data, "a", longest=1024)
    assert part.scale == 2
    (face,) = pipeline.faces(part, full=lambda: pytest.fail("there are pixels enough"))
    assert np.allclose(face.detection.box, whole.detection.box, atol=0.03 * 350)
    assert np.allclose(face.points, whole.points, atol=0.02 * 350)
    assert face.vector @ whole.vector > 0.98
    assert face.quality.size == pytest.approx(whole.quality.size, rel=0.05)


def test_a_small_face_is_cut_from_the_full_size(photo: Image.Image, pipeline: Pipeline) -> None:
    """Its crop is the one that comes of the full size, and not made of fewer pixels."""
    data = jpeg(photo)
    part = decode(data, "a", longest=512)
    assert part.scale == 4
    (face,) = pipeline.faces(part, full=lambda: decode(data, "a"))
    whole = pipeline.describe(decode(data, "a"), [face.detection])[0]
    assert np.array_equal(face.crop, whole.crop)
    assert np.array_equal(face.points, whole.points)


class Recorder:
    """A detector that looks at no more than 100 pixels, and sees a face in the first tenth of the picture."""

    name = "recorder"

    def __init__(self, side: float) -> None:
        self.side = side
        self.shapes: list[tuple[int, ...]] = []
        self.smallest: list[int] = []

    def longest_look(self, min_face: int) -> int:
        return 100

    def detect(self, pixels: Pixels, *, min_face: int) -> list[Detection]:
        self.shapes.append(pixels.shape)
        self.smallest.append(min_face)
        return [Detection((0, 0, self.side, self.side), 1.0, np.zeros((5, 2), np.float32))]


@pytest.mark.parametrize("scale", [1, 2])
def test_no_detector_is_shown_more_than_it_looks_at(scale: int) -> None:
    pipeline, recorder = Pipeline(min_face=30), Recorder(20)
    pipeline.detector = recorder
    picture = Picture("a", np.zeros((200, 400, 3), np.uint8), "", scale=scale)
    (face,) = pipeline.detect(picture)
    assert recorder.shapes == [(50, 100, 3)]
    assert recorder.smallest == [30 // (4 * scale)]
    assert face.box == (0, 0, 80 * scale, 80 * scale)
    assert face.points is not None
    assert np.allclose(face.points, 0.5 * 4 * scale - 0.5)


def test_the_smallest_face_counts_in_pixels_of_the_file() -> None:
    pipeline = Pipeline(min_face=30)
    pipeline.detector = Recorder(6)
    assert not pipeline.detect(Picture("a", np.zeros((100, 400, 3), np.uint8), ""))
    assert pipeline.detect(Picture("a", np.zeros((100, 400, 3), np.uint8), "", scale=2))


class Fake:
    longest_look = 100

    def __init__(self) -> None:
        self.scales: list[int] = []

    def faces(self, picture: Picture, *, full: Callable[[], Picture]) -> list[Face]:
        self.scales += [picture.scale, full().scale]
        return []


@pytest.mark.parametrize(("keep", "first"), [(False, 4), (True, 1)])
def test_pictures_that_are_kept_are_whole(keep: bool, first: int, tmp_path: Path) -> None:
    file, fake = tmp_path / "a.jpg", Fake()
    file.write_bytes(jpeg(ramp(400, 300)))
    reading = read_one(str(file), fake, Options(keep_pictures=keep))  # type: ignore[arg-type]
    assert fake.scales == [first, 1]
    assert reading.size == (400, 300)


def test_what_large_photos_cost_is_measured(astronaut: Path, tmp_path: Path, pipeline: Pipeline) -> None:
    measuring: SimpleNamespace = script("measure_large_photos")  # type: ignore[assignment]
    file = tmp_path / "large.jpg"
    measuring.large(astronaut, 0.5, 0.9, texture=True).save(file, quality=90)
    cost = measuring.cost("0.5 MP", file, 1, pipeline)
    assert cost.faces == 1
    assert cost.off < 1
    assert 50e6 < cost.memory < 2e9
    assert 0 < cost.further < 10
