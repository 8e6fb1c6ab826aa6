"""`--truncated accept` means the same for every command that reads pictures, and each output tells it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from conftest import Run
from fakes import photo
from PIL import Image


@pytest.fixture
def cut(run: Run, tmp_path: Path) -> str:
    """A photo of red that lacks its lower quarter, where nobody is."""
    photo(tmp_path / "red.png", "red")
    with Image.open(tmp_path / "red.png") as image:
        canvas = Image.effect_noise((image.width, 4 * image.height), 20).convert("RGB")
        canvas.paste(image)
        canvas.save(tmp_path / "cut.jpg", quality=95, subsampling=0)
    data = (tmp_path / "cut.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(data[: 3 * len(data) // 4])
    return "cut.jpg"


COMMANDS = [
    ("identify", "{cut}"),
    ("detect", "{cut}"),
    ("embed", "{cut}"),
    ("cluster", "{cut}"),
    ("verify", "{cut}", "red.png"),
    ("enroll", "{cut}", "--subject", "Ada", "-g", "ada.db"),
    ("align", "raw", "crops"),
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_every_command_refuses_it_and_takes_it_when_told_to(
    command: tuple[str, ...], run: Run, people: Path, cut: str, tmp_path: Path
) -> None:
    (tmp_path / "raw" / "Ada").mkdir(parents=True)
    (tmp_path / "raw" / "Ada" / cut).write_bytes((tmp_path / cut).read_bytes())
    arguments = [each.format(cut=cut) for each in command]
    refused = run(*arguments)
    assert refused.exit_code == 1
    assert "cut.jpg: damaged JPEG picture" in refused.stderr
    assert "; --truncated accept takes what is there" in refused.stderr
    accepted = run(*arguments, "--truncated", "accept")
    assert accepted.exit_code == 0, accepted.output
    assert "cut.jpg: cut off: " in accepted.stderr
    assert "% of the picture is missing" in accepted.stderr


@pytest.mark.parametrize("command", ["identify", "detect"])
def test_json_and_csv_have_the_note(command: str, run: Run, people: Path, cut: str) -> None:
    arguments = (command, cut, "red.png", "--truncated", "accept", "-q")
    first, second = map(json.loads, run(*arguments, "-f", "jsonl").stdout.splitlines())
    assert first["notes"][0].startswith("cut off: ")
    assert second["notes"] == []
    rows = list(csv.DictReader(run(*arguments, "-f", "csv").stdout.splitlines()))
    assert {row["source"]: row["notes"] for row in rows} == {cut: first["notes"][0], "red.png": ""}
    assert {row["error"] for row in rows} == {""}


def test_verify_and_embed_have_the_note_in_json(run: Run, cut: str) -> None:
    verified = json.loads(run("verify", cut, "red.png", "--truncated", "accept", "-f", "json").stdout)
    embedded = json.loads(run("embed", cut, "--truncated", "accept").stdout)
    assert verified["notes"][0].startswith("cut.jpg: cut off: ")
    assert embedded["notes"][0].startswith("cut off: ")
