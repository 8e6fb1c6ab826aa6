"""Saved crops and annotated pictures: predictable names, never over another photo's, nothing of EXIF."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facekit.reading import Reading
from facekit.rendering.files import AnnotatedFolder, CropFolder
from facekit.results import Detection, Face, Quality


def reading(source: str, photo: int, faces: int = 1, shade: int = 0) -> Reading:
    """A picture with so many faces; `photo` tells its bytes, `shade` its crops."""
    points = np.zeros((5, 2), np.float32)
    crop = np.full((112, 112, 3), photo * 20 + shade, np.uint8)
    face = Face(Detection((0, 0, 9, 9), 1.0), points, crop, np.zeros(4, np.float32), Quality(9, 9, 9, 0))
    return Reading(source, (face,) * faces, sha256=f"{photo:064x}")


def names(paths: list[Path]) -> list[str]:
    return [path.name for path in paths]


def test_crops_are_named_after_the_photo_and_numbered(tmp_path: Path) -> None:
    assert names(CropFolder(tmp_path).save(reading("a/party.jpg", 1, 2))) == ["party-1.png", "party-2.png"]
    assert names(CropFolder(tmp_path).save(reading("-", 2))) == ["stdin-1.png"]


@pytest.mark.parametrize("other", ["b/x.jpg", "b/X.jpg", "b/x.png"])
def test_photos_of_one_name_have_crops_of_their_own(tmp_path: Path, other: str) -> None:
    folder = CropFolder(tmp_path)
    first = folder.save(reading("a/x.jpg", 1, 1))
    second = folder.save(reading(other, 2, 2))
    assert not set(names(first)) & set(names(second))
    assert all("~2-" in name for name in names(second))


def test_a_later_run_does_not_write_over_another_photos_crops(tmp_path: Path) -> None:
    [first] = CropFolder(tmp_path).save(reading("a/x.jpg", 1))
    before = first.read_bytes()
    assert names(CropFolder(tmp_path).save(reading("b/x.jpg", 2))) == ["x~2-1.png"]
    assert first.read_bytes() == before


def test_a_later_run_replaces_the_crops_of_the_same_photo(tmp_path: Path) -> None:
    CropFolder(tmp_path).save(reading("a/x.jpg", 1))
    [path] = CropFolder(tmp_path).save(reading("moved/x.jpg", 1, shade=3))
    assert path.name == "x-1.png"
    with Image.open(path) as crop:
        assert crop.getpixel((0, 0)) == (23, 23, 23)
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("content", [b"", b"not a picture"])
def test_a_file_of_somebody_else_is_never_replaced(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x-1.png").write_bytes(content)
    (tmp_path / "x-faces.jpg").write_bytes(content)
    assert names(CropFolder(tmp_path).save(reading("x.jpg", 1))) == ["x~2-1.png"]
    annotated = AnnotatedFolder(tmp_path).save(reading("x.jpg", 1), Image.new("RGB", (9, 9)))
    assert annotated.name == "x~2-faces.jpg"
    assert (tmp_path / "x-1.png").read_bytes() == (tmp_path / "x-faces.jpg").read_bytes() == content


def test_an_annotated_picture_is_replaced_by_the_next_of_the_same_photo(tmp_path: Path) -> None:
    for photo, expected in ((1, "x-faces.jpg"), (1, "x-faces.jpg"), (2, "x~2-faces.jpg")):
        path = AnnotatedFolder(tmp_path).save(reading("x.jpg", photo), Image.new("RGB", (9, 9)))
        assert path.name == expected


def test_nothing_of_the_photos_exif_is_saved(tmp_path: Path) -> None:
    [crop] = CropFolder(tmp_path).save(reading("x.jpg", 1))
    annotated = AnnotatedFolder(tmp_path).save(reading("x.jpg", 1), Image.new("RGB", (9, 9)))
    for path in (crop, annotated):
        with Image.open(path) as image:
            assert not image.getexif()
            assert not {"exif", "xmp", "icc_profile", "photoshop"} & set(image.info)


@pytest.mark.parametrize(
    "source", ["../../x.jpg", "a\x00b.jpg", "con.jpg", "x" * 300 + ".jpg", "..jpg", "\udce9.jpg"]
)
def test_no_name_leaves_the_folder(tmp_path: Path, source: str) -> None:
    [path] = CropFolder(tmp_path / "out").save(reading(source, 1))
    assert path.parent == tmp_path / "out"
    assert path.is_file()
