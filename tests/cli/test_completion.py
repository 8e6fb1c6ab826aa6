"""Completion in real shells: a name is one word, whatever is in it, and nothing of it is run."""

from __future__ import annotations

import os
import pty
import shutil
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from click.testing import CliRunner
from fakes import FINGERPRINT, PYTHON_PATH, vector_of

from facekit.calibration.threshold import Calibration
from facekit.cli import group
from facekit.cli.completion import Word, quoted
from facekit.gallery import create_gallery
from facekit.gallery.gallery_settings import GallerySettings
from facekit.gallery.templates import NewTemplate

NAMES = {
    "Ann;t": "Ann;touch X;echo b",
    "J": "José Ñu",
    "S": "Smith, Eve",
    "O": "O'Neil",
    "d": "d$(touch X)`touch X`",
    "e": "e*",
    "f": "f!x",
    "g": 'g"h',
    "k": "k=v",
    "a:": "a:b",
    "ba": "back\\slash",
    "z": "zoe & ~ # | <x> {a,b}",
}
"""What is typed, and who is meant."""

START = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], 'eval "$(_FACEKIT_COMPLETE=bash_source facekit)"'),
    "zsh": (
        ["zsh", "-f", "-i"],
        'autoload -Uz compinit; compinit -u -D; eval "$(_FACEKIT_COMPLETE=zsh_source facekit)"',
    ),
    "fish": (["fish", "--no-config", "-i"], "_FACEKIT_COMPLETE=fish_source facekit | source"),
}

# Asked by a shell it is facekit; else it writes down how it was called.
COMMAND = """#!/bin/sh
if [ -n "$_FACEKIT_COMPLETE" ]; then
    {python} -m facekit "$@"
    echo . >> {log}/asked
else
    printf '<%s>' "$@" >> {log}/called
    echo >> {log}/called
fi
"""


