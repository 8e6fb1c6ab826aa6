"""`facekit register`: a person in several poses is stored at once, or not at all."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from conftest import Run
from fakes import COLORS, FakeFrameDetector, photo
from PIL import Image, ImageDraw

from facekit.calibration.threshold import Calibration
from facekit.gallery import create_gallery, open_gallery
from facekit.gallery.gallery_settings import GallerySettings


@pytest.fixture(autouse=True)
def eyes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("facekit.video.frame_detection.PipelineDetector", FakeFrameDetector)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Pictures of one person: the nose of a square is where its white spot is."""
    noses = {"front": (0, 0), "left": (10, 0), "right": (-10, 0), "up": (0, -6), "down": (0, 4)}
    (tmp_path / "ada").mkdir()
    for number, (pose, nose) in enumerate(noses.items()):
        for again in range(2):
            save(tmp_path / "ada" / f"{number}-{pose}-{again}.png", "cyan", nose, seed=again)
    return tmp_path / "ada"


def save(path: Path, color: str, nose: tuple[int, int] = (0, 0), *, side: int = 100, seed: int = 0) -> None:
    image = Image.new("RGB", (320, 240), (128, 128, 128))
    draw = ImageDraw.Draw(image)
    draw.rectangle((60, 60, 60 + side - 1, 60 + side - 1), fill=COLORS[color])
    x, y = 60 + side // 2 + nose[0], 60 + side // 2 + nose[1]
    draw.rectangle((x - 2, y - 2, x + 2, y + 2), fill=(255, 255, 255))
    image.putpixel((0, 0), (seed, 0, 0))
    image.save(path)


def stored(path: str) -> dict[str, int]:
    with open_gallery(path) as gallery:
        return {subject.name: subject.templates for subject in gallery.subjects()}


def test_templates_of_all_poses_are_added_and_the_person_is_found(run: Run, folder: Path) -> None:
    result = run("register", "Ada", "--from-folder", "ada", "--frames", "2", "-g", "g.db")
    assert result.exit_code == 0, result.stderr
    assert result.stdout == "Ada: 10 templates added (front 2, left 2, right 2, up 2, down 2)\n"
    assert stored("g.db") == {"Ada": 10}
    photo(Path("probe.png"), "cyan", seed=3)
    assert '"subject": "Ada"' in run("identify", "probe.png", "-g", "g.db", "-f", "jsonl").stdout


def test_what_was_not_seen_is_told_and_the_rest_is_stored(run: Run, folder: Path) -> None:
    for path in [*folder.glob("*up*"), *folder.glob("*left*")]:
        path.unlink()
    result = run("register", "Ada", "ada", "-g", "g.db")
    assert (result.exit_code, stored("g.db")) == (0, {"Ada": 6})
    assert "not seen: left, up" in result.stderr


def test_a_second_time_adds_nothing_twice(run: Run, folder: Path) -> None:
    for _ in range(2):
        run("register", "Ada", "ada", "-g", "g.db")
    assert stored("g.db") == {"Ada": 10}


def test_it_writes_where_enroll_writes(run: Run, folder: Path, user_data: Path) -> None:
    run("register", "Ada", "ada")
    assert stored(user_data / "facekit" / "gallery.db") == {"Ada": 10}


def test_the_same_frames_under_another_name_are_said_to_move(run: Run, folder: Path) -> None:
    run("register", "Ada", "ada", "-g", "g.db")
    result = run("register", "Eve", "ada", "-g", "g.db")
    assert stored("g.db") == {"Eve": 10}
    assert result.stdout.startswith("Eve: 10 templates added (")
    assert result.stdout.endswith("), 10 of them moved from another name\n")
    assert "moved from Ada; Ada had no other picture and is gone" in result.stderr


def test_frames_that_are_there_are_not_said_to_be_added(run: Run, folder: Path) -> None:
    run("register", "Ada", "ada", "-g", "g.db")
    result = run("register", "Ada", "ada", "-g", "g.db")
    assert (result.exit_code, result.stdout) == (0, "Ada: no template added, 10 already there\n")


@pytest.mark.parametrize("first", ["register", "enroll"])
def test_pictures_of_a_folder_are_the_same_pictures_to_register_and_enroll(
    run: Run, folder: Path, first: str
) -> None:
    commands = {
        "register": ("register", "Ada", "--from-folder", "ada", "-g", "g.db"),
        "enroll": ("enroll", "--subject", "Ada", "ada", "-g", "g.db"),
    }
    for command in sorted(commands, key=lambda name: name != first):
        result = run(*commands[command])
        assert result.exit_code == 0, result.stderr
        with open_gallery("g.db") as gallery:
            assert sorted(info.file_name for info in gallery.templates()) == sorted(os.listdir(folder))
    assert "10 already there" in result.output


def test_pictures_that_were_removed_do_not_come_back_by_another_command(run: Run, folder: Path) -> None:
    run("enroll", "--subject", "Ada", "ada", "-g", "g.db")
    run("gallery", "remove", "Ada", "-g", "g.db")
    assert run("register", "Ada", "ada", "-g", "g.db").exit_code == 1
    assert stored("g.db") == {}


