"""`facekit enroll`: who is stored, what is told, and that running again is harmless."""

import csv
import io
import json
import os
import shutil
import stat
from pathlib import Path

import pytest
from conftest import Run
from fakes import photo

import facekit
from facekit import settings
from facekit.gallery import open_gallery


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Red and green with three pictures each."""
    for color in ("red", "green"):
        for seed in range(3):
            photo(tmp_path / "people" / color / f"{seed}.png", color, seed=seed)
    return tmp_path / "people"


def stored(path: Path | str) -> dict[str, int]:
    with open_gallery(path) as gallery:
        return {subject.name: subject.templates for subject in gallery.subjects()}


def test_a_folder_for_each_person_becomes_a_gallery(run: Run, folder: Path) -> None:
    result = run("enroll", "people", "-g", "people")
    assert result.exit_code == 0
    assert [line.split() for line in result.stdout.splitlines()] == [
        ["subject", "enrolled", "moved", "already", "there", "removed", "earlier", "refused"],
        ["green", "3", "0", "0", "0", "0"],
        ["red", "3", "0", "0", "0", "0"],
    ]
    assert "6 enrolled of 2 people\n" in result.stderr
    assert "facekit identify PHOTO --gallery people/gallery.db" in result.stderr
    assert stored(folder / "gallery.db") == {"green": 3, "red": 3}


def test_running_again_stores_nothing_twice_and_goes_on_with_what_is_new(run: Run, folder: Path) -> None:
    run("enroll", "people", "-g", "people")
    photo(folder / "blue" / "1.png", "blue")
    result = run("enroll", "people", "-g", "people")
    assert result.exit_code == 0
    assert "1 enrolled of 1 person, 6 already there\n" in result.stderr
    assert stored(folder / "gallery.db") == {"blue": 1, "green": 3, "red": 3}


def test_a_moved_or_doubled_picture_is_the_same_picture(run: Run, folder: Path) -> None:
    data = (folder / "red" / "0.png").read_bytes()
    (folder / "red" / "copy.png").write_bytes(data)
    assert run("enroll", "people", "-g", "people").exit_code == 0
    assert stored(folder / "gallery.db")["red"] == 3


def test_pictures_of_one_person_by_name(run: Run, tmp_path: Path, user_data: Path) -> None:
    photo(tmp_path / "a.png", "red")
    photo(tmp_path / "more" / "b.png", "red", seed=4)
    assert run("enroll", "--subject", "Ada Lovelace", "a.png", "more").exit_code == 0
    assert stored(user_data / "facekit" / "gallery.db") == {"Ada Lovelace": 2}
    assert "Ada Lovelace" in run("identify", "a.png").stdout


def test_the_gallery_is_the_option_or_else_the_variable(
    run: Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACEKIT_GALLERY", str(tmp_path / "variable.db"))
    run("enroll", "people")
    run("enroll", "people", "--gallery", "option.db")
    assert stored("variable.db") == stored("option.db") == {"green": 3, "red": 3}
    assert not (folder / "gallery.db").exists()


def test_only_the_owner_can_read_a_gallery(run: Run, folder: Path) -> None:
    run("enroll", "people", "-g", "people")
    assert stat.S_IMODE(os.stat(folder / "gallery.db").st_mode) == 0o600


def test_of_several_faces_the_one_of_the_other_pictures_is_taken(run: Run, folder: Path) -> None:
    photo(folder / "red" / "group.png", "blue", "red", "yellow", seed=7)
    result = run("enroll", "people", "-g", "people")
    assert "group.png: 3 faces: took the one that agrees" in result.stderr
    with open_gallery(folder / "gallery.db") as gallery:
        [group] = [each for each in gallery.templates("red") if each.file_name == "group.png"]
    assert group.box[0] == 70


def test_of_several_faces_without_other_pictures_the_largest_is_taken(run: Run, tmp_path: Path) -> None:
    photo(tmp_path / "a.png", "blue", "red")
    result = run("enroll", "--subject", "x", "a.png")
    assert "a.png: 2 faces: took the largest" in result.stderr


def test_a_wrong_picture_in_a_folder_is_told_and_refused_when_strict(run: Run, folder: Path) -> None:
    photo(folder / "red" / "wrong.png", "blue", seed=8)
    lenient = run("enroll", "people", "--gallery", "lenient.db")
    assert lenient.exit_code == 0
    assert "wrong.png: unlike the other pictures of this person" in lenient.stderr
    assert "1 enrolled that may be of somebody else" in lenient.stderr
    assert "look at them: facekit gallery check --people --gallery lenient.db" in lenient.stderr
    assert stored("lenient.db")["red"] == 4
    strict = run("enroll", "people", "--strict", "--gallery", "strict.db")
    assert strict.exit_code == 1
    assert stored("strict.db")["red"] == 3
    assert "1 refused: unlike the other pictures of this person" in strict.stderr
    assert "look at them" not in strict.stderr


def test_a_picture_of_another_enrolled_person_is_told(run: Run, folder: Path) -> None:
    run("enroll", "people", "--gallery", "g.db")
    photo(folder / "zoe" / "1.png", "red", seed=9)
    result = run("enroll", "people", "--gallery", "g.db", "--strict")
    assert "looks like another enrolled person (red, score 1.00)" in result.stderr
    assert "zoe" not in stored("g.db")


def test_the_same_face_in_two_folders_is_nobodys_and_both_files_are_named(run: Run, folder: Path) -> None:
    (folder / "zoe").mkdir()
    (folder / "zoe" / "1.png").write_bytes((folder / "red" / "0.png").read_bytes())
    result = run("enroll", "people", "-g", "people")
    assert result.exit_code == 1
    same = "the same face is in another person's folder, and one of them is wrong"
    assert f"people/red/0.png: {same} (people/zoe/1.png of zoe)" in result.stderr
    assert f"people/zoe/1.png: {same} (people/red/0.png of red)" in result.stderr
    assert stored(folder / "gallery.db") == {"green": 3, "red": 2}


def test_copies_in_two_folders_are_one_line_of_the_summary(run: Run, folder: Path) -> None:
    (folder / "zoe").mkdir()
    for seed in range(3):
        copy = folder / "zoe" / f"copy{seed}.png"
        copy.write_bytes((folder / "red" / f"{seed}.png").read_bytes())
    result = run("enroll", "people", "-g", "people")
    reason = "the same face is in another person's folder, and one of them is wrong"
    assert [line for line in result.stderr.splitlines() if line.startswith("facekit:   ")] == [
        f"facekit:   6 refused: {reason}"
    ]


def test_a_picture_that_is_refused_has_no_line_about_the_face_that_was_taken(
    run: Run, folder: Path, tmp_path: Path
) -> None:
    (folder / "red" / "group.png").write_bytes(photo(tmp_path / "g.png", "blue", "yellow").read_bytes())
    result = run("enroll", "people", "-g", "people", "--strict", "--format", "jsonl")
    lines = [line for line in result.stderr.splitlines() if "group.png" in line]
    assert len(lines) == 1
    assert "unlike the other pictures of this person" in lines[0]
    assert lines[0].endswith("; not enrolled")
    [group] = [line for line in map(json.loads, result.stdout.splitlines()) if "group" in line["source"]]
    assert group["notes"] == []


def test_after_a_renamed_folder_a_line_tells_of_all_its_pictures(run: Run, folder: Path) -> None:
    run("enroll", "people", "-g", "people")
    (folder / "red").rename(folder / "ruby")
    result = run("enroll", "people", "-g", "people")
    lines = [line for line in result.stderr.splitlines() if "moved from" in line and "ruby" in line]
    assert lines == ["facekit: ruby: 3 pictures moved from red; red had no other picture and is gone"]


def test_after_a_rename_in_the_gallery_a_line_tells_of_the_whole_folder(run: Run, folder: Path) -> None:
    run("enroll", "people", "-g", "people")
    run("gallery", "rename", "red", "ruby", "-g", "people")
    photo(folder / "red" / "new.png", "red", seed=8)
    photo(folder / "red" / "newer.png", "red", seed=9)
    result = run("enroll", "people", "-g", "people")
    assert [line for line in result.stderr.splitlines() if "red: " in line] == [
        "facekit: red: this person has another name since a rename or a merge (ruby): rename the folder too, "
        "or enroll with --again; not enrolled",
        "facekit: red: 3 pictures enrolled as ruby since a rename or a merge",
    ]
    assert stored(folder / "gallery.db") == {"green": 3, "ruby": 3}


def test_a_picture_that_was_moved_moves_its_template_and_the_report_says_so(run: Run, folder: Path) -> None:
    photo(folder / "red" / "wrong.png", "green", seed=7)
    run("enroll", "people", "-g", "people")
    assert stored(folder / "gallery.db") == {"green": 3, "red": 4}
    (folder / "red" / "wrong.png").rename(folder / "green" / "wrong.png")
    result = run("enroll", "people", "-g", "people", "--strict", "--format", "jsonl")
    assert result.exit_code == 0
    moved = [json.loads(line) for line in result.stdout.splitlines() if '"moved"' in line]
    assert [(each["source"], each["subject"]) for each in moved] == [("people/green/wrong.png", "green")]
    assert moved[0]["notes"] == ["moved from red"]
    assert "1 moved from another name" in result.stderr
    assert stored(folder / "gallery.db") == {"green": 4, "red": 3}


def test_what_was_removed_is_counted_and_comes_back_only_on_demand(run: Run, folder: Path) -> None:
    run("enroll", "people", "-g", "people")
    gallery = folder / "gallery.db"
    run("gallery", "remove", "red", "-g", gallery)
    result = run("enroll", "people", "-g", "people")
    assert result.exit_code == 0
    assert "removed earlier: 3 (--again takes them)" in result.stderr
    assert stored(gallery) == {"green": 3}
    counts = json.loads(run("gallery", "show", "-g", gallery, "-f", "json").stdout)
    assert (counts["people"], counts["templates"], counts["removed"]) == (1, 3, 3)
    run("enroll", "people", "-g", "people", "--again")
    assert stored(gallery) == {"green": 3, "red": 3}
    assert json.loads(run("gallery", "show", "-g", gallery, "-f", "json").stdout)["removed"] == 0


def test_removals_can_be_forgotten(run: Run, folder: Path) -> None:
    run("enroll", "people", "-g", "people")
    gallery = folder / "gallery.db"
    run("gallery", "remove", "red", "green", "-g", gallery)
    assert "6 removed pictures forgotten" in run("gallery", "forget-removals", "-g", gallery).stderr
    run("enroll", "people", "-g", "people")
    assert stored(gallery) == {"green": 3, "red": 3}


def test_a_small_face_is_told(run: Run, tmp_path: Path) -> None:
    photo(tmp_path / "a.png", "red", face=20)
    assert "too small" in run("enroll", "--subject", "x", "a.png", "--min-face", "10").stderr


def test_bad_pictures_are_refused_and_the_others_enrolled(run: Run, folder: Path) -> None:
    (folder / "red" / "bad.png").write_bytes(b"no picture")
    photo(folder / "red" / "none.png")
    result = run("enroll", "people", "-g", "people")
    assert result.exit_code == 1
    assert stored(folder / "gallery.db") == {"green": 3, "red": 3}
    assert "people/red/none.png: no face; not enrolled" in result.stderr
    assert result.stderr.count("people/red/bad.png") == 1


def test_pictures_without_faces_only_have_a_status_of_their_own(run: Run, tmp_path: Path) -> None:
    photo(tmp_path / "none.png")
    assert run("enroll", "--subject", "x", "none.png").exit_code == 3


def test_a_gallery_of_nobody_is_not_recommended(run: Run, tmp_path: Path) -> None:
    photo(tmp_path / "none.png")
    photo(tmp_path / "red.png", "red")
    assert "use it" not in run("enroll", "--subject", "x", "none.png", "--gallery", "g.db").stderr
    assert "use it" in run("enroll", "--subject", "x", "red.png", "--gallery", "g.db").stderr
    again = run("enroll", "--subject", "x", "red.png", "--gallery", "g.db").stderr
    assert "nothing enrolled, 1 already there" in again
    assert "use it" not in again


@pytest.fixture
def nobody(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's own gallery after an enrollment of nobody, beside a shipped one that knows `red`."""
    photo(tmp_path / "figures" / "red" / "1.png", "red")
    run("enroll", "figures", "-g", "shipped.db")
    monkeypatch.setattr("facekit.settings.reference_gallery", lambda: tmp_path / "shipped.db")
    photo(tmp_path / "people" / "ada" / "1.png")
    assert run("enroll", "people").exit_code == 3
    own = settings.user_gallery()
    assert own is not None
    return own


