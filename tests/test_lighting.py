"""Dark and flat pictures are stretched, and no others."""

from pathlib import Path

import numpy as np
from PIL import Image

from facekit.lighting import levels, lit, stretched

PHOTO = np.asarray(Image.open(Path(__file__).parent / "data" / "astronaut.png").convert("RGB"))


def test_a_usual_photo_stays_as_it_is() -> None:
    assert lit(PHOTO) is PHOTO


def test_a_photo_in_the_dark_uses_all_levels_afterwards() -> None:
    dark = (PHOTO * 0.06).astype(np.uint8)
    assert levels(dark) < 20
    assert levels(lit(dark)) > 200


def test_a_flat_gray_photo_is_stretched() -> None:
    flat = (PHOTO // 5 + 90).astype(np.uint8)
    assert levels(lit(flat)) > 200


def test_nothing_comes_of_nothing() -> None:
    black = np.zeros((3, 5, 3), np.uint8)
    assert (lit(black) == black).all()
    assert stretched(black).shape == black.shape
