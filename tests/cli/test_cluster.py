"""`facekit cluster`: who of a folder's faces belong together, printed and as folders."""

import csv
import errno
import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Run
from fakes import photo
from PIL import Image

from facekit.files import outputs, writing
from facekit.pictures import folders
from facekit.pictures.left_out import UNNAMED
from facekit.rendering import grouped
from facekit.text.tables import width


@pytest.fixture
def holiday(run: Run, tmp_path: Path) -> Path:
    for number in range(3):
        photo(tmp_path / "holiday" / f"{number}.png", "red", "green", seed=number)
    photo(tmp_path / "holiday" / "more" / "3.png", "red", seed=3)
    photo(tmp_path / "holiday" / "more" / "4.png", "black")
    return tmp_path / "holiday"


def tree(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*.png") if path.is_file())


@pytest.mark.usefixtures("holiday")
class TestUnknown:
    def test_the_table_has_a_line_a_group_and_counts_who_is_alone(self, run: Run) -> None:
        result = run("cluster", "holiday")
        assert result.exit_code == 0
        assert [line.split() for line in result.stdout.splitlines()] == [
            ["group", "subject", "faces", "photos", "likeness", "first", "photo"],
            ["1", "4", "4", "1.00", "holiday/0.png"],
            ["2", "3", "3", "1.00", "holiday/0.png"],
            ["1", "face", "is", "single:", "like", "no", "other", "here."],
        ]
        assert max(width(line) for line in result.stdout.splitlines()) <= 80

    def test_json_is_a_line_a_group_and_one_for_those_alone(self, run: Run) -> None:
        result = run("cluster", "holiday", "-f", "jsonl")
        first, second, alone = map(json.loads, result.stdout.splitlines())
        assert list(first) == ["schema", "group", "subject", "score", "contenders", "likeness", "faces"]
        assert (first["group"], second["group"], alone["group"]) == (1, 2, None)
        face = first["faces"][0]
        assert list(face) == ["source", "face", "box", "detector_score", "points", "quality"]
        assert (face["source"], face["face"], face["box"]) == ("holiday/0.png", 1, [10.0, 20.0, 60.0, 70.0])
        assert [face["source"] for face in alone["faces"]] == ["holiday/more/4.png"]

    def test_a_group_that_is_equally_like_two_people_shows_both(self, run: Run, tmp_path: Path) -> None:
        for number, name in enumerate(("ada", "zoe")):
            photo(tmp_path / "k" / name / "1.png", "red", seed=1, size=(300 + number, 120))
        run("enroll", "k", "-g", "two.db")
        rows = csv.DictReader(io.StringIO(run("cluster", "holiday", "-g", "two.db", "-f", "csv").stdout))
        assert {(row["subject"], row["contenders"]) for row in rows} >= {("", "ada; zoe")}
        assert "ada or zoe?" in run("cluster", "holiday", "-g", "two.db").stdout

    def test_csv_has_a_row_a_face(self, run: Run) -> None:
        rows = list(csv.DictReader(io.StringIO(run("cluster", "holiday", "-f", "csv").stdout)))
        assert [row["group"] for row in rows] == ["1"] * 4 + ["2"] * 3 + [""]
        assert {row["source"] for row in rows if row["group"] == "2"} == {
            f"holiday/{n}.png" for n in range(3)
        }

    def test_a_folder_a_group_with_its_faces(self, run: Run, tmp_path: Path) -> None:
        assert run("cluster", "holiday", "--out", "out").exit_code == 0
        assert tree(tmp_path / "out") == [
            *(f"group-01/{n}-1.png" for n in range(4)),
            *(f"group-02/{n}-2.png" for n in range(3)),
            "single/4-1.png",
        ]
        with Image.open(tmp_path / "out" / "group-02" / "0-2.png") as crop:
            assert (crop.size, crop.getpixel((50, 50))) == ((112, 112), (0, 255, 0))

    def test_or_with_its_photos_as_they_are(self, run: Run, tmp_path: Path) -> None:
        photo(tmp_path / "holiday" / "more" / "0.png", "red", seed=7)
        assert run("cluster", "holiday", "--out", "out", "--copy", "photos").exit_code == 0
        assert tree(tmp_path / "out")[:2] == ["group-01/0.png", "group-01/0~2.png"]
        copy, original = tmp_path / "out" / "group-01" / "3.png", tmp_path / "holiday" / "more" / "3.png"
        assert copy.read_bytes() == original.read_bytes()

    def test_groups_of_two_runs_are_never_mixed(self, run: Run, tmp_path: Path) -> None:
        run("cluster", "holiday", "--out", "out")
        before = tree(tmp_path / "out")
        result = run("cluster", "holiday", "--out", "out")
        assert (result.exit_code, result.stdout) == (2, "")
        assert "out: is not empty" in result.stderr
        assert tree(tmp_path / "out") == before

    def test_the_threshold_decides(self, run: Run) -> None:
        [line] = run("cluster", "holiday", "--threshold", "1", "-f", "jsonl").stdout.splitlines()[-1:]
        assert len(json.loads(line)["faces"]) > 1

    def test_one_job_or_two_the_same_bytes(self, run: Run) -> None:
        one, two = (run("cluster", "holiday", "-f", "jsonl", "-j", jobs).stdout for jobs in "12")
        assert one == two


@pytest.mark.usefixtures("people", "holiday")
class TestKnown:
    def test_a_gallery_of_yours_names_groups_and_folders(self, run: Run, tmp_path: Path) -> None:
        result = run("cluster", "holiday", "-f", "jsonl", "--out", "out")
        lines = [json.loads(line) for line in result.stdout.splitlines()]
        assert [line["subject"] for line in lines] == ["red", "green", None]
        assert lines[0]["score"] >= 0.6
        assert {Path(name).parts[0] for name in tree(tmp_path / "out")} == {"red", "green", "single"}

    def test_a_gallery_that_is_named_must_be_there(self, run: Run) -> None:
        result = run("cluster", "holiday", "--gallery", "nowhere.db")
        assert result.exit_code == 1
        assert "nowhere.db" in result.stderr

    @pytest.mark.parametrize("name", ["single", "group-02", "../../evil", "con", "GROUP-02"])
    def test_a_name_cannot_leave_the_folder_or_take_the_place_of_another(
        self, run: Run, tmp_path: Path, name: str
    ) -> None:
        assert run("gallery", "rename", "red", name).exit_code == 0
        assert run("gallery", "remove", "green").exit_code == 0
        assert run("cluster", "holiday", "--out", "out").exit_code == 0
        folders = sorted(path.name for path in (tmp_path / "out").iterdir())
        assert len(folders) == 3
        assert {"group-02", "single"} < set(folders)
        assert not (tmp_path / "evil").exists()


class TestEnrolledAfterwards:
    @pytest.fixture(autouse=True, params=["photos", "faces"])
    def out(self, run: Run, tmp_path: Path, holiday: Path, request: pytest.FixtureRequest) -> Path:
        """`out/group-01`, `out/group-02` and `out/single`."""
        assert run("cluster", "holiday", "--out", "out", "--copy", request.param).exit_code == 0
        return tmp_path / "out"

    def test_whoever_was_named_is_enrolled_and_the_rest_counted(self, run: Run, out: Path) -> None:
        (out / "group-01").rename(out / "Ada")
        result = run("enroll", "out", "-g", "g.db")
        assert result.exit_code == 0, result.stderr
        assert "2 folders left out: 2 not named yet (of facekit cluster)" in result.stderr
        assert json.loads(run("gallery", "list", "-g", "g.db", "-f", "jsonl").stdout)["subject"] == "Ada"

    def test_nobody_was_named(self, run: Run, out: Path) -> None:
        result = run("enroll", "out", "-g", "g.db")
        assert result.exit_code == 2
        assert "out: the folders that facekit cluster made have no names yet" in result.stderr
        assert not Path("g.db").exists()

    def test_a_folder_of_single_faces_that_was_named_is_a_person(self, run: Run, out: Path) -> None:
        (out / "single").rename(out / "Zoe")
        assert [name for name, _ in folders.people([str(out)]).photos] == ["Zoe"]

    def test_somebody_may_be_called_so(self, run: Run, tmp_path: Path) -> None:
        photo(tmp_path / "people" / "single" / "1.png", "red")
        photo(tmp_path / "people" / "group-01" / "1.png", "green")
        assert [name for name, _ in folders.people(["people"]).photos] == ["group-01", "single"]


@pytest.mark.usefixtures("people", "holiday")
def test_a_group_whom_the_gallery_knows_is_enrolled_as_it_is(run: Run, tmp_path: Path) -> None:
    assert run("cluster", "holiday", "--out", "out").exit_code == 0
    result = run("enroll", "out", "-g", "again.db")
    assert "1 folder left out: 1 not named yet" in result.stderr
    assert [line.split()[0] for line in run("gallery", "list", "-g", "again.db").stdout.splitlines()[1:]] == [
        "green",
        "red",
    ]


@pytest.mark.usefixtures("people", "holiday")
@pytest.mark.parametrize("name", ["a/b", "con", "single", "Ada " * 30])
def test_a_folder_that_cannot_have_the_name_makes_nobody_of_another_name(run: Run, name: str) -> None:
    assert run("gallery", "rename", "red", name).exit_code == 0
    assert run("cluster", "holiday", "--out", "out").exit_code == 0
    result = run("enroll", "out", "-g", "again.db")
    assert "2 folders left out: 2 not named yet" in result.stderr
    assert json.loads(run("gallery", "list", "-g", "again.db", "-f", "jsonl").stdout)["subject"] == "green"


@pytest.mark.usefixtures("holiday")
@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("http://127.0.0.1:9/0.png", "is not on this machine, and is not copied"),
        ("/dev/zero", "not a regular file"),
        ("secret.txt", "is another file than when its faces were looked for"),
    ],
)
def test_a_file_of_vectors_brings_no_other_file_among_the_photos(run: Run, place: str, message: str) -> None:
    """Somebody wrote another place into it; and the photo was changed since."""
    Path("secret.txt").write_text("secret")
    assert run("embed", "holiday", "-o", "vectors.npz").exit_code == 0
    with np.load("vectors.npz") as file:
        arrays = dict(file)
    first = str(arrays["pictures"][0])
    for name in ("pictures", "sources"):
        arrays[name] = np.array([place if source == first else source for source in arrays[name]])
    np.savez("crafted.npz", **arrays)
    result = run("cluster", "crafted.npz", "--out", "out", "--copy", "photos")
    assert result.exit_code == 1
    assert f"{place}: " in result.stderr
    assert message in result.stderr
    assert not [path for path in Path("out").rglob("*") if path.is_file() and b"secret" in path.read_bytes()]
    assert run("cluster", "vectors.npz", "--out", "right", "--copy", "photos").exit_code == 0


