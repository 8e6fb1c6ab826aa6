"""How long a run still takes is known from its first steps, and does not jump."""

from __future__ import annotations

import pytest

from facekit.cli import training
from facekit.cli.console import Console
from facekit.cli.training import TrainingProgress
from facekit.training.config import Config
from facekit.training.pace import Pace


class Clock:
    """Time that passes when it is told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def run(config: Config, seconds: float, steps: int, first: float = 30.0) -> tuple[Pace, Clock]:
    """A run of so many steps of so many seconds, the first of which took longer."""
    clock = Clock()
    pace = Pace(config, clock)
    for step in range(1, steps + 1):
        clock.now += first if step == 1 else seconds
        pace.tick(step)
    return pace, clock


def test_nothing_is_said_before_anything_is_measured() -> None:
    pace, _ = run(Config(), 3.0, 2)
    assert (pace.seconds_left, pace.crops_a_second) == (None, 0.0)


def test_the_time_left_counts_pixels_and_leaves_out_the_first_steps() -> None:
    pace, _ = run(Config(phases=((56, 10), (112, 100)), batch=60), 2.0, 6)
    assert pace.crops_a_second == pytest.approx(30)
    # A step of the second phase has four times the pixels.
    assert pace.seconds_left == pytest.approx(4 * 2 + 100 * 8)


def test_a_long_step_moves_the_estimate_little() -> None:
    pace, clock = run(Config(phases=((112, 1000),)), 1.0, 102)
    before = pace.seconds_left
    clock.now += 50.0  # a validation
    pace.tick(103)
    assert before is not None
    assert pace.seconds_left == pytest.approx(before * 1.49, rel=0.01)


def progress(monkeypatch: pytest.MonkeyPatch, *, watched: bool) -> tuple[TrainingProgress, Clock, list[str]]:
    notes: list[str] = []
    console = Console()
    monkeypatch.setattr(console, "note", notes.append)
    monkeypatch.setattr(console, "status", notes.append)
    monkeypatch.setattr(training.sys.stderr, "isatty", lambda: watched, raising=False)
    clock = Clock()
    return TrainingProgress(console, clock), clock, notes


def test_a_long_run_says_at_once_how_long_it_will_be(monkeypatch: pytest.MonkeyPatch) -> None:
    shown, _, notes = progress(monkeypatch, watched=True)
    config = Config(phases=((112, 13_000),))
    clock = Clock()
    pace = Pace(config, clock)
    for step in range(1, 20):
        clock.now += 3.05
        pace.tick(step)
        shown.pace(pace)
    assert notes[0] == "step 1 of 13000"
    assert notes[2] == "step 3 of 13000, 42 crops/s, about 11 h left"
    (advice,) = [note for note in notes if "--phases" in note]
    assert advice.startswith("about 11 h for 12994 more steps at 42 crops/s; --phases SIDE:STEPS")


def test_where_nobody_watches_there_is_a_line_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    shown, clock, notes = progress(monkeypatch, watched=False)
    for done in range(1, 100):
        clock.now += 2
        shown.count(done, 100, "pictures")
    assert notes == ["30 of 100 pictures", "60 of 100 pictures", "90 of 100 pictures"]
