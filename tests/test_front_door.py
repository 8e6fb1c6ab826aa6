"""The shell and Python have the same verbs, by the same names and words, and the same results."""

import ast
import inspect
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from click.testing import CliRunner, Result
from fakes import FakeFrameDetector, FakeOptions, photo
from PIL import Image

import facekit
from facekit.cli import group
from facekit.pictures.left_out import LeftOut
from facekit.training.config import Augmentation, Config

OF_THE_SHELL = {"style", "quiet", "debug", "verbose", "list_networks", "version", "form"}
"""How results are shown, which is no matter of a verb."""
OF_OPTIONS = {"detector", "embedder", "min_face", "max_pixels", "truncated", "jobs", "workers"}
"""What a verb takes as its `options`."""


def commands(of: click.Command = group, *words: str) -> Iterator[tuple[str, click.Command]]:
    if not isinstance(of, click.Group) or of.invoke_without_command:
        yield "_".join(words).replace("-", "_"), of
    if not isinstance(of, click.Group):
        return
    context = click.Context(of, **of.context_settings)
    for name in of.list_commands(context):
        command = of.get_command(context, name)
        assert command is not None
        yield from commands(command, *words, name)


COMMANDS = dict(commands())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_a_function_of_its_name_that_takes_its_words(name: str) -> None:
    verb, changes = getattr(facekit, name), Augmentation.__dataclass_fields__
    known = inspect.signature(verb).parameters
    words = {str(parameter.name) for parameter in COMMANDS[name].params} - OF_THE_SHELL
    if name == "train":
        words -= set(Config.__dataclass_fields__) | {f"augment_{each}" for each in changes}
    if (words - set(known)) & OF_OPTIONS:
        assert "options" in known
    assert words - OF_OPTIONS - set(known) == set()


@pytest.mark.parametrize("name", COMMANDS)
def test_words_after_the_subject_are_keyword_only(name: str) -> None:
    parameters = inspect.signature(getattr(facekit, name)).parameters.values()
    by_place = [each.name for each in parameters if each.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]
    subjects = {"inputs", "paths", "images", "files", "file", "names", "source", "first", "second", "raw"}
    subjects |= {"name", "old", "new", "into", "others", "out", "target", "gallery", "data", "run"}
    subjects |= {"pictures", "points", "faces", "crops", "facts"}
    assert len(by_place) <= 3
    assert set(by_place) <= subjects


@pytest.fixture
def inputs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("facekit.faces.reading.Options", FakeOptions)
    monkeypatch.setattr("facekit.video.frame_detection.PipelineDetector", FakeFrameDetector)
    monkeypatch.delenv("FACEKIT_GALLERY", raising=False)
    monkeypatch.chdir(tmp_path)
    for colour in ("red", "green"):
        for seed in (1, 2):
            photo(Path(f"people/{colour}/{seed}.png"), colour, seed=seed)
    assert run("enroll", "people", "-g", "g.db").exit_code == 0
    photo(Path("in/party.png"), "red", "red", "black", "green", seed=3, size=(300, 120))
    photo(Path("in/none.png"))
    Path("in/bad.png").write_bytes(b"bad")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(group, list(arguments), prog_name="facekit")


def dicts(results: Any) -> list[dict[str, Any]]:
    return [result.to_dict() for result in results]


OPTIONS = FakeOptions()
BOTH: dict[str, tuple[tuple[str, ...], Callable[[], Any]]] = {
    "identify": (
        ("identify", "in", "-g", "g.db", "--top", "1"),
        lambda: facekit.identify("in", "g.db", top=1, options=OPTIONS),
    ),
    "identify at a threshold": (
        ("identify", "in", "-g", "g.db", "--threshold", "0.2", "--allow-repeats"),
        lambda: facekit.identify("in", "g.db", threshold=0.2, allow_repeats=True, options=OPTIONS),
    ),
    "detect": (("detect", "in"), lambda: facekit.detect("in", options=OPTIONS)),
    "embed": (("embed", "in"), lambda: facekit.embed("in", options=OPTIONS)),
    "verify": (
        ("verify", "people/red/1.png", "people/red/2.png"),
        lambda: [facekit.verify("people/red/1.png", "people/red/2.png", options=OPTIONS)],
    ),
    "enroll": (
        ("enroll", "people", "--strict", "-g", "new.db"),
        lambda: facekit.enroll("people", "other.db", strict=True, options=OPTIONS).outcomes,
    ),
    "cluster": (
        ("cluster", "in", "people", "-g", "g.db"),
        lambda: facekit.cluster(["in", "people"], "g.db", options=OPTIONS).results(),
    ),
    "gallery list": (("gallery", "list", "-g", "g.db"), lambda: facekit.gallery_list("g.db")),
    "gallery show": (("gallery", "show", "-g", "g.db"), lambda: facekit.gallery_show(gallery="g.db")),
    "gallery show NAME": (
        ("gallery", "show", "red", "-g", "g.db"),
        lambda: facekit.gallery_show("red", gallery="g.db"),
    ),
    "gallery check": (
        ("gallery", "check", "--people", "-g", "g.db"),
        lambda: facekit.gallery_check(people=True, gallery="g.db").findings,
    ),
    "evaluate verification": (
        ("evaluate", "verification", "--images", "people"),
        lambda: [facekit.evaluate_verification("people", options=OPTIONS)],
    ),
    "evaluate identification": (
        ("evaluate", "identification", "--images", "people", "--strangers", "1", "--splits", "2"),
        lambda: [facekit.evaluate_identification("people", strangers=1, splits=2, options=OPTIONS)],
    ),
    "calibrate": (
        ("calibrate", "--fpir", "0.9", "-g", "g.db", "--dry-run"),
        lambda: [facekit.calibrate("g.db", fpir=0.9, dry_run=True, options=OPTIONS)],
    ),
    "weights list": (("weights", "list"), facekit.weights_list),
    "info": (("info", "-g", "g.db"), lambda: [facekit.info("g.db")]),
}


