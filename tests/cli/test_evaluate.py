"""`facekit evaluate`: from pictures to error rates, from a score file to the same again."""

import csv
import io
import json
import os
import pickle
from pathlib import Path

import pytest
from conftest import Run
from fakes import photo

from facekit.text.tables import width

COLORS = ("red", "green", "blue", "yellow", "cyan", "magenta")


@pytest.fixture
def lfw(run: Run, tmp_path: Path) -> Path:
    """Six people in LFW's layout, three photos each; one of red's has no face."""
    for color in COLORS:
        for number in (1, 2, 3):
            faces = () if (color, number) == ("red", 3) else (color,)
            photo(tmp_path / "lfw" / color / f"{color}_{number:04d}.png", *faces, seed=number)
    lines = ["2\t4"]
    for people in (COLORS[:3], COLORS[3:]):
        lines += [f"{name}\t1\t2" for name in people] + [f"{people[0]}\t1\t3"]
        lines += [f"{people[0]}\t{n}\t{people[1]}\t{n}" for n in (1, 2)]
        lines += [f"{people[1]}\t{n}\t{people[2]}\t{n}" for n in (1, 2)]
    (tmp_path / "pairs.txt").write_text("\n".join(lines) + "\n")
    return tmp_path


def test_pairs_of_lfw_as_json(run: Run, lfw: Path) -> None:
    result = run("evaluate", "verification", "--pairs", "pairs.txt", "--images", "lfw", "--format", "json")
    assert result.exit_code == 0
    [line] = result.stdout.splitlines()
    made = json.loads(line)
    assert (made["schema"], made["protocol"], made["pairs"], made["failed"]) == (1, "verification", 16, 1)
    assert (made["mated"], made["non_mated"]) == (8, 8)
    assert made["accuracy"] == pytest.approx(15 / 16)
    assert made["folds"] == 2
    assert (made["pictures"], made["pictures_failed"], made["pictures_with_several_faces"]) == (14, 1, 0)


def test_scores_are_written_and_give_the_same_figures_again(run: Run, lfw: Path) -> None:
    command = ("evaluate", "verification", "--pairs", "pairs.txt", "--images", "lfw", "-f", "json")
    first = json.loads(run(*command, "--scores", "s.csv", "--threshold", "0.5").stdout)
    again = run("evaluate", "verification", "--from-scores", "s.csv", "-f", "json", "--threshold", "0.5")
    second = json.loads(again.stdout)
    for key in set(second) - {"scores"}:
        assert first[key] == second[key], key
    assert first["at_threshold"]["recall"]["count"] == 7


def test_the_table_fits_80_columns_and_says_what_cannot_be_shown(run: Run, lfw: Path) -> None:
    result = run("evaluate", "verification", "--pairs", "pairs.txt", "--images", "lfw", "--threshold", "0.5")
    assert max(width(line) for line in result.stdout.splitlines()) <= 80
    assert "1 of them without a face, counted as misses" in " ".join(result.stdout.split())
    assert "Not shown: FMR 1e-1, 1e-2" in result.stdout
    rows = run("evaluate", "verification", "--pairs", "pairs.txt", "--images", "lfw", "-f", "csv").stdout
    parsed = list(csv.DictReader(io.StringIO(rows)))
    assert parsed[0]["figure"].startswith("accuracy, 2 folds")
    assert (parsed[0]["count"], parsed[0]["total"]) == ("15", "16")


def test_a_csv_of_pairs_is_reported_by_group(run: Run, lfw: Path) -> None:
    rows = ["a,b,mated,tone"]
    for name, tone in zip(COLORS, ("warm", "cold", "cold", "warm", "cold", "warm"), strict=True):
        rows.append(f"{name}/{name}_0001.png,{name}/{name}_0002.png,1,{tone}")
        other = COLORS[COLORS.index(name) - 1]
        rows.append(f"{name}/{name}_0001.png,{other}/{other}_0002.png,0,{tone}")
    (lfw / "p.csv").write_text("\n".join(rows))
    command = ("evaluate", "verification", "--pairs", "p.csv", "--images", "lfw", "--group-by")
    made = json.loads(run(*command, "tone", "-f", "json").stdout)["by_group"]
    assert list(made["groups"]) == ["cold", "warm"]
    assert made["groups"]["cold"]["rates"]["FNMR"]["total"] == 3
    assert "By tone" in run(*command, "tone").stdout
    wrong = run(*command, "age")
    assert (wrong.exit_code, wrong.stdout) == (2, "")
    assert "no column 'age'" in wrong.stderr


