"""What digiKam wrote is read as the face that it marked, in all eight ways in which a photo can lie; and what
scripts/prove_digikam.py takes for the face is the face."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from loading import script
from PIL import Image

from facekit.faces.pipeline import Pipeline
from facekit.metadata.areas import Area
from facekit.metadata.marks import MarkReader
from facekit.pictures import images

pytest.importorskip("pillow_heif", reason="HEIC pictures are made here")
DATA = Path(__file__).parent.parent / "data"
proof = script("prove_digikam")


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("proof") / "photos"
    proof.make_photos(folder)
    for sidecar in (DATA / "digikam").iterdir():
        shutil.copy(sidecar, folder)
    return folder


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_region_of_digikam_s_is_the_face_that_it_marked(orientation: int, photos: Path) -> None:
    photo = str(photos / f"turned-{orientation}.jpg")
    [mark] = MarkReader(pytest.fail).marks_of(photo)
    picture = images.read(photo)
    area = mark.in_picture(photo, picture.size, picture.orientation)
    assert (mark.subject, picture.orientation) == ("Eileen Collins", orientation)
    assert area is not None
    proof.require_face(photo, area)


def test_the_photos_are_upright_and_the_face_is_where_the_proof_says(photos: Path) -> None:
    pipeline = Pipeline(threads=1)
    for file in ("turned-1.jpg", "turned-6.jpg", "turned-7.heic"):
        picture = images.read(photos / file)
        assert picture.size == proof.UPRIGHT
        [face] = pipeline.detect(picture)
        proof.require_face(file, Area.of_box(face.box, picture.size))


def test_another_place_is_no_proof() -> None:
    with pytest.raises(proof.ProofError, match="overlap"):
        proof.require_face("a.jpg", Area(0.2, 0.6, 0.2, 0.2))


def test_every_kind_of_photo_is_there(photos: Path) -> None:
    assert len([path for path in photos.iterdir() if path.suffix != ".xmp"]) == 16
    with Image.open(photos / "turned-5.jpg") as image:
        assert (image.getexif()[0x0112], image.size) == (5, proof.UPRIGHT[::-1])
