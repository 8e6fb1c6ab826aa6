"""A crop of a face whose place is known is the one that was made when the face was found."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facekit.faces import alignment
from facekit.faces.cropping import with_crops
from facekit.faces.reading import Options, Reading
from facekit.pictures import images
from facekit.results import Detection, Face, Quality

ASTRONAUT = Path(__file__).parent.parent / "data" / "astronaut.png"
POINTS = np.array([[200, 110], [245, 112], [226, 135], [205, 160], [240, 161]], np.float32)


@pytest.fixture
def reading() -> Reading:
    picture = images.decode(ASTRONAUT.read_bytes(), "a")
    crop = alignment.align(picture.pixels, POINTS)
    quality = Quality(60, 300, 120, 0)
    face = Face(Detection((180, 70, 270, 190), 1.0), POINTS, crop, np.eye(8, dtype=np.float32)[0], quality)
    return Reading(str(ASTRONAUT), (face,), picture.sha256, picture.size)


def test_it_is_made_from_the_file_again(reading: Reading) -> None:
    bare = replace(reading, faces=tuple(face.without_crop() for face in reading.faces))
    [face] = with_crops(bare, Options()).faces
    assert np.array_equal(face.crop, reading.faces[0].crop)


def test_a_file_that_is_gone_or_damaged_has_no_faces_and_an_error(reading: Reading, tmp_path: Path) -> None:
    for content in (None, b"damaged"):
        path = tmp_path / "x.png"
        if content is not None:
            path.write_bytes(content)
        found = with_crops(replace(reading, source=str(path)), Options())
        assert found.faces == ()
        assert "x.png" in str(found.error)


def test_a_turned_picture_is_upright_first(reading: Reading, tmp_path: Path) -> None:
    turned = tmp_path / "turned.png"
    image = Image.open(ASTRONAUT).convert("RGB").transpose(Image.Transpose.ROTATE_90)
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(turned, exif=exif)
    [face] = with_crops(replace(reading, source=str(turned)), Options()).faces
    assert np.array_equal(face.crop, reading.faces[0].crop)
