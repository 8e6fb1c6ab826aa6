"""Dark and flat pictures are stretched, and no others."""

from pathlib import Path

import numpy as np
from loading import script
from PIL import Image

from facekit import Pipeline
from facekit.pictures.lighting import (
    TOO_BRIGHT,
    TOO_DARK,
    is_too_dark,
    levels,
    lit,
    lit_face,
    remark,
    stretched,
)
from facekit.results import Picture

PHOTO = np.asarray(Image.open(Path(__file__).parents[1] / "data" / "astronaut.png").convert("RGB"))


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


def test_a_small_face_in_the_light_is_not_overlooked_in_a_dark_picture() -> None:
    night = np.full((1080, 1920, 3), 8, np.uint8)
    night[500:560, 900:960] = np.asarray(Image.fromarray(PHOTO[60:180, 170:290]).resize((60, 60)))
    assert lit(night) is night


def test_a_face_in_the_light_stays_as_it_is_whatever_is_around_it() -> None:
    flat = np.full((1080, 1920, 3), 120, np.uint8)
    flat[500:560, 900:960] = np.asarray(Image.fromarray(PHOTO[60:180, 170:290]).resize((60, 60)))
    assert lit_face(flat, (900, 500, 960, 560)) is flat


def test_a_face_in_the_dark_is_stretched_by_its_own_levels() -> None:
    dark = (PHOTO * 0.06).astype(np.uint8)
    dark[:20] = 255  # a lamp
    x0, y0, x1, y1 = box = (170, 60, 290, 180)
    assert levels(lit_face(dark, box)[y0:y1, x0:x1].copy(), 0.5) > 200
    assert lit_face(dark, (-50.0, -50.0, -10.0, -10.0)) is dark


def test_a_picture_is_too_dark_or_too_bright_only_where_nothing_can_be_seen() -> None:
    for pixels, expected in (
        (PHOTO, None),
        ((PHOTO * 0.5).astype(np.uint8), None),
        ((PHOTO * 0.06).astype(np.uint8), TOO_DARK),
        (np.zeros((1, 1, 3), np.uint8), TOO_DARK),
        (np.full((40, 40, 3), 128, np.uint8), None),
        (np.minimum(PHOTO.astype(int) * 4 + 100, 255).astype(np.uint8), TOO_BRIGHT),
    ):
        assert remark(pixels) == expected


def test_one_lamp_in_the_night_is_light_enough_to_see_nobody() -> None:
    night = np.full((1080, 1920, 3), 8, np.uint8)
    night[500:560, 900:960] = 200
    assert remark(night) is None


def test_a_face_is_dark_by_its_own_light() -> None:
    dark = (PHOTO * 0.06).astype(np.uint8)
    dark[:20] = 255  # a lamp
    assert is_too_dark(dark, (170, 60, 290, 180))
    assert not is_too_dark((PHOTO * 0.3).astype(np.uint8), (170, 60, 290, 180))
    assert not is_too_dark(np.full((200, 200, 3), 250, np.uint8), (0, 0, 100, 100))
    assert not is_too_dark(dark, (-50.0, -50.0, -10.0, -10.0))


def test_the_pipeline_tells_which_faces_are_dark() -> None:
    pipeline = Pipeline(threads=1)
    for part, dark in ((1.0, False), (0.05, True)):
        (face,) = pipeline.faces(Picture("a", (PHOTO * part).astype(np.uint8), ""))
        assert face.dark == dark


def test_what_fading_light_costs_is_measured(tmp_path: Path) -> None:
    for number in range(2):
        (tmp_path / "Eileen").mkdir(exist_ok=True)
        Image.fromarray(PHOTO[:, : 512 - number]).save(tmp_path / "Eileen" / f"{number}.png")
    measuring = script("measure_light")
    lights = ["as it is", "0.5 % of it"]
    usual, dark = measuring.measure(tmp_path, 1, 1, lights, Pipeline(threads=1))
    assert usual == measuring.Count("as it is", 1, found=1, right=1)
    assert (dark.photos, dark.right, dark.said) == (1, 0, 1)
