"""The command line with a pipeline that takes colored squares for faces."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from fakes import FakeOptions, photo

import facekit
from facekit.cli import group

Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """`run("identify", "a.png")` in an empty folder, without anybody's gallery."""
    for name in facekit.__all__:  # a verb that is first loaded now would keep the options of these tests
        getattr(facekit, name)
    monkeypatch.setattr("facekit.faces.reading.Options", FakeOptions)
    monkeypatch.delenv("FACEKIT_GALLERY", raising=False)
    monkeypatch.chdir(tmp_path)
    # The interpreter of the tests is not the command: its arguments are not either.
    monkeypatch.setattr(sys, "argv", ["facekit"])

    def invoke(*arguments: str | Path, stdin: bytes | None = None) -> Result:
        return CliRunner().invoke(group, [str(each) for each in arguments], input=stdin, prog_name="facekit")

    return invoke


@pytest.fixture
def people(run: Run, tmp_path: Path) -> Path:
    """`gallery/gallery.db`, where identify looks, with red, green and blue enrolled twice each."""
    for color in ("red", "green", "blue"):
        for seed in (1, 2):
            photo(tmp_path / "gallery" / color / f"{seed}.png", color, seed=seed)
    result = run("enroll", "gallery")
    assert result.exit_code == 0, result.output
    return tmp_path / "gallery"


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Photos of red, alone, with green, and with a stranger; of green; and of nobody."""
    folder = tmp_path / "photos"
    photo(folder / "alone.png", "red", seed=1)
    photo(folder / "2019" / "both.png", "red", "green", seed=3)
    photo(folder / "2019" / "stranger.png", "red", "cyan", seed=2)
    photo(folder / "green.png", "green", seed=4)
    photo(folder / "none.png")
    return folder