@pytest.mark.usefixtures("holiday")
@pytest.mark.parametrize("moment", ["facekit.rendering.grouped.mark_unnamed", "facekit.files.writing.create"])
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("copy", ["faces", "photos"])
def test_folders_that_stay_empty_are_taken_away(
    run: Run, monkeypatch: pytest.MonkeyPatch, moment: str, error: BaseException, copy: str
) -> None:
    def fail(path: Path, *content: bytes) -> None:
        (path / UNNAMED if path.is_dir() else path.parent / UNNAMED).touch()
        raise error

    Path("mine").mkdir()
    with monkeypatch.context() as patched:
        patched.setattr(moment, fail)
        for out in ("a/b/out", "mine"):
            assert run("cluster", "holiday", "--out", out, "--copy", copy).exit_code in (1, 130)
    assert not Path("a").exists()
    assert list(Path("mine").iterdir()) == []
    assert run("cluster", "holiday", "--out", "mine", "--copy", copy).exit_code == 0


@pytest.mark.usefixtures("holiday")
def test_a_full_disk_is_told_of_the_folder_and_not_of_standard_output(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(folder: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(grouped, "mark_unnamed", full)
    result = run("cluster", "holiday", "--out", "out")
    assert result.exit_code == 1
    assert "out/group-01/" in result.stderr
    assert "standard output" not in result.stderr
    assert "No space left on device: make room and run again" in result.stderr


@pytest.mark.usefixtures("holiday")
def test_another_run_in_the_same_folder_is_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """It made its folders after this one looked."""
    made = outputs.make_folder

    def make_both(out: Path, *more: Any) -> None:
        made(out, *more)
        (out / "group-01").mkdir()

    monkeypatch.setattr(outputs, "make_folder", make_both)
    result = run("cluster", "holiday", "--out", "out")
    assert result.exit_code == 2
    assert "out/group-01: another process has made it meanwhile" in result.stderr


@pytest.mark.usefixtures("holiday")
def test_pictures_that_were_saved_before_a_failure_stay(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    create = writing.create

    def fail_later(path: Path, content: bytes) -> None:
        if path.parent.name == "group-02":
            (path.parent / "of-somebody-else").touch()
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        create(path, content)

    monkeypatch.setattr("facekit.files.writing.create", fail_later)
    assert run("cluster", "holiday", "--out", "out").exit_code == 1
    assert len(tree(Path("out/group-01"))) == 4
    assert Path("out/group-02/of-somebody-else").exists()
    assert not Path("out/single").exists()


def test_bad_photos_are_told_and_the_others_grouped(run: Run, tmp_path: Path, holiday: Path) -> None:
    (holiday / "bad.png").write_bytes(b"rubbish")
    result = run("cluster", "holiday")
    assert result.exit_code == 1
    assert "bad.png" in result.stderr
    assert "holiday/0.png" in result.stdout


def test_a_folder_without_faces(run: Run, tmp_path: Path) -> None:
    photo(tmp_path / "none" / "a.png")
    result = run("cluster", "none")
    assert (result.exit_code, result.stdout) == (3, "no face\n")
