"""The two torture scripts, in short: damaged pictures, killed and crowded enrollments."""

from pathlib import Path

import pytest
from fakes import COMMAND, PYTHON_PATH, photo
from loading import script


@pytest.fixture(autouse=True)
def python_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", PYTHON_PATH)


def test_damaged_pictures_of_every_format_are_told_in_a_line_each(tmp_path: Path) -> None:
    fuzzing = script("fuzz_pictures")
    red = photo(tmp_path / "red.png", "red")
    report = fuzzing.fuzz(tmp_path / "fuzz", red, count=96, seed=3, jobs=1, command=COMMAND)
    assert report.broken == []
    assert report.faces > 0
    assert 0 < report.readable < report.pictures


@pytest.fixture
def trials(tmp_path: Path) -> object:
    for color in ("red", "green", "blue", "yellow", "cyan"):
        for seed in range(3):
            photo(tmp_path / "people" / color / f"brief{seed}.png", color, seed=seed)
    (tmp_path / "scratch").mkdir()
    return script("crash_test").Trials(tmp_path / "people", tmp_path / "scratch", seed=4, command=COMMAND)


@pytest.mark.parametrize("trial", ["kill", "kill_one_of_two"])
def test_what_was_reported_survives_a_kill(trials: object, trial: str) -> None:
    assert "finished" in getattr(trials, trial)()


@pytest.mark.parametrize("trial", ["full_disk", "read_only"])
def test_what_was_reported_survives_a_disk_that_takes_no_more(trials: object, trial: str) -> None:
    if not script("crash_test").can_mount():
        pytest.skip("needs the right to mount a small file system")
    assert getattr(trials, trial)()
