"""Whether a folder was moved, or its disk is only not there."""

import os
from pathlib import Path

import pytest

from facekit.gallery.templates import TemplateInfo
from facekit.people.moved_folders import MovedFolder, MovedFolders


def info(number: int, source: str, subject: str = "Ada") -> TemplateInfo:
    return TemplateInfo(number, subject, source, f"{number:064x}", (0, 0, 9, 9), {}, "2026-01-01T00:00:00Z")


def folders(old: str, new: str, *, lying_there: int, of: int = 4) -> MovedFolders:
    stored = [info(number, f"{old}/Ada/{number}.jpg") for number in range(of)]
    places = {f"{number:064x}": [f"{new}/Ada/{number}.jpg"] for number in range(lying_there)}
    return MovedFolders(stored, places, [new])


@pytest.mark.parametrize(("lying_there", "moved"), [(1, False), (2, False), (3, True), (4, True)])
def test_most_photos_have_to_lie_there(lying_there: int, moved: bool, tmp_path: Path) -> None:
    old, new = str(tmp_path / "a"), str(tmp_path / "b")
    os.mkdir(new)
    found = folders(old, new, lying_there=lying_there)
    assert found.moved == ([MovedFolder(old, new)] if moved else [])
    assert found.missing_above(info(9, f"{old}/Ada/9.jpg")) == old
    assert found.place_of(f"{old}/Bo/1.jpg") == (f"{new}/Bo/1.jpg" if moved else None)


@pytest.mark.parametrize(
    "old",
    [
        "/Volumes/NoSuchDisk/people",
        "/media/nobody/NoSuchDisk/people",
        "/mnt/no-such-disk/people",
        "/gone/a/b",
    ],
)
def test_what_may_be_a_disk_was_not_moved(old: str, tmp_path: Path) -> None:
    new = tmp_path / "people"
    new.mkdir()
    assert folders(old, str(new), lying_there=4).moved == []
    assert folders(old, str(new), lying_there=4).doubtful == [old]


def test_a_folder_that_is_there_was_not_moved(tmp_path: Path) -> None:
    old, new = tmp_path / "a", tmp_path / "b"
    old.mkdir()
    new.mkdir()
    found = folders(str(old), str(new), lying_there=4)
    assert (found.moved, found.doubtful) == ([], [])


def test_photos_of_one_path_elsewhere_are_of_no_moved_folder(tmp_path: Path) -> None:
    places = {f"{1:064x}": [f"{tmp_path}/b/Bo/1.jpg"]}
    found = MovedFolders([info(1, f"{tmp_path}/a/Ada/1.jpg")], places, [f"{tmp_path}/b"])
    assert found.moved == []
