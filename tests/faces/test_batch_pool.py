"""Workers that may end at any moment: the same readings as one process has, and what ends workers is told."""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fakes import FINGERPRINT, FakeOptions, photo

from facekit import __version__
from facekit.errors import FacekitError, UsageError, WeightsError
from facekit.faces import batch_pool
from facekit.faces.batch_pool import (
    Answer,
    Assignment,
    BatchPool,
    BatchReader,
    Installation,
    WorkerEndedError,
)
from facekit.faces.reading import Reading, read_faces


class Machines:
    """A cluster in this process: of those that read, the one asked last answers first. A picture called
    `deadly…` ends its worker, one called `unlucky…` the first that reads it."""

    def __init__(self, size: int = 2, *, installation: dict[str, str] | None = None) -> None:
        self.size = size
        self.installation = installation or {}
        self.started = 0
        self.asked: list[list[str]] = []
        self.ended: list[int] = []
        self.closed = False
        self.stillborn = 0
        self._readers: dict[int, BatchReader] = {}
        self._questions: dict[int, Sequence[str] | None] = {}
        self._unlucky: set[str] = set()

    def start(self, assignment: Assignment) -> int:
        self.started += 1
        self._readers[self.started] = BatchReader(assignment)
        self._questions[self.started] = None
        return self.started

    def ask(self, worker: int, sources: Sequence[str]) -> None:
        self.asked.append(list(sources))
        self._questions[worker] = sources

    def answered(self, workers: Sequence[int], seconds: float) -> list[int]:
        assert sorted(workers) == sorted(self._questions)
        new = [worker for worker in workers if self._questions[worker] is None]
        return new or [list(self._questions)[-1]]

    def answer(self, worker: int) -> Answer:
        sources = self._questions.pop(worker)
        if sources is None:
            if worker <= self.stillborn:
                raise WorkerEndedError("ModuleNotFoundError: No module named 'facekit'")
            answer = self._readers[worker].installation(sample_here=True)
            return replace(answer, **self.installation) if isinstance(answer, Installation) else answer
        for source in sources:
            name = Path(source).name
            if name.startswith("deadly") or (name.startswith("unlucky") and name not in self._unlucky):
                self._unlucky.add(name)
                raise WorkerEndedError("ended by SIGSEGV")
        return self._readers[worker].read(sources)

    def end(self, worker: int) -> None:
        self._questions.pop(worker, None)
        self.ended.append(worker)

    def close(self) -> None:
        self.closed = True


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("photos")
    colors = ["red", "green", "blue"]
    return [str(photo(folder / f"{number}.png", colors[number % 3], seed=number)) for number in range(40)]


def among(photos: list[str], name: str, place: int = 5) -> list[str]:
    """The photos with a copy of that name at that place."""
    copy = Path(photos[0]).with_name(name)
    copy.write_bytes(Path(photos[0]).read_bytes())
    return [*photos[:place], str(copy), *photos[place:]]


def pooled(sources: list[str], machines: Machines, **rest: Any) -> list[Reading]:
    return list(BatchPool(machines, FakeOptions(), **rest).run(sources))


def dicts(readings: Sequence[Reading]) -> list[dict[str, Any]]:
    return [reading.to_dict() for reading in readings]


@pytest.mark.parametrize("size", [1, 2, 5])
def test_workers_give_what_one_process_gives_in_its_order(photos: list[str], size: int) -> None:
    machines = Machines(size)
    assert dicts(pooled(photos, machines)) == dicts(list(read_faces(photos, FakeOptions())))
    assert machines.closed
    assert machines.started == size
    assert sorted(itertools.chain(*machines.asked)) == sorted(photos)


def test_unordered_readings_are_the_same_ones(photos: list[str]) -> None:
    readings = pooled(photos, Machines(3), unordered=True)
    assert [reading.source for reading in readings] != photos
    assert sorted(reading.source for reading in readings) == sorted(photos)


def test_no_worker_is_far_ahead_of_the_picture_whose_turn_it_is(photos: list[str]) -> None:
    machines = Machines(2)
    readings = BatchPool(machines, FakeOptions()).run(photos * 10)
    next(readings)
    assert len([*itertools.chain(*machines.asked)]) <= 2 * 2 * batch_pool.BATCH + batch_pool.BATCH
    readings.close()
    assert machines.closed


def test_what_an_ended_worker_had_is_read_again(photos: list[str]) -> None:
    sources = among(photos, "unlucky.png")
    readings = pooled(sources, machines := Machines(2))
    assert [reading.source for reading in readings] == sources
    assert not any(reading.error for reading in readings)
    assert machines.started == 3


