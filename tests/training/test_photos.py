"""Folders of photos: aligned once, problems listed, too few people refused."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facekit.errors import UsageError
from facekit.results import Picture, Pixels
from facekit.training import photos


class Counting:
    """Takes the middle of a photo for the face; a black photo has none."""

    key = "test|1"

    def __init__(self) -> None:
        self.asked = 0

    def crop(self, picture: Picture) -> Pixels | None:
        self.asked += 1
        middle = picture.pixels[:112, :112]
        return middle if middle.any() else None


def people(folder: Path, **pictures: int) -> Path:
    """Photos of one gray each, `NAME=COUNT`."""
    for person, (name, count) in enumerate(pictures.items()):
        (folder / name).mkdir(parents=True)
        for number in range(count):
            Image.new("RGB", (150, 140), (10 * person + 50 + number,) * 3).save(
                folder / name / f"{number}.png"
            )
    return folder


def test_each_folder_is_a_person_in_sorted_order(tmp_path: Path) -> None:
    folder = people(tmp_path / "people", zoe=2, ann=1)
    (folder / "empty").mkdir()
    (folder / "note.txt").write_text("no person")
    read = photos.read_folder(folder, aligner=Counting(), cache=tmp_path / "cache")
    assert read.names == ("ann", "zoe")
    assert read.faces.labels.tolist() == [0, 1, 1]
    assert read.faces.crops[:, 5, 5, 0].tolist() == [60, 50, 51]
    assert read.problems == ()


def test_folders_whose_names_look_the_same_are_one_person(tmp_path: Path) -> None:
    folder = people(tmp_path / "people", **{"Ada": 1, "Jos\u00e9": 1, "Jose\u0301": 1, "Jos\u00e9 ": 1})
    found = photos.subjects(folder)
    assert {name: len(pictures) for name, pictures in found.items()} == {"Ada": 1, "Jos\u00e9": 3}
    assert photos.read_folder(folder, aligner=Counting(), cache=tmp_path / "cache").names == (
        "Ada",
        "Jos\u00e9",
    )


def test_a_photo_is_aligned_once_wherever_it_moves(tmp_path: Path) -> None:
    folder, cache, aligner = people(tmp_path / "people", ann=2, zoe=2), tmp_path / "cache", Counting()
    first = photos.read_folder(folder, aligner=aligner, cache=cache)
    assert aligner.asked == 4
    (folder / "ann" / "0.png").rename(folder / "zoe" / "moved.png")
    again = photos.read_folder(folder, aligner=aligner, cache=cache)
    assert aligner.asked == 4
    assert sorted(crop.sum() for crop in again.faces.crops) == sorted(
        crop.sum() for crop in first.faces.crops
    )


def test_another_landmark_file_or_template_aligns_again(tmp_path: Path) -> None:
    folder, aligner = people(tmp_path / "people", ann=1, zoe=1), Counting()
    photos.read_folder(folder, aligner=aligner, cache=tmp_path / "cache")
    aligner.key = "test|2"
    photos.read_folder(folder, aligner=aligner, cache=tmp_path / "cache")
    assert aligner.asked == 4


def test_unusable_pictures_are_listed_and_remembered(tmp_path: Path) -> None:
    folder, aligner = people(tmp_path / "people", ann=1, zoe=1), Counting()
    (folder / "ann" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    Image.new("RGB", (120, 120)).save(folder / "zoe" / "black.png")
    for _ in range(2):
        read = photos.read_folder(folder, aligner=aligner, cache=tmp_path / "cache")
        assert len(read.faces.labels) == 2
        broken, black = read.problems
        assert "broken.png" in broken
        assert black.endswith("black.png: no face found")
    assert aligner.asked == 3


@pytest.mark.parametrize("length", [0, 60])
def test_a_cut_file_in_the_cache_is_made_again(tmp_path: Path, length: int) -> None:
    """As a loss of power leaves it: neither an error nor a photo without a face."""
    folder, cache, aligner = people(tmp_path / "people", ann=1, zoe=1), tmp_path / "cache", Counting()
    first = photos.read_folder(folder, aligner=aligner, cache=cache)
    whole = {path: path.read_bytes() for path in cache.rglob("*.png")}
    for path, content in whole.items():
        path.write_bytes(content[:length])
    again = photos.read_folder(folder, aligner=aligner, cache=cache)
    assert (again.faces.crops == first.faces.crops).all()
    assert again.problems == ()
    assert aligner.asked == 4
    assert {path: path.read_bytes() for path in whole} == whole


def test_crops_are_taken_as_they_are_or_resized(tmp_path: Path) -> None:
    folder = tmp_path / "crops"
    for name, size in (("ann", (112, 112)), ("bob", (224, 224)), ("cat", (100, 120))):
        (folder / name).mkdir(parents=True)
        Image.new("RGB", size, (90, 80, 70)).save(folder / name / "1.png")
    read = photos.read_folder(folder, aligner=None, cache=tmp_path / "cache")
    assert read.names == ("ann", "bob")
    assert read.faces.crops.shape == (2, 112, 112, 3)
    assert (read.faces.crops == np.array([90, 80, 70])).all()
    assert "is square, this is 100×120" in read.problems[0]
    assert not (tmp_path / "cache").exists()


def test_one_person_is_too_few(tmp_path: Path) -> None:
    folder = people(tmp_path / "people", ann=3)
    with pytest.raises(UsageError, match="1 found"):
        photos.read_folder(folder, aligner=Counting(), cache=tmp_path / "cache")
    with pytest.raises(UsageError, match="0 found"):
        photos.read_folder(tmp_path / "nothing", aligner=Counting(), cache=tmp_path / "cache")


def test_progress_counts_every_picture(tmp_path: Path) -> None:
    folder, told = people(tmp_path / "people", ann=2, zoe=1), []
    photos.read_folder(
        folder, aligner=Counting(), cache=tmp_path / "c", report=lambda *numbers: told.append(numbers)
    )
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_photos_are_aligned_by_what_identifies_them(astronaut: Path) -> None:
    """The crop is the one that the pipeline gives the embedder, so training sees what use will see."""
    from facekit.faces.pipeline import Pipeline
    from facekit.pictures import images

    aligner = photos.PipelineAligner()
    picture = images.read(astronaut)
    crop = aligner.crop(picture)
    assert crop is not None
    assert crop.shape == (112, 112, 3)
    assert (crop == Pipeline().faces(picture)[0].crop).all()
    assert aligner.key.startswith("auto|")
    blank = Picture("blank", np.zeros((80, 80, 3), np.uint8), "0" * 64)
    assert aligner.crop(blank) is None


def test_a_pipe_is_a_problem_and_nobody_waits_for_it(tmp_path: Path) -> None:
    folder = people(tmp_path / "people", ann=1, zoe=1)
    os.mkfifo(folder / "ann" / "pipe.png")
    read = photos.read_folder(folder, aligner=Counting(), cache=tmp_path / "cache")
    assert len(read.faces.labels) == 2
    assert read.remarks == ("1 file left out: 1 not regular (pipe.png)",)


def test_another_detector_file_of_the_same_name_aligns_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("facekit.detection.create", lambda spec, threads: None)
    keys = []
    for content in (b"first", b"second"):
        (tmp_path / "net.onnx").write_bytes(content)
        keys.append(photos.PipelineAligner(f"yunet={tmp_path / 'net.onnx'}").key)
    assert keys[0] != keys[1]
