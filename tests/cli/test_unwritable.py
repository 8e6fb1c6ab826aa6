"""Where no gallery can be written, that is said at once: which place, why, and what to do."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from conftest import Run
from fakes import FakeFrameDetector, photo

from facekit.video import frame_detection


@pytest.fixture
def reads_only(monkeypatch: pytest.MonkeyPatch, user_data: Path) -> Path:
    """The user's data lie on a disk that is read-only, also for an administrator."""
    writable = os.access
    monkeypatch.setattr(
        "os.access",
        lambda path, mode: (
            writable(path, mode) and not (mode & os.W_OK and Path(path).is_relative_to(user_data))
        ),
    )
    return user_data


def commands(run: Run) -> list[tuple[str, ...]]:
    """Those that make or change a gallery."""
    photo(Path("people/red/1.png"), "red")
    photo(Path("people/red/2.png"), "red", seed=2)
    assert run("enroll", "people", "-g", "other.db").exit_code == 0
    assert run("gallery", "export", "-g", "other.db", "all.jsonl").exit_code == 0
    return [
        ("enroll", "people"),
        ("enroll", "--subject", "Red", "people/red/1.png"),
        ("gallery", "import", "all.jsonl"),
        ("register", "Ada", "--from-folder", "people/red"),
    ]


def complaints(run: Run, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What each says, in its one line; nobody is looked at before."""
    monkeypatch.setattr(frame_detection, "PipelineDetector", FakeFrameDetector)
    monkeypatch.setattr(FakeFrameDetector, "detect", lambda *_, **__: pytest.fail("looked for faces first"))
    lines = []
    for command in commands(run):
        result = run(*command)
        assert result.exit_code in (1, 2), command
        assert result.stdout == ""
        said = [line for line in result.stderr.splitlines() if "the gallery is" not in line]
        assert len(said) == 1, result.stderr
        lines += said
    return lines


def test_a_file_in_the_place_of_the_users_folder(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "data").touch()
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    own = tmp_path / "data" / "facekit" / "gallery.db"
    why = f"your own gallery cannot be written ({tmp_path / 'data'} is no folder)"
    wanted = f"facekit: {own}: {why}: choose another with --gallery FILE"
    assert set(complaints(run, monkeypatch)) == {wanted}


def test_a_folder_that_is_read_only(run: Run, monkeypatch: pytest.MonkeyPatch, reads_only: Path) -> None:
    for line in complaints(run, monkeypatch):
        assert line.startswith(f"facekit: {reads_only / 'facekit' / 'gallery.db'}: your own gallery")
        assert f"(the folder {reads_only} is read-only): choose another with --gallery FILE" in line
    assert list(reads_only.iterdir()) == []


def test_a_folder_that_cannot_be_made_though_it_looks_so(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def mkdir(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    photo(tmp_path / "people" / "red" / "1.png", "red")
    monkeypatch.setattr("pathlib.Path.mkdir", mkdir)
    result = run("enroll", "people")
    assert result.exit_code == 1
    assert "No space left on device): choose another with --gallery FILE" in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("home", ["", "somewhere"])
def test_a_home_that_is_none(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, home: str) -> None:
    """A service may have HOME empty; nothing is made at the top of the disk, or where it was started."""
    monkeypatch.setenv("XDG_DATA_HOME", "")
    monkeypatch.setenv("HOME", home)
    for line in complaints(run, monkeypatch):
        assert "no home folder" in line
        assert "--gallery FILE" in line
    assert not (tmp_path / "somewhere").exists()
    missing = run("gallery", "list", "-g", "missing.db")
    assert "make one with facekit enroll FOLDER --gallery missing.db" in missing.stderr


@pytest.mark.parametrize("verb", ["remove", "rename", "merge", "forget-removals"])
def test_a_gallery_that_is_there_but_read_only(
    run: Run, monkeypatch: pytest.MonkeyPatch, reads_only: Path, verb: str
) -> None:
    own = reads_only / "facekit" / "gallery.db"
    photo(Path("people/red/1.png"), "red")
    assert run("enroll", "people", "-g", "other.db").exit_code == 0
    own.parent.mkdir()
    own.write_bytes(Path("other.db").read_bytes())
    words = {"remove": ["red"], "rename": ["red", "Ada"], "merge": ["red", "Ada"], "forget-removals": []}
    result = run("gallery", verb, *words[verb])
    assert result.exit_code == 1
    assert result.stderr == (
        f"facekit: {own}: your own gallery cannot be written (the file is read-only): "
        "choose another with --gallery FILE\n"
    )
    assert run("gallery", "list").exit_code == 0
