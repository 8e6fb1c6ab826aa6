"""`facekit gallery move`: a photo under a wrong name goes to its person, and stays there."""

import json
import shutil
from pathlib import Path

import pytest
from conftest import Run
from fakes import photo

import facekit


@pytest.fixture
def misfiled(run: Run, tmp_path: Path) -> Path:
    """People red and blue; a photo of red lies in blue's folder, and both are enrolled."""
    for color in ("red", "blue"):
        for seed in (1, 2, 3):
            photo(tmp_path / "people" / color / f"{color}{seed}.png", color, seed=seed)
    photo(tmp_path / "people" / "blue" / "wrong.png", "red", seed=9)
    assert run("enroll", "people", "-g", "g.db").exit_code == 0
    return tmp_path / "people"


def holders(place: str = "g.db") -> dict[str, str]:
    with facekit.open_gallery(place) as gallery:
        return {info.file_name: info.subject for info in gallery.templates()}


@pytest.mark.parametrize("given", ["people/blue/wrong.png", "wrong.png", "digest", "copy.png"])
def test_a_photo_is_known_by_file_name_or_digest_and_gets_its_person(
    given: str, run: Run, misfiled: Path
) -> None:
    with facekit.open_gallery("g.db") as gallery:
        [before] = [info for info in gallery.templates("blue") if info.file_name == "wrong.png"]
    if given == "copy.png":
        shutil.copy(misfiled / "blue" / "wrong.png", given)
    word = before.sha256[:10] if given == "digest" else given
    result = run("gallery", "move", word, "--to", "red", "-g", "g.db", "-f", "json")
    assert result.exit_code == 0, result.output
    [moved] = json.loads(result.stdout)["results"]
    assert (moved["holder"], moved["subject"], moved["status"]) == ("blue", "red", "moved")
    assert holders()["wrong.png"] == "red"
    with facekit.open_gallery("g.db") as gallery:
        [after] = [info for info in gallery.templates("red") if info.file_name == "wrong.png"]
    assert (after.sha256, after.box, after.quality) == (before.sha256, before.box, before.quality)


def test_it_stays_moved_when_the_old_folder_is_enrolled_again(run: Run, misfiled: Path) -> None:
    run("gallery", "move", "wrong.png", "--to", "red", "-g", "g.db")
    again = run("enroll", "people", "-g", "g.db")
    assert again.exit_code == 0, again.output
    assert "people/blue/wrong.png: enrolled as red now" in again.stderr
    assert "removed earlier, and enrolled under another name now: 1" in again.stderr
    assert "--again" not in again.stderr  # it would take the photo back
    assert holders()["wrong.png"] == "red"
    assert sorted(holders().values()) == ["blue"] * 3 + ["red"] * 4


def test_it_can_be_moved_back(run: Run, misfiled: Path) -> None:
    for name in ("red", "blue", "red"):
        assert run("gallery", "move", "wrong.png", "--to", name, "-g", "g.db").exit_code == 0
        assert holders()["wrong.png"] == name


def test_the_last_photo_takes_its_person_along(run: Run, misfiled: Path) -> None:
    photo(misfiled.parent / "x.png", "green")
    run("enroll", "--subject", "greta", "x.png", "-g", "g.db")
    result = run("gallery", "move", "x.png", "--to", "Greta Green", "-g", "g.db")
    assert "greta had no other picture and is gone" in result.stderr
    assert holders()["x.png"] == "Greta Green"


def test_a_dry_run_changes_nothing(run: Run, misfiled: Path) -> None:
    before = Path("g.db").read_bytes()
    result = run("gallery", "move", "wrong.png", "--to", "red", "-g", "g.db", "--dry-run")
    assert result.exit_code == 0
    assert "planned" in result.stdout
    assert Path("g.db").read_bytes() == before


