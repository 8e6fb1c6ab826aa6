"""The landmark predictor: what it is trained on, that it learns, and how its errors are measured."""

from __future__ import annotations

import csv
import ctypes
import json
import sys
import tomllib
import zipfile
from dataclasses import replace
from pathlib import Path

import dlib
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from facekit import settings
from facekit.cli import group
from facekit.detection import create
from facekit.errors import PictureError, UsageError
from facekit.faces.alignment import Landmarks
from facekit.models import weights
from facekit.results import Detection
from facekit.training import landmark_errors, landmarks
from facekit.training.landmarks import Example, LandmarkRecipe, Square

SMALL = LandmarkRecipe(jitters=4, trees=40, cascade=6, pool=150, depth=3, oversampling=1)
PLAN = np.array([(-12, -8), (12, -8), (0, 2), (-8, 14), (8, 14)], float)


def face(seed: int, *, side: int = 96) -> Example:
    """A picture of two dark eyes, a light nose and a red mouth, somewhere, in some size."""
    chance = np.random.default_rng(seed)
    points = (
        PLAN * chance.uniform(0.8, 1.2) + side / 2 + chance.uniform(-6, 6, 2) + chance.uniform(-2, 2, (5, 2))
    )
    picture = Image.new("RGB", (side, side), (170, 140, 120))
    draw = ImageDraw.Draw(picture)
    colors = ["#101010", "#101010", "#ffffff"]
    for (x, y), color in zip(points, colors, strict=False):
        draw.ellipse((x - 4, y - 4, x + 4, y + 4), fill=color)
    draw.line([tuple(points[3]), tuple(points[4])], fill="#a02020", width=4)
    return Example(f"{seed:03d}.png", np.asarray(picture), points)


class FakeDetector:
    """Finds the two eyes' face by its darkest pixels, with a box around it and points that are off."""

    name = "fake"

    def __init__(self, *, noise: float = 0.0, blind: tuple[int, ...] = (), offset: float = 0.0) -> None:
        self.noise, self.blind, self.offset = noise, blind, offset
        self.asked = 0

    def detect(self, pixels: np.ndarray, *, min_face: int = 40) -> list[Detection]:
        self.asked += 1
        if self.asked - 1 in self.blind:
            return []
        ys, xs = np.nonzero(pixels.max(axis=2) < 60)
        left = xs < (xs.min() + xs.max()) / 2
        eyes = np.array([[xs[left].mean(), ys[left].mean()], [xs[~left].mean(), ys[~left].mean()]])
        scale = np.linalg.norm(eyes[1] - eyes[0]) / 24
        points = PLAN * scale + eyes.mean(axis=0) - (0, -8 * scale) + self.offset * scale
        points += np.random.default_rng(self.asked).normal(0, self.noise, (5, 2)) * scale
        x, y = points.mean(axis=0)
        half = 30 * scale
        box = (x - half, y - half, x + half, y + half)
        return [Detection(box, 1.0, points.astype(np.float32))]


@pytest.fixture(scope="module")
def examples() -> list[Example]:
    return landmarks.boxed([face(seed) for seed in range(60)], FakeDetector())


@pytest.fixture(scope="module")
def trained(examples: list[Example], tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("landmarks") / "deep" / "small.dat"
    landmarks.train(landmarks.held_out(examples)[0], target, SMALL)
    return target


def write(examples: list[Example], folder: Path) -> tuple[Path, Path]:
    """Pictures in a folder and their table, as the command takes them."""
    pictures, table = folder / "pictures", folder / "points.csv"
    pictures.mkdir()
    with table.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["name", *(f"{point}_{axis}" for point in landmarks.SCHEME for axis in "xy")])
        for example in examples:
            Image.fromarray(example.pixels).save(pictures / example.name)
            rows.writerow([example.name, *example.points.ravel().tolist()])
    return pictures, table


