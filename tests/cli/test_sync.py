"""`facekit sync`: the gallery becomes what the folders are, and nobody else loses a template."""

import json
import os
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Run
from fakes import FakeOptions, photo
from PIL import Image

import facekit
from facekit.people import syncing
from facekit.pictures import raw

SYNC = ("sync", "people", "-g", "g.db")


@pytest.fixture
def library(run: Run, tmp_path: Path) -> Path:
    for color in ("red", "green", "blue"):
        for seed in (1, 2):
            photo(tmp_path / "people" / color / f"{color}{seed}.png", color, seed=seed)
    assert run("enroll", "people", "-g", "g.db").exit_code == 0
    return tmp_path / "people"


def stored() -> dict[str, int]:
    with facekit.open_gallery("g.db") as gallery:
        return {subject.name: subject.templates for subject in gallery.subjects()}


def changes(run: Run, *more: str) -> list[tuple[str, str, str]]:
    result = run(*SYNC, "-f", "json", *more)
    assert result.exit_code == 0, result.output
    return [
        (change["action"], os.path.basename(change["source"]), change["subject"])
        for change in json.loads(result.stdout)["results"]
    ]


def test_folders_that_are_the_gallery_change_nothing(run: Run, library: Path) -> None:
    before = Path("g.db").read_bytes()
    result = run(*SYNC)
    assert result.exit_code == 0
    assert "nothing to do: nothing has changed in what the gallery follows" in result.stderr
    assert Path("g.db").read_bytes() == before


def test_added_moved_renamed_and_removed(run: Run, library: Path) -> None:
    photo(library / "red" / "new.png", "red", seed=5)
    photo(library / "zoe" / "1.png", "cyan")
    (library / "green").rename(library / "Greta")
    (library / "blue" / "blue1.png").unlink()
    planned = changes(run, "--dry-run")
    assert stored() == {"red": 2, "green": 2, "blue": 2}
    assert changes(run, "--yes") == planned
    assert Counter(planned) == Counter(
        [
            ("add", "new.png", "red"),
            ("add", "1.png", "zoe"),
            ("rename", "green1.png", "Greta"),
            ("rename", "green2.png", "Greta"),
            ("remove", "blue1.png", "blue"),
        ]
    )
    assert stored() == {"red": 3, "zoe": 1, "Greta": 2, "blue": 1}
    assert changes(run, "--yes") == []


def test_a_renamed_folder_renames_its_person_with_all_that_was_said_of_them(run: Run, library: Path) -> None:
    run("gallery", "not-same", "green", "red", "-g", "g.db")
    (library / "green").rename(library / "Greta")
    (library / "Greta" / "green2.png").unlink()
    told = run(*SYNC, "--yes").stdout
    assert "renamed   green to Greta, with 1 photo" in told
    assert "removed   1 photo of green: green2.png" in told
    assert stored() == {"red": 2, "Greta": 1, "blue": 2}
    with facekit.open_gallery("g.db") as gallery:
        assert [{fact.subject, fact.other} for fact in gallery.facts()] == [{"Greta", "red"}]
    (library / "Greta").rename(library / "green")
    assert changes(run, "--yes") == [("rename", "green1.png", "green")]


def test_a_name_that_is_given_up_may_be_taken_by_somebody_else(run: Run, library: Path) -> None:
    (library / "green").rename(library / "Greta")
    (library / "red").rename(library / "green")
    assert run(*SYNC, "--yes").exit_code == 0
    assert stored() == {"Greta": 2, "green": 2, "blue": 2}
    assert changes(run, "--yes") == []


@pytest.mark.parametrize("names", [("red", "green"), ("red", "green", "blue")])
def test_folders_that_swap_their_names_do_so_with_all_that_was_said_of_them(
    names: tuple[str, ...], run: Run, library: Path
) -> None:
    photo(library / "zoe" / "1.png", "cyan")
    run(*SYNC, "--yes")
    run("gallery", "not-same", "red", "zoe", "-g", "g.db")
    for name in names:
        (library / name).rename(library / f"{name}.aside")
    taken = dict(zip(names, (*names[1:], names[0]), strict=True))
    for old, new in taken.items():
        (library / f"{old}.aside").rename(library / new)
    told = run(*SYNC, "--yes")
    for old, new in taken.items():
        assert f"renamed   {old} to {new}, with 2 photos" in told.stdout
    assert "gone" not in told.stderr
    assert stored() == {"red": 2, "green": 2, "blue": 2, "zoe": 1}
    with facekit.open_gallery("g.db") as gallery:
        assert [{fact.subject, fact.other} for fact in gallery.facts()] == [{taken["red"], "zoe"}]
        for old, new in taken.items():
            assert [info.file_name for info in gallery.templates(new)] == [f"{old}1.png", f"{old}2.png"]
    assert changes(run, "--yes") == []