def test_the_same_frame_in_two_files_is_taken_once(run: Run, folder: Path) -> None:
    for file in folder.glob("*-1.png"):
        with Image.open(file.with_name(file.name.replace("-1", "-0"))) as image:
            image.save(file, compress_level=0)
    assert run("register", "Ada", "ada", "-g", "g.db").exit_code == 0
    assert stored("g.db") == {"Ada": 5}


def test_frames_that_were_removed_stay_out_and_that_is_told(run: Run, folder: Path) -> None:
    run("register", "Ada", "ada", "-g", "g.db")
    run("gallery", "remove", "Ada", "-g", "g.db")
    result = run("register", "Ada", "ada", "-g", "g.db")
    assert (result.exit_code, stored("g.db")) == (1, {})
    assert "10 frames not enrolled: removed earlier" in result.stderr


def test_frames_of_a_renamed_person_stay_with_the_name_and_that_is_told(run: Run, folder: Path) -> None:
    run("register", "Ada", "ada", "-g", "g.db")
    run("gallery", "rename", "Ada", "Eve", "-g", "g.db")
    result = run("register", "Ada", "ada", "-g", "g.db")
    assert (result.stdout, stored("g.db")) == ("Ada: no template added, 10 already there\n", {"Eve": 10})
    assert "Eve" in result.stderr


def test_a_source_beside_from_folder_is_refused(run: Run, folder: Path) -> None:
    result = run("register", "Ada", "0", "--from-folder", "ada", "-g", "g.db")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "not both" in result.stderr
    assert not os.path.exists("g.db")


def test_who_looks_like_another_is_enrolled_with_a_warning(run: Run, folder: Path, people: Path) -> None:
    run("register", "Ada", "ada", "-g", "gallery/gallery.db")
    result = run("register", "Eve", "ada", "-g", "gallery/gallery.db")
    assert result.exit_code == 0
    assert "looks like another enrolled person (Ada, score 1.00)" in result.stderr


@pytest.mark.parametrize(
    ("colors", "side", "status", "words"),
    [((), 100, 3, "no face"), (("cyan",), 30, 1, "come nearer"), (("cyan", "red"), 60, 1, "2 people")],
)
def test_nothing_is_stored_when_nothing_is_good_enough(
    run: Run, tmp_path: Path, colors: tuple[str, ...], side: int, status: int, words: str
) -> None:
    photo(tmp_path / "in" / "1.png", *colors, size=(320, 240), face=side)
    result = run("register", "Ada", "in", "-g", "g.db")
    assert (result.exit_code, result.stdout) == (status, "")
    assert words in result.stderr
    assert not os.path.exists("g.db")


def test_ctrl_c_leaves_the_gallery_as_it_was(
    run: Run, folder: Path, people: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (people / "gallery.db").read_bytes()
    looks: list[int] = []

    def interrupted(self: FakeFrameDetector, frame: object, **options: object) -> list:
        looks.append(1)
        if len(looks) > 5:
            raise KeyboardInterrupt
        return detect(self, frame, **options)

    detect = FakeFrameDetector.detect
    monkeypatch.setattr(FakeFrameDetector, "detect", interrupted)
    result = run("register", "Ada", "ada", "-g", "gallery/gallery.db")
    assert result.exit_code == 130
    assert "nobody was enrolled" in result.stderr
    assert (people / "gallery.db").read_bytes() == before
    run("register", "New", "ada", "-g", "new.db")
    assert not os.path.exists("new.db")


def test_all_or_nothing_when_the_disk_is_full(
    run: Run, folder: Path, people: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from facekit.gallery.changes import Change

    added: list[int] = []
    add = Change.add

    def full(self: Change, *rest: object) -> None:
        added.append(1)
        if len(added) == 7:
            raise sqlite3.OperationalError("database or disk is full")
        add(self, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Change, "add", full)
    result = run("register", "Ada", "ada", "-g", "gallery/gallery.db")
    assert result.exit_code == 1
    assert "Ada" not in stored("gallery/gallery.db")


def test_a_gallery_of_another_embedder_is_refused_before_anybody_poses(run: Run, folder: Path) -> None:
    create_gallery("other.db", GallerySettings("other", "e" * 64, 8, Calibration(0.5))).close()
    result = run("register", "Ada", "ada", "-g", "other.db")
    assert result.exit_code == 1
    assert "was made with the embedder" in result.stderr
    assert np.size(stored("other.db")) == 1


@pytest.mark.parametrize(
    "arguments", [["register"], ["register", "", "ada"], ["register", "A", "--frames", "0"]]
)
def test_mistakes_are_usage(run: Run, folder: Path, arguments: list[str]) -> None:
    assert run(*arguments).exit_code == 2


def test_two_people_in_a_recording_are_not_enrolled_as_one(run: Run, folder: Path) -> None:
    for number in range(3):
        save(folder / f"9-{number}.png", "red", seed=number)
    result = run("register", "Ada", "ada", "-g", "g.db")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "ada: two people, one from 0.0 s on, another from 10.0 s on: nobody was enrolled" in result.stderr
    assert not os.path.exists("g.db")


def test_a_damaged_picture_is_told_and_the_others_are_enrolled(run: Run, folder: Path) -> None:
    (folder / "5.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    result = run("register", "Ada", "ada", "-g", "g.db")
    assert (result.exit_code, stored("g.db")) == (1, {"Ada": 10})
    assert "5.png: damaged PNG" in result.stderr