class Shell:
    """An interactive shell in a terminal, with keys for its user."""

    def __init__(self, name: str, folder: Path, log: Path) -> None:
        arguments, source = START[name]
        self.log = log
        path = f"{log}{os.pathsep}{os.environ['PATH']}"
        home = {"HOME": str(log), "XDG_DATA_HOME": str(log), "LC_ALL": "C.UTF-8", "TERM": "dumb"}
        self._pid, self._terminal = pty.fork()
        if self._pid == 0:
            os.chdir(folder)
            os.execvpe(arguments[0], arguments, {"PATH": path, "PYTHONPATH": PYTHON_PATH, **home})
        threading.Thread(target=self._swallow, daemon=True).start()
        self.type(f"{source}; facekit ready\n")
        assert self.calls(1) == ["<ready>"]

    def _swallow(self) -> None:
        with suppress(OSError):
            while os.read(self._terminal, 4096):
                pass

    def type(self, keys: str) -> None:
        os.write(self._terminal, keys.encode())

    def tab(self) -> None:
        """Press Tab, and wait for facekit's answer."""
        asked = self.lines("asked")
        self.type("\t")
        self.wait(lambda: len(self.lines("asked")) > len(asked))

    def calls(self, count: int) -> list[str]:
        self.wait(lambda: len(self.lines("called")) >= count)
        return self.lines("called")

    def lines(self, name: str) -> list[str]:
        path = self.log / name
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []

    def wait(self, done: Callable[[], bool]) -> None:
        end = time.monotonic() + 60
        while not done():
            assert time.monotonic() < end, "the shell does not answer"
            time.sleep(0.02)

    def close(self) -> None:
        os.kill(self._pid, 9)
        os.waitpid(self._pid, 0)
        os.close(self._terminal)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A working folder with a gallery of people of awkward names."""
    (tmp_path / "here").mkdir()
    gallery = create_gallery(
        tmp_path / "here" / "gallery.db",
        GallerySettings("fake", FINGERPRINT, 8, Calibration(0.6)),
    )
    vector = vector_of((255, 0, 0))
    people = [*NAMES.values(), "-rf", "Ann;x"]
    gallery.add(
        [
            NewTemplate(
                subject=name,
                vector=vector,
                sha256=f"{number:064d}",
                source="a.png",
                box=(0, 0, 9, 9),
                quality={},
            )
            for number, name in enumerate(people)
        ]
    )
    gallery.close()
    return tmp_path / "here"


@pytest.fixture(params=START)
def shell(request: pytest.FixtureRequest, folder: Path, tmp_path: Path) -> Iterator[Shell]:
    name: str = request.param
    if shutil.which(name) is None:
        pytest.skip(f"there is no {name} here")
    log = tmp_path / "log"
    log.mkdir()
    command = log / "facekit"
    command.write_text(COMMAND.format(python=sys.executable, log=log))
    command.chmod(command.stat().st_mode | stat.S_IXUSR)
    started = Shell(name, folder, log)
    yield started
    started.close()


def test_every_name_arrives_whole_and_none_is_run(shell: Shell, folder: Path) -> None:
    lines = [
        (f"facekit gallery show {typed.replace(';', chr(92) + ';')}", name) for typed, name in NAMES.items()
    ]
    lines += [
        ('facekit gallery show "Ann;t', NAMES["Ann;t"]),
        ("facekit gallery show 'Ann;t", NAMES["Ann;t"]),
        ("facekit gallery show --gallery gallery.db J", NAMES["J"]),
    ]
    for number, (line, name) in enumerate(lines, 2):
        shell.type(line)
        shell.tab()
        shell.type("\n")
        assert shell.calls(number)[-1].endswith(f"<show><{name}>") or f"<{name}>" in shell.calls(number)[-1]
    assert not list(folder.rglob("X"))


def test_the_value_behind_an_equals_sign_is_completed(shell: Shell) -> None:
    for number, line in enumerate(("facekit enroll --subject=J", "facekit enroll --subject J"), 2):
        shell.type(line)
        shell.tab()
        shell.type("\n")
        assert shell.calls(number)[-1] in ("<enroll><--subject=José Ñu>", "<enroll><--subject><José Ñu>")


def test_the_user_goes_on_with_a_name_that_is_not_yet_certain(folder: Path, tmp_path: Path) -> None:
    """In bash, what two names have in common must not end in the middle of a sign."""
    assert quoted(["Ann Lee", "Ann;x"], "") == ["'Ann Lee'", "'Ann;x'"]
    assert quoted(["Ann Lee", "Ann Low"], "") == ["Ann\\ Lee", "Ann\\ Low"]
    assert quoted(["a\\b", "a\\c"], "") == ["a\\\\b", "a\\\\c"]


def test_no_name_is_spelled_in_double_quotes_where_that_cannot_be() -> None:
    assert quoted(['a$b`c"d\\e', "f!g"], '"') == ['a\\$b\\`c\\"d\\\\e']
    assert quoted(["a'b"], "'") == ["a'\\''b"]


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("facekit show An", Word("An")),
        ("facekit show ", Word("")),
        ("facekit show Ann\\ L", Word("Ann L")),
        ("facekit show a:b", Word("a:b", "a:")),
        ("facekit --subject=An", Word("--subject=An", "--subject=")),
        ("facekit show 'Ann L", Word("Ann L", "", "'")),
        ('facekit --subject="Ann L', Word("--subject=Ann L", "--subject=", '"')),
        ("facekit show 'Ann'L", None),
        ("facekit show Ann'L", None),
        ("facekit show Ann\\", None),
    ],
)
def test_what_bash_replaces(line: str, word: Word | None) -> None:
    assert Word.at_end(line, " \t\n\"'><=;|&(:")[1] == word


def test_a_name_that_reads_like_an_option_is_offered_only_as_a_value(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)

    def offered(line: str) -> str:
        asked = {
            "_FACEKIT_COMPLETE": "zsh_complete",
            "COMP_WORDS": line,
            "COMP_CWORD": str(len(line.split())),
        }
        return CliRunner().invoke(group, prog_name="facekit", env=asked).output

    assert "-rf" not in offered("facekit gallery remove").splitlines()
    assert "-rf" in offered("facekit enroll --subject").splitlines()


def test_a_shell_whose_quoting_is_not_known_is_offered_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    asked = {"COMP_WORDS": "facekit gallery show ", "COMP_CWORD": "3"}
    result = CliRunner().invoke(
        group, prog_name="facekit", env={**asked, "_FACEKIT_COMPLETE": "powershell_complete"}
    )
    assert result.output.strip() == ""
