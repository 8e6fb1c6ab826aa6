"""Every command that a message tells the user to run is accepted as it is printed."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest
from conftest import Run
from fakes import photo

import facekit
from facekit import extras, hints, settings
from facekit.cli import COMMANDS
from facekit.gallery import open_gallery
from facekit.gallery.sqlite.place import FilePlace

PACKAGE = Path(facekit.__file__).parent
GALLERIES = ["gallery.db", "my people.db", "a;touch X;b $(touch X)'s.db", "-x.db", "~root", "new\nline.db"]
NAMES = ["Ada", "Ann;touch X", "O'Neil $HOME", "-rf", "esc\x1b[2J"]

HINTS: dict[str, Callable[[Path, str], str]] = {
    "enroll": lambda gallery, _: hints.enroll(gallery, Path("my net.onnx")),
    "enroll, anywhere": lambda _, __: hints.enroll(),
    "identify": lambda gallery, _: hints.identify(gallery, Path("my net.onnx")),
    "calibrate": lambda gallery, _: hints.calibrate(
        gallery, 9, Path("my net.onnx"), calibration="FPIR at most 0.4 at N = 5"
    ),
    "calibrate, with few people": lambda gallery, _: hints.calibrate(gallery, 3),
    "serve_key": lambda _, __: hints.serve_key(),
    "check_people": lambda gallery, _: hints.check_people(gallery),
    "check": lambda gallery, _: hints.check(gallery),
    "bug_report": lambda _, __: hints.bug_report(),
    "list_people": lambda gallery, _: hints.list_people(gallery),
    "show_person": hints.show_person,
    "rename_person": lambda gallery, name: hints.rename_person(gallery, name, name[::-1]),
    "remove_person": lambda gallery, _: hints.remove_person(gallery),
    "move_photo": lambda gallery, name: hints.move_photo(gallery, "-1.jpg", name),
    "remove_photo": lambda gallery, name: hints.remove_photo(gallery, name, "-1.jpg"),
    "rewrite_names": lambda gallery, _: hints.rewrite_names(gallery),
    "erase_names": lambda gallery, name: hints.erase_names(gallery, [name, "Ada"]),
    "merge_people": lambda gallery, name: hints.merge_people(gallery, name, name[::-1]),
    "create_gallery": lambda gallery, _: hints.create_gallery(gallery),
    "upgrade_gallery": lambda gallery, _: hints.upgrade_gallery(gallery),
    "grant": lambda gallery, _: hints.grant(gallery),
    "copy_gallery": lambda gallery, _: hints.copy_gallery(gallery),
    "forget_removals": lambda gallery, _: hints.forget_removals(gallery),
    "name_groups": lambda _, __: hints.name_groups(),
    "enroll_groups": lambda _, __: hints.enroll_groups(),
    "list_facts": lambda gallery, _: hints.list_facts(gallery),
    "take_back": lambda gallery, _: hints.take_back(gallery, 7),
    "export_run": lambda _, name: hints.export_run(Path(name)),
}


def test_every_hint_is_tried_here() -> None:
    made = {name for name, value in vars(hints).items() if getattr(value, "__module__", "") == hints.__name__}
    public = {name for name in made if not name.startswith("_")} - {"install"}
    assert {each.split(",")[0] for each in HINTS} == public


def words(printed: str) -> list[str]:
    """What a shell makes of it, without running anything."""
    if not shutil.which("bash"):
        pytest.skip("there is no bash here")
    shell = ["bash", "-c", f"printf '%s\\0' {printed}"]
    done = subprocess.run(shell, capture_output=True, text=True, check=True)
    return done.stdout.split("\0")[:-1]


@pytest.mark.parametrize("gallery", GALLERIES)
def test_a_hint_is_accepted_as_it_is_printed(run: Run, tmp_path: Path, gallery: str) -> None:
    photo(tmp_path / "a.png", "red").rename(tmp_path / "PHOTO")
    for name, color in zip(NAMES, ("red", "green", "blue"), strict=False):
        for seed in range(3):
            photo(tmp_path / "FOLDER" / name / f"{seed}.png", color, seed=seed)
    photo(tmp_path / "STRANGERS" / "a" / "1.png", "black")
    (tmp_path / "my net.onnx").touch()
    assert run("enroll", "FOLDER", "-g", f"./{gallery}", "-q").exit_code == 0
    for hint, make in HINTS.items():
        for name in NAMES:
            printed = make(FilePlace(Path(gallery)), name)
            command, *arguments = words(printed)
            assert command == "facekit"
            result = run(*arguments)
            # Understood, but there is no such run here, and there are not enough strangers.
            understood = {
                "export_run": "does not exist",
                "calibrate, with few people": "rule of three",
                "upgrade_gallery": "a gallery in a file",
                "grant": "a gallery in a file",
                "enroll_groups": "groups.json: cannot be read",
            }
            assert result.exit_code != 2 or understood.get(hint, "-") in result.output, (
                printed,
                result.output,
            )
            if hint in ("enroll", "identify", "list_people"):
                assert result.exit_code == 0, (printed, result.output)
    assert not (tmp_path / "X").exists()


def test_the_gallery_is_named_only_where_another_would_be_taken(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert hints.identify(Path("mine.db")) == "facekit identify PHOTO --gallery mine.db"
    (tmp_path / "gallery.db").touch()
    assert hints.identify(Path("gallery.db")) == "facekit identify PHOTO"
    assert hints.enroll(Path("gallery.db")) == "facekit enroll FOLDER"
    own = settings.user_gallery()
    assert own is not None
    assert hints.identify(own) == f"facekit identify PHOTO --gallery {own}"


def test_a_calibration_is_advised_at_no_looser_rate_than_the_gallery_promises() -> None:
    gallery = Path("g.db")
    assert "--fpir 0.01 --gallery" in hints.calibrate(gallery, 320)
    assert "--fpir 0.01 --images STRANGERS" in hints.calibrate(gallery, 64)
    strict, loose = "FPIR at most 0.01 at N = 5: x", "FPIR at most 0.05 at N = 5: x"
    assert "--fpir 0.01 --images STRANGERS" in hints.calibrate(gallery, 64, calibration=strict)
    assert "--fpir 0.05 --gallery" in hints.calibrate(gallery, 64, calibration=loose)


def test_the_advised_rate_is_accepted(run: Run, people: Path) -> None:
    for color in ("red", "green", "blue"):
        for seed in range(3, 10):
            photo(people / color / f"{seed}.png", color, seed=seed)
    run("enroll", "gallery")
    gallery = Path("gallery/gallery.db")
    with open_gallery(gallery) as opened:
        printed = hints.calibrate(gallery, len(opened), calibration="FPIR at most 0.2 at N = 3: x")
    result = run(*words(printed)[1:])
    assert result.exit_code == 0, result.output


def test_an_extra_is_installed_from_where_facekit_came(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    clone = tmp_path / "clone"
    clone.mkdir()
    (clone / "pyproject.toml").touch()
    where = json.dumps({"url": clone.as_uri(), "dir_info": {}})
    monkeypatch.setattr(metadata, "distribution", lambda _: SimpleNamespace(read_text=lambda _: where))
    monkeypatch.setattr(extras, "_distribution", lambda: "facekit")
    monkeypatch.setattr(extras, "__file__", str(tmp_path / "site-packages" / "facekit" / "extras.py"))
    monkeypatch.chdir(clone)
    assert extras.install("plot") == "pip install '.[plot]'"
    monkeypatch.chdir(tmp_path)
    assert extras.install("plot") == f"cd {clone} && pip install '.[plot]'"
    monkeypatch.setattr(extras, "_clone", lambda _: None)
    monkeypatch.setattr(extras, "_distribution", lambda: "some-name")
    assert extras.install("plot") == "pip install 'some-name[plot]'"


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """The texts that a module can print: no docstrings, and no help of commands."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    silent: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            silent.add(node.value)
        if isinstance(node, ast.keyword) and node.arg in ("help", "short_help"):
            silent |= set(ast.walk(node.value))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in silent:
            yield node.lineno, node.value


def test_no_message_has_a_command_of_its_own() -> None:
    """One that is not made in `facekit.hints` or `facekit.extras` is tried by nobody."""
    advice = re.compile(rf"\bfacekit ({'|'.join(COMMANDS)})\b(?!` wrote|( --scores)? writes)|pip install '")
    # What a command made is no advice to run it.
    said = re.compile(
        r"is not a checkpoint of `facekit train`|see facekit train --help|(of|that) facekit cluster( made|\))"
    )
    names = ("facekit register", "facekit gallery", ": not a facekit gallery: give another file")
    found = [
        f"{path.name}:{line}: {text}"
        for path in PACKAGE.rglob("*.py")
        for line, text in texts(path)
        if path.name not in ("hints.py", "extras.py") and advice.search(text) and text not in names
    ]
    assert [each for each in found if not said.search(each)] == []
