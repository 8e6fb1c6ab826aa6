"""Streams that are closed, full or read by nobody, and signals: the work is done, or ends in order."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from fakes import COMMAND, PYTHON_PATH, photo

from facekit.cli import console as consoles
from facekit.cli import group, signals, streams
from facekit.errors import DependencyError

posix = pytest.mark.skipif(os.name == "nt", reason="streams and signals of POSIX")
full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")


def shell(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """A command line, in which `facekit` is the command with the fake pipeline."""
    return subprocess.run(
        ["sh", "-c", f'facekit() {{ "$PYTHON" -c "$CODE" "$@"; }}; {command}'],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": PYTHON_PATH, "PYTHON": COMMAND[0], "CODE": COMMAND[2]},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, "PYTHONPATH": PYTHON_PATH},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.fixture
def party(people: Path, tmp_path: Path) -> str:
    photo(tmp_path / "party.png", "red")
    return "facekit -q identify party.png -f csv"


@posix
@pytest.mark.parametrize("closed", ["2>&-", "0<&-", "0<&- 2>&-"])
def test_a_closed_stream_changes_neither_output_nor_status(party: str, tmp_path: Path, closed: str) -> None:
    expected = shell(party, tmp_path)
    found = shell(f"{party} {closed}", tmp_path)
    assert expected.returncode == 0
    assert (found.returncode, found.stdout, found.stderr) == (0, expected.stdout, "")


@posix
def test_without_any_stream_the_work_is_done(people: Path, tmp_path: Path) -> None:
    photo(tmp_path / "more" / "ada" / "1.png", "yellow")
    for number in range(8):
        photo(tmp_path / "in" / f"{number}.png", "red", seed=number)
    closed = "<&- >&- 2>&-"
    assert shell(f"facekit enroll more -g new.db {closed}", tmp_path).returncode == 0
    assert "ada" in shell("facekit gallery list -g new.db", tmp_path).stdout
    assert shell(f"facekit identify in --annotate out --jobs 2 {closed}", tmp_path).returncode == 0
    assert len(list((tmp_path / "out").iterdir())) == 8
    assert shell(f"facekit gallery remove ada -g new.db {closed}", tmp_path).returncode == 0
    assert "ada" not in shell("facekit gallery list -g new.db", tmp_path).stdout


@full
@pytest.mark.parametrize("command", ["--help", "--version", "weights list", "party", "gallery list"])
def test_a_full_standard_output_is_a_line_and_status_1(party: str, tmp_path: Path, command: str) -> None:
    found = shell(f"{party if command == 'party' else f'facekit {command}'} >/dev/full", tmp_path)
    assert found.returncode == 1
    assert found.stderr.splitlines()[-1] == "facekit: standard output: No space left on device"
    assert "Exception" not in found.stderr


@full
def test_a_full_standard_error_is_no_reason_to_stop(people: Path, tmp_path: Path) -> None:
    photo(tmp_path / "in" / "1.png", "red")
    (tmp_path / "in" / "2.png").write_bytes(b"no picture")
    found = shell("facekit identify in -f csv 2>/dev/full", tmp_path)
    assert found.returncode == 1  # for the picture
    assert "in/1.png,1" in found.stdout
    assert "in/2.png,," in found.stdout
    assert shell("facekit nonsense 2>/dev/full", tmp_path).returncode == 2


@posix
@pytest.mark.parametrize("command", ["--help", "weights list", "party", "gallery list", "detect party.png"])
def test_a_reader_that_has_gone_hears_of_no_traceback(party: str, tmp_path: Path, command: str) -> None:
    arguments = [*COMMAND, *(party.split()[1:] if command == "party" else command.split())]
    ours, theirs = os.pipe()
    os.close(ours)
    with subprocess.Popen(
        arguments,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": PYTHON_PATH},
        stdout=theirs,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        os.close(theirs)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "Traceback" not in errors
    assert "Exception" not in errors


class Screen:
    """Standard streams of which some are terminals."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **terminals: bool) -> None:
        self.text: dict[str, list[str]] = {"stdout": [], "stderr": []}
        for name in self.text:
            monkeypatch.setattr(getattr(sys, name), "isatty", lambda name=name: terminals.get(name, False))
        monkeypatch.setattr(consoles.click, "echo", self._echo)
        monkeypatch.setenv("TERM", "xterm")

    def _echo(self, text: str = "", err: bool = False, nl: bool = True, **_: Any) -> None:
        self.text["stderr" if err else "stdout"].append(text)


def draw(lines: int = 3) -> None:
    console = consoles.Console()
    for number in range(1, lines + 1):
        console.progress(number, lines + 1)
        console.emit("a line")


