"""The commands that look at pictures without naming anybody: verify, detect, align, embed."""

import csv
import io
import json
import os
import re
import stat
from pathlib import Path

import numpy as np
import pytest
from conftest import Run
from fakes import COLORS, DIMENSION, norm_of, photo
from PIL import Image


@pytest.fixture(autouse=True)
def pictures(run: Run, tmp_path: Path) -> None:
    photo(tmp_path / "red.png", "red")
    photo(tmp_path / "red2.png", "red", seed=3)
    photo(tmp_path / "both.png", "green", "red")
    photo(tmp_path / "none.png")


def test_verify_says_so_by_its_status_too(run: Run) -> None:
    same = run("verify", "red.png", "red2.png")
    assert same.exit_code == 0
    assert same.stdout.startswith("same person  score 0.99")
    different = run("verify", "red.png", "both.png")
    assert different.exit_code == 4
    assert different.stdout.startswith("different people  score -0.4")
    note = "both.png: 2 faces: the largest is compared"
    assert note in different.stderr
    assert different.output.index(note) < different.output.index("different people")


def test_two_faces_that_are_too_poor_are_never_the_same(run: Run, tmp_path: Path) -> None:
    for seed in range(2):
        photo(tmp_path / f"poor{seed}.png", "red", seed=seed, poor=True)
    result = run("verify", "poor0.png", "poor1.png")
    assert result.exit_code == 4
    assert result.stdout.startswith("cannot be told, both faces are too poor  score ")
    assert json.loads(run("verify", "poor0.png", "poor1.png", "-f", "json").stdout)["reason"] == "too_poor"
    assert run("verify", "poor0.png", "red.png").exit_code == 0


def test_verify_takes_a_threshold_and_gives_json(run: Run) -> None:
    result = run("verify", "red.png", "both.png", "--threshold", "-0.9", "-f", "json")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {
        "schema": 1,
        "score": -0.4706,
        "threshold": -0.9,
        "same": True,
        "reason": None,
        "notes": ["both.png: 2 faces: the largest is compared (--second-face NUMBER takes another)"],
    }


def test_verify_compares_the_faces_that_it_is_told(run: Run) -> None:
    verdicts = [run("verify", "red.png", "both.png", "--second-face", number) for number in ("1", "2")]
    assert sorted(result.exit_code for result in verdicts) == [0, 4]
    assert not any("the largest" in result.stderr for result in verdicts)
    assert run("verify", "both.png", "both.png", "--first-face", "1", "--second-face", "1").exit_code == 0
    assert run("verify", "both.png", "both.png", "--first-face", "1", "--second-face", "2").exit_code == 4
    beyond = run("verify", "red.png", "both.png", "--second-face", "3")
    assert (beyond.exit_code, "both.png: 2 faces, and so no face 3" in beyond.stderr) == (1, True)


@pytest.mark.parametrize("other", ["missing.png", "none.png"])
def test_verify_needs_a_face_in_both(run: Run, other: str) -> None:
    result = run("verify", "red.png", other)
    assert (result.exit_code, result.stdout) == (1, "")
    assert other in result.stderr


def test_verify_without_any_face_says_so_by_its_status(run: Run) -> None:
    result = run("verify", "none.png", "none.png")
    assert (result.exit_code, result.stdout) == (3, "")
    assert "no face in either" in result.stderr


def test_detect_prints_boxes_points_and_quality(run: Run) -> None:
    result = run("detect", "both.png", "-f", "jsonl")
    faces = json.loads(result.stdout)["faces"]
    assert [list(face) for face in faces] == [["box", "detector_score", "points", "quality"]] * 2
    assert faces[1]["box"] == [70.0, 20.0, 120.0, 70.0]
    assert len(faces[1]["points"]) == 5
    lines = run("detect", "both.png", "none.png").stdout.splitlines()
    assert [lines[0], lines[3]] == ["both.png: 2 faces", "none.png: no face"]
    rows = list(csv.DictReader(io.StringIO(run("detect", "both.png", "none.png", "-f", "csv").stdout)))
    assert [row["face"] for row in rows] == ["1", "2", ""]
    assert rows[0]["left_eye_x"] == "10.0"


def test_detect_marks_the_faces_in_the_picture(run: Run, tmp_path: Path) -> None:
    result = run("detect", "both.png", "--annotate", "out")
    assert result.exit_code == 0
    assert "facekit: 1 annotated picture saved in out\n" in result.stderr
    with Image.open(tmp_path / "out" / "both-faces.jpg") as image:
        assert image.size == (1000, 600)


