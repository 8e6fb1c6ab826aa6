"""`--shard`: what several machines say of parts of a folder is what one says of all of it."""

import itertools
import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from conftest import Run
from fakes import photo

import facekit


@pytest.fixture
def folder(run: Run, people: Path, tmp_path: Path) -> Path:
    """Seven pictures, one of them damaged and one without a face."""
    for number, colors in enumerate([["red"], ["green", "red"], [], ["blue"], ["black"], ["red"]]):
        photo(tmp_path / "in" / f"sub{number % 2}" / f"{number}.png", *colors, seed=number)
    (tmp_path / "in" / "bad.png").write_bytes(b"bad")
    return tmp_path / "in"


def arrays(path: str) -> dict[str, np.ndarray]:
    with np.load(path) as file:
        return dict(file)


def in_turn(parts: Iterable[list[str]]) -> list[str]:
    turns = itertools.zip_longest(*parts)
    return [line for turn in turns for line in turn if line is not None]


@pytest.mark.parametrize("words", [("identify", "-g", "gallery/gallery.db"), ("detect",), ("embed",)])
@pytest.mark.parametrize("count", [2, 3, 8])
def test_results_of_the_shards_taken_in_turn_are_the_results_of_all(
    run: Run, folder: Path, words: tuple[str, ...], count: int
) -> None:
    (folder.parent / "empty").mkdir()
    command = [*words, "empty", "in", "-f", "jsonl"]
    whole = run(*command).stdout.splitlines()
    parts = [run(*command, "--shard", f"{number}/{count}") for number in range(1, count + 1)]
    assert in_turn(part.stdout.splitlines() for part in parts) == whole
    assert sum(part.stderr.count("no pictures in empty") for part in parts) == 1


def test_align_cuts_the_same_crops_in_shards(run: Run, folder: Path) -> None:
    run("align", "in", "whole")
    for number in (1, 2, 3):
        run("align", "in", "parts", "--shard", f"{number}/3")
    whole = {path.relative_to("whole"): path.read_bytes() for path in Path("whole").rglob("*.png")}
    parts = {path.relative_to("parts"): path.read_bytes() for path in Path("parts").rglob("*.png")}
    assert whole
    assert parts == whole


def test_python_has_shards_by_the_same_words(run: Run, folder: Path) -> None:
    options = facekit.Options(jobs=1)
    for verb in (facekit.detect, facekit.embed):
        whole = [result.source for result in verb("in", options=options)]
        assert [result.source for result in verb("in", shard="2/3", options=options)] == whole[1::3]
    results = facekit.identify("in", "gallery/gallery.db", shard="2/3", options=options)
    assert [result.source for result in results] == whole[1::3]
    crops = facekit.align("in", "out", shard="2/3", options=options)
    assert [crop.source for crop in crops] == whole[1::3]


def test_a_shard_without_a_picture_is_told_and_leaves_no_file(run: Run, folder: Path) -> None:
    result = run("embed", "in", "-o", "part.npz", "--shard", "9/9")
    assert "no picture is in shard 9/9: there are 7" in result.stderr
    assert not Path("part.npz").exists()
    assert json.loads(run("identify", "in", "--shard", "9/9", "-f", "json").stdout)["results"] == []


def test_vectors_of_shards_are_the_vectors_of_all(run: Run, folder: Path) -> None:
    run("embed", "in", "-o", "whole.npz")
    for number in (1, 2):
        run("embed", "in", "-o", f"part{number}.npz", "--shard", f"{number}/2")
    parts = [arrays(f"part{number}.npz") for number in (1, 2)]
    whole = arrays("whole.npz")
    for name in ("vectors", "sources", "boxes"):
        joined = np.concatenate([part[name] for part in parts])
        order = np.argsort(np.concatenate([part["sources"] for part in parts]), kind="stable")
        assert (joined[order] == whole[name][np.argsort(whole["sources"], kind="stable")]).all()


@pytest.mark.parametrize("command", [("identify",), ("detect",), ("embed",)])
@pytest.mark.parametrize("shard", ["0/3", "4/3", "third"])
def test_what_is_no_shard_is_refused(run: Run, folder: Path, command: tuple[str, ...], shard: str) -> None:
    result = run(*command, "in", "--shard", shard)
    assert result.exit_code == 2
    assert "3/8" in result.stderr
    assert result.stdout == ""