def test_all_are_moved_or_none(run: Run, misfiled: Path) -> None:
    result = run("gallery", "move", "wrong.png", "nothing.png", "--to", "red", "-g", "g.db")
    assert result.exit_code == 1
    assert "nothing.png: no such file, and nobody" in result.stderr
    assert holders()["wrong.png"] == "blue"


def test_of_a_photo_of_several_people_the_holder_is_said(run: Run, misfiled: Path) -> None:
    photo(Path("both.png"), "red", "blue", seed=20)
    for name in ("red", "blue"):
        run("enroll", "--subject", name, "both.png", "-g", "g.db")
    unclear = run("gallery", "move", "both.png", "--to", "Rosa", "-g", "g.db")
    assert unclear.exit_code == 1
    assert "blue and red have it: say whose it is now with --from NAME" in unclear.stderr
    taken = run("gallery", "move", "both.png", "--to", "red", "-g", "g.db")
    assert "red has another face of both.png already" in taken.stderr
    assert "facekit gallery remove" in taken.stderr
    assert run("gallery", "move", "both.png", "--to", "Rosa", "--from", "red", "-g", "g.db").exit_code == 0
    with facekit.open_gallery("g.db") as gallery:
        assert [info.file_name for info in gallery.templates("Rosa")] == ["both.png"]
        assert "both.png" in [info.file_name for info in gallery.templates("blue")]


def test_names_that_two_photos_have_need_a_digest(run: Run, misfiled: Path) -> None:
    photo(misfiled / "red" / "sub" / "blue1.png", "red", seed=30)
    run("enroll", "people", "-g", "g.db")
    result = run("gallery", "move", "blue1.png", "--to", "red", "-g", "g.db")
    assert result.exit_code == 1
    assert "2 pictures 'blue1.png': give a SHA-256 instead" in result.stderr


def test_an_export_does_not_say_where_photos_lie(run: Run, misfiled: Path) -> None:
    shown = json.loads(run("gallery", "show", "red", "-g", "g.db", "-f", "json").stdout)["results"][0]
    assert (shown["source"], shown["folder"]) == ("red1.png", str(misfiled / "red"))
    assert str(misfiled.parent) not in run("gallery", "export", "-", "-g", "g.db").stdout


def test_a_photo_can_be_removed_by_its_path(run: Run, misfiled: Path) -> None:
    assert run("gallery", "remove", "blue", "--photo", "people/blue/wrong.png", "-g", "g.db").exit_code == 0
    assert "wrong.png" not in holders()


def test_a_photo_that_is_not_there_is_what_is_blamed(run: Run, people: Path) -> None:
    told = run("gallery", "move", "nope.jpg", "--to", "red", "-g", "gallery").stderr
    assert "nope.jpg: no such file, and nobody in gallery/gallery.db has a template" in told
    photo(Path("new.png"), "cyan")
    assert "enroll it first" in run("gallery", "move", "new.png", "--to", "red", "-g", "gallery").stderr


@pytest.mark.parametrize("dry_run", [(), ("--dry-run",)])
@pytest.mark.parametrize(
    ("name", "words"), [("redd", "redd is new: did you mean 'red'?"), ("Zoe", "facekit: Zoe is new\n")]
)
def test_a_person_who_is_new_is_told(
    run: Run, misfiled: Path, name: str, words: str, dry_run: tuple[str, ...]
) -> None:
    told = run("gallery", "move", "wrong.png", "--to", name, "-g", "g.db", *dry_run)
    assert told.exit_code == 0
    assert words in told.stderr
    assert "is new" not in run("gallery", "move", "wrong.png", "--to", "red", "-g", "g.db", *dry_run).stderr


def test_whose_the_photo_is_tells_which_of_two_of_a_name(run: Run, misfiled: Path) -> None:
    photo(misfiled / "red" / "sub" / "wrong.png", "red", seed=30)
    run("enroll", "people", "-g", "g.db")
    moved = run("gallery", "move", "wrong.png", "--from", "blue", "--to", "red", "-g", "g.db")
    assert moved.exit_code == 0, moved.output
