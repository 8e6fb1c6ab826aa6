"""`facekit identify`: who is in each picture, printed, saved, and what bad input does."""

import csv
import io
import json
import os
from pathlib import Path

import pytest
from conftest import Run
from fakes import photo
from PIL import Image

from facekit.calibration.threshold import Calibration
from facekit.gallery import open_gallery
from facekit.gallery.templates import NewTemplate
from facekit.output import FORMATS
from facekit.text.tables import width

pytestmark = pytest.mark.usefixtures("people")

SAID = "facekit: the gallery is gallery/gallery.db\n"


def test_a_face_has_its_name_and_its_candidates(run: Run, tmp_path: Path) -> None:
    photo(tmp_path / "a.png", "red", seed=5)
    brief = run("identify", "a.png")
    assert (brief.exit_code, brief.stdout, brief.stderr) == (0, "A name needs 0.60.\na.png: red\n", SAID)
    result = run("identify", "a.png", "--verbose")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == "A name needs 0.6000."
    assert lines[1] == "a.png: 1 face"
    assert lines[2].split() == ["1", "red", "10,20", "–", "60,70", "detector", "1.50"]
    assert [line.split()[2] for line in lines[3:]] == ["red", "blue", "green"]
    assert result.stderr == SAID
    assert run("identify", "a.png", "--top", "3").stdout == result.stdout


def test_the_first_line_says_how_often_a_stranger_gets_a_name(run: Run, tmp_path: Path) -> None:
    photo(tmp_path / "a.png", "red")
    with open_gallery("gallery/gallery.db", write=True) as gallery:
        gallery.set_calibration(Calibration(0.6125, "FPIR at most 0.002 at N = 3: 1 of 2000 searches"))
    told = "about 1 stranger in 500 gets one."
    assert run("identify", "a.png").stdout.startswith(f"A name needs 0.61; {told}\n")
    assert run("identify", "a.png", "-v").stdout.startswith(f"A name needs 0.6125; {told}\n")
    assert "FPIR at most 0.002 at N = 3: 1 of 2000 searches" in run("gallery", "show").stdout


def test_a_stranger_is_unknown_and_never_the_nearest_name(run: Run, tmp_path: Path) -> None:
    photo(tmp_path / "a.png", "black")
    assert "a.png: unknown\n" in run("identify", "a.png").stdout
    assert "   1  unknown " in run("identify", "a.png", "--verbose").stdout
    face = json.loads(run("identify", "a.png", "--format", "jsonl").stdout)["faces"][0]
    assert (face["subject"], face["reason"]) == (None, "below_threshold")
    assert face["score"] == face["candidates"][0]["score"]


def test_nobody_is_named_whom_two_people_are_equally_like(run: Run, tmp_path: Path) -> None:
    photo(tmp_path / "other" / "a.png", "red", seed=1, size=(300, 120))
    assert run("enroll", "--subject", "a", "other/a.png", "-g", "two.db").exit_code == 0
    photo(tmp_path / "other" / "z.png", "red", seed=1, size=(310, 120))
    assert run("enroll", "--subject", "z", "other/z.png", "-g", "two.db").exit_code == 0
    photo(tmp_path / "probe.png", "red", seed=3)
    table = run("identify", "probe.png", "-g", "two.db", "--verbose").stdout
    assert "unknown" in table
    assert "equally like a and z" in table


def test_json_is_one_document_and_jsonl_an_object_a_photo(run: Run, tmp_path: Path) -> None:
    photo(tmp_path / "a.png", "red", "green")
    lines = run("identify", "a.png", "missing.png", "-f", "jsonl").stdout.splitlines()
    document = json.loads(run("identify", "a.png", "missing.png", "-f", "json").stdout)
    assert document == {"schema": 1, "results": [json.loads(line) for line in lines]}
    [alone] = json.loads(run("identify", "a.png", "-f", "json").stdout)["results"]
    assert alone == json.loads(lines[0])


