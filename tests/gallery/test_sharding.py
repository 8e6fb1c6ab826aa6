"""A scan divided over workers gives the answers of one scan: the same people, scores and order, ties too."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from fakes import FakeOptions
from gallery_samples import create, people, random_vectors, template
from hypothesis import given, settings
from hypothesis import strategies as st

from facekit.errors import FacekitError, UsageError
from facekit.faces.batch_pool import WorkerEndedError
from facekit.gallery import open_gallery, sharded_search
from facekit.gallery.search import sharding
from facekit.gallery.search.codes import CodeScan, encode
from facekit.gallery.search.exact import FloatArray
from facekit.gallery.search.finalists import Positions, ScanFinder
from facekit.gallery.search.index import Index
from facekit.gallery.search.scan_processes import ScanProcesses
from facekit.gallery.search.sharding import Block, PartScan, Shape, ShardedFinder, divided
from facekit.gallery.sqlite import indexing


def by_codes(vectors: FloatArray, subjects: np.ndarray, poor: np.ndarray) -> Index:
    """As a large gallery is searched; the rows of a subject stand together."""
    order = np.argsort(subjects, kind="stable")
    vectors, subjects, poor = vectors[order], subjects[order], poor[order]
    codes, scales, errors = encode(vectors)
    scan = CodeScan(codes, scales, float(errors.max()))

    def rows(positions: Positions) -> tuple[Sequence[str], FloatArray]:
        return [f"person {subjects[position]:03}" for position in positions], vectors[positions]

    return Index(scan, subjects, rows, poor=poor)


class InThisProcess:
    """Workers without processes; those whose number is in `deadly` end when they are asked."""

    threads = 1

    def __init__(self, size: int, deadly: Sequence[int] = ()) -> None:
        self.size, self._deadly = size, deadly
        self.shapes: list[Shape] = []
        self._parts: dict[int, PartScan] = {}
        self._questions: dict[int, tuple[FloatArray, int]] = {}

    def start(self, shape: Shape) -> int:
        self.shapes.append(shape)
        self._parts[len(self.shapes)] = PartScan(shape)
        return len(self.shapes)

    def load(self, worker: int, block: Block) -> None:
        self._parts[worker].load(block)

    def ask(self, worker: int, probes: FloatArray, k: int) -> None:
        self._questions[worker] = (probes, k)

    def answer(self, worker: int) -> list[Positions]:
        if worker in self._deadly:
            raise WorkerEndedError("out of memory")
        return self._parts[worker].finalists(*self._questions.pop(worker))

    def end(self, worker: int) -> None:
        self._parts.pop(worker, None)

    def close(self) -> None:
        self._parts.clear()


def sharded(index: Index, workers: sharding.ScanWorkers) -> Index:
    finder = index.finder
    assert isinstance(finder, ScanFinder)
    assert isinstance(finder.scan, CodeScan)
    return index.by(ShardedFinder(finder, finder.scan, workers))


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 60),
    st.integers(1, 25),
    st.integers(1, 9),
    st.integers(1, 30),
    st.sampled_from([0.0, 0.3, 1.0]),
    st.sampled_from([1, 3, 8, 70]),
)
def test_the_answers_are_those_of_one_scan(
    seed: int, count: int, crowd: int, shards: int, k: int, poor: float, distinct: int
) -> None:
    """Few distinct vectors, so that people of different shards have equal scores."""
    random = np.random.default_rng(seed)
    vectors = random_vectors(distinct, seed, 16)[random.integers(0, distinct, count)]
    subjects = random.integers(0, crowd, count)
    index = by_codes(vectors, subjects, random.random(count) < poor)
    probes = np.concatenate([vectors[:2], random_vectors(2, seed + 1, 16)])
    assert sharded(index, InThisProcess(shards)).search(probes, k) == index.search(probes, k)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=40), st.integers(1, 50))
def test_parts_are_all_rows_once_and_divide_nobody(sizes: list[int], count: int) -> None:
    starts = np.cumsum([0, *sizes[:-1]])
    parts = divided(starts, sum(sizes), count)
    assert [row for part in parts for row in range(part.start, part.stop)] == list(range(sum(sizes)))
    assert {part.start for part in parts} <= set(starts.tolist())
    assert 1 <= len(parts) <= count
    assert max(part.stop - part.start for part in parts) <= sum(sizes) / count + 2 * max(sizes)


@pytest.fixture
def index() -> Index:
    random = np.random.default_rng(5)
    return by_codes(random_vectors(500, 5, 24), random.integers(0, 90, 500), random.random(500) < 0.2)


def test_a_part_comes_in_blocks_and_many_probes_in_batches(
    index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sharding, "ROWS_AT_ONCE", 7)
    monkeypatch.setattr(sharding, "PROBES_AT_ONCE", 3)
    workers = InThisProcess(4)
    probes = random_vectors(10, 8, 24)
    assert sharded(index, workers).search(probes, 5) == index.search(probes, 5)
    assert sum(shape.rows for shape in workers.shapes) == 500
    assert max(shape.rows for shape in workers.shapes) < 150


def test_the_part_of_a_worker_that_ended_is_searched_by_another(index: Index) -> None:
    workers = InThisProcess(3, deadly=[2, 4])
    probes = random_vectors(4, 9, 24)
    assert sharded(index, workers).search(probes, 5) == index.search(probes, 5)
    assert len(workers.shapes) == 5


def test_a_part_that_ends_every_worker_is_told_and_gives_no_answer(index: Index) -> None:
    with pytest.raises(FacekitError, match=r"ended 3 workers .*\(out of memory\)") as raised:
        sharded(index, InThisProcess(2, deadly=range(1, 99))).search(random_vectors(1, 9, 24), 5)
    assert "\n" not in str(raised.value)


@pytest.fixture
def processes() -> Iterator[ScanProcesses]:
    workers = ScanProcesses(2)
    yield workers
    workers.close()


def test_processes_give_the_same_answers_also_after_one_was_killed(
    index: Index, processes: ScanProcesses
) -> None:
    probes = random_vectors(6, 3, 24)
    divided_index = sharded(index, processes)
    assert divided_index.search(probes, 5) == index.search(probes, 5)
    before = set(processes.pids)
    os.kill(min(before), signal.SIGKILL)
    assert divided_index.search(probes, 5) == index.search(probes, 5)
    after = set(processes.pids)
    assert len(after) == 2
    assert len(after - before) == 1


def test_a_number_of_workers_is_a_number_of_processes() -> None:
    assert FakeOptions(workers="3").jobs == 3
    assert not FakeOptions(workers="3").on_ray
    assert FakeOptions(workers="ray", jobs=2).on_ray
    with pytest.raises(UsageError, match="3 workers and 2 jobs: give one number"):
        FakeOptions(workers="3", jobs=2)


def test_what_another_process_adds_is_seen_by_the_next_search(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workers = InThisProcess(2)
    monkeypatch.setattr(sharded_search, "FROM", 2)
    monkeypatch.setattr(sharded_search, "_workers", lambda options: workers)
    monkeypatch.setattr(indexing, "IN_MEMORY", 0)
    create(tmp_path / "g.db", people(5)).close()
    with open_gallery(tmp_path / "g.db") as gallery:
        with sharded_search.by_workers(gallery, FakeOptions(workers="2")):
            probe = random_vectors(1, 77)
            before = gallery.search(probe, 50)
            with open_gallery(tmp_path / "g.db", write=True) as other:
                other.add([template("newcomer", vector=probe[0])])
            [found] = gallery.search(probe, 50)
            assert found[0].subject == "newcomer"
            assert [item.subject for item in found[1:]] == [item.subject for item in before[0]]
            assert len(workers._parts) == 2  # those of the content before are let go
        assert not workers._parts
        assert gallery.search(probe, 50) == [found]
