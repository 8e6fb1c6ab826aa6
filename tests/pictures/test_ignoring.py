"""What a `.facekitignore` names is never read, and is counted; one that cannot be read stops everything."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from facekit.errors import UsageError
from facekit.pictures.folders import list_pictures, people


@pytest.fixture
def library(tmp_path: Path) -> Path:
    for name in ("Ada/1.png", "Ada/private/2.png", "Ada/screen 1.png", "Ben/1.png", "Ben/private/keep.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def ignore(folder: Path, *patterns: str) -> None:
    (folder / ".facekitignore").write_text("\n".join(patterns), encoding="utf-8")


def names(folder: Path) -> list[str]:
    return [os.path.relpath(path, folder) for path in list_pictures([str(folder)]).pictures]


def test_patterns_are_those_of_gitignore(library: Path) -> None:
    ignore(library, "# private things", "private/", "screen*.png")
    assert names(library) == ["Ada/1.png", "Ben/1.png"]
    assert list_pictures([str(library)]).remarks() == [
        "1 file left out: 1 by .facekitignore (screen 1.png)",
        "2 folders left out: 2 by .facekitignore (private, private)",
    ]
    assert [os.path.relpath(path, library) for _, path in people([str(library)]).photos] == names(library)


def test_a_whole_person_can_be_left_out(library: Path) -> None:
    ignore(library, "/Ben/")
    listing = people([str(library)])
    assert {name for name, _ in listing.photos} == {"Ada"}
    assert listing.without == ()
    assert listing.remarks() == ["1 folder left out: 1 by .facekitignore (Ben)"]


def test_the_nearest_file_decides_and_one_above_holds_below(library: Path) -> None:
    ignore(library, "**/private/*", "screen*.png")
    ignore(library / "Ben" / "private", "!keep.png")
    assert names(library) == ["Ada/1.png", "Ben/1.png", "Ben/private/keep.png"]
    assert names(library / "Ada") == ["1.png"]


def test_who_names_a_folder_or_a_file_wants_it(library: Path) -> None:
    ignore(library, "*.png")
    assert names(library / "Ada") == []
    ignore(library, "Ada/")
    assert names(library / "Ada") == ["1.png", "private/2.png", "screen 1.png"]
    assert list_pictures([str(library / "Ada" / "1.png")]).pictures == (str(library / "Ada" / "1.png"),)


def test_linked_folders_obey_the_folder_they_are_linked_from(library: Path, tmp_path: Path) -> None:
    more = tmp_path / ".more"
    more.mkdir()
    (more / "screen 2.png").touch()
    (more / "3.png").touch()
    (library / "Ben" / "2019").symlink_to(more)
    ignore(library, "screen*.png")
    assert "Ben/2019/3.png" in names(library)
    assert not [name for name in names(library) if "screen" in name]


@pytest.mark.parametrize("unusable", ["folder", "large", "pattern", "stars", "double stars"])
def test_a_file_that_cannot_be_obeyed_stops_everything(unusable: str, library: Path) -> None:
    file = library / "Ada" / ".facekitignore"
    if unusable == "folder":
        file.mkdir()
    elif unusable == "large":
        file.write_bytes(b"x\n" * (1 << 20))
    elif "stars" in unusable:
        # Either would take longer than anybody lives.
        (library / "Ada" / ("a" * 200)).touch()
        file.write_text(
            "# " + "*a" * 40 + "\n" + ("*a" * 40 if unusable == "stars" else "**/a/" * 40) + "b\n"
        )
    else:
        file.write_text("!\n")
    for search in (list_pictures, people):
        with pytest.raises(UsageError, match=r"Ada/\.facekitignore: .*mend or remove it"):
            search([str(library)])


def test_nothing_is_imported_for_folders_without_such_a_file(library: Path) -> None:
    code = (
        "import sys; from facekit.pictures import folders; "
        "folders.list_pictures([sys.argv[1]]); sys.exit('pathspec' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(library)], check=False).returncode == 0