def test_references_that_dlib_loses_are_put_back(
    examples: list[Example], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else numpy says that it was asked to free its type of pixels, when the process ends."""
    kind, grown = np.dtype(np.uint8), dlib.train_shape_predictor

    def careless(*arguments: object) -> dlib.shape_predictor:
        for _ in range(3):
            ctypes.pythonapi.Py_DecRef(ctypes.py_object(kind))
        return grown(*arguments)

    monkeypatch.setattr(dlib, "train_shape_predictor", careless)
    before = sys.getrefcount(kind)
    landmarks.train(examples[:2], tmp_path / "small.dat", replace(SMALL, trees=2, threads=1))
    assert sys.getrefcount(kind) == before


def test_examples_are_read_alike_from_a_folder_and_a_zip_file(tmp_path: Path) -> None:
    pictures, table = write([face(1), face(2)], tmp_path)
    with zipfile.ZipFile(tmp_path / "pictures.zip", "w") as archive:
        for path in pictures.iterdir():
            archive.write(path, path.name)
    folder = landmarks.read_examples(pictures, table)
    archived = landmarks.read_examples(tmp_path / "pictures.zip", table)
    assert [example.name for example in folder] == ["001.png", "002.png"]
    for one, other, drawn in zip(folder, archived, (face(1), face(2)), strict=True):
        np.testing.assert_array_equal(one.pixels, other.pixels)
        np.testing.assert_array_equal(one.points, drawn.points)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("name,x\n001.png,3\n", "left_eye_x"),
        ("", "is empty: a table begins with a line of the names"),
        ("name\n", "has no column left_eye_x"),
        (
            "name," + ",".join(f"{p}_{a}" for p in landmarks.SCHEME for a in "xy") + "\n001.png,a,,,,,,,,,\n",
            "001.png",
        ),
    ],
)
def test_a_table_that_makes_no_sense_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    pictures, table = write([face(1)], tmp_path)
    table.write_text(text)
    with pytest.raises(UsageError, match=reason):
        landmarks.read_examples(pictures, table)


@pytest.mark.parametrize("value", ["nan", "inf", "1e999"])
def test_points_that_are_nowhere_are_refused(tmp_path: Path, value: str) -> None:
    pictures, table = write([face(1), face(2)], tmp_path)
    head, first, second = table.read_text().splitlines()
    table.write_text("\n".join([head, first, ",".join([*second.split(",")[:-1], value])]))
    with pytest.raises(UsageError, match=r"points of 002\.png are not those of a face"):
        landmarks.read_examples(pictures, table)


def test_eyes_in_one_place_are_refused(tmp_path: Path) -> None:
    pictures, table = write([replace(face(1), points=np.full((5, 2), 30.0))], tmp_path)
    with pytest.raises(UsageError, match="two eyes apart"):
        landmarks.read_examples(pictures, table)


def test_a_table_from_a_spreadsheet_and_one_in_another_encoding(tmp_path: Path) -> None:
    pictures, table = write([face(1)], tmp_path)
    text = table.read_text()
    table.write_text(text, encoding="utf-8-sig")
    assert len(landmarks.read_examples(pictures, table)) == 1
    table.write_bytes((text + "é.png").encode("latin-1"))
    with pytest.raises(UsageError, match="UTF-8"):
        landmarks.read_examples(pictures, table)


def test_a_picture_that_is_not_there_is_named(tmp_path: Path) -> None:
    pictures, table = write([face(1)], tmp_path)
    (pictures / "001.png").unlink()
    with pytest.raises(PictureError, match=rf"{table.name}: names a picture .*001\.png: No such file"):
        landmarks.read_examples(pictures, table)


def test_four_faces_are_too_few_to_keep_one_back() -> None:
    with pytest.raises(UsageError, match="4 pictures with points are too few"):
        landmarks.held_out(range(4))


def test_every_fifth_face_is_kept_back() -> None:
    training, measuring = landmarks.held_out(range(12))
    assert measuring == [4, 9]
    assert sorted(training + measuring) == list(range(12))


@given(st.integers(10, 500), st.integers(0, 1000))
def test_left_stays_left_in_the_mirror_and_twice_mirrored_is_unchanged(width: int, seed: int) -> None:
    points = np.random.default_rng(seed).uniform(0, width, (5, 2))
    points[[0, 3], 0], points[[1, 4], 0] = 0.1 * width, 0.9 * width
    mirrored = landmarks.mirror(points, width)
    assert mirrored[0, 0] < mirrored[1, 0]
    assert mirrored[3, 0] < mirrored[4, 0]
    np.testing.assert_allclose(landmarks.mirror(mirrored, width), points, atol=1e-9)


def test_a_mirrored_point_stays_on_its_pixel() -> None:
    pixels = np.zeros((3, 8), np.uint8)
    pixels[1, 2] = 255
    mirrored = landmarks.mirror(np.full((5, 2), (2.0, 1.0)), 8)[0]
    assert pixels[:, ::-1][int(mirrored[1]), int(mirrored[0])] == 255


def test_many_looks_are_steadier_than_one() -> None:
    truth = [
        replace(e, points=FakeDetector().detect(e.pixels)[0].points)
        for e in (face(seed) for seed in range(20))
    ]
    chance = np.random.default_rng(0)
    off = [replace(e, points=e.points + chance.normal(0, 1, (5, 2))) for e in truth]
    steadied = landmarks.steady(off, FakeDetector(noise=1.0))

    def error(found: list[Example]) -> float:
        wanted = [example.points for example in truth]
        return float(landmark_errors.distances([example.points for example in found], wanted).mean())

    assert error(steadied) < 0.6 * error(off)


def test_looks_at_another_face_do_not_count() -> None:
    example = face(3)
    (steadied,) = landmarks.steady([example], FakeDetector(offset=40.0))
    np.testing.assert_array_equal(steadied.points, example.points)


def test_the_teacher_sees_three_sizes_each_also_mirrored() -> None:
    teacher = FakeDetector()
    landmarks.steady([face(3)], teacher)
    assert teacher.asked == 6


def test_a_face_that_was_not_found_gets_the_usual_box() -> None:
    faces = [face(seed) for seed in range(10)]
    seen = landmarks.boxed(faces, FakeDetector())
    partly = landmarks.boxed(faces, FakeDetector(blind=(4,)))
    assert partly[3].box == seen[3].box
    assert partly[4].box is not None
    np.testing.assert_allclose(partly[4].box, seen[4].box, atol=4)


def test_a_detector_that_finds_nothing_is_an_error() -> None:
    with pytest.raises(UsageError, match="finds none of the faces"):
        landmarks.boxed([face(1)], FakeDetector(blind=(0,)))


def test_faces_need_boxes_to_be_trained_on(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has no box"):
        landmarks.train([face(1)], tmp_path / "none.dat", SMALL)


def test_boxes_are_moved_within_stated_bounds() -> None:
    chance, box = np.random.default_rng(0), Square(50, 60, 100)
    boxes = np.array([landmarks.moved(box, chance, SMALL) for _ in range(500)])
    assert np.abs(boxes[:, :2] - box[:2]).max() <= 2.5 * SMALL.shift * box.side
    assert np.abs(np.log(boxes[:, 2] / box.side)).max() <= 2.5 * SMALL.stretch
    assert boxes.std(axis=0).min() > 4


def test_rectangles_of_dlib_include_their_last_pixel() -> None:
    rectangle = landmarks.rectangle(Square(50, 50, 20))
    assert (rectangle.left(), rectangle.top(), rectangle.width(), rectangle.height()) == (40, 40, 20, 20)


def test_it_learns(examples: list[Example], trained: Path) -> None:
    _, measuring = landmarks.held_out(examples)
    (row,) = landmark_errors.compare(trained, [], {"drawn": measuring})
    usual = np.mean([example.points for example in examples], axis=0)
    guess = landmark_errors.distances([usual] * len(measuring), [e.points for e in measuring]).mean()
    assert row.count == len(measuring)
    assert row.mean < 0.08
    assert row.mean < guess / 3


def test_the_same_seed_gives_the_same_file(examples: list[Example], trained: Path, tmp_path: Path) -> None:
    training = landmarks.held_out(examples)[0]
    landmarks.train(training, tmp_path / "again.dat", SMALL)
    landmarks.train(training, tmp_path / "other.dat", replace(SMALL, seed=2))
    assert (tmp_path / "again.dat").read_bytes() == trained.read_bytes()
    assert (tmp_path / "other.dat").read_bytes() != trained.read_bytes()


def test_errors_are_in_eye_distances() -> None:
    truth = np.array([(0, 0), (10, 0), (5, 5), (0, 10), (10, 10)], float)
    off = landmark_errors.distances([truth + np.array([3, 4]), truth], [truth, truth])
    np.testing.assert_allclose(off, [[0.5] * 5, [0.0] * 5])


@given(st.floats(0.1, 50), st.floats(0, 6.28), st.integers(0, 100))
def test_errors_do_not_depend_on_size_or_turn_of_the_picture(scale: float, angle: float, seed: int) -> None:
    chance = np.random.default_rng(seed)
    truth, found = PLAN + chance.normal(0, 1, (5, 2)), PLAN + chance.normal(0, 1, (5, 2))
    turn = scale * np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    before = landmark_errors.distances([found], [truth])
    np.testing.assert_allclose(
        landmark_errors.distances([found @ turn + 7], [truth @ turn + 7]), before, rtol=1e-6
    )


def test_layouts_of_dlib_are_reduced_to_what_they_share() -> None:
    parts = np.zeros((68, 2))
    parts[36:42], parts[42:48], parts[30], parts[48], parts[54] = (1, 1), (9, 1), (5, 5), (2, 8), (8, 8)
    assert landmark_errors.shared(parts).tolist() == [[1, 1], [9, 1], [5, 5], [2, 8], [8, 8]]
    corners = np.array([(10, 1), (8, 1), (0, 1), (2, 1), (5, 5)], float)
    assert landmark_errors.shared(corners).tolist() == [[1, 1], [9, 1]]
    with pytest.raises(UsageError, match="29 points"):
        landmark_errors.shared(np.zeros((29, 2)))


def test_the_command_trains_measures_and_prints_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("facekit.detection.create", lambda spec: FakeDetector(noise=0.2))
    pictures, table = write([face(seed) for seed in range(30)], tmp_path)
    target = tmp_path / "mine.dat"
    small = ["--trees", "10", "--cascade", "3", "--depth", "2", "--jitters", "2", "--threads", "1"]
    arguments = ["train-landmarks", str(pictures), str(table), "-o", str(target), *small]
    table_run = CliRunner().invoke(group, arguments)
    assert table_run.exit_code == 0, table_run.output
    assert "mine.dat" in table_run.stdout
    assert "trained on 24 pictures" in table_run.stderr
    manifest = tmp_path / "manifest.toml"
    arguments += ["--teacher", "yunet=any", "--format", "json", "--manifest", str(manifest)]
    taken = CliRunner().invoke(group, arguments)
    assert (taken.exit_code, "mine.dat: is there already" in taken.stderr) == (2, True)
    target.unlink()
    json_run = CliRunner().invoke(group, arguments)
    entry = tomllib.loads(manifest.read_text())["landmarks"]
    assert (entry["file"], entry["sha256"]) == ("mine.dat", weights.digest(target))
    assert {"command", "commit", "scheme"} <= set(entry)
    rows = [json.loads(line) for line in json_run.stdout.splitlines()]
    assert [(row["truth"], row["points"], row["count"]) for row in rows] == [
        ("averaged", "all five", 6),
        ("given", "all five", 6),
    ]
    assert Landmarks(target)(face(1).pixels, Detection((20, 20, 76, 76), 1.0)).shape == (5, 2)


@pytest.mark.parametrize(
    ("option", "value"),
    [(name, "0") for name in ("--cascade", "--trees", "--depth", "--nu", "--jitters", "--threads")]
    + [("--nu", "nan"), ("--nu", "2"), ("--seed", "-1"), ("--depth", "60")],
)
def test_the_command_refuses_what_grows_no_trees(tmp_path: Path, option: str, value: str) -> None:
    pictures, table = write([face(1)], tmp_path)
    result = CliRunner().invoke(group, ["train-landmarks", str(pictures), str(table), option, value])
    assert result.exit_code == 2
    assert option in result.stderr


def test_the_command_can_be_quiet_and_names_too_few_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("facekit.detection.create", lambda spec: FakeDetector())
    pictures, table = write([face(seed) for seed in range(5)], tmp_path)
    small = ["--trees", "2", "--cascade", "2", "--depth", "2", "--jitters", "1", "--threads", "1", "-o"]
    arguments = ["train-landmarks", str(pictures), str(table), *small, str(tmp_path / "mine.dat")]
    result = CliRunner().invoke(group, [*arguments, "--quiet"])
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    lines = table.read_text().splitlines()
    table.write_text("\n".join(lines[:-1]))
    (tmp_path / "mine.dat").unlink()
    result = CliRunner().invoke(group, arguments)
    assert result.exit_code == 2
    assert "4 pictures with points are too few" in result.stderr


@pytest.fixture(scope="module")
def measured(data_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Example]:
    """Every tenth of the held-out pictures."""
    lines = (data_folder / "landmarks.csv").read_text().splitlines()
    table = tmp_path_factory.mktemp("measured") / "some.csv"
    table.write_text("\n".join([lines[0], *landmarks.held_out(lines[1:])[1][::10]]))
    return landmarks.boxed(landmarks.read_examples(data_folder / "landmarks.zip", table), create("dlib"))


def test_the_shipped_predictor_keeps_its_accuracy(measured: list[Example]) -> None:
    (row,) = landmark_errors.compare(settings.weights_folder() / "landmarks.dat", [], {"given": measured})
    assert row.count == 64
    assert row.median < 0.08


@pytest.mark.parametrize(
    "shift", [(-0.1, 0.0, 1.0), (0.1, 0.0, 1.0), (0.0, 0.1, 1.0), (0, 0, 0.9), (0, 0, 1.15)]
)
def test_the_shipped_predictor_bears_boxes_of_other_detectors(
    measured: list[Example], shift: tuple[float, float, float]
) -> None:
    dx, dy, grow = shift
    boxes = [e.box for e in measured if e.box]
    others = [Square(b.x + dx * b.side, b.y + dy * b.side, b.side * grow) for b in boxes]
    moved = [replace(e, box=other) for e, other in zip(measured, others, strict=True)]
    (row,) = landmark_errors.compare(settings.weights_folder() / "landmarks.dat", [], {"given": moved})
    assert row.median < 0.09


def test_the_shipped_predictor_is_small_enough_to_travel() -> None:
    assert (settings.weights_folder() / "landmarks.dat").stat().st_size < 10_000_000
