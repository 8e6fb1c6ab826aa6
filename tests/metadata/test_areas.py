"""Areas are of the picture as it is stored: for all eight ways in which it can lie."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from facekit.metadata.areas import Area, stored_size
from facekit.pictures.images import decode
from facekit.pictures.orientation import TURNS, of_turns

BOX = (10, 20, 40, 32)
"""Of the bright rectangle in the stored picture of 80×60 pixels."""


def stored() -> Image.Image:
    pixels = np.zeros((60, 80, 3), np.uint8)
    pixels[BOX[1] : BOX[3], BOX[0] : BOX[2]] = 255
    return Image.fromarray(pixels)


def bright_box(pixels: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = (np.flatnonzero((pixels[..., 0] > 127).any(axis=axis)) for axis in (1, 0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def container(image: Image.Image, format: str, orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    image.save(file, format, exif=exif.tobytes(), quality=95)
    return file.getvalue()


@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "WEBP", "AVIF", "HEIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_place_in_the_upright_picture_is_found_in_the_stored_one(format: str, orientation: int) -> None:
    if format == "HEIF":
        pytest.importorskip("pillow_heif").register_heif_opener()
    picture = decode(container(stored(), format, orientation), "a")
    assert picture.orientation == orientation
    assert stored_size(picture.size, orientation) == (80, 60)
    box = bright_box(picture.pixels)
    area = Area.of_box(tuple(map(float, box)), picture.size).stored(orientation)
    assert [side * size for side, size in zip(area.box, (80, 60, 80, 60), strict=True)] == pytest.approx(
        BOX, abs=1.01 if format == "HEIF" else 1e-6
    )


@given(
    st.builds(Area, *[st.floats(0, 1)] * 4),
    st.integers(1, 8),
)
def test_turning_is_undone(area: Area, orientation: int) -> None:
    back = area.stored(orientation).turned(orientation)
    assert (back.x, back.y, back.width, back.height) == pytest.approx(
        (area.x, area.y, area.width, area.height)
    )


def test_several_turns_are_one() -> None:
    for first in TURNS:
        for second in TURNS:
            image = Image.fromarray(np.arange(12, dtype=np.uint8).reshape(3, 4))
            once = turned(turned(image, first), second)
            assert np.array_equal(once, turned(image, of_turns([TURNS[first], TURNS[second]])))


def turned(image: Image.Image, orientation: int) -> Image.Image:
    from facekit.pictures.images import turned

    return turned(image, orientation)


def test_overlap_is_intersection_over_union() -> None:
    area = Area.of_box((0, 0, 0.2, 0.2))
    assert area.overlap(area) == pytest.approx(1)
    assert area.overlap(Area.of_box((0.1, 0, 0.3, 0.2))) == pytest.approx(1 / 3)
    assert area.overlap(Area.of_box((0.3, 0.3, 0.4, 0.4))) == 0