def test_an_enrollment_of_nobody_hides_no_other_gallery(run: Run, nobody: Path) -> None:
    photo(Path("party.png"), "red")
    result = run("identify", "party.png", "-f", "csv")
    assert ",1.5,red," in result.stdout
    assert f"nobody was ever enrolled in {nobody}: using the shipped one" in result.stderr
    assert "red" in run("gallery", "list").stdout
    assert "shipped.db: no damage found" in run("gallery", "check").stdout
    assert facekit.open_gallery().subject_count == 1
    named = run("identify", "party.png", "-g", nobody)
    assert (named.exit_code, "nobody is enrolled" in named.stderr) == (1, True)
    assert "shipped" not in run("cluster", "party.png").stderr


def test_of_two_galleries_the_one_with_people_is_used(run: Run, nobody: Path) -> None:
    run("enroll", "people", "-g", "gallery.db")
    photo(Path("zoe.png"), "green")
    assert run("enroll", "--subject", "Zoe", "zoe.png", "-g", nobody).exit_code == 0
    assert ",1.5,Zoe," in run("identify", "zoe.png", "-f", "csv").stdout
    assert run("gallery", "rename", "Zoe", "Zoé").exit_code == 0
    assert run("enroll", "--subject", "Ada", "zoe.png").exit_code == 0
    assert ",1.5,Ada," in run("identify", "zoe.png", "-f", "csv").stdout