def test_a_photo_has_an_object_of_the_promised_shape(run: Run, tmp_path: Path) -> None:
    photo(tmp_path / "a.png", "red", "green")
    result = run("identify", "a.png", "missing.png", "--format", "jsonl", "--top", "2")
    first, second = map(json.loads, result.stdout.splitlines())
    assert list(first) == ["schema", "source", "width", "height", "faces", "notes", "error"]
    assert (first["width"], first["height"], second["width"]) == (200, 120, None)
    assert (first["schema"], first["source"], first["error"]) == (1, "a.png", None)
    assert [face["subject"] for face in first["faces"]] == ["red", "green"]
    assert list(first["faces"][0]) == [
        *("box", "detector_score", "points", "quality"),
        *("subject", "score", "reason", "contenders", "candidates"),
    ]
    assert first["faces"][0]["box"] == [10.0, 20.0, 60.0, 70.0]
    assert [list(each) for each in first["faces"][0]["candidates"]] == [
        ["rank", "subject", "score", "poor"]
    ] * 2
    assert second["faces"] == []
    assert "missing.png" in second["error"]


def test_csv_has_a_row_for_each_candidate_and_for_each_photo_without_any(run: Run, tmp_path: Path) -> None:
    photo(tmp_path / "a.png", "red")
    photo(tmp_path / "b.png")
    rows = list(csv.DictReader(io.StringIO(run("identify", "a.png", "b.png", "-f", "csv").stdout)))
    assert [(row["source"], row["candidate"], row["rank"]) for row in rows] == [
        *(("a.png", name, rank) for name, rank in (("red", "1"), ("blue", "2"), ("green", "3"))),
        ("b.png", "", ""),
    ]


def test_one_person_is_not_in_a_photo_twice_unless_allowed(run: Run, tmp_path: Path) -> None:
    photo(tmp_path / "twice.png", "red", "red")

    def names(*more: str) -> list[str | None]:
        faces = json.loads(run("identify", "twice.png", "-f", "jsonl", *more).stdout)["faces"]
        return [face["subject"] for face in faces]

    assert names() == ["red", None]
    assert "red is another face here, and named once a picture (--allow-repeats)" in (
        run("identify", "twice.png", "--verbose").stdout
    )
    faces = json.loads(run("identify", "twice.png", "-f", "jsonl").stdout)["faces"]
    assert [(face["reason"], face["contenders"]) for face in faces] == [
        (None, []),
        ("already_in_picture", ["red"]),
    ]
    rows = csv.DictReader(io.StringIO(run("identify", "twice.png", "-f", "csv").stdout))
    assert {(row["face"], row["reason"]) for row in rows} == {("1", ""), ("2", "already_in_picture")}
    assert names("--allow-repeats") == ["red", "red"]


def test_threshold_decides_and_is_printed(run: Run, tmp_path: Path) -> None:
    photo(tmp_path / "a.png", "red", seed=9)
    assert "unknown" not in run("identify", "a.png").stdout
    result = run("identify", "a.png", "--threshold", "1")
    assert "unknown" in result.stdout
    assert result.stdout.startswith("A name needs 1.00, as you asked.")


@pytest.mark.parametrize("style", FORMATS)
def test_the_same_bytes_with_one_job_and_with_several(run: Run, tmp_path: Path, style: str) -> None:
    for number in range(9):
        photo(tmp_path / "in" / f"{number}.png", *("red", "green", "blue")[: number % 4], seed=number)
    (tmp_path / "in" / "5.png").write_bytes(b"damaged")
    # Four once; each process takes longer to start than the pictures take.
    several = "4" if style == "json" else "2"
    one, more = (run("identify", "in", "--jobs", jobs, "-f", style) for jobs in ("1", several))
    assert one.stdout_bytes == more.stdout_bytes
    assert one.stderr == more.stderr
    assert one.exit_code == more.exit_code == 1


