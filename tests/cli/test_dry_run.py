"""`--dry-run` says what would be done and changes no byte, whatever writes."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from conftest import Run
from fakes import FakeFrameDetector, photo

from facekit.cli import group


def tree() -> dict[str, bytes]:
    """Every file below the working folder."""
    return {str(path): path.read_bytes() for path in sorted(Path().rglob("*")) if path.is_file()}


def temporary() -> list[Path]:
    return list(Path(tempfile.gettempdir()).iterdir())


@pytest.fixture(autouse=True)
def _pictures(
    people: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """People enrolled, and more who could be; and temporary files in a folder of this test alone."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path_factory.mktemp("temporary")))
    for seed in (1, 2):
        photo(Path(f"more/cyan/{seed}.png"), "cyan", seed=seed)
    photo(Path("more/green/9.png"), "green", seed=9)
    photo(Path("more/red/none.png"))
    photo(Path("more/red/1.png"), "red", seed=1)


def statuses(run: Run, *arguments: str) -> list[tuple[str, str, str]]:
    result = run("enroll", *arguments, "-f", "json")
    assert result.exit_code in (0, 3), result.output
    results: list[dict[str, Any]] = json.loads(result.stdout)["results"]
    return [(each["source"], each["subject"], each["status"]) for each in results]


@pytest.mark.parametrize("where", [("-g", "gallery"), ("-g", "new.db")])
def test_enroll_tells_what_the_same_command_then_does(where: tuple[str, ...], run: Run) -> None:
    before, left = tree(), temporary()
    told = statuses(run, "more", *where, "--dry-run")
    assert (tree(), temporary()) == (before, left)
    assert statuses(run, "more", *where) == told
    assert {status for _, _, status in told} >= {"enrolled", "refused"}


def test_enroll_says_that_nothing_was_changed_and_names_the_gallery_alone(run: Run) -> None:
    result = run("enroll", "more", "-g", "gallery", "--dry-run")
    assert "3 would be enrolled of 2 people" in result.stderr
    assert result.stderr.splitlines()[-1] == "facekit: a dry run: nothing was changed"
    assert "use it" not in result.stderr
    assert "/facekit-" not in result.output
    wrong = run("enroll", "more", "-g", "more/red/1.png", "--dry-run")
    assert wrong.exit_code == 1
    assert "more/red/1.png: " in wrong.stderr
    assert "/facekit-" not in wrong.output


@pytest.mark.parametrize(
    ("command", "words", "done"),
    [
        (("remove", "red"), "would remove 1 person with 2 templates", "removed 1 person"),
        (("remove", "red", "--photo", "1.png"), "would remove 1 picture of red", "removed 1 picture"),
        (
            ("remove", "green", "--photo", "1.png", "--photo", "2.png"),
            "green has no other and would be gone",
            "green had no other and is gone",
        ),
        (("rename", "red", "Ruth"), "red would be Ruth", "red is now Ruth"),
        (("merge", "red", "green"), "red would have 2 more templates", "red has 2 more templates"),
        (("import", "export.npz"), "2 templates would be added", "2 templates added"),
        (("forget-removals",), "1 removed picture would be forgotten", "1 removed picture forgotten"),
        (("take-back", "FACT"), "1 fact would be taken back", "1 fact taken back"),
        (("not-same", "red", "blue"), "1 fact would be recorded", "1 fact recorded"),
        (("move", "gallery/red/1.png", "--to", "Ruth"), "1 photo would move", "1 photo moved"),
    ],
)
def test_a_change_of_the_gallery_is_told_and_not_made(
    command: tuple[str, ...], words: str, done: str, run: Run
) -> None:
    assert run("enroll", "more/cyan", "--subject", "cyan", "-g", "other.db").exit_code == 0
    assert run("gallery", "export", "export.npz", "-g", "other.db").exit_code == 0
    photo(Path("gallery/green/3.png"), "green", seed=3)
    assert run("enroll", "gallery").exit_code == 0
    assert run("gallery", "remove", "green", "--photo", "3.png", "-g", "gallery").exit_code == 0
    assert run("gallery", "not-same", "green", "blue", "-g", "gallery").exit_code == 0
    [fact] = run("gallery", "facts", "-g", "gallery", "-f", "jsonl").stdout.splitlines()
    command = tuple(str(json.loads(fact)["fact"]) if word == "FACT" else word for word in command)
    before, left = tree(), temporary()
    result = run("gallery", *command, "-g", "gallery", "--dry-run")
    assert result.exit_code == 0, result.output
    assert words in result.stderr
    assert done not in result.output
    assert (tree(), temporary()) == (before, left)
    assert done in run("gallery", *command, "-g", "gallery").stderr
    assert tree() != before


