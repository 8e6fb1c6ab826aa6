"""Saved crops and annotated pictures: predictable names, never over another photo's, nothing of EXIF."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facekit.errors import UsageError
from facekit.faces.reading import Reading
from facekit.files import writing
from facekit.rendering.files import AnnotatedFolder, CropFolder
from facekit.rendering.trees import CropTree
from facekit.results import Detection, Face, Quality


def reading(source: str, photo: int, faces: int = 1, shade: int = 0) -> Reading:
    """A picture with so many faces; `photo` tells its bytes, `shade` its crops."""
    points = np.zeros((5, 2), np.float32)
    crop = np.full((112, 112, 3), (photo * 20 + shade) % 256, np.uint8)
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


def test_an_input_is_not_written_over_even_if_facekit_made_it(tmp_path: Path) -> None:
    [first] = CropFolder(tmp_path).save(reading("x.jpg", 1))
    before = first.read_bytes()
    [path] = CropFolder(tmp_path, ["x.jpg", str(first)]).save(reading("x.jpg", 1, shade=3))
    assert (path.name, first.read_bytes()) == ("x~2-1.png", before)


def test_a_link_of_a_crops_name_is_left_alone(tmp_path: Path) -> None:
    [first] = CropFolder(tmp_path / "one").save(reading("x.jpg", 1))
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "x-1.png").symlink_to(first)
    assert names(CropFolder(tmp_path / "two").save(reading("x.jpg", 1))) == ["x~2-1.png"]
    assert (tmp_path / "two" / "x-1.png").is_symlink()


def test_a_name_that_another_process_takes_in_this_moment_is_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = writing.create

    def late(path: Path, content: bytes) -> None:
        monkeypatch.setattr(writing, "create", create)
        CropFolder(tmp_path).save(reading("b/x.jpg", 2))
        create(path, content)

    monkeypatch.setattr(writing, "create", late)
    assert names(CropFolder(tmp_path).save(reading("a/x.jpg", 1))) == ["x~2-1.png"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x-1.png", "x~2-1.png"]


class Tree:
    """A CropTree from `raw` to `out`, and what failed."""

    def __init__(self, folder: Path) -> None:
        self.raw, self.out = folder / "raw", folder / "out"
        self.raw.mkdir(exist_ok=True)
        self.failures: list[str] = []

    def take(self, *readings: Reading) -> list[str]:
        tree = CropTree(self.raw, self.out)
        for each in readings:
            crop = tree.save(each)
            self.failures += [crop.error] if crop.error else []
        return sorted(
            os.fsdecode(path.relative_to(self.out)) for path in self.out.rglob("*") if path.is_file()
        )


def test_a_tree_of_crops_is_never_the_tree_of_pictures(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    for out in (tree.raw, tree.raw / "crops"):
        with pytest.raises(UsageError):
            CropTree(tree.raw, out)
    assert list(tree.raw.iterdir()) == []


def test_a_tree_leaves_what_it_did_not_make_and_replaces_what_it_made(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    (tree.out / "ada").mkdir(parents=True)
    (tree.out / "ada" / "1.png").write_bytes(b"mine")
    photo = reading(f"{tree.raw}/ada/1.jpg", 1)
    for _ in range(2):
        assert tree.take(photo, reading(f"{tree.raw}/ada/2.jpg", 2)) == [
            "ada/1.png",
            "ada/1~2.png",
            "ada/2.png",
        ]
    assert (tree.out / "ada" / "1.png").read_bytes() == b"mine"
    assert not tree.failures


def test_no_link_leads_a_tree_out_of_its_folder(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    tree.out.mkdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tree.out / "bob").symlink_to(elsewhere)
    found = tree.take(reading(f"{tree.raw}/bob/new/1.jpg", 1), reading(f"{tree.raw}/ada/1.jpg", 2))
    assert (found, list(elsewhere.iterdir())) == (["ada/1.png"], [])
    assert len(tree.failures) == 1
    assert "bob/new/1.jpg: not saved" in tree.failures[0]


def test_no_name_ends_a_tree(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    tree.out.mkdir()
    (tree.out / "taken").write_bytes(b"mine")
    long = [
        reading(f"{tree.raw}/{stem}.jpg", n) for n, stem in enumerate(("é" * 125, "é" * 125 + "x", "y" * 251))
    ]
    odd = [reading(f"{tree.raw}/{stem}.jpg", n + 10) for n, stem in enumerate(("a\nb", "\udce9", " .", "-"))]
    found = tree.take(*long, *odd, reading(f"{tree.raw}/taken/1.jpg", 20), reading(f"{tree.raw}/z.jpg", 21))
    assert len(found) == len(long) + len(odd) + 2
    assert max(len(os.fsencode(name)) for name in found) <= 255
    assert len(tree.failures) == 1
    assert "taken" in tree.failures[0]


def test_names_that_only_case_tells_apart_have_two_crops(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    found = tree.take(reading(f"{tree.raw}/a.jpg", 1), reading(f"{tree.raw}/A.jpg", 2))
    assert len({name.casefold() for name in found}) == 2
