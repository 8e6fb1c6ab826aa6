"""What makes the shipped files runs in an order in which each step finds what it needs."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import loading
import pytest

from facekit.models import weights

release = loading.script("release")
accuracy = loading.script("write_accuracy")
STEPS = release.steps(
    Path("run"), Path("data"), Path("crops.npy"), Path("groups.npy"), Path("choosing.npy"), "faces"
)


def test_what_a_step_reads_was_made_by_one_before() -> None:
    names = [step.name for step in STEPS]
    assert names == ["network", "threshold", "poor", "gallery", "figures", "pages"]


def test_each_command_knows_its_options(capsys: pytest.CaptureFixture[str]) -> None:
    for step in STEPS:
        for command in step.commands:
            if command[0] != sys.executable or command[1] == "-m":
                continue
            source = (release.ROOT / command[1]).read_text(encoding="utf-8")
            options = [word for word in command if word.startswith("--")]
            assert not [word for word in options if f'"{word}"' not in source], command


def test_the_export_is_a_command_of_facekit() -> None:
    from click import Context

    from facekit.cli import group

    (command,) = (each for each in STEPS[0].commands if each[0] == sys.executable)
    name, *words = command[3:]
    exporting = group.get_command(Context(group), name)
    assert exporting is not None
    known = {word for option in exporting.params for word in option.opts}
    assert {word for word in words if word.startswith("-")} <= known


def test_a_step_that_fails_stops_the_release(capsys: pytest.CaptureFixture[str]) -> None:
    ran: list[str] = []

    def run(command: Sequence[str]) -> int:
        ran.append(command[1])
        return 3 if "measure_quality" in command[1] else 0

    assert release.release(STEPS, "threshold", run) == 3
    assert ran == ["scripts/make_reference.py", "scripts/measure_quality.py"]
    assert "--from poor" in capsys.readouterr().out


def test_the_commands_are_listed_and_not_run(capsys: pytest.CaptureFixture[str]) -> None:
    words = [
        "run",
        "--data",
        "data",
        "--crops",
        "crops.npy",
        "--groups",
        "groups.npy",
        "--choosing",
        "choosing.npy",
        "--from",
        "figures",
        "--list",
    ]
    assert release.main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len([line for line in lines if line.startswith(sys.executable)]) == 5
    with pytest.raises(SystemExit):
        release.main([*words[:-2], "nowhere"])


@pytest.mark.parametrize("page", accuracy.PAGES, ids=lambda page: page.parent.name)
def test_the_pages_have_the_figures_of_the_file(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert "<!-- figures: " in text
    assert text == accuracy.renewed(text, accuracy.read()), "run python scripts/write_accuracy.py"


def test_the_figures_are_those_of_the_files_that_ship() -> None:
    shipped = {use: sha256 for use, _, sha256 in weights.shipped_files()}
    assert accuracy.read()["files"] == shipped, "run python scripts/measure_accuracy.py"
    assert accuracy.read()["sha256"] == shipped["embedder"], "run python scripts/measure_conditions.py"


def test_the_figures_are_those_of_the_threshold_that_ships() -> None:
    photos = accuracy.read()["photos"]
    measured, calibration = photos["at_its_threshold"], weights.shipped_embedder().calibration
    assert measured["threshold"] == calibration.threshold_for(measured["templates"])


def test_a_page_that_is_behind_is_seen() -> None:
    figures = accuracy.read()
    page = accuracy.PAGES[0].read_text(encoding="utf-8")
    changed = json.loads(json.dumps(figures))
    changed["photos"]["rank_1"]["count"] -= 1
    assert accuracy.renewed(page, changed) != page
    assert re.search(r"right person first \| \d+ of 300", accuracy.renewed(page, changed))