def test_of_two_whose_folders_became_one_neither_loses_a_photo(run: Run, library: Path) -> None:
    for name in ("green", "red"):
        for path in sorted((library / name).iterdir()):
            (library / "Greta").mkdir(exist_ok=True)
            path.rename(library / "Greta" / path.name)
        (library / name).rmdir()
    assert run(*SYNC, "--yes").exit_code == 0
    assert stored() == {"Greta": 4, "blue": 2}


def test_the_same_face_of_the_same_file_changes_its_person(run: Run, library: Path) -> None:
    with facekit.open_gallery("g.db") as gallery:
        [before] = [info for info in gallery.templates("green") if info.file_name == "green1.png"]
    (library / "green" / "green1.png").rename(library / "red" / "green1.png")
    assert run(*SYNC, "--yes").exit_code == 0
    with facekit.open_gallery("g.db") as gallery:
        [after] = [info for info in gallery.templates("red") if info.sha256 == before.sha256]
        assert (after.box, after.quality) == (before.box, before.quality)
        assert not [info for info in gallery.templates("green") if info.sha256 == before.sha256]


def test_a_person_whose_folder_is_gone_goes_and_comes_back_with_it(run: Run, library: Path) -> None:
    shutil.move(library / "blue", library.parent / "blue")
    result = run(*SYNC, "--yes")
    assert "blue had no other picture and is gone" in result.stderr
    assert stored() == {"red": 2, "green": 2}
    assert b"blue" not in Path("g.db").read_bytes()
    shutil.move(library.parent / "blue", library / "blue")
    assert run(*SYNC, "--yes").exit_code == 0
    assert stored() == {"red": 2, "green": 2, "blue": 2}


def test_who_was_not_enrolled_from_the_folder_is_left_alone(run: Run, library: Path) -> None:
    photo(Path("x.png"), "cyan")
    photo(Path("y.png"), "red", seed=8)
    for name, file in (("zoe", "x.png"), ("red", "y.png")):
        run("enroll", "--subject", name, file, "-g", "g.db")
    run("gallery", "export", "all.jsonl", "-g", "g.db")
    run("gallery", "import", "all.jsonl", "-g", "other.db")
    shutil.rmtree(library / "red")
    shutil.copy("x.png", library / "green")
    told = run(*SYNC, "--yes")
    assert "is zoe's, who was not enrolled from this folder: left alone" in told.stderr
    assert "facekit gallery move --to green" in told.stderr
    assert stored() == {"red": 1, "green": 2, "blue": 2, "zoe": 1}
    assert run("sync", "people", "-g", "other.db", "--yes").exit_code == 0
    with facekit.open_gallery("other.db") as other:
        assert len(other) == 8


def test_photos_enrolled_from_no_folder_of_a_person_are_followed_once_they_lie_in_it(
    run: Run, library: Path
) -> None:
    for seed in (5, 6, 7):
        photo(Path(f"photos/2019/zoe{seed}.png"), "cyan", seed=seed)
    photo(Path("work/zoe/2020/zoe8.png"), "cyan", seed=8)
    run("enroll", "--subject", "zoe", "photos/2019", "-g", "g.db")
    run("enroll", "work", "-g", "g.db")
    (library / "zoe").mkdir()
    for path in [*Path("photos/2019").glob("zoe[56].png"), Path("work/zoe/2020/zoe8.png")]:
        shutil.copy(path, library / "zoe")
    follows = [("follow", "zoe5.png", "zoe"), ("follow", "zoe6.png", "zoe")]
    assert changes(run, "--dry-run") == follows
    assert changes(run, "--yes") == follows
    assert changes(run, "--yes") == []
    assert stored()["zoe"] == 4
    (library / "zoe" / "zoe5.png").rename(library / "red" / "zoe5.png")
    (library / "zoe" / "zoe6.png").unlink()
    (library / "zoe" / "zoe8.png").unlink()
    (library / "zoe").rmdir()
    assert changes(run, "--yes") == [("move", "zoe5.png", "red"), ("remove", "zoe6.png", "zoe")]
    assert stored() == {"red": 3, "green": 2, "blue": 2, "zoe": 2}
    assert run("gallery", "check", "-g", "g.db").exit_code == 0


