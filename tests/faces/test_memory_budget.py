"""Processes that read large pictures at the same time stay within a bound of memory."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes import FakeOptions, photo

from facekit.faces import reading
from facekit.faces.memory_budget import MemoryBudget


def in_work(folder: Path) -> list[int]:
    """How many pixels were looked through at the same time, whenever that changed."""
    now, seen = 0, []
    for line in (folder / "in-work.txt").read_text().splitlines():
        what, pixels = line.split()
        now += int(pixels) if what == "begin" else -int(pixels)
        seen.append(now)
    return seen


def test_large_pictures_of_several_jobs_are_in_work_only_as_far_as_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three of 24,000 pixels have no room together, and one of 90,000 is alone; all are read, in order."""
    monkeypatch.setattr(reading, "LARGE", 10_000)
    monkeypatch.setattr(reading, "IN_WORK", 50_000)
    sizes = {0: (200, 120), 3: (300, 300), 7: (300, 300)}
    sources = [
        str(photo(tmp_path / f"counted{number}.png", "red", size=sizes.get(number, (200, 120)), seed=number))
        for number in range(10)
    ]
    found = list(reading.read_faces(sources, FakeOptions(jobs=4)))
    assert [each.source for each in found] == sources
    assert all(len(each.faces) == 1 for each in found)
    seen = in_work(tmp_path)
    assert max(seen) == 90_000
    assert 48_000 in seen  # two at a time: nobody waits without need
    assert sorted(set(seen)) == [0, 24_000, 48_000, 90_000]


def test_a_process_that_dies_over_a_large_picture_leaves_its_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "LARGE", 10_000)
    monkeypatch.setattr(reading, "IN_WORK", 10_000)
    names = ("segfault.png", "1.png", "2.png")
    sources = [str(photo(tmp_path / name, "red")) for name in names]
    found = list(reading.read_faces(sources, FakeOptions(jobs=2)))
    assert [len(each.faces) for each in found] == [0, 1, 1]


def test_who_asks_first_goes_first_and_nobody_overtakes() -> None:
    room: MemoryBudget[str] = MemoryBudget(100)
    room.ask("a", 60)
    room.ask("b", 90)
    room.ask("c", 10)
    assert room.admitted() == ["a"]
    assert room.admitted() == []
    room.leave("a")
    assert room.admitted() == ["b", "c"]


def test_whoever_needs_more_than_before_gives_up_what_it_had() -> None:
    """Two that wait for each other would wait for ever."""
    room: MemoryBudget[str] = MemoryBudget(100)
    for name in "ab":
        room.ask(name, 50)
    assert room.admitted() == ["a", "b"]
    for name in "ab":
        room.ask(name, 200)
    assert room.admitted() == ["a"]
    room.leave("a")
    assert room.admitted() == ["b"]