def test_identify_saves_nothing(run: Run) -> None:
    before = tree()
    for more in (("--xmp",), ()):
        saved = ("--save-face", "crops", "--annotate", "named")
        told = run("identify", *saved, *more, "--dry-run", "more", "-g", "gallery")
        assert told.exit_code == 0, told.output
        assert "nothing is saved in crops: a dry run" in told.stderr
        assert "nothing is saved in named: a dry run" in told.stderr
        assert tree() == before


def test_photos_that_would_be_gathered_are_told_as_such(run: Run) -> None:
    told = run("find", "red", "gallery", "--copy", "album", "-g", "gallery", "--dry-run")
    assert "they would be in album" in told.stderr
    assert not Path("album").exists()
    assert "they are in album" in run("find", "red", "gallery", "--copy", "album", "-g", "gallery").stderr


@pytest.mark.parametrize(
    "command",
    [("remove", "nobody"), ("rename", "red", "green"), ("rename", "nobody", "x"), ("merge", "x", "y")],
)
def test_what_would_fail_fails_in_the_same_words(command: tuple[str, ...], run: Run) -> None:
    told = run("gallery", *command, "-g", "gallery", "--dry-run")
    done = run("gallery", *command, "-g", "gallery")
    assert told.exit_code == done.exit_code == 1
    # The usual gallery need not be named in what to run; that of the copy is.
    assert done.stderr.splitlines()[0] in told.stderr.replace(" --gallery gallery/gallery.db", "")


def test_register_enrolls_nobody(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("facekit.video.frame_detection.PipelineDetector", FakeFrameDetector)
    for seed in range(6):
        photo(Path(f"ada/{seed}.png"), "magenta", size=(320, 240), face=100, seed=seed)
    before, left = tree(), temporary()
    told = run("register", "Ada", "ada", "-g", "gallery", "--dry-run")
    assert (told.exit_code, tree(), temporary()) == (0, before, left), told.output
    done = run("register", "Ada", "ada", "-g", "gallery")
    assert told.stdout.replace("would be ", "") == done.stdout
    assert "nothing was changed" in told.stderr


def test_align_says_where_the_crops_would_be(run: Run) -> None:
    from fakes import FakeOptions

    import facekit

    Path("out/cyan").mkdir(parents=True)
    Path("out/cyan/1.png").write_bytes(b"mine")
    before = tree()
    told = [crop.crop for crop in facekit.align("more", "out", dry_run=True, options=FakeOptions())]
    result = run("align", "more", "out", "--dry-run")
    assert (result.exit_code, tree()) == (0, before)
    done = [crop.crop for crop in facekit.align("more", "out", options=FakeOptions())]
    assert told == done
    assert Path("out/cyan/1~2.png") in told


WITHOUT = {
    "detect", "embed", "cluster", "verify", "watch", "serve", "serve key add", "serve key remove",
    "plot", "train", "export", "train-landmarks", "train-refiner", "train-detector", "evaluate verification",
    "evaluate identification", "gallery export", "gallery copy", "gallery create", "gallery upgrade",
    "gallery grant",
}  # fmt: skip
"""Commands that write a file which is asked for by its name and nothing else, what a camera shows, or to a
server's own tables: there is nothing to be told before."""
READING = {
    "gallery list", "gallery show", "gallery check", "gallery facts", "weights list", "weights verify",
    "info", "doctor", "serve key list",
}  # fmt: skip


def commands(of: click.Group, *words: str) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(of, **of.context_settings)
    for name in of.list_commands(context):
        command = of.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, *words, name)
        else:
            yield " ".join([*words, name]), command


def test_every_command_that_changes_something_can_be_tried_first() -> None:
    lacking = {
        name
        for name, command in commands(group)
        if not any("--dry-run" in parameter.opts for parameter in command.params)
    }
    assert lacking - WITHOUT - READING == set()


def test_a_dry_run_that_fails_says_why_and_nothing_else(run: Run) -> None:
    for command in (("enroll", "nowhere"), ("gallery", "rename", "nobody", "Ann"), ("sync", "nowhere")):
        [line] = run(*command, "-g", "gallery", "--dry-run").stderr.splitlines()
        assert "nothing was changed" not in line