def test_what_is_no_folder_of_people_is_told_without_options_of_enroll(run: Run, library: Path) -> None:
    for wrong in ("people/red", "people/red/red1.png", "nowhere"):
        told = run("sync", wrong, "-g", "g.db", "--yes")
        assert (told.exit_code, wrong in told.stderr) == (2, True)
        assert "--subject" not in told.stderr


def test_what_was_done_by_hand_stays(run: Run, library: Path) -> None:
    run("gallery", "rename", "green", "Greta", "-g", "g.db")
    run("gallery", "remove", "red", "--photo", "red1.png", "-g", "g.db")
    run("gallery", "move", "blue1.png", "--to", "Bo", "-g", "g.db")
    result = run(*SYNC, "--yes")
    assert "4 removed, renamed or moved by hand stay as they are" in result.stderr
    assert stored() == {"red": 1, "Greta": 2, "blue": 1, "Bo": 1}
    assert run(*SYNC, "--yes", "--again").exit_code == 0
    assert stored() == {"red": 2, "green": 2, "blue": 2}


def test_a_folder_that_is_not_mounted_removes_nobody(run: Run, library: Path) -> None:
    shutil.move(library, library.parent / "away")
    library.mkdir()
    result = run(*SYNC, "--yes")
    assert result.exit_code == 2
    assert "no pictures" in result.stderr
    shutil.rmtree(library)
    assert run(*SYNC, "--yes").exit_code == 2
    assert stored() == {"red": 2, "green": 2, "blue": 2}


def test_a_persons_folder_without_a_picture_takes_nothing_from_them(run: Run, library: Path) -> None:
    for path in (library / "blue").iterdir():
        path.unlink()
    result = run(*SYNC, "--yes")
    assert result.exit_code == 0
    told = "people/blue: no picture in this folder, which may not be mounted: blue keeps 2 photos"
    assert told in result.stderr
    assert stored() == {"red": 2, "green": 2, "blue": 2}
    shutil.copy(library / "red" / "red1.png", library / "blue" / "red1.png")
    (library / "red" / "red1.png").unlink()
    (library / "green" / "green1.png").rename(library / "red" / "green1.png")
    (library / "green" / "green2.png").rename(library / "red" / "green2.png")
    assert run(*SYNC, "--yes").exit_code == 0
    assert stored() == {"red": 3, "blue": 1}


def test_a_persons_folder_that_the_user_leaves_out_is_no_empty_one(run: Run, library: Path) -> None:
    (library / ".facekitignore").write_text("blue/\n")
    (library / "green" / ".facekitignore").write_text("*.png\n")
    assert run(*SYNC, "--yes").exit_code == 0
    assert stored() == {"red": 2}


def test_a_renamed_person_whose_folder_is_emptied_stays(run: Run, library: Path) -> None:
    (library / "blue").rename(library / "Bo")
    run(*SYNC, "--yes")
    for path in (library / "Bo").iterdir():
        path.unlink()
    assert "Bo keeps 2 photos" in run(*SYNC, "--yes").stderr
    assert stored() == {"red": 2, "green": 2, "Bo": 2}


def test_nor_does_one_of_several(run: Run, library: Path) -> None:
    more = library.parent / "more"
    photo(more / "cyan" / "1.png", "cyan")
    assert run(*SYNC, "more", "--yes").exit_code == 0
    more.rename("away")
    more.mkdir()
    (library / "red" / "red1.png").unlink()
    result = run(*SYNC, str(more), "--yes")
    assert f"{more}: no picture in this folder: nothing of it is removed" in result.stderr
    assert stored() == {"red": 1, "green": 2, "blue": 2, "cyan": 1}
    (library.parent / "link").symlink_to(more)
    run(*SYNC, "link", "--yes")
    assert stored()["cyan"] == 1