def test_whoever_removed_everybody_has_a_gallery_of_nobody(run: Run, nobody: Path) -> None:
    photo(Path("party.png"), "red")
    run("enroll", "--subject", "Ada", "party.png")
    assert run("gallery", "remove", "Ada").exit_code == 0
    result = run("identify", "party.png")
    assert (result.exit_code, f"{nobody}: nobody is enrolled" in result.stderr) == (1, True)


def test_json_and_csv_have_a_row_for_each_picture(run: Run, folder: Path) -> None:
    photo(folder / "red" / "none.png")
    rows = [
        json.loads(line) for line in run("enroll", "people", "-f", "jsonl", "-g", "a.db").stdout.splitlines()
    ]
    assert list(rows[0]) == ["schema", "source", "subject", "status", "problems", "notes"]
    assert [row["status"] for row in rows] == [*["enrolled"] * 6, "refused"]
    assert rows[-1]["problems"] == ["no face"]
    table = csv.DictReader(io.StringIO(run("enroll", "people", "-f", "csv", "-g", "b.db").stdout))
    assert [row["status"] for row in table] == [row["status"] for row in rows]


def test_several_processes_store_the_same_gallery(run: Run, folder: Path) -> None:
    one = run("enroll", "people", "--jobs", "1", "-g", "one.db", "-f", "jsonl")
    four = run("enroll", "people", "--jobs", "4", "-g", "four.db", "-f", "jsonl")
    assert one.stdout == four.stdout
    assert stored("one.db") == stored("four.db")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["photo.png"], "--subject"),
        (["flat"], "--subject"),
        (["missing"], "missing"),
        (["--subject", "", "photo.png"], "empty"),
    ],
)
def test_whose_pictures_they_are_must_be_told(
    run: Run, tmp_path: Path, arguments: list[str], words: str
) -> None:
    photo(tmp_path / "photo.png", "red")
    photo(tmp_path / "flat" / "photo.png", "red")
    result = run("enroll", *arguments)
    assert result.exit_code == 2
    assert words in result.stderr
    assert not list(tmp_path.rglob("*.db"))


