"""What is written as JSON is what the schema promises, of each command."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest
from click.testing import CliRunner, Result
from fakes import FakeFrameDetector, FakeOptions, photo
from jsonschema import Draft202012Validator

import facekit
from facekit import health
from facekit.cli import group
from facekit.output.schema import schema
from facekit.people import check, outcomes
from facekit.video import events

Run = Callable[..., Result]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(group, list(arguments), prog_name="facekit")


def valid(kind: str, value: Any) -> None:
    whole = schema()
    Draft202012Validator({"$ref": f"#/$defs/{kind}", "$defs": whole["$defs"]}).validate(value)
    Draft202012Validator(whole).validate(value)


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize(
    ("kind", "name", "values"),
    [
        ("gallery_check", "kind", check.Kind),
        ("doctor", "state", health.State),
        ("enroll", "status", outcomes.Status),
        ("watch", "event", events.Kind),
    ],
)
def test_the_schema_has_all_values_that_there_are(kind: str, name: str, values: Any) -> None:
    assert schema()["$defs"][kind]["properties"][name]["enum"] == list(get_args(values))


@pytest.fixture
def inputs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Two people enrolled in `g.db`, one of whom only poor pictures; and pictures of each kind."""
    monkeypatch.setattr("facekit.faces.reading.Options", FakeOptions)
    monkeypatch.delenv("FACEKIT_GALLERY", raising=False)
    monkeypatch.chdir(tmp_path)
    for seed in (1, 2):
        photo(Path(f"people/red/{seed}.png"), "red", seed=seed)
        photo(Path(f"people/blue/{seed}.png"), "blue", seed=seed, poor=True)
    photo(Path("people/same/1.png"), "red", seed=4)
    assert run("enroll", "people", "-g", "g.db", "--accept-poor").exit_code == 0
    for color in ("red", "green"):
        for seed in (1, 2):
            photo(Path(f"two/{color}/{seed}.png"), color, seed=seed)
    assert run("enroll", "two", "-g", "two.db").exit_code == 0
    photo(Path("in/party.png"), "red", "red", "black", "blue")
    photo(Path("in/none.png"))
    Path("in/bad.png").write_bytes(b"bad")
    Path("in/film.mov").touch()


COMMANDS = {
    "identify": ("identify", "in", "-g", "g.db"),
    "detect": ("detect", "in"),
    "embed": ("embed", "in"),
    "enroll": ("enroll", "--subject", "new", "in", "-g", "new.db"),
    "sync": ("sync", "two", "-g", "g.db", "--dry-run"),
    "find": ("find", "red", "two", "-g", "two.db"),
    "redact": ("redact", "two", "in/bad.png", "--only", "red", "-g", "g.db", "--dry-run"),
    "cluster": ("cluster", "in", "people", "-g", "g.db"),
    "gallery_list": ("gallery", "list", "-g", "g.db"),
    "gallery_show_person": ("gallery", "show", "red", "-g", "g.db"),
    "gallery_move": ("gallery", "move", "people/same/1.png", "--to", "red", "-g", "g.db", "--dry-run"),
    "fact": ("gallery", "not-same", "red", "blue", "-g", "g.db", "--dry-run"),
    "gallery_check": ("gallery", "check", "--people", "-g", "g.db"),
    "doctor": ("doctor", "-g", "g.db"),
    "weights_list": ("weights", "list"),
}


@pytest.mark.usefixtures("inputs")
@pytest.mark.parametrize("kind", COMMANDS)
def test_results_are_as_promised_one_a_line_and_all_in_a_document(kind: str) -> None:
    lines = [json.loads(line) for line in run(*COMMANDS[kind], "-f", "jsonl").stdout.splitlines()]
    assert lines
    for line in lines:
        valid(kind, line)
    document = json.loads(run(*COMMANDS[kind], "-f", "json").stdout)
    valid("document", document)
    assert len(document["results"]) == len(lines)
    if "in" in COMMANDS[kind]:
        assert document["left_out"] == [{"path": "in/film.mov", "reason": ".mov", "folder": False}]


ALONE = {
    "verify": ("verify", "people/red/1.png", "people/red/2.png"),
    "gallery_show": ("gallery", "show", "-g", "g.db"),
    "info": ("info", "-g", "g.db"),
    "index": ("index", "two", "-g", "two.db", "--dry-run"),
    "calibrate": ("calibrate", "--fpir", "0.9", "-g", "two.db", "--dry-run"),
    "evaluate_verification": ("evaluate", "verification", "--images", "people", "--threshold", "0.5"),
    "evaluate_identification": (
        *("evaluate", "identification", "--images", "people"),
        *("--strangers", "1", "--splits", "2", "--threshold", "0.5"),
    ),
}


@pytest.mark.usefixtures("inputs")
@pytest.mark.parametrize("kind", ALONE)
def test_a_single_result_is_the_document_itself(kind: str) -> None:
    document, line = (json.loads(run(*ALONE[kind], "-f", style).stdout) for style in ("json", "jsonl"))
    assert document == line
    valid(kind, document)


@pytest.mark.usefixtures("inputs")
def test_events_and_crops_are_as_promised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("facekit.video.frame_detection.PipelineDetector", FakeFrameDetector)
    for seed in range(6):
        photo(Path(f"frames/{seed}.png"), "red", size=(320, 240), face=100, seed=seed)
    events = [json.loads(line) for line in run("watch", "frames", "-g", "g.db").stdout.splitlines()]
    assert len(events) == 3
    for event in events:
        valid("watch", event)
    for crop in facekit.align("in", "out", options=FakeOptions()):
        valid("align", crop.to_dict())


@pytest.mark.usefixtures("inputs")
def test_what_is_not_promised_is_refused() -> None:
    line = json.loads(run(*COMMANDS["identify"], "-f", "jsonl").stdout.splitlines()[0])
    with pytest.raises(Exception, match="'surprise' was unexpected"):
        valid("identify", {**line, "surprise": 1})