def test_what_is_there_and_left_out_for_want_of_a_package_is_not_removed(
    run: Run, library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo(library / "red" / "a.png", "red", seed=7)
    (library / "red" / "a.png").rename(library / "red" / "a.dng")
    monkeypatch.setattr(raw, "installed", lambda: True)
    assert changes(run, "--yes") == [("add", "a.dng", "red")]
    monkeypatch.setattr(raw, "installed", lambda: False)
    assert changes(run, "--yes") == []
    (library / "red" / ".facekitignore").write_text("*.dng\n")
    assert changes(run, "--yes") == [("remove", "a.dng", "red")]


def test_what_cannot_be_read_is_not_removed(run: Run, library: Path) -> None:
    elsewhere = library.parent / "disk"
    shutil.move(library / "green", elsewhere)
    (library / "green").symlink_to(elsewhere)
    assert changes(run, "--yes") == []
    elsewhere.rename(library.parent / "unplugged")
    result = run(*SYNC, "--yes")
    assert "1 linked to nowhere" in result.stderr
    assert stored() == {"red": 2, "green": 2, "blue": 2}


@pytest.mark.parametrize("content", [b"", b"to be fetched", b"\x89PNG\r\n\x1a\n cut off"])
def test_photos_that_are_damaged_or_elsewhere_now_are_not_removed(
    content: bytes, run: Run, library: Path
) -> None:
    """A cloud's folder holds empty files in their place; a disk may give back anything."""
    for path in (library / "red").iterdir():
        path.write_bytes(content)
    (library / "green" / "green1.png").write_bytes(content)
    for path in list((library / "blue").iterdir()):
        path.rename(path.with_suffix(".cloud.png"))
        path.with_suffix(".cloud.png").write_bytes(content)
    for _ in range(2):
        result = run(*SYNC, "--yes", "-f", "json")
        assert result.exit_code == 1
        assert {change["status"] for change in json.loads(result.stdout)["results"]} <= {"refused", "kept"}
        assert stored() == {"red": 2, "green": 2, "blue": 2}
    (library / "green" / "green1.png").unlink()
    run(*SYNC, "--yes")
    assert stored() == {"red": 2, "green": 1, "blue": 2}


def test_one_photo_in_two_folders_is_nobodys_more(run: Run, library: Path) -> None:
    shutil.copy(library / "green" / "green1.png", library / "red")
    result = run(*SYNC, "--yes")
    assert result.exit_code == 1
    assert "the same face is in another person's folder" in result.stderr
    assert stored() == {"red": 2, "green": 2, "blue": 2}


def test_a_dry_run_foretells_what_is_refused(run: Run, library: Path) -> None:
    shutil.copy(library / "green" / "green1.png", library / "red")
    photo(library / "red" / "none.png")
    photo(library / "red" / "new.png", "red", seed=5)
    planned, done = run(*SYNC, "--dry-run"), run(*SYNC, "--yes")
    for result, made in ((planned, "1 change would be made, 2 refused"), (done, "1 change made, 2 refused")):
        assert result.exit_code == 1
        assert made in result.stderr
        assert "1 refused: no face" in result.stderr
        assert "1 refused: the same face is in another person's folder" in result.stderr
    assert "refused   2 photos of red: " in planned.stdout
    assert "add       1 photo of red: " in planned.stdout
    assert "a dry run: nothing was changed" in planned.stderr
    again = json.loads(run(*SYNC, "--dry-run", "-f", "json").stdout)["results"]
    assert {change["status"] for change in again} == {"refused"}


def test_a_photo_that_is_moved_against_its_looks_is_told_of(run: Run, library: Path) -> None:
    (library / "green" / "green1.png").rename(library / "red" / "green1.png")
    for more in ("--dry-run", "--yes"):
        told = run(*SYNC, more).stderr
        assert "green1.png: more like green's other pictures (score 1.00) than like red's (" in told
    assert stored() == {"red": 3, "green": 1, "blue": 2}
    (library / "blue" / "blue1.png").rename(library / "blue" / "b.png")
    (library / "red" / "green1.png").rename(library / "green" / "green1.png")
    assert "more like" not in run(*SYNC, "--dry-run").stderr


def test_a_photo_that_was_written_anew_in_its_place_is_one_template(run: Run, library: Path) -> None:
    path = library / "red" / "red1.png"
    with Image.open(path) as image:
        image.putpixel((199, 119), (0, 0, 0))
        image.save(path)
    told = run("enroll", "people", "-g", "g.db")
    assert "red1.png: enrolled already, before the file was changed" in told.stderr
    assert "nothing enrolled, 6 already there" in told.stderr
    assert Counter(changes(run, "--yes")) == Counter(
        [("add", "red1.png", "red"), ("remove", "red1.png", "red")]
    )
    assert stored() == {"red": 2, "green": 2, "blue": 2}
    assert changes(run, "--yes") == []


@pytest.mark.parametrize(("answer", "changed"), [(b"y\n", True), (b"n\n", False)])
def test_the_plan_is_shown_and_asked(answer: bytes, changed: bool, run: Run, library: Path) -> None:
    (library / "green").rename(library / "Greta")
    result = run(*SYNC, stdin=answer)
    assert result.exit_code == 0
    plan = "rename    green to Greta, with 2 photos"
    assert (plan in result.stderr, plan in run(*SYNC, "--dry-run").stdout) == (True, not changed)
    assert ("renamed   green to Greta, with 2 photos" in result.stdout) is changed
    assert "Make these changes? [y/N]" in result.stderr
    assert ("Greta" in stored()) is changed
    assert ("nothing was changed" in result.stderr) is not changed


def test_without_somebody_to_answer_nothing_is_changed(run: Run, library: Path) -> None:
    (library / "green").rename(library / "Greta")
    result = run(*SYNC, stdin=b"")
    assert result.exit_code == 2
    assert "--yes makes the changes, --dry-run shows them" in result.stderr
    assert "green" in stored()
    with pytest.raises(facekit.UsageError, match="--yes makes the changes"):
        facekit.sync("people", "g.db", options=FakeOptions())


def test_a_gallery_that_is_not_there_is_made_but_not_by_a_dry_run(run: Run, library: Path) -> None:
    result = run("sync", "people", "-g", "new.db", "--dry-run")
    assert "6 changes would be made" in result.stderr
    assert not Path("new.db").exists()
    assert run("sync", "people", "-g", "new.db", "--yes").exit_code == 0
    with facekit.open_gallery("new.db") as gallery:
        assert len(gallery) == 6


def stopped(folder: str, after: int) -> None:
    """A sync of the folder that is interrupted after so many changes."""
    done: list[syncing.SyncChange] = []

    def interrupt(change: syncing.SyncChange) -> None:
        if len(done) == after:
            raise KeyboardInterrupt
        done.append(change)

    with pytest.raises(KeyboardInterrupt):
        facekit.sync(folder, "g.db", yes=True, options=FakeOptions(), on_result=interrupt)


@pytest.mark.parametrize("after", range(5))
def test_stopped_anywhere_the_gallery_is_whole_and_the_next_run_goes_on(
    after: int, run: Run, library: Path
) -> None:
    photo(library / "red" / "new.png", "red", seed=5)
    (library / "green").rename(library / "Greta")
    shutil.rmtree(library / "blue")
    stopped("people", after)
    assert facekit.gallery_check(gallery="g.db").intact
    assert sum(stored().values()) >= 4
    assert run(*SYNC, "--yes").exit_code == 0
    assert stored() == {"red": 3, "Greta": 2}
    assert changes(run, "--yes") == []


def test_a_copied_folder_is_still_the_one_from_which_people_were_enrolled(run: Run, library: Path) -> None:
    library.rename(library.parent / "moved")
    (library.parent / "moved" / "green").rename(library.parent / "moved" / "Greta")
    assert run("sync", "moved", "-g", "g.db", "--yes").exit_code == 0
    assert stored() == {"red": 2, "Greta": 2, "blue": 2}


def test_what_is_gone_from_a_moved_folder_is_removed(run: Run, library: Path) -> None:
    moved = library.rename(library.parent / "moved")
    shutil.rmtree(moved / "blue")
    planned = run("sync", "moved", "-g", "g.db", "--dry-run")
    assert f"{library} was moved to {moved}: what is gone from it since is removed" in planned.stderr
    done = run("sync", "moved", "-g", "g.db", "--yes")
    for told in (" 2 photos of blue: ", " 2 photos of red: ", " 2 photos of green: "):
        assert (told in planned.stdout, told in done.stdout) == (True, True)
    assert stored() == {"red": 2, "green": 2}
    (moved / "red" / "red1.png").rename(moved / "green" / "red1.png")
    shutil.rmtree(moved / "red")
    (moved / "green" / "green2.png").unlink()
    assert run("sync", "moved", "-g", "g.db", "--yes").exit_code == 0
    assert stored() == {"green": 2}
    assert "nothing to do" in run("sync", "moved", "-g", "g.db", "--yes").stderr


def test_a_moved_folder_is_followed_with_those_above_it(run: Run, library: Path) -> None:
    photo(Path("home/old/people/red/1.png"), "yellow")
    photo(Path("home/old/people/red/2.png"), "yellow", seed=2)
    photo(Path("home/old/people/red/3.png"), "yellow", seed=3)
    run("enroll", "home/old/people", "-g", "h.db")
    Path("home/old").rename("home/new")
    Path("home/new/people/red/3.png").unlink()
    assert run("sync", "home/new/people", "-g", "h.db", "--yes").exit_code == 0
    with facekit.open_gallery("h.db") as gallery:
        assert len(gallery) == 2


@pytest.mark.parametrize("after", range(5))
def test_stopped_anywhere_a_moved_folder_is_still_followed(after: int, run: Run, library: Path) -> None:
    moved = library.rename(library.parent / "moved")
    shutil.rmtree(moved / "blue")
    (moved / "green").rename(moved / "Greta")
    stopped("moved", after)
    assert run("sync", "moved", "-g", "g.db", "--yes").exit_code == 0
    assert stored() == {"red": 2, "Greta": 2}
    (moved / "Greta" / "green1.png").unlink()
    assert run("sync", "moved", "-g", "g.db", "--yes").exit_code == 0
    assert stored() == {"red": 2, "Greta": 1}


def test_an_emptied_folder_in_a_moved_one_removes_nothing(run: Run, library: Path) -> None:
    moved = library.rename(library.parent / "moved")
    for path in (moved / "blue").iterdir():
        path.unlink()
    assert "blue keeps 2 photos" in run("sync", "moved", "-g", "g.db", "--yes").stderr
    assert stored() == {"red": 2, "green": 2, "blue": 2}


def _few(library: Path) -> Path:
    """A copy of few photos of a folder that is gone."""
    shutil.copytree(library / "red", library.parent / "copy" / "red")
    shutil.rmtree(library)
    return library.parent / "copy"


def _unmounted(library: Path) -> Path:
    """A copy of most photos of a folder on a disk that is not mounted: its mount point is empty."""
    disk = library.parent / "disk"
    disk.mkdir()
    library.rename(disk / "people")
    facekit.sync(str(disk / "people"), "g.db", yes=True, options=FakeOptions())
    shutil.copytree(disk / "people", library)
    shutil.rmtree(disk / "people")
    shutil.rmtree(library / "blue")
    return library


@pytest.mark.parametrize(("gone", "kept", "of"), [(_few, 4, "people"), (_unmounted, 2, "disk/people")])
def test_of_a_folder_that_may_not_be_mounted_nothing_is_removed_and_it_is_told_for_good(
    gone: Callable[[Path], Path], kept: int, of: str, run: Run, library: Path
) -> None:
    there = gone(library)
    for _ in range(2):
        told = run("sync", str(there), "-g", "g.db", "--yes").stderr
        words = (
            f"{kept} templates are followed at {library.parent / of}, which is gone: nothing of it is removed"
        )
        assert words in told
        assert "facekit gallery remove NAME" in told
    assert stored() == {"red": 2, "green": 2, "blue": 2}


def test_a_copy_of_a_folder_that_is_there_takes_nothing_from_it(run: Run, library: Path) -> None:
    copy = library.parent / "copy"
    shutil.copytree(library, copy)
    shutil.rmtree(copy / "blue")
    assert "nothing to do" in run("sync", "copy", "-g", "g.db", "--yes").stderr
    assert stored() == {"red": 2, "green": 2, "blue": 2}