@pytest.mark.parametrize(
    "name", ["José", "张伟", "a'; DROP TABLE subjects; --", "=cmd", "x" * 200, "Nul\x07l"]
)
def test_names_are_data_whatever_they_are(run: Run, tmp_path: Path, name: str) -> None:
    photo(tmp_path / "people" / name / "1.png", "red")
    assert run("enroll", "people", "-g", "people").exit_code == 0
    assert stored("people/gallery.db") == {name: 1}


def test_a_folder_name_that_is_not_utf8_is_stored_escaped(run: Run, tmp_path: Path) -> None:
    image = photo(tmp_path / "1.png", "red").read_bytes()
    raw = os.fsencode(tmp_path / "people") + b"/Jos\xe9"
    os.makedirs(raw)
    Path(os.fsdecode(raw), "1.png").write_bytes(image)
    assert run("enroll", "people", "-g", "people").exit_code == 0
    assert stored("people/gallery.db") == {"Jos\\xe9": 1}


def test_a_folder_of_several_people_is_refused_in_one_line(run: Run, folder: Path) -> None:
    for number, color in enumerate(("red", "green", "blue", "yellow", "cyan", "magenta")):
        photo(folder / "Camera Roll" / f"{number}.png", color, seed=20)
    result = run("enroll", "people", "-g", "g.db")
    assert result.exit_code == 1
    assert result.stderr.count("Camera Roll: not one person's photos") == 1
    assert "--accept-mixed" in result.stderr
    assert "6 refused: not one person's photos" in result.stderr
    assert stored("g.db") == {"green": 3, "red": 3}
    assert run("enroll", "people", "-g", "g.db", "--accept-mixed").exit_code == 0
    assert stored("g.db")["Camera Roll"] == 6


