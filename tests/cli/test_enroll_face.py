"""`facekit enroll --face` and `--box`: the user says which face of a picture is the person's."""

import json
from pathlib import Path

import pytest
from conftest import Run
from fakes import photo

import facekit


def stored(name: str) -> list[tuple[str, tuple[float, ...]]]:
    with facekit.open_gallery("g.db") as gallery:
        return [(info.file_name, info.box) for info in gallery.templates(name)]


def test_the_number_is_the_one_that_tables_show(run: Run, tmp_path: Path) -> None:
    photo(tmp_path / "party.png", "red", "green", "blue")
    boxes = [
        face["box"]
        for face in json.loads(run("detect", "party.png", "-f", "json").stdout)["results"][0]["faces"]
    ]
    for number in (3, 1, 2):
        name = f"number {number}"
        result = run("enroll", "party.png", "--face", str(number), "--subject", name, "-g", "g.db")
        assert result.exit_code == 0, result.output
        assert stored(name) == [("party.png", tuple(boxes[number - 1]))]


def test_a_face_that_was_chosen_wrongly_is_replaced(run: Run, tmp_path: Path) -> None:
    photo(tmp_path / "party.png", "red", "green", "blue")
    for number, left in (("1", 10), ("3", 130)):
        arguments = ("enroll", "party.png", "--face", number, "--subject", "Ada", "-g", "g.db")
        result = run(*arguments)
        assert result.exit_code == 0, result.output
        [(_, box)] = stored("Ada")
        assert box[0] == left
    assert "took the place of another face" in result.stderr
    assert "already there" in run(*arguments).stderr


def test_a_replacement_is_one_step(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed at any moment, one of the two faces is stored."""
    photo(tmp_path / "party.png", "red", "green")
    run("enroll", "party.png", "--face", "1", "--subject", "Ada", "-g", "g.db")
    before = stored("Ada")
    with monkeypatch.context() as patch:
        patch.setattr("facekit.gallery.writing.WritableGallery.remove_photos", None)
        patch.setattr("facekit.gallery.changes.Change.finish", lambda change: 1 / 0)
        assert run("enroll", "party.png", "--face", "2", "--subject", "Ada", "-g", "g.db").exit_code != 0
    assert stored("Ada") == before
    with facekit.open_gallery("g.db") as gallery:
        changes = gallery.change_number
    run("enroll", "party.png", "--face", "2", "--subject", "Ada", "-g", "g.db")
    with facekit.open_gallery("g.db") as gallery:
        assert gallery.change_number == changes + 1
    assert stored("Ada") != before


def test_a_face_that_is_refused_leaves_what_was_stored(run: Run, tmp_path: Path) -> None:
    photo(tmp_path / "party.png", "red", "green", poor=True)
    first = run("enroll", "party.png", "--face", "1", "--subject", "Ada", "--accept-poor", "-g", "g.db")
    assert first.exit_code == 0, first.output
    before = stored("Ada")
    refused = run("enroll", "party.png", "--face", "2", "--subject", "Ada", "-g", "g.db")
    assert refused.exit_code == 1
    assert stored("Ada") == before


def test_a_removed_photo_comes_back_when_its_face_is_shown(run: Run, tmp_path: Path) -> None:
    photo(tmp_path / "a.png", "red")
    photo(tmp_path / "b.png", "red", seed=2)
    run("enroll", "a.png", "b.png", "--subject", "Ada", "-g", "g.db")
    run("gallery", "remove", "Ada", "--photo", "a.png", "-g", "g.db")
    assert run("enroll", "a.png", "--face", "1", "--subject", "Ada", "-g", "g.db").exit_code == 0
    assert [name for name, _ in stored("Ada")] == ["b.png", "a.png"]


def test_a_number_that_is_not_there_says_how_many_there_are(run: Run, tmp_path: Path) -> None:
    photo(tmp_path / "party.png", "red", "green")
    result = run("enroll", "party.png", "--face", "3", "--subject", "Ada", "-g", "g.db")
    assert result.exit_code == 1
    assert "party.png: 2 faces, and so no face 3; not enrolled" in result.stderr


def test_a_box_shows_a_face_that_was_not_found(run: Run, tmp_path: Path) -> None:
    photo(tmp_path / "small.png", "red", face=6)
    assert run("enroll", "small.png", "--subject", "Ada", "-g", "g.db").exit_code == 3
    result = run("enroll", "small.png", "--box", "5,15,16,16", "--subject", "Ada", "-g", "g.db")
    assert result.exit_code == 0, result.output
    assert stored("Ada") == [("small.png", (5.0, 15.0, 21.0, 31.0))]


@pytest.mark.parametrize("box", ["500,500,50,50", "10,10,0,20", "10,10,-20,20", "1,1,3,3"])
def test_a_box_without_a_face_is_refused(box: str, run: Run, tmp_path: Path) -> None:
    photo(tmp_path / "a.png", "red")
    result = run("enroll", "a.png", "--box", box, "--subject", "Ada", "-g", "g.db")
    assert result.exit_code == 2
    assert f"the box {box} shows no face of this picture of 200×120 pixels" in result.stderr


@pytest.mark.parametrize("box", ["1,2,3", "a,b,c,d", "1,2,3,nan"])
def test_what_is_no_box_is_the_users_mistake(box: str, run: Run, tmp_path: Path) -> None:
    photo(tmp_path / "a.png", "red")
    assert run("enroll", "a.png", "--box", box, "--subject", "Ada").exit_code == 2


def test_a_face_is_of_one_picture_of_one_person(run: Run, tmp_path: Path) -> None:
    for seed in (1, 2):
        photo(tmp_path / "ada" / f"{seed}.png", "red", seed=seed)
    for arguments in (("ada", "--subject", "Ada"), ("ada/1.png", "ada/2.png", "--subject", "Ada"), (".",)):
        result = run("enroll", *arguments, "--face", "1")
        assert result.exit_code == 2
        assert "--face is for a face of one picture" in result.stderr


def test_a_damaged_picture_is_told(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"damaged")
    result = run("enroll", "a.png", "--box", "1,1,50,50", "--subject", "Ada", "-g", "g.db")
    assert (result.exit_code, "a.png" in result.stderr) == (1, True)