def test_every_picture_against_every_other(run: Run, lfw: Path) -> None:
    made = json.loads(run("evaluate", "verification", "--images", "lfw", "-f", "json").stdout)
    assert (made["pairs"], made["mated"], made["failed"]) == (153, 18, 17)
    listed = run("evaluate", "verification", "--images", "lfw", "-f", "json", "--scores", "s.csv").stdout
    assert json.loads(listed)["tar_at_fmr"] == made["tar_at_fmr"]
    again = json.loads(run("evaluate", "verification", "--from-scores", "s.csv", "-f", "json").stdout)
    assert again["tar_at_fmr"] == made["tar_at_fmr"]


def test_pictures_that_cannot_be_read_are_told_and_counted(run: Run, lfw: Path) -> None:
    (lfw / "lfw" / "red" / "red_0001.png").write_bytes(b"damaged")
    (lfw / "lfw" / "blue" / "blue_0002.png").unlink()
    result = run("evaluate", "verification", "--pairs", "pairs.txt", "--images", "lfw", "-f", "json")
    assert result.exit_code == 1
    assert result.stderr.count("red_0001.png") == 1
    assert "blue_0002" in result.stderr
    assert json.loads(result.stdout)["pictures_failed"] == 3


def test_a_malicious_bin_is_refused(run: Run, tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            import os

            return os.system, ("touch ran",)

    (tmp_path / "evil.bin").write_bytes(pickle.dumps(([Evil()], [True])))
    result = run("evaluate", "verification", "--pairs", "evil.bin")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "evil.bin: refused" in result.stderr
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["verification"], "--pairs FILE"),
        (["verification", "--pairs", "pairs.txt"], "--images FOLDER"),
        (["verification", "--pairs", "none.txt", "--images", "lfw"], "none.txt"),
        (["verification", "--pairs", "pairs.txt", "--images", "none"], "none of the 14 pictures"),
        (["verification", "--images", "lfw", "--group-by", "x"], "--group-by"),
        (["verification", "--from-scores", "x.csv", "--images", "lfw"], "takes no --images"),
        (["verification", "--images", "lfw", "--scores", "s.txt"], "s.csv or s.parquet"),
        (["identification"], "--images FOLDER"),
        (["identification", "--images", "none"], "none"),
        (["identification", "--images", "lfw", "--gallery-photos", "9", "--strangers", "0"], "take fewer"),
        (["identification", "--images", "lfw", "--strangers", "6"], "leave nobody"),
        (["identification", "--images", "lfw", "--gallery", "none.db"], "none.db"),
    ],
)
def test_what_makes_no_sense_is_told(run: Run, lfw: Path, arguments: list[str], told: str) -> None:
    result = run("evaluate", *arguments)
    assert result.exit_code in (1, 2)
    assert result.stdout == ""
    assert told in result.stderr
    assert "internal error" not in result.stderr


def test_a_folder_is_divided_and_searched(run: Run, lfw: Path) -> None:
    command = ("evaluate", "identification", "--images", "lfw", "-f", "json")
    made = json.loads(run(*command).stdout)
    assert (made["schema"], made["protocol"], made["gallery_subjects"]) == (1, "identification", 3)
    assert (made["splits"], made["mated"], made["non_mated"]) == (5, 30, 45)
    assert made["rank1"] is not None
    assert run(*command).stdout == run(*command, "--jobs", "2").stdout
    assert run(*command, "--seed", "1").stdout != run(*command).stdout
    closed = json.loads(run(*command, "--strangers", "0", "--gallery-photos", "2").stdout)
    assert (closed["splits"], closed["gallery_subjects"], closed["mated"]) == (1, 6, 6)
    assert closed["fnir_at_fpir"] == {}