def test_a_poor_picture_is_refused_with_the_reason_and_counted(run: Run, tmp_path: Path) -> None:
    photo(tmp_path / "people" / "red" / "good.png", "red")
    photo(tmp_path / "people" / "red" / "bad.png", "red", seed=1, poor=True)
    result = run("enroll", "people", "-g", "g.db")
    assert result.exit_code == 1
    assert "people/red/bad.png: too poor (1 in 2 strangers" in result.stderr
    assert "--accept-poor takes it" in result.stderr
    assert "1 refused: too poor\n" in result.stderr
    assert stored(tmp_path / "g.db") == {"red": 1}


def test_a_poor_picture_is_enrolled_when_asked_for_and_names_nobody(run: Run, tmp_path: Path) -> None:
    photo(tmp_path / "people" / "red" / "bad.png", "red", seed=1, poor=True)
    result = run("enroll", "people", "-g", "g.db", "--accept-poor")
    assert result.exit_code == 0
    assert "too poor (1 in 2 strangers" in result.stderr
    photo(tmp_path / "probe.png", "red")
    [line] = run("identify", "probe.png", "-g", "g.db", "--format", "jsonl").stdout.splitlines()
    [found] = json.loads(line)["faces"]
    assert (found["subject"], found["reason"], found["contenders"]) == (None, "too_poor", ["red"])
    assert found["candidates"][0]["poor"] is True
    assert (
        "like red, of whom only poor pictures are enrolled"
        in run("identify", "probe.png", "-g", "g.db", "-v").stdout
    )


def test_a_good_picture_lets_a_person_be_named_again(run: Run, tmp_path: Path) -> None:
    photo(tmp_path / "people" / "red" / "bad.png", "red", seed=1, poor=True)
    run("enroll", "people", "-g", "g.db", "--accept-poor")
    photo(tmp_path / "people" / "red" / "good.png", "red", seed=2)
    run("enroll", "people", "-g", "g.db")
    photo(tmp_path / "probe.png", "red")
    [line] = run("identify", "probe.png", "-g", "g.db", "--format", "jsonl").stdout.splitlines()
    assert json.loads(line)["faces"][0]["subject"] == "red"


def test_poor_pictures_do_not_make_a_folder_one_of_several_people(run: Run, tmp_path: Path) -> None:
    """Seven good pictures of red and eight poor ones of somebody else: only the poor ones are refused."""
    for seed in range(7):
        photo(tmp_path / "people" / "red" / f"good{seed}.png", "red", seed=seed)
    for seed in range(8):
        photo(tmp_path / "people" / "red" / f"bad{seed}.png", "blue", seed=seed, poor=True)
    run("enroll", "people", "-g", "g.db")
    assert stored(tmp_path / "g.db") == {"red": 7}


