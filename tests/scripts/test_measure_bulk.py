"""scripts/measure_bulk.py counts what it says, and its arithmetic is that of docs/scale.md."""

from __future__ import annotations

import sys
from pathlib import Path

import loading
import pytest
from fakes import FakeOptions, photo

script = loading.script("measure_bulk")


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("photos")
    return [str(photo(folder / f"brief{number}.png", "red", seed=number)) for number in range(6)]


def test_a_run_tells_its_rate_and_its_memory(photos: list[str]) -> None:
    run = script.measure(photos, "processes", 1, FakeOptions())
    # A photo called brief takes the fake 0.03 s; the first is not counted.
    assert 1 < run.rate < 1 / 0.03 * 1.3
    assert run.first_s > 0
    if sys.platform == "linux":
        assert 10 < run.peak_mb < 10_000


def test_runs_that_find_other_faces_are_told_apart(photos: list[str]) -> None:
    runs = [script.measure(part, "processes", 1, FakeOptions()) for part in (photos, photos, photos[1:])]
    assert runs[0].answers == runs[1].answers != runs[2].answers


def test_the_arithmetic_of_the_documentation() -> None:
    page = Path(__file__).parent.parent.parent / "docs" / "scale.md"
    if not page.exists():
        pytest.skip("the documentation is not here")
    text = page.read_text(encoding="utf-8")
    assert f"{script.reading_hours(10_000_000, 0.21, 256):.1f} hours" in text
    for templates in (10_000_000, 100_000_000):
        size, seconds = script.scan(templates, 256, 24e9)
        assert f"| {size:.1f} GB | {seconds:.2f} s |" in text