def test_statuses_are_those_of_identify(run: Run) -> None:
    assert run("detect", "none.png").exit_code == 3
    assert run("detect", "none.png", "red.png").exit_code == 0
    assert run("detect", "none.png", "missing.png").exit_code == 1


def test_align_cuts_the_largest_face_into_the_same_tree(run: Run, tmp_path: Path) -> None:
    for name in ("ada/1.jpg", "ada/1.png", "bob/deep/2.png"):
        photo(tmp_path / "raw" / name, "red", "blue")
    photo(tmp_path / "raw" / "bob" / "none.png")
    (tmp_path / "raw" / "bob" / "bad.png").write_bytes(b"bad")
    result = run("align", "raw", "out")
    assert result.exit_code == 1
    crops = sorted(str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*.png"))
    assert crops == ["ada/1.png", "ada/1~2.png", "bob/deep/2.png"]
    assert "raw/bob/none.png: no face" in result.stderr
    assert "raw/bob/bad.png" in result.stderr
    with Image.open(tmp_path / "out" / "ada" / "1.png") as crop:
        assert (crop.size, crop.mode) == ((112, 112), "RGB")


@pytest.mark.parametrize("out", ["raw", "raw/ada", "raw/new", "link"])
def test_align_never_writes_into_the_pictures(run: Run, tmp_path: Path, out: str) -> None:
    pictures = [photo(tmp_path / "raw" / "ada" / f"{number}.png", "red", seed=number) for number in range(2)]
    if hasattr(os, "symlink"):
        (tmp_path / "link").symlink_to("raw", target_is_directory=True)
    before = [path.read_bytes() for path in pictures]
    result = run("align", "raw", out)
    assert (result.exit_code, "give a" in result.stderr) == (2, True)
    assert [path.read_bytes() for path in pictures] == before
    assert len(list((tmp_path / "raw").rglob("*"))) == 3


@pytest.mark.parametrize(
    "command",
    [
        ("align", "raw", "out"),
        ("identify", "raw", "--save-face", "out"),
        ("identify", "raw", "--annotate", "out"),
        ("detect", "raw", "--annotate", "out"),
        ("cluster", "raw", "-o", "out"),
        ("cluster", "raw", "-o", "out", "--copy", "photos"),
    ],
)
def test_a_full_disk_is_a_line_that_names_what_was_written(
    run: Run, people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    for number in range(3):
        photo(tmp_path / "raw" / "ada" / f"{number}.png", "red", seed=number)

    def full(path: Path, content: bytes) -> int:
        path.open("wb").close()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    result = run("--quiet", *command)
    assert result.exit_code == 1
    [told] = result.stderr.splitlines()
    assert re.fullmatch(r"facekit: out/\S+: No space left on device: make room and run again", told)
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file()]


def test_embed_gives_every_format_the_same_vectors(run: Run, tmp_path: Path) -> None:
    lines = run("embed", "both.png", "red.png").stdout.splitlines()
    faces = [face for line in lines for face in json.loads(line)["faces"]]
    by_json = np.array([face["vector"] for face in faces], np.float32)
    rows = list(csv.DictReader(io.StringIO(run("embed", "both.png", "red.png", "-f", "csv").stdout)))
    by_csv = np.array([[row[f"v{place}"] for place in range(DIMENSION)] for row in rows], np.float32)
    for name in ("a.npz", "a.csv", "a.jsonl"):
        assert run("embed", "both.png", "red.png", "-o", name).exit_code == 0
        assert stat.S_IMODE(os.stat(tmp_path / name).st_mode) == 0o600
    with np.load(tmp_path / "a.npz", allow_pickle=False) as arrays:
        assert arrays["vectors"].dtype == np.float32
        np.testing.assert_array_equal(arrays["vectors"], by_json)
        assert list(arrays["sources"]) == ["both.png", "both.png", "red.png"]
        assert arrays["boxes"].shape == (3, 4)
    np.testing.assert_array_equal(by_csv, by_json)
    np.testing.assert_allclose(np.linalg.norm(by_json, axis=1), 1, rtol=1e-6)


def test_embed_gives_the_length_of_each_vector_before_it_was_scaled(run: Run, tmp_path: Path) -> None:
    lines = run("embed", "both.png", "red.png").stdout.splitlines()
    by_json = [face["feature_norm"] for line in lines for face in json.loads(line)["faces"]]
    rows = list(csv.reader(io.StringIO(run("embed", "both.png", "red.png", "-f", "csv").stdout)))
    assert rows[0][-2:] == [f"v{DIMENSION - 1}", "feature_norm"]
    assert run("embed", "both.png", "red.png", "-o", "a.npz").exit_code == 0
    with np.load(tmp_path / "a.npz", allow_pickle=False) as arrays:
        assert arrays["feature_norms"].dtype == np.float32
        np.testing.assert_array_equal(arrays["feature_norms"], np.float32(by_json))
    assert [float(row[-1]) for row in rows[1:]] == by_json
    assert by_json == pytest.approx([norm_of(COLORS[name]) for name in ("green", "red", "red")], rel=0.02)


def test_embed_of_no_face_is_an_empty_file_of_the_right_shape(run: Run, tmp_path: Path) -> None:
    assert run("embed", "none.png", "-o", "a.npz").exit_code == 3
    with np.load(tmp_path / "a.npz", allow_pickle=False) as arrays:
        assert len(arrays["vectors"]) == len(arrays["boxes"]) == len(arrays["feature_norms"]) == 0


def test_embed_refuses_a_format_it_does_not_know(run: Run, tmp_path: Path) -> None:
    result = run("embed", "red.png", "-o", "a.pkl")
    assert result.exit_code == 2
    assert ".npz" in result.stderr
    assert not (tmp_path / "a.pkl").exists()


def test_a_file_that_cannot_be_made_is_told_by_the_name_that_was_given(run: Run, tmp_path: Path) -> None:
    result = run("embed", "red.png", "-o", "nowhere/x.npz")
    assert (result.exit_code, result.stderr) == (1, "facekit: nowhere/x.npz: No such file or directory\n")


def test_an_unfinished_file_never_stands_under_its_name(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("embed", "red.png", "-o", "a.npz").exit_code == 0
    earlier = (tmp_path / "a.npz").read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("numpy.savez_compressed", full)
    assert run("embed", "red.png", "-o", "a.npz").exit_code == 1
    assert (tmp_path / "a.npz").read_bytes() == earlier
    assert not list(tmp_path.glob(".facekit*"))


@pytest.mark.parametrize("name", ["a.npz", "a.csv", "a.jsonl"])
def test_vectors_replace_vectors_and_nothing_else(run: Run, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    for content in (None, b""):
        if content is not None:
            path.write_bytes(content)
        assert run("embed", "red.png", "-o", name).exit_code == 0
        assert run("embed", "both.png", "-o", name).exit_code == 0
        assert path.stat().st_mode & 0o777 == 0o600
    for content in (b"mine", b"source,face\nmine,1\n", b'{"schema": 1, "kind": "facekit gallery"}\n'):
        path.write_bytes(content)
        result = run("embed", "red.png", "-o", name)
        assert (result.exit_code, f"{name}: is there already" in result.stderr) == (2, True)
        assert path.read_bytes() == content


@pytest.mark.parametrize("name", ["a.npz", "a.csv", "a.jsonl"])
def test_vectors_stay_where_no_picture_can_be_read(run: Run, tmp_path: Path, name: str) -> None:
    """A disk that is not there, an empty folder: what was computed yesterday is not replaced by nothing."""
    (tmp_path / "nothing").mkdir()
    (tmp_path / "damaged.jpg").write_bytes(b"no picture")
    for inputs in ("nothing", "damaged.jpg", "gone"):
        assert run("embed", inputs, "-o", name).exit_code == 1
        assert not (tmp_path / name).exists()
    assert run("embed", "red.png", "-o", name).exit_code == 0
    before = (tmp_path / name).read_bytes()
    for inputs in ("nothing", "damaged.jpg", "gone"):
        assert run("embed", inputs, "-o", name).exit_code == 1
        assert (tmp_path / name).read_bytes() == before


def test_an_export_of_a_gallery_is_not_replaced_by_vectors(run: Run, people: Path, tmp_path: Path) -> None:
    for name in ("g.npz", "g.jsonl"):
        assert run("gallery", "export", name).exit_code == 0
        before = (tmp_path / name).read_bytes()
        assert run("embed", "red.png", "-o", name).exit_code == 2
        assert (tmp_path / name).read_bytes() == before