def test_a_name_without_its_quotes_enrolls_nobody(run: Run, tmp_path: Path) -> None:
    photo(tmp_path / "a.png", "red")
    for dry_run in ((), ("--dry-run",)):
        told = run("enroll", "--subject", "Ada", "King", "Lovelace", "a.png", "-g", "g.db", *dry_run)
        assert told.exit_code == 2
        assert told.stderr.rstrip().endswith(
            "no such picture: King, Lovelace: nothing was enrolled; if it belongs to the name, put that into "
            "quotes: --subject 'Ada King Lovelace'"
        )
    lost = run("enroll", "--subject", "Ada", "a.png", "lost.png", "-g", "g.db")
    assert (lost.exit_code, "lost.png: nothing was enrolled\n" in lost.stderr) == (2, True)
    assert not os.path.exists("g.db")


@pytest.mark.parametrize("pointed", [(), ("--face", "1")])
def test_a_name_in_letters_of_another_case_takes_no_face(
    run: Run, tmp_path: Path, pointed: tuple[str, ...]
) -> None:
    for seed in (1, 2):
        photo(tmp_path / f"{seed}.png", "red", seed=seed)
    run("enroll", "--subject", "Ada Lovelace", "1.png", "2.png", "-g", "g.db")
    told = run("enroll", "--subject", "ada lovelace", "1.png", *pointed, "-g", "g.db")
    assert told.exit_code == 1
    assert "a name that differs in the case of letters only (Ada Lovelace): it stays" in told.stderr
    assert "facekit gallery rename 'Ada Lovelace' 'ada lovelace' --gallery g.db" in told.stderr
    assert stored("g.db") == {"Ada Lovelace": 2}
    assert run("gallery", "rename", "-g", "g.db", "Ada Lovelace", "ada lovelace").exit_code == 0
    assert run("enroll", "--subject", "ada lovelace", "1.png", *pointed, "-g", "g.db").exit_code == 0
    assert stored("g.db") == {"ada lovelace": 2}


def test_a_few_photos_of_several_enrolled_people_are_no_new_person(run: Run, people: Path) -> None:
    for seed, color in enumerate(("red", "green", "blue"), 5):
        photo(Path("more") / "Italy 2021" / f"{color}.png", color, seed=seed)
    photo(Path("more") / "Zoe" / "1.png", "cyan")
    photo(Path("more") / "Zoe" / "2.png", "cyan", seed=2)
    result = run("enroll", "more", "-g", "gallery")
    assert "Italy 2021: not one person's photos (they look like blue, green, red; " in result.stderr
    assert result.stderr.count("Italy 2021: ") == 1
    with facekit.open_gallery("gallery") as gallery:
        assert gallery.names() == ["Zoe", "blue", "green", "red"]
    assert run("enroll", "more", "-g", "gallery", "--accept-mixed").exit_code == 0


def test_a_refused_picture_is_told_by_what_decided_it(run: Run, people: Path) -> None:
    shutil.copy(people / "red" / "1.png", people / "green" / "x.png")
    result = run("enroll", "gallery")
    [line] = [line for line in result.stderr.splitlines() if "x.png" in line]
    assert "leave it in the right folder only; not enrolled" in line
    assert "looks like another" not in line
    [problems] = [
        outcome["problems"]
        for outcome in json.loads(run("enroll", "gallery", "-f", "json").stdout)["results"]
        if outcome["status"] == "refused"
    ]
    assert any(problem.startswith("looks like another") for problem in problems)


def test_what_is_said_of_pictures_stands_before_the_table(run: Run, tmp_path: Path) -> None:
    (tmp_path / "people" / "red").mkdir(parents=True)
    (tmp_path / "people" / "red" / "a.png").write_bytes(b"no picture")
    lines = run("enroll", "people", "-g", "g.db").output.splitlines()
    table = next(place for place, line in enumerate(lines) if line.startswith("subject "))
    assert any("a.png" in line for line in lines[:table])