def test_progress_does_not_flicker_when_the_output_goes_to_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen(monkeypatch, stderr=True)
    draw()
    assert "\r\x1b[K" not in screen.text["stderr"]
    assert "25 %" in screen.text["stderr"][0]
    assert screen.text["stdout"] == ["a line"] * 3


def test_a_line_on_the_terminal_takes_the_place_of_the_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen(monkeypatch, stdout=True, stderr=True)
    draw()
    assert screen.text["stderr"][1] == "\r\x1b[K"


@pytest.mark.parametrize("terminal", ["file", "dumb"])
def test_there_is_no_progress_where_nobody_watches(monkeypatch: pytest.MonkeyPatch, terminal: str) -> None:
    screen = Screen(monkeypatch, stdout=True, stderr=terminal == "dumb")
    monkeypatch.setenv("TERM", terminal)
    draw()
    assert screen.text["stderr"] == []


def test_only_what_a_stream_can_fail_with_is_of_the_output() -> None:
    assert streams.is_of_output(OSError(errno.ENOSPC, "No space left on device"))
    assert not streams.is_of_output(OSError(errno.ENOSPC, "No space left on device", "a.png"))
    assert not streams.is_of_output(OSError(errno.EAGAIN, "Resource temporarily unavailable"))


@posix
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_ends_a_command_as_control_c_does(
    people: Path, tmp_path: Path, number: signal.Signals
) -> None:
    for count in range(40):
        photo(tmp_path / "in" / f"slow{count:02d}.png", "red", seed=count)
    with subprocess.Popen(
        [*COMMAND, "identify", "in", "--jobs", "1", "--save-face", "out"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": PYTHON_PATH},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        while "in/slow" not in process.stdout.readline():
            pass
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert "facekit: stopped: " in errors
    assert "Traceback" not in errors
    assert not list((tmp_path / "out").glob(".facekit-*"))


_SHOW = "print(repr(signal.getsignal(signal.SIGINT)))"


@posix
@pytest.mark.parametrize("moment", ["facekit.cli", "click", "facekit.cli.console"])
def test_control_c_while_the_command_is_imported_ends_it_without_a_word(moment: str) -> None:
    code = (
        "import signal, sys\n"
        "class Finder:\n"
        "    def find_spec(name, *rest):\n"
        f"        if name == {moment!r}:\n"
        "            signal.raise_signal(signal.SIGINT)\n"
        "sys.meta_path.insert(0, Finder)\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from facekit.__main__ import main\n"
        "main()\n"
    )
    done = python(code, "--version")
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


@posix
@pytest.mark.parametrize("before", ["default_int_handler", "SIG_IGN"])
def test_only_the_command_changes_what_control_c_does_and_gives_it_back(before: str) -> None:
    code = (
        f"import signal; signal.signal(signal.SIGINT, signal.{before}); import facekit.__main__; {_SHOW}\n"
        f"from facekit import cli; cli.group.main = lambda **_: {_SHOW}; facekit.__main__.main()\n"
    )
    first, second = python(code).stdout.splitlines()
    assert first == second
    assert before in first


@posix
def test_nohup_is_respected(people: Path, tmp_path: Path) -> None:
    code = (
        "import signal; from facekit.cli import signals; signals.end_in_order(); print(signal.getsignal(1))"
    )
    found = shell(f"trap '' HUP; {sys.executable} -c '{code}'", tmp_path)
    assert found.stdout == "1\n" or "SIG_IGN" in found.stdout


@posix
def test_signals_that_are_noted_raise_nothing_until_the_second_control_c() -> None:
    with signals.noted() as came:
        assert came() == 0
        signal.raise_signal(signal.SIGINT)
        assert came() == signal.SIGINT
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signals.status(signals.interruption(signal.SIGINT)) == 130
    assert signals.status(signals.interruption(signal.SIGTERM)) == 143


@pytest.mark.parametrize("came", [signals.Terminated(signal.SIGTERM), KeyboardInterrupt()])
@pytest.mark.parametrize("kind", [ImportError, DependencyError])
def test_a_signal_while_something_is_imported_is_no_error(
    came: KeyboardInterrupt, kind: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A compiled module that is interrupted while it is imported says that it cannot be imported."""

    def interrupted(name: str) -> None:
        try:
            raise came
        except KeyboardInterrupt as cause:
            raise kind("initialization failed") from cause

    monkeypatch.setattr("facekit.cli.importlib.import_module", interrupted)
    result = CliRunner().invoke(group, ["info"], prog_name="facekit")
    assert (result.exit_code, result.stderr) == (signals.status(came), "")
