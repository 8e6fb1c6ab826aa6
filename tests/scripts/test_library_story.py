"""The way that docs/photo-library.md tells goes through in a library like those that people have."""

from __future__ import annotations

import csv
import shutil
import zipfile
from collections import Counter
from pathlib import Path

import pytest
from loading import script
from PIL import Image

pytest.importorskip("pillow_heif", reason="HEIC pictures are made here")
library, story = script("make_library"), script("library_story")


@pytest.fixture
def archives(tmp_path: Path, astronaut: Path) -> Path:
    """Small archives as the data has them: of two people in each."""
    for name in library.ARCHIVES:
        with zipfile.ZipFile(tmp_path / name, "w") as packed:
            for person in ("a", "b"):
                for number in range(3):
                    with Image.open(astronaut) as image:
                        image.convert("RGB").crop((number, 0, 300, 300)).save(tmp_path / "x.jpg")
                    packed.write(tmp_path / "x.jpg", f"top/{person}/{number}.jpg")
    return tmp_path


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "truth.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_library_has_all_that_people_have_and_the_truth_about_it(archives: Path) -> None:
    for name in ("one", "two"):
        library.make(archives, archives / name, 40, 4, 1)
    truth = rows(archives / "one")
    assert truth == rows(archives / "two")
    assert {each["kind"] for each in truth} >= {
        "portrait",
        "group",
        "burst",
        "copy",
        "messenger",
        "screenshot",
    }
    assert all((archives / "one" / each["file"]).is_file() for each in truth)
    endings = Counter(Path(each["file"]).suffix for each in truth)
    assert endings[".HEIC"]
    assert endings[".png"]
    assert {each["people"] for each in truth if each["kind"] == "portrait"} <= {
        *("Ada Lovelace", "Ben", "Person 3", "Person 4")
    }
    assert all(";" in each["people"] for each in truth if each["kind"] == "group")


def test_the_story_is_in_the_page() -> None:
    commands = story.printed_commands(story.PAGE.read_text(encoding="utf-8"))
    assert all(command.startswith("facekit ") for command in commands)
    words = " ".join(commands)
    for wanted in ("index", "cluster", "--review", "enroll --groups", "--xmp", "find", "move", "sync"):
        assert wanted in words


def test_the_whole_way_goes_through_as_it_is_printed(data_folder: Path, tmp_path: Path) -> None:
    if not shutil.which("bash") or not (data_folder / library.ARCHIVES[0]).exists():
        pytest.skip("needs bash, and the pictures of people that do not travel with the code")
    library.make(data_folder, tmp_path / "library", 24, 3, 2)
    told = story.tell(tmp_path / "library", story.PAGE.read_text(encoding="utf-8"))
    assert len(told.lines) > 10