def test_a_folder_of_which_every_photo_is_enrolled_is_told_to_need_more(run: Run, lfw: Path) -> None:
    command = ("evaluate", "identification", "--images", "lfw", "--gallery-photos", "3")
    result = run(*command, "--threshold", "0.5")
    assert "Nobody who is enrolled was searched for: FNIR takes more photos of them" in " ".join(
        result.stdout.split()
    )


def test_a_gallery_is_searched_for_the_people_of_a_folder(run: Run, lfw: Path) -> None:
    for color in COLORS[:4]:
        photo(lfw / "people" / color / "1.png", color, seed=7)
    photo(lfw / "people" / "red" / "2.png")
    copy = (lfw / "people" / "green" / "1.png").read_bytes()
    (lfw / "lfw" / "green" / "copy.png").write_bytes(copy)
    command = ("evaluate", "identification", "--images", "lfw", "-f", "json", "--gallery")
    folder = json.loads(run(*command, "people").stdout)
    assert (folder["gallery_subjects"], folder["mated"], folder["non_mated"]) == (4, 12, 6)
    assert folder["pictures_enrolled_themselves"] == 1
    assert (folder["rank1_rate"]["count"], folder["failed"]) == (11, 1)
    assert run("enroll", "people", "--gallery", "g.db", "-q").exit_code == 0
    file = json.loads(run(*command, "g.db").stdout)
    assert file["rank1_rate"] == folder["rank1_rate"]
    split = json.loads(run(*command, "g.db", "--strangers", "1", "--splits", "3").stdout)
    assert (split["gallery_subjects"], split["splits"]) == (3, 3)


def test_searches_are_written_and_grouped_by_what_a_table_says_of_people(run: Run, lfw: Path) -> None:
    (lfw / "people.csv").write_text("subject,tone\n" + "".join(f"{n},{len(n) % 2}\n" for n in COLORS))
    command = ("evaluate", "identification", "-f", "json", "--threshold", "0.5", "--group-by", "tone")
    first = run(*command, "--images", "lfw", "--people", "people.csv", "--scores", "i.csv")
    assert first.exit_code == 0, first.stderr
    again = run(*command, "--from-scores", "i.csv")
    assert json.loads(again.stdout)["by_group"] == json.loads(first.stdout)["by_group"]
    assert list(json.loads(first.stdout)["by_group"]["groups"]) == ["0", "1"]
    table = run("evaluate", "identification", "--from-scores", "i.csv", "--threshold", "0.5").stdout
    assert "in 5 splits" in table
    assert "rank 1" in table
    wrong = run("evaluate", "verification", "--from-scores", "i.csv")
    assert "not of comparisons" in wrong.stderr


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_scores_replace_scores_and_nothing_else(run: Run, lfw: Path, tmp_path: Path, ending: str) -> None:
    if ending == "parquet":
        pytest.importorskip("pyarrow", reason="Parquet needs pip install 'facekit[evaluate]'")
    command = ("evaluate", "verification", "--pairs", "pairs.txt", "--images", "lfw", "--scores")
    path = tmp_path / f"s.{ending}"
    for _ in range(2):
        assert run(*command, path.name).exit_code == 0
    path.write_bytes(b"a,b,mated\nmine,mine,1\n")
    result = run(*command, path.name)
    assert (result.exit_code, f"s.{ending}: is there already" in result.stderr) == (2, True)
    assert path.read_bytes() == b"a,b,mated\nmine,mine,1\n"


def test_scores_are_not_written_over_what_is_measured(run: Run, lfw: Path, tmp_path: Path) -> None:
    command = ("evaluate", "verification", "--pairs", "pairs.txt", "--images", "lfw", "--scores")
    assert run(*command, "s.csv").exit_code == 0
    before = (tmp_path / "s.csv").read_bytes()
    result = run("evaluate", "verification", "--from-scores", "s.csv", "--scores", "s.csv")
    assert (result.exit_code, "one of the inputs" in result.stderr) == (2, True)
    assert (tmp_path / "s.csv").read_bytes() == before


