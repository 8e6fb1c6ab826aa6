"""Long work without output says something within seconds, ever more seldom, and never draws over a line where
nobody watches."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from conftest import Run
from fakes import photo

from facekit.cli import waiting
from facekit.cli.console import Console
from facekit.cli.waiting import Waiting
from facekit.errors import FacekitError


class Clock:
    time = 0.0

    def __call__(self) -> float:
        return self.time


def lines(capsys: pytest.CaptureFixture[str], total: int, seconds: float) -> list[str]:
    """What is said of so many pictures, each of which takes so many seconds."""
    clock = Clock()
    telling = Waiting(Console(), now=clock)
    for done in range(1, total + 1):
        clock.time += seconds
        telling.progress(done, total)
    return capsys.readouterr().err.splitlines(keepends=True)


def test_where_nobody_watches_notes_come_ever_more_seldom(capsys: pytest.CaptureFixture[str]) -> None:
    said = lines(capsys, 7200, 0.5)
    assert said[0].startswith("facekit: 12 of 7200 pictures read; the others take about ")
    assert 3 <= len(said) <= 5
    assert "\r" not in "".join(said)
    assert "\x1b" not in "".join(said)


def test_of_what_is_soon_done_nothing_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert lines(capsys, 40, 0.1) == []


def test_on_a_terminal_the_line_is_enough(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("facekit.cli.console.is_watched", lambda: True)
    monkeypatch.setattr(waiting, "is_watched", lambda: True)
    said = "".join(lines(capsys, 100, 0.5))
    assert "facekit:" not in said
    assert "\n" not in said


@pytest.mark.parametrize("command", ["evaluate verification --images people", "plot s.csv -o out"])
def test_what_has_no_count_says_what_it_is_doing(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    said = threading.Event()
    monkeypatch.setattr(waiting, "SOON", 0.01)
    monkeypatch.setattr(Console, "note", lambda self, text: said.set() if "takes a while" in text else None)
    for color in ("red", "green"):
        for number in (1, 2):
            photo(tmp_path / "people" / color / f"{number}.png", color, seed=number)
    (tmp_path / "s.csv").write_text("a,b,mated,score\nx,y,1,0.5\nx,z,0,0.1\n")
    slow = "facekit.evaluation.verification_report.of_comparisons"
    if command.startswith("plot"):
        pytest.importorskip("matplotlib")
        slow = "facekit.verbs.plot._Drawing.save"

    def until_said(*_: object, **__: object) -> None:
        assert said.wait(10)
        raise FacekitError("enough")

    monkeypatch.setattr(slow, until_said)
    run(*command.split())
    assert said.is_set()
