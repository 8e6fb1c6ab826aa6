"""`--workers` on a very large gallery: its search is divided too, and says the same."""

from pathlib import Path

import pytest
from conftest import Run

from facekit.gallery import sharded_search
from facekit.gallery.search import sharding
from facekit.gallery.sqlite import indexing


@pytest.fixture
def divisions(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Every gallery is very large; how many parts each search had."""
    monkeypatch.setattr(sharded_search, "FROM", 1)
    monkeypatch.setattr(indexing, "IN_MEMORY", 0)
    counted: list[int] = []
    answers = sharding.ShardedFinder._answers

    def counting(self, probes, k):  # type: ignore[no-untyped-def]
        counted.append(len(self._parts))
        return answers(self, probes, k)

    monkeypatch.setattr(sharding.ShardedFinder, "_answers", counting)
    return counted


@pytest.mark.parametrize("command", ["identify", "cluster"])
def test_names_scores_and_order_are_those_of_one_process(
    run: Run, people: Path, photos: Path, divisions: list[int], command: str
) -> None:
    alone = run(command, "photos", "-g", "gallery/gallery.db", "-f", "jsonl")
    assert not divisions
    divided = run(command, "photos", "-g", "gallery/gallery.db", "-f", "jsonl", "--workers", "2")
    assert (divided.stdout, divided.exit_code) == (alone.stdout, alone.exit_code)
    assert '"subject": "red"' in divided.stdout
    assert set(divisions) == {2}


def test_a_small_gallery_is_not_divided(
    run: Run, people: Path, photos: Path, divisions: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sharded_search, "FROM", 7)
    run("identify", "photos", "-g", "gallery/gallery.db", "--workers", "1")
    assert not divisions
