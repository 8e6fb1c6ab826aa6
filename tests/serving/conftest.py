"""Servers with the pipeline that takes colored squares for faces."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from fakes import FakeOptions, photo

import facekit
from facekit.gallery import place_of
from facekit.serving.application import Setup
from serving.clients import Started, running


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, in which a gallery `g.db` has red and green enrolled twice each."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FACEKIT_GALLERY", raising=False)
    for color in ("red", "green"):
        for seed in (1, 2):
            photo(tmp_path / "people" / color / f"{seed}.png", color, seed=seed)
    facekit.enroll("people", "g.db", options=FakeOptions())
    return tmp_path


@pytest.fixture
def start(folder: Path) -> Iterator[Started]:
    """`start(require_key=True)` gives a client of a new server."""
    with ExitStack() as stack:

        def begin(**setup: Any) -> httpx.Client:
            usual = {"place": place_of("g.db"), "keys": folder / "keys.json", "options": FakeOptions()}
            return stack.enter_context(running(Setup(**usual | setup)))

        yield begin


@pytest.fixture
def client(start: Started) -> httpx.Client:
    """Of a server as it is without any option."""
    return start()