def test_a_full_disk_leaves_the_scores_before(
    run: Run, lfw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ("evaluate", "verification", "--pairs", "pairs.txt", "--images", "lfw", "--scores", "s.csv")
    assert run(*command).exit_code == 0
    before = (tmp_path / "s.csv").read_bytes()

    def full(value: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("facekit.evaluation.scores.csv_cell", full)
    result = run(*command)
    assert (result.exit_code, result.stderr.splitlines()[-1]) == (
        1,
        "facekit: s.csv: No space left on device: make room and run again",
    )
    assert (tmp_path / "s.csv").read_bytes() == before
    assert not list(tmp_path.glob(".facekit*"))


@pytest.mark.skipif(os.name == "nt", reason="pipes of POSIX")
def test_a_place_that_takes_no_scores_is_told_before_the_measuring(
    run: Run, lfw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "s.csv")
    monkeypatch.setattr("facekit.verbs.evaluate._Run.compare", lambda *_: pytest.fail("measured"))
    result = run("evaluate", "verification", "--pairs", "pairs.txt", "--images", "lfw", "--scores", "s.csv")
    assert result.exit_code == 1
    assert result.stderr == "facekit: s.csv: is no regular file, and cannot be replaced\n"


class TestNothingToMeasure:
    """Where nothing could be measured, that is one line and no success."""

    @pytest.fixture(autouse=True)
    def folders(self, run: Run, tmp_path: Path) -> None:
        for color in COLORS[:4]:
            for number in (1, 2):
                photo(tmp_path / "people" / color / f"{number}.png", color, seed=number)
                photo(tmp_path / "none" / color / f"{number}.png", seed=number)
        assert run("enroll", "people", "-g", "g.db").exit_code == 0
        (tmp_path / "pairs.csv").write_text("a,b,mated,score\nx,y,1,\nx,z,0,\n")
        (tmp_path / "searches.csv").write_text(
            "split,probe,subject,top_subject,top_score,mate_score,mate_rank,gallery_subjects\n0,p,x,,,,,3\n"
        )
        (tmp_path / "alone.csv").write_text(
            "split,probe,subject,top_subject,top_score,mate_score,mate_rank,gallery_subjects\n"
            "0,p,,x,0.5,,,3\n"
        )

    @pytest.mark.parametrize(
        ("command", "status", "said"),
        [
            ("evaluate identification --images people --gallery-photos 999", 1, "people: nobody who is"),
            ("evaluate identification --images none", 3, "no face in any of 8 pictures"),
            ("evaluate identification --images none --gallery g.db", 3, "no face in any of 8 pictures"),
            ("evaluate identification --images people --gallery none", 3, "none: no face in any of its 8"),
            (
                "evaluate identification --from-scores searches.csv",
                1,
                "searches.csv: nothing in it has a score",
            ),
            ("evaluate identification --from-scores alone.csv", 1, "none for anybody who is enrolled"),
            ("evaluate verification --images none", 3, "no face in any of 8 pictures"),
            ("evaluate verification --from-scores pairs.csv", 1, "pairs.csv: nothing in it has a score"),
            ("calibrate --fpir 0.5 --images none -g g.db", 3, "none of the non-mated pictures has a face"),
        ],
    )
    def test_is_an_error_in_a_line(self, run: Run, command: str, status: int, said: str) -> None:
        result = run(*command.split())
        assert (result.exit_code, result.stdout) == (status, "")
        assert len(result.stderr.splitlines()) == 1
        assert said in result.stderr

    def test_nobody_waits_for_pictures_that_cannot_be_searched_for(
        self, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("fakes.FakePipeline.faces", lambda *_: pytest.fail("looked at pictures"))
        assert run("evaluate", "identification", "--images", "people", "--gallery-photos", "2").exit_code == 1

    def test_that_no_picture_can_be_read_is_no_lack_of_faces(self, run: Run, tmp_path: Path) -> None:
        for path in (tmp_path / "none").rglob("*.png"):
            path.write_bytes(b"\x89PNG\r\n\x1a\n")
        result = run("evaluate", "verification", "--images", "none")
        assert result.exit_code == 1
        assert "none of 8 pictures can be read; the first: none/blue/1.png: " in result.stderr

    def test_strangers_alone_are_searched_for_where_a_threshold_is_given(self, run: Run) -> None:
        command = "evaluate identification --images people --gallery-photos 2 --threshold 0.5"
        assert "FPIR" in run(*command.split()).stdout
