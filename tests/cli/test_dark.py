"""A picture in which nobody could be seen, and a face that is too dark to be told, are said to be so."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from conftest import Run
from PIL import Image


@pytest.fixture(params=[((6, 6, 6), "too dark"), ((255, 255, 255), "too bright")])
def light(request: pytest.FixtureRequest, run: Run, tmp_path: Path) -> str:
    color, words = request.param
    Image.new("RGB", (20, 20), color).save(tmp_path / "a.png")
    Image.new("RGB", (20, 20), (128, 128, 128)).save(tmp_path / "b.png")
    return str(words)


@pytest.mark.parametrize("command", ["identify", "detect"])
def test_it_stands_beside_no_face(command: str, light: str, run: Run, people: Path) -> None:
    result = run(command, "a.png", "b.png")
    assert f"a.png: no face ({light})\nb.png: no face\n" in result.stdout
    assert f"a.png: {light}" in result.stderr
    first, second = map(json.loads, run(command, "a.png", "b.png", "-f", "jsonl").stdout.splitlines())
    assert (first["notes"], second["notes"]) == ([light], [])
    rows = csv.DictReader(run(command, "a.png", "b.png", "-f", "csv").stdout.splitlines())
    assert [row["notes"] for row in rows] == [light, ""]


def test_enroll_says_so_too(light: str, run: Run) -> None:
    result = run("enroll", "a.png", "--subject", "Ada", "-g", "ada.db", "-f", "jsonl")
    outcome = json.loads(result.stdout)
    assert (outcome["problems"], outcome["notes"]) == (["no face"], [light])
    assert f"a.png: {light}" in result.stderr
