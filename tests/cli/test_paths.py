"""Paths on the command line: `~`, and galleries that are given as folders, by every command alike."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from conftest import Run
from fakes import photo

from facekit.cli import group, paths
from facekit.gallery import open_gallery


def every_command() -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield name, command
        if isinstance(command, click.Group):
            yield from ((f"{name} {sub}", each) for sub, each in command.commands.items())


COMMANDS = list(every_command())


@pytest.fixture
def home(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.mark.parametrize(("name", "command"), COMMANDS, ids=[name for name, _ in COMMANDS])
def test_no_command_has_a_path_that_leaves_the_tilde_alone(name: str, command: click.Command) -> None:
    words = ("FILE", "DIR", "PATH", "FOLDER", "INPUT", "[DIR]")
    for parameter in command.params:
        is_path = isinstance(parameter.type, click.Path) or (parameter.metavar or "").strip(".") in words
        if is_path:
            ours = (paths.PathType, paths.InputType, paths.NetworkType, paths.GalleryType)
            assert isinstance(parameter.type, ours), f"{name}: {parameter.name}"


@pytest.mark.parametrize(("name", "command"), COMMANDS, ids=[name for name, _ in COMMANDS])
def test_every_gallery_option_takes_a_folder(name: str, command: click.Command) -> None:
    for parameter in command.params:
        if parameter.name == "gallery" and name != "evaluate identification":  # there also one of people
            assert isinstance(parameter.type, paths.GalleryType), name


def test_a_tilde_in_an_option_is_the_home_folder(run: Run, home: Path, tmp_path: Path) -> None:
    photo(tmp_path / "red.png", "red")
    assert run("enroll", "--subject", "Ada", "red.png", "--gallery=~/people.db").exit_code == 0
    photo(home / "photo.png", "red")
    result = run("identify", "~/photo.png", "--gallery=~/people.db", "--annotate=~/named")
    assert "Ada" in result.stdout
    assert sorted(path.name for path in home.iterdir()) == ["named", "people.db", "photo.png"]
    assert not os.path.lexists("~")


def test_a_file_that_begins_with_a_tilde_is_taken_where_it_is_there(
    run: Run, home: Path, people: Path, tmp_path: Path
) -> None:
    photo(tmp_path / "~" / "1.png", "red")
    assert run("identify", "~/1.png").exit_code == 0


def test_a_tilde_without_a_user_is_one_line(run: Run, people: Path, tmp_path: Path) -> None:
    photo(tmp_path / "red.png", "red")
    result = run("identify", "red.png", "--gallery=~nobody-at-all/x.db")
    assert result.exit_code == 2
    assert "no user nobody-at-all" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("option", ["--gallery", "--embedder", "--annotate"])
def test_an_empty_path_is_no_path(run: Run, people: Path, tmp_path: Path, option: str) -> None:
    """A script whose variable is not set says `--gallery ""`."""
    photo(tmp_path / "red.png", "red")
    result = run("identify", "red.png", f"{option}=")
    assert result.exit_code == 2
    assert "empty" in result.stderr


def test_a_folder_is_a_gallery_for_every_command(run: Run, tmp_path: Path) -> None:
    photo(tmp_path / "red.png", "red")
    folder = str(tmp_path / "mine") + "/"
    assert run("enroll", "--subject", "Ada", "red.png", "-g", folder).exit_code == 0
    assert run("enroll", "--subject", "Ada", "red.png", "-g", "mine").exit_code == 0
    for command in (
        ["identify", "red.png"],
        ["gallery", "list"],
        ["gallery", "show", "Ada"],
        ["gallery", "check"],
        ["gallery", "rename", "Ada", "Bea"],
        ["gallery", "export", "all.npz"],
        ["gallery", "import", "all.npz"],
        ["cluster", "red.png"],
        ["info"],
    ):
        result = run(*command, "-g", "mine")
        assert result.exit_code == 0, result.output
    assert sorted(path.name for path in (tmp_path / "mine").glob("*.db")) == ["gallery.db"]


def test_which_gallery_is_used_is_said_where_it_was_not_named(
    run: Run, tmp_path: Path, user_data: Path
) -> None:
    photo(tmp_path / "people" / "Ada" / "1.png", "red")
    own = user_data / "facekit" / "gallery.db"
    said = f"the gallery is {own}"
    enrolled = run("enroll", "people")
    assert said in enrolled.stderr
    with open_gallery(own) as gallery:
        assert gallery.subject_count == 1
    assert said in run("identify", "people").stderr
    for command in (
        ["identify", "people", "-f", "jsonl"],
        ["gallery", "list"],
        ["gallery", "rename", "Ada", "Bea"],
        ["gallery", "export", "all.npz"],
        ["gallery", "import", "all.npz"],
        ["gallery", "check"],
        ["cluster", "people"],
        ["gallery", "remove", "Bea"],
    ):
        result = run(*command)
        assert result.exit_code == 0, result.output
        assert str(own) in result.output, command
        assert said not in run(*command, "--gallery", str(own)).stderr


def test_a_command_that_writes_never_takes_the_shipped_gallery(run: Run) -> None:
    for command in (
        ["gallery", "remove", "Keanu Reeves"],
        ["gallery", "rename", "Keanu Reeves", "x"],
        ["gallery", "merge", "Keanu Reeves", "Mariah Carey"],
        ["calibrate", "--fpir", "0.1"],
    ):
        result = run(*command)
        assert result.exit_code == 1
        assert "facekit enroll" in result.stderr


@pytest.mark.parametrize(
    "command",
    [
        *("identify a.png -g {}", "enroll people -g {}", "register Bob 0 -g {}", "watch 0 -g {}"),
        *("cluster people -g {}", "calibrate -g {}", "evaluate identification --images people -g {}"),
        *("gallery list -g {}", "gallery check -g {}", "gallery copy {} to.db", "gallery copy from.db {}"),
        *("gallery export {}", "embed people -o {}", "info -g {}"),
    ],
)
def test_an_address_is_no_path_and_its_password_is_never_shown(
    run: Run, command: str, tmp_path: Path
) -> None:
    (tmp_path / "people").mkdir()
    (tmp_path / "from.db").touch()
    before = sorted(tmp_path.rglob("*"))
    address = "postgresql://ann:s3cret@db/people?password=s3cret"
    result = run(*(word.format(address) for word in command.split()))
    assert result.exit_code in (1, 2) or command.startswith("info")
    assert "s3cret" not in result.output
    # The others end before they reach the gallery, or, as info, say what is wrong in their answer.
    at_the_gallery = command.startswith(("identify", "register", "cluster", "gallery list", "gallery check"))
    assert "@db/people" in result.stderr or not at_the_gallery
    assert "Traceback" not in result.output
    assert sorted(tmp_path.rglob("*")) == before