def test_standard_input_is_a_picture(run: Run, tmp_path: Path) -> None:
    data = photo(tmp_path / "a.png", "red").read_bytes()
    result = run("identify", "-", "-f", "jsonl", stdin=data)
    assert json.loads(result.stdout)["source"] == "-"
    assert json.loads(result.stdout)["faces"][0]["subject"] == "red"


def test_bad_inputs_are_a_line_each_and_the_batch_goes_on(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "text.jpg").write_text("no picture")
    cut = photo(tmp_path / "cut.png", "red")
    cut.write_bytes(cut.read_bytes()[:100])
    photo(tmp_path / "good.png", "red")
    result = run("identify", "missing.jpg", "empty.jpg", "text.jpg", "cut.png", "good.png")
    assert result.exit_code == 1
    assert "good.png: red" in result.stdout
    told = [line for line in result.stderr.removeprefix(SAID).splitlines() if not line.endswith("pictures")]
    assert [line.split(":")[1].strip() for line in told] == [
        "missing.jpg",
        "empty.jpg",
        "text.jpg",
        "cut.png",
    ]


def test_no_face_is_no_error_but_an_exit_status(run: Run, tmp_path: Path) -> None:
    photo(tmp_path / "none.png")
    photo(tmp_path / "one.png", "red")
    result = run("identify", "none.png")
    assert (result.exit_code, result.stderr) == (3, SAID)
    assert "none.png: no face" in result.stdout
    assert run("identify", "none.png", "one.png").exit_code == 0


