"""`facekit gallery`: list, show, remove, rename, merge, export, import, check."""

import json
from pathlib import Path

import numpy as np
import pytest
from conftest import Run
from fakes import photo

from facekit.rendering.tables import width

pytestmark = pytest.mark.usefixtures("people")


def names(run: Run, *more: str | Path) -> list[str]:
    lines = run("gallery", "list", "--format", "json", *more).stdout.splitlines()
    return [json.loads(line)["subject"] for line in lines]


def test_list_shows_who_is_enrolled(run: Run) -> None:
    result = run("gallery", "list")
    assert [line.split()[:2] for line in result.stdout.splitlines()] == [
        ["subject", "templates"],
        ["blue", "2"],
        ["green", "2"],
        ["red", "2"],
    ]
    assert run("gallery", "list", "-f", "csv").stdout.splitlines()[0] == "subject,templates,added"


def test_show_tells_the_pictures_but_no_vector(run: Run) -> None:
    result = run("gallery", "show", "red", "-f", "json")
    first = json.loads(result.stdout.splitlines()[0])
    assert (first["subject"], first["source"], first["box"]) == ("red", "1.png", [10.0, 20.0, 60.0, 70.0])
    assert "vector" not in first
    assert all(width(line) <= 80 for line in run("gallery", "show", "red").stdout.splitlines())


def test_show_of_nobody_is_an_error(run: Run) -> None:
    result = run("gallery", "show", "nobody")
    assert result.exit_code == 1
    assert "nobody" in result.stderr


def test_a_removed_person_is_gone_from_every_file(run: Run, people: Path) -> None:
    photo(people / "Zebedee Quux" / "1.png", "cyan")
    run("enroll", "gallery")
    assert run("gallery", "remove", "Zebedee Quux").exit_code == 0
    assert names(run) == ["blue", "green", "red"]
    for path in people.glob("gallery.db*"):
        assert b"Zebedee" not in path.read_bytes()


def test_remove_takes_all_or_none(run: Run) -> None:
    assert run("gallery", "remove", "red", "nobody").exit_code == 1
    assert names(run) == ["blue", "green", "red"]


def test_rename_and_merge(run: Run) -> None:
    assert run("gallery", "rename", "red", "Ruth").exit_code == 0
    assert names(run) == ["Ruth", "blue", "green"]
    assert run("gallery", "rename", "blue", "green").exit_code == 1
    assert run("gallery", "merge", "Ruth", "blue", "green").exit_code == 0
    assert names(run) == ["Ruth"]


@pytest.mark.parametrize("suffix", [".npz", ".jsonl"])
def test_an_export_can_be_imported_elsewhere(run: Run, suffix: str) -> None:
    assert run("gallery", "export", f"all{suffix}").exit_code == 0
    first = run("gallery", "import", f"all{suffix}", "--gallery", "new/copy.db")
    assert (first.exit_code, "6 templates in the new gallery" in first.stderr) == (0, True)
    again = run("gallery", "import", f"all{suffix}", "--gallery", "new/copy.db")
    assert "0 templates added to new/copy.db, 6 already there" in again.stderr
    assert names(run, "--gallery", "new/copy.db") == ["blue", "green", "red"]


def test_an_export_to_standard_output_is_json_lines(run: Run) -> None:
    lines = run("gallery", "export", "-").stdout.splitlines()
    assert len(lines) == 7
    assert np.linalg.norm(json.loads(lines[1])["vector"]) == pytest.approx(1)


def test_check_finds_nothing_in_a_whole_gallery_and_something_in_a_damaged_one(
    run: Run, people: Path
) -> None:
    whole = run("gallery", "check")
    assert (whole.exit_code, whole.stdout) == (0, "gallery/gallery.db: no damage found\n")
    data = bytearray((people / "gallery.db").read_bytes())
    data[len(data) // 2 :] = bytes(len(data) - len(data) // 2)
    (people / "gallery.db").write_bytes(data)
    damaged = run("gallery", "check")
    assert damaged.exit_code == 1
    assert damaged.stderr.startswith("facekit: ")
    assert run("gallery", "check", "--gallery", "missing.db").exit_code == 1


def test_a_damaged_gallery_is_never_overwritten(run: Run, people: Path) -> None:
    (people / "gallery.db").write_bytes(b"not a gallery at all" * 100)
    photo(people / "cyan" / "1.png", "cyan")
    assert run("enroll", "gallery").exit_code == 1
    assert run("identify", "gallery").exit_code == 1
    assert (people / "gallery.db").read_bytes() == b"not a gallery at all" * 100


def test_the_shipped_gallery_is_read_only_when_there_is_no_other(
    run: Run, people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = tmp_path / "reference.db"
    run("gallery", "export", "all.npz")
    run("gallery", "import", "all.npz", "--gallery", shipped)
    monkeypatch.setattr("facekit.settings.reference_gallery", lambda: shipped)
    (people / "gallery.db").rename(tmp_path / "away.db")
    result = run("gallery", "list")
    assert (result.exit_code, "using the shipped one" in result.stderr) == (0, True)
    before = shipped.read_bytes()
    assert run("gallery", "remove", "red").exit_code == 1
    assert shipped.read_bytes() == before