def test_a_picture_that_ends_three_workers_is_told_and_left_out(photos: list[str]) -> None:
    sources = among(photos, "deadly.png")
    readings = pooled(sources, machines := Machines(2))
    assert [reading.source for reading in readings] == sources
    [bad] = [reading for reading in readings if reading.error]
    assert bad.error == f"{bad.source}: left out: 3 workers ended while they read it (ended by SIGSEGV)"
    assert bad.source.endswith("deadly.png")
    assert machines.started == 5
    assert [asked for asked in machines.asked if bad.source in asked][1:] == [[bad.source]] * 2


def test_pictures_beside_one_that_ends_workers_are_read(photos: list[str]) -> None:
    sources = among(among(photos, "deadly1.png"), "deadly2.png", 6)
    readings = pooled(sources, Machines(1))
    assert [Path(reading.source).name for reading in readings if reading.error] == [
        "deadly1.png",
        "deadly2.png",
    ]


@pytest.mark.parametrize(
    ("installation", "words"),
    [({"version": "0.0.1"}, "has facekit 0.0.1"), ({"fingerprint": "0" * 64}, "another embedder")],
)
def test_a_worker_that_would_give_other_answers_is_not_let_in(
    photos: list[str], installation: dict[str, str], words: str
) -> None:
    machines = Machines(installation={"host": "node7", **installation})
    with pytest.raises(UsageError, match=f"node7 {words}|node7 has {words}"):
        pooled(photos, machines, fingerprint=FINGERPRINT)
    assert machines.closed
    assert machines.asked == []


def test_the_installation_of_a_worker_is_that_of_its_pipeline(photos: list[str]) -> None:
    reader = BatchReader(Assignment(FakeOptions(), os.getcwd(), photos[0]))
    installation = reader.installation(sample_here=True)
    assert isinstance(installation, Installation)
    assert (installation.version, installation.fingerprint) == (__version__, FINGERPRINT)


def test_a_machine_that_does_not_see_the_pictures_is_told(photos: list[str]) -> None:
    reader = BatchReader(Assignment(FakeOptions(), os.getcwd(), "/not/here.jpg"))
    answer = reader.installation(sample_here=True)
    assert isinstance(answer, UsageError)
    assert "/not/here.jpg" in str(answer)
    assert "by the same paths" in str(answer)
    # A photo that is missing here too is that photo's error.
    assert isinstance(reader.installation(sample_here=False), Installation)


def test_a_pipeline_that_cannot_be_opened_is_the_callers_error(photos: list[str]) -> None:
    with pytest.raises(WeightsError, match=r"embedder\.onnx"):
        list(BatchPool(Machines(), FakeOptions(detector="broken")).run(photos))


def test_a_network_that_fails_on_a_face_is_the_callers_error(photos: list[str]) -> None:
    with pytest.raises(WeightsError, match="not finite"):
        pooled(among(photos, "nan.png"), Machines())


def test_workers_that_end_before_they_read_end_the_run_and_say_why(photos: list[str]) -> None:
    machines = Machines(2)
    machines.stillborn = 1000
    with pytest.raises(FacekitError, match=r"before they have read anything.*No module named"):
        pooled(photos, machines)
    assert machines.started < 10
    assert machines.closed


def test_workers_that_start_go_on_without_those_that_do_not(photos: list[str]) -> None:
    machines = Machines(2)
    machines.stillborn = 1
    assert [reading.source for reading in pooled(photos, machines)] == photos


def test_a_cluster_without_room_is_told_instead_of_waited_for(
    photos: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    machines = Machines(2)
    monkeypatch.setattr(batch_pool, "_START_SECONDS", 0.02)
    monkeypatch.setattr(machines, "answered", lambda workers, seconds: [])
    with pytest.raises(FacekitError, match="free processor"):
        pooled(photos, machines)


def test_a_worker_that_does_not_answer_any_more_is_ended_and_its_pictures_are_read(
    photos: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    machines = Machines(2)
    monkeypatch.setattr(batch_pool, "_GRACE_SECONDS", 0.0)
    silent: list[int] = []

    def answered(workers: Sequence[int], seconds: float) -> list[int]:
        asked = [worker for worker in workers if machines._questions[worker] is not None]
        if asked and not silent:
            silent.append(asked[0])
        return [worker for worker in workers if worker not in silent][:1]

    monkeypatch.setattr(machines, "answered", answered)
    readings = list(BatchPool(machines, FakeOptions(max_seconds=0.4)).run(photos[:12]))
    assert [reading.source for reading in readings] == photos[:12]
    assert machines.ended == silent


def test_a_worker_that_gave_a_picture_up_is_replaced(photos: list[str]) -> None:
    """It is busy with that picture still."""
    sources = among(photos[:6], "stuck.png", 3)
    machines = Machines(1)
    readings = list(BatchPool(machines, FakeOptions(max_seconds=0.2)).run(sources))
    assert [Path(reading.source).name for reading in readings if reading.error] == ["stuck.png"]
    assert len(machines.ended) == 1