def test_a_folder_without_pictures_is_told(run: Run, tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    result = run("identify", "nothing")
    assert result.exit_code == 1
    assert result.stderr == f"{SAID}facekit: no pictures in nothing\n"


def test_a_folder_without_pictures_is_told_beside_others(run: Run, tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    photo(tmp_path / "a.png", "red")
    result = run("identify", "nothing", "a.png")
    assert (result.exit_code, result.stderr) == (1, f"{SAID}facekit: no pictures in nothing\n")
    assert "a.png: " in result.stdout


def test_a_photo_for_a_gallery_is_no_gallery(run: Run, tmp_path: Path) -> None:
    photo(tmp_path / "a.png", "red")
    result = run("identify", "a.png", "--gallery", "a.png")
    assert result.exit_code == 1
    assert "a.png: not a gallery, or its beginning is damaged" in result.stderr


def test_too_many_pixels_name_the_option(run: Run, tmp_path: Path) -> None:
    photo(tmp_path / "a.png", "red")
    result = run("identify", "a.png", "--max-pixels", "100")
    assert result.exit_code == 1
    assert "--max-pixels" in result.stderr


def test_quiet_leaves_errors_only(run: Run, tmp_path: Path) -> None:
    photo(tmp_path / "a.png", "red")
    photo(tmp_path / "b.png", "red")
    assert "2 faces, 2 of them named, in 2 pictures" in run("identify", "a.png", "b.png").stderr
    assert run("identify", "--quiet", "a.png", "b.png").stderr == ""
    assert run("--quiet", "identify", "a.png", "b.png").stderr == ""
    assert "missing.png" in run("identify", "-q", "missing.png").stderr


def test_crops_have_predictable_names_and_two_photos_of_one_name_both_keep_theirs(
    run: Run, tmp_path: Path
) -> None:
    photo(tmp_path / "one" / "x.png", "red", "green")
    photo(tmp_path / "two" / "x.png", "blue")
    assert run("identify", "one", "two", "--save-face", "crops").exit_code == 0
    assert sorted(path.name for path in (tmp_path / "crops").iterdir()) == ["x-1.png", "x-2.png", "x~2-1.png"]
    with Image.open(tmp_path / "crops" / "x-1.png") as crop:
        assert (crop.size, crop.format) == ((112, 112), "PNG")


def test_what_was_left_out_is_named_in_the_document_and_at_length_if_asked_for(
    run: Run, tmp_path: Path
) -> None:
    photo(tmp_path / "in" / "x.png", "red")
    names = [f"{number}.mov" for number in range(5)]
    for name in names:
        (tmp_path / "in" / "deep").mkdir(exist_ok=True)
        (tmp_path / "in" / "deep" / name).touch()
    short = run("identify", "in", "--format", "json")
    assert "5 files left out: 5 .mov (0.mov, 1.mov, 2.mov, …)\n" in short.stderr
    assert "3.mov" not in short.stderr
    assert json.loads(short.stdout)["left_out"] == [
        {"path": f"in/deep/{name}", "reason": ".mov", "folder": False} for name in names
    ]
    assert "left_out" not in json.loads(run("identify", "in/x.png", "--format", "json").stdout)
    verbose = run("identify", "in", "--verbose")
    assert all(f"left out: in/deep/{name} (.mov)\n" in verbose.stderr for name in names)


def test_where_faces_and_annotated_pictures_are_is_said_once_at_the_end(run: Run, tmp_path: Path) -> None:
    photo(tmp_path / "in" / "x.png", "red", "green")
    photo(tmp_path / "in" / "y.png", "red")
    result = run("identify", "in", "--save-face", "crops", "--annotate", "named")
    assert [line for line in result.stderr.splitlines() if "saved" in line] == [
        "facekit: 3 faces saved in crops",
        "facekit: 2 annotated pictures saved in named",
    ]
    assert "saved" not in run("identify", "in").stderr
    assert run("identify", "in", "--annotate", "named", "--quiet").stderr == ""


def test_what_is_no_folder_takes_no_faces(run: Run, tmp_path: Path) -> None:
    photo(tmp_path / "x.png", "red")
    result = run("identify", "x.png", "--save-face", os.devnull)
    assert result.exit_code == 2
    assert result.stderr == f"{SAID}facekit: {os.devnull}: not a folder, and nothing can be saved in it\n"


def test_save_face_without_a_folder_does_not_swallow_the_photo(run: Run, tmp_path: Path) -> None:
    photo(tmp_path / "x.png", "red")
    assert run("identify", "--save-face", "x.png").exit_code == 0
    assert (tmp_path / "faces" / "x-1.png").is_file()


def test_the_annotated_picture_stands_beside_no_original(run: Run, tmp_path: Path) -> None:
    original = photo(tmp_path / "x.png", "red").read_bytes()
    assert run("identify", "x.png", "--annotate", ".").exit_code == 0
    with Image.open(tmp_path / "x-faces.jpg") as named:
        assert named.format == "JPEG"
    assert (tmp_path / "x.png").read_bytes() == original


def test_hostile_names_of_files_and_people_cannot_steer_the_terminal(run: Run, tmp_path: Path) -> None:
    name = "a\x1b[2J\u202eb=cmd"
    photo(tmp_path / "p" / name / "1.png", "cyan")
    photo(tmp_path / "\x1b]0;x\x07.png", "cyan")
    assert run("enroll", "p", "--gallery", "g.db").exit_code == 0
    for style in FORMATS:
        result = run("identify", "\x1b]0;x\x07.png", "\x1bmissing", "-g", "g.db", "-f", style)
        assert not set("\x1b\x07\u202e") & set(result.output)
    line = run("identify", "\x1b]0;x\x07.png", "-g", "g.db", "-f", "jsonl").stdout
    assert json.loads(line)["faces"][0]["subject"] == name


@pytest.mark.parametrize("name", ["x" * 200, "张" * 60, "דוד בן גוריון", "محمد"])
def test_the_table_fits_80_columns_with_names_of_any_script(
    run: Run, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("facekit.settings.on_terminal", lambda: True)
    photo(tmp_path / "p" / name / "1.png", "cyan")
    photo(tmp_path / f"{'long' * 20}.png", "cyan")
    run("enroll", "p", "--gallery", "g.db")
    result = run("identify", f"{'long' * 20}.png", "-g", "g.db", "--verbose")
    assert max(width(line) for line in result.stdout.splitlines()) <= 80
    assert name[:9] in result.stdout


def test_a_path_is_whole_in_a_file(run: Run, tmp_path: Path) -> None:
    name, file = "x" * 200, f"{'long' * 20}.png"
    photo(tmp_path / "p" / name / "1.png", "cyan")
    photo(tmp_path / file, "cyan")
    run("enroll", "p", "--gallery", "g.db")
    printed = run("identify", file, "-g", "g.db", "--verbose").stdout
    assert f"{file}: 1 face" in printed
    assert f"1.0000  {name}" in printed


def test_several_pictures_have_a_line_each_with_the_names_from_left_to_right(
    run: Run, tmp_path: Path
) -> None:
    photo(tmp_path / "in" / "a.png", "green", "black", "red")
    photo(tmp_path / "in" / "b.png")
    photo(tmp_path / "in" / "c.png", "red", "red")
    (tmp_path / "in" / "d.png").write_bytes(b"damaged")
    result = run("identify", "in")
    assert result.stdout.splitlines()[1:] == [
        "in/a.png: green, unknown, red",
        "in/b.png: no face",
        "in/c.png: red, unknown (already in this picture: red)",
    ]
    assert "in/d.png" in result.stderr
    detailed = run("identify", "in", "--verbose").stdout
    assert "in/a.png: 3 faces" in detailed
    assert detailed == run("identify", "in", "--top", "5").stdout
    assert run("identify", "in/a.png").stdout.splitlines()[1:] == ["in/a.png: green, unknown, red"]


def test_two_people_who_are_equally_like_a_face_are_both_shown(run: Run, tmp_path: Path) -> None:
    photo(tmp_path / "a.png", "cyan")
    run("enroll", "a.png", "--subject", "Zoe", "--gallery", "g.db")
    with open_gallery("g.db", write=True) as gallery:
        vector = next(iter(gallery.contents())).vector
        gallery.remove(["Zoe"])
        gallery.add(
            [
                NewTemplate(
                    subject=name,
                    vector=vector,
                    sha256=digit * 64,
                    source="x.png",
                    box=(0, 0, 9, 9),
                    quality={},
                )
                for name, digit in (("Ada", "a"), ("Ben", "b"))
            ]
        )
    photo(tmp_path / "c.png", "cyan", seed=3)
    photo(tmp_path / "d.png", "red")
    assert "c.png: unknown (Ada or Ben: equal)" in run("identify", "c.png", "d.png", "-g", "g.db").stdout


def test_no_gallery_says_where_it_was_looked_for_and_what_to_do(run: Run, tmp_path: Path) -> None:
    photo(tmp_path / "a.png", "red")
    result = run("identify", "a.png", "--gallery", "nowhere.db")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "nowhere.db" in result.stderr
    assert "facekit enroll" in result.stderr


def test_weights_that_cannot_be_used_end_the_run_in_one_line(run: Run, tmp_path: Path) -> None:
    photo(tmp_path / "a.png", "red")
    result = run("identify", "a.png", "--detector", "broken")
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert "embedder.onnx" in result.stderr


def test_an_empty_gallery_says_what_to_do(run: Run, tmp_path: Path) -> None:
    photo(tmp_path / "none.png")
    run("enroll", "--subject", "x", "none.png", "--gallery", "empty.db")
    result = run("identify", "none.png", "--gallery", "empty.db")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "empty.db: nobody is enrolled: run facekit enroll" in result.stderr


def test_a_gallery_of_another_embedder_is_refused(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo(tmp_path / "a.png", "red")
    before = (tmp_path / "gallery" / "gallery.db").read_bytes()
    monkeypatch.setattr("fakes.FakePipeline.fingerprint", "e" * 64)
    for command in (["identify", "a.png"], ["enroll", "--subject", "x", "a.png"]):
        result = run(*command)
        assert result.exit_code == 1
        assert "--embedder" in result.stderr
    assert (tmp_path / "gallery" / "gallery.db").read_bytes() == before