@pytest.mark.usefixtures("inputs")
@pytest.mark.parametrize("name", BOTH)
def test_the_shell_and_python_give_the_same_results(name: str) -> None:
    words, verb = BOTH[name]
    printed = run(*words, "-f", "jsonl")
    lines = [json.loads(line) for line in printed.stdout.splitlines()]
    assert lines == json.loads(json.dumps(dicts(verb()))), printed.stderr


@pytest.mark.usefixtures("inputs")
def test_events_are_the_same_too() -> None:
    for seed in range(6):
        photo(Path(f"ada/{seed}.png"), "cyan", size=(320, 240), face=100, seed=seed)
    by_shell = run("register", "Ada", "ada", "--frames", "2", "-g", "a.db")
    report = facekit.register("Ada", "ada", "b.db", frames=2, options=OPTIONS)
    assert by_shell.stdout.startswith(f"Ada: {report.count('enrolled')} templates added")
    printed = [json.loads(line) for line in run("watch", "ada", "-g", "a.db").stdout.splitlines()]
    assert printed == dicts(facekit.watch("ada", "b.db", options=OPTIONS))


@pytest.mark.usefixtures("inputs")
def test_an_input_may_be_a_path_bytes_an_open_file_an_array_or_a_pillow_image() -> None:
    path = Path("in/party.png")
    with path.open("rb") as file, Image.open(path) as image:
        pixels = np.asarray(image)
        given = [
            str(path),
            path,
            path.read_bytes(),
            file,
            pixels,
            image,
            facekit.NamedPicture("the door", pixels),
        ]
        results = dicts(facekit.identify(given, "g.db", options=OPTIONS))
        assert facekit.verify(path.read_bytes(), pixels, options=OPTIONS).same
        report = facekit.enroll(pixels, "new.db", subject="Red", options=OPTIONS)
    assert report.count("enrolled") == 1
    sources = [result.pop("source") for result in results]
    assert [Path(source).name for source in sources] == [
        *("party.png", "party.png", "input 3", "party.png", "input 5", "party.png", "the door")
    ]
    assert [face["subject"] for face in results[0]["faces"]] == ["red", None, None, "green"]
    assert all(result == results[0] for result in results)


@pytest.mark.usefixtures("inputs")
def test_what_is_wrong_with_one_picture_in_memory_stops_no_other() -> None:
    with Image.open("in/party.png") as image:
        closed = image.copy()
    broken, empty = b"no picture", np.zeros((0, 0, 3), np.uint8)
    first, second, third = facekit.detect([broken, empty, closed], options=OPTIONS)
    assert "input 1: not a picture" in str(first.error)
    assert "input 2: empty" in str(second.error)
    assert (third.error, len(third.faces)) == (None, 4)


@pytest.mark.usefixtures("inputs")
def test_progress_is_told_and_what_was_left_out() -> None:
    Path("in/film.mov").touch()
    seen: list[tuple[int, int]] = []
    notes: list[str] = []
    left_out: list[LeftOut] = []
    heard: dict[str, Any] = {"on_progress": lambda *how: seen.append(how), "on_note": notes.append}
    heard["on_left_out"] = left_out.extend
    assert len(list(facekit.detect("in", options=OPTIONS, **heard))) == 3
    assert seen == [(0, 3), (1, 3), (2, 3), (3, 3)]
    assert notes == ["1 file left out: 1 .mov (film.mov)"]
    assert left_out == [LeftOut("in/film.mov", ".mov")]


def test_the_body_of_a_command_is_short() -> None:
    """Parse, call the verb, write: what is longer does the verb's work."""
    long = {}
    for place in Path(facekit.__file__).parent.joinpath("cli").glob("*.py"):
        for node in ast.walk(ast.parse(place.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and any(
                "command(" in ast.unparse(each) for each in node.decorator_list
            ):
                body = node.body[1:] if ast.get_docstring(node) else node.body
                lines = int(body[-1].end_lineno or 0) - body[0].lineno + 1
                if lines >= 20:
                    long[node.name] = lines
    assert long == {}
