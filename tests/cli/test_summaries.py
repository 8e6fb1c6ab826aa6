"""No summary counts what is not there: not `0 enrolled of 0 people`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from conftest import Run
from fakes import FakeFrameDetector, photo


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("enroll people", "nothing enrolled, 2 already there"),
        ("enroll empty", "nothing enrolled, 2 refused"),
        ("identify people -g empty.db", "2 faces, none of them named, in 2 pictures"),
        ("identify empty", "no face, in 2 pictures"),
        ("detect empty", "no face in 2 pictures"),
        ("cluster empty --out nobody", "nothing written to nobody"),
        ("cluster strangers --out alone", "faces of single people written to alone"),
        ("watch empty/nobody", "no track, in 2 frames"),
        ("gallery forget-removals", "no removed picture was remembered"),
        ("gallery check --people", "no doubt about 2 templates of 1 person"),
        ("gallery import all.jsonl", "no template added to gallery.db, 2 already there"),
        ("evaluate identification --images people --gallery . --strangers 0", "A face in each of 4 pictures"),
    ],
)
def test_of_nothing_no_summary_has_a_count(
    run: Run, monkeypatch: pytest.MonkeyPatch, command: str, said: str
) -> None:
    monkeypatch.setattr("facekit.video.frame_detection.PipelineDetector", FakeFrameDetector)
    for number in (1, 2):
        photo(Path(f"people/red/{number}.png"), "red", seed=number)
        photo(Path(f"empty/nobody/{number}.png"), seed=number)
    photo(Path("strangers/1.png"), "green")
    photo(Path("other/blue/1.png"), "blue")
    run("enroll", "people", "-g", "gallery.db")
    run("enroll", "other", "-g", "empty.db")
    run("gallery", "export", "all.jsonl")
    if command.startswith("evaluate"):
        photo(Path("people/red/3.png"), "red", seed=3)
        photo(Path("people/red/4.png"), "red", seed=4)
    result = run(*command.split())
    text = " ".join(result.output.split())
    assert (
        said.replace("2 pictures", "4 pictures" if command.startswith("evaluate") else "2 pictures") in text
    )
    summaries = result.stderr if "--format" not in command else ""
    assert not re.search(r"(?<![\d.,])0 (?!%|of 2)[a-z]", summaries), summaries


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("identify", "in 2 pictures"),
        ("detect", "2 faces in 2 pictures"),
        ("cluster", "2 faces in 2 pictures"),
        ("redact -o out", "2 faces redacted in 2 pictures"),
        ("find red", "2 photos found in 2 pictures"),
        ("embed -o v.npz", "2 faces in 2 pictures"),
    ],
)
@pytest.mark.usefixtures("people")
def test_what_is_not_there_is_no_picture(run: Run, command: str, said: str) -> None:
    for number in (1, 2):
        photo(Path(f"in/{number}.png"), "red", seed=number)
    Path("empty").mkdir()
    result = run(*command.split(), "missing", "in", "empty", "missing.jpg")
    assert result.exit_code == 1, result.output
    assert said in result.stderr
    assert "missing: No such file" in result.stderr


@pytest.mark.parametrize("command", ["find red", "redact -o out", "redact --dry-run", "identify", "detect"])
@pytest.mark.usefixtures("people")
def test_where_nothing_is_nothing_is_summed_up(run: Run, command: str) -> None:
    told = run(*command.split(), "missing").stderr.splitlines()
    errors = [line for line in told if "the gallery is" not in line]
    assert errors == ["facekit: missing: No such file or directory"]
