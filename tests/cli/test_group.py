"""The command itself: help, exit statuses, completion, and what happens when something breaks."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from conftest import Run
from fakes import COMMAND, PYTHON_PATH, photo

from facekit import __version__
from facekit.cli import COMMANDS, group
from facekit.detection import KINDS
from facekit.errors import GalleryError, UsageError
from facekit.text.tables import width

HEAVY = ("numpy", "PIL", "dlib", "cv2", "onnxruntime", "openvino", "torch", "sqlite3")


def commands() -> list[str]:
    return group.list_commands(click.Context(group))


def all_helps() -> list[tuple[str, ...]]:
    """Every command and every command of a group."""
    found: list[tuple[str, ...]] = [()]
    for name in commands():
        found.append((name,))
        command = group.get_command(click.Context(group), name)
        if isinstance(command, click.Group):
            found += [(name, sub) for sub in sorted(command.commands)]
    return found


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("name", commands())
def test_the_short_help_in_the_table_is_the_commands_own(name: str) -> None:
    command = group.get_command(click.Context(group), name)
    assert command is not None
    assert command.name == name
    assert command.get_short_help_str(100) == COMMANDS[name]


@pytest.mark.parametrize("path", all_helps(), ids=" ".join)
def test_help_fits_80_columns_and_says_something(path: tuple[str, ...]) -> None:
    result = CliRunner().invoke(group, [*path, "--help"], prog_name="facekit", terminal_width=80)
    assert result.exit_code == 0
    assert result.output.startswith(f"Usage: {' '.join(('facekit', *path))} ")
    # An example and a list of choices stay on one line.
    unbroken = re.compile(r" +facekit |.*\[.*\|")
    assert [ln for ln in result.output.splitlines() if width(ln) > (100 if unbroken.match(ln) else 80)] == []
    assert (
        CliRunner().invoke(group, [*path, "-h"], prog_name="facekit", terminal_width=80).output
        == result.output
    )


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], [], ["nonsense"], ["detect", "--help"]])
def test_help_and_mistakes_load_nothing_heavy(arguments: list[str]) -> None:
    code = (
        f"import sys\nfrom facekit.cli import group\n"
        f"try: group.main({arguments!r}, prog_name='facekit')\n"
        f"except SystemExit: pass\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    assert python(code).stderr.splitlines()[-1] == "[]"


def test_version(run: Run) -> None:
    assert run("--version").output == f"facekit {__version__}\n"


def test_a_mistyped_command_and_option_are_usage(run: Run) -> None:
    assert run("identfy").exit_code == 2
    assert "Did you mean 'identify'?" in run("identfy").stderr
    assert "No such command 'nonsense'.\n" in run("nonsense").stderr


def test_a_picture_instead_of_a_command_is_told_how_to_say_who_is_in_it(run: Run, tmp_path: Path) -> None:
    photo(tmp_path / "my photo.png", "red")
    result = run("my photo.png")
    assert result.exit_code == 2
    assert "To say who is in it: facekit identify 'my photo.png'\n" in result.stderr
    assert "To say who" not in run("your photo.png").stderr


def test_the_help_of_the_detectors_is_their_table(run: Run) -> None:
    words = "".join(run("detect", "--help").output.split())
    built_in, of_files = ([kind for kind in KINDS if ("=" in kind) == own] for own in (False, True))
    assert f"{','.join(built_in)},oroneofyours:{','.join(of_files)}." in words


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (GalleryError("g.db: damaged; restore a copy"), 1, "facekit: g.db: damaged; restore a copy\n"),
        (UsageError("give one name"), 2, "facekit: give one name\n"),
        (
            OSError(28, "No space left on device", "x.png"),
            1,
            "facekit: x.png: No space left on device: make room and run again\n",
        ),
        (KeyError("x"), 1, "facekit: internal error (KeyError: 'x'); run with --debug to see where\n"),
        (GalleryError("a\x1b[2Jb"), 1, "facekit: a\\x1b[2Jb\n"),
    ],
)
def test_every_exception_is_a_line_and_a_status(
    run: Run, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int, message: str
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("facekit.pictures.folders.list_pictures", fail)
    result = run("detect", "x.png")
    assert (result.exit_code, result.stderr, result.stdout) == (status, message, "")


def test_debug_shows_where_it_came_from(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise KeyError("x")

    monkeypatch.setattr("facekit.pictures.folders.list_pictures", fail)
    assert isinstance(run("detect", "x.png", "--debug").exception, KeyError)
    assert isinstance(run("--debug", "detect", "x.png").exception, KeyError)


def test_debug_shows_where_an_error_of_one_picture_came_from(run: Run, tmp_path: Path) -> None:
    bug = photo(tmp_path / "bug.png", "red")
    shown = run("detect", str(bug), "--debug")
    assert "Traceback" in shown.stderr
    assert "fakes.py" in shown.stderr
    assert "Traceback" not in run("detect", str(bug)).stderr


def test_enrolled_names_are_completed(run: Run, people: Path) -> None:
    def complete(line: str, typed: str) -> list[str]:
        asked = {"_FACEKIT_COMPLETE": "bash_complete", "FACEKIT_LINE": f"{line} {typed}"}
        result = CliRunner().invoke(group, prog_name="facekit", env=asked)
        return re.findall(r"plain,(.*)", result.output)

    assert complete("facekit gallery show", "r") == ["red"]
    assert complete("facekit gallery remove red", "") == ["blue", "green", "red"]
    assert complete("facekit enroll --subject", "g") == ["green"]
    assert complete("facekit", "id") == ["identify"]


def start(*arguments: str, folder: Path) -> subprocess.Popen[str]:
    """The command in a process of its own, with the fake pipeline."""
    return subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": PYTHON_PATH},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.parametrize("moment", ["A name needs", "in/slow"])
def test_control_c_stops_at_once_and_says_what_was_done(
    run: Run, people: Path, tmp_path: Path, jobs: str, moment: str
) -> None:
    for number in range(40):
        photo(tmp_path / "in" / f"slow{number:02d}.png", "red", seed=number)
    process = start("identify", "in", "--jobs", jobs, folder=tmp_path)
    assert process.stdout is not None
    while not process.stdout.readline().startswith(moment):
        pass
    time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the workers too
    started = time.monotonic()
    _, errors = process.communicate(timeout=20)
    assert time.monotonic() - started < 3  # within a second where nothing else runs
    assert process.returncode == 130
    [_, told] = errors.split("\n\n")[0].splitlines()
    done = r"facekit: stopped: (no face|\d+ faces?, \d+ of them named), in \d+ of 40 pictures"
    assert re.fullmatch(done, told)


def test_a_reader_that_goes_away_is_no_error_to_see(run: Run, people: Path, tmp_path: Path) -> None:
    for number in range(3):
        photo(tmp_path / "in" / f"slow{number}.png", "red", seed=number)
    process = start("identify", "in", "--quiet", folder=tmp_path)
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait(20) == 1


def options(of: click.Command = group, *words: str) -> Iterator[tuple[str, click.Option]]:
    if isinstance(of, click.Group):
        for name in of.list_commands(click.Context(of)):
            command = of.get_command(click.Context(of), name)
            assert command is not None
            yield from options(command, *words, name)
    yield from ((" ".join(words), each) for each in of.params if isinstance(each, click.Option))


def test_every_option_says_what_it_does_in_a_sentence() -> None:
    terse = [
        (command, option.opts)
        for command, option in options()
        if len((option.help or "").split()) < 4
        or (option.help or "").startswith(("Of ", "Chance"))
        or not (option.help or "").endswith((".", ".)"))
    ]
    assert terse == []


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("identfy", "'identify'"),
        ("gallery chek", "'check'"),
        ("evaluate verifcation", "'verification'"),
        ("identify --thresold 0.5 x.jpg", "'--threshold'"),
        ("gallery check --pepole", "'--people'"),
    ],
)
def test_what_is_misspelled_is_asked_back(run: Run, words: str, meant: str) -> None:
    result = run(*words.split())
    assert result.exit_code == 2
    assert "Did you mean" in result.stderr
    assert meant in result.stderr
