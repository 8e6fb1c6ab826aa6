"""The scan of a very large gallery divided over workers, each of which holds a part of the codes.

The rows of a subject are never divided. So the k best subjects of all are among the k best of the parts, and
the finalists of all parts together hold all finalists: they are scored exactly as those of one scan are, and
the answers are the same, in the same order, equal scores too.
"""

from __future__ import annotations

import threading
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from facekit.errors import FacekitError
from facekit.faces.batch_pool import MOST_ENDED, WorkerEndedError
from facekit.gallery.search.codes import CodeScan
from facekit.gallery.search.exact import FloatArray
from facekit.gallery.search.finalists import Positions, ScanFinder

# Codes sent at a time: 16 MB at 256 dimensions.
ROWS_AT_ONCE = 2**16
PROBES_AT_ONCE = 64

Worker = TypeVar("Worker", bound=Hashable)


@dataclass(frozen=True)
class Shape:
    """What a worker makes room for: so many rows of codes of so many numbers; `radius` is that of all codes
    (facekit.gallery.search.codes), `threads` are how many it scans with."""

    rows: int
    dimension: int
    radius: float
    threads: int


@dataclass(frozen=True, eq=False)
class Block:
    """Some rows of a scan, with their subjects and whether they are poor."""

    codes: NDArray[np.int8]
    scales: FloatArray
    subjects: NDArray[np.int64]
    poor: NDArray[np.bool_]


class PartScan:
    """What a worker does: it takes its part block by block, and finds finalists in it."""

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._codes = np.empty((shape.rows, shape.dimension), np.int8)
        self._scales = np.empty(shape.rows, np.float32)
        self._subjects = np.empty(shape.rows, np.int64)
        self._poor = np.empty(shape.rows, np.bool_)
        self._loaded = 0
        self._finder: ScanFinder | None = None

    def load(self, block: Block) -> int:
        """How many rows are there now."""
        rows = slice(self._loaded, self._loaded + len(block.codes))
        self._codes[rows], self._scales[rows] = block.codes, block.scales
        self._subjects[rows], self._poor[rows] = block.subjects, block.poor
        self._loaded = rows.stop
        return self._loaded

    def finalists(self, probes: FloatArray, k: int) -> list[Positions]:
        """For each probe the positions within the part."""
        if self._finder is None:
            scan = CodeScan(self._codes, self._scales, self._shape.radius, self._shape.threads)
            self._finder = ScanFinder(scan, self._subjects, self._poor)
        return list(self._finder.finalists(probes, k))


class ScanWorkers(Protocol[Worker]):
    """Where the parts are. Each worker has one question at a time. All but `start` raise WorkerEndedError for
    one that has ended."""

    @property
    def size(self) -> int:
        """How many there are to be."""
        ...

    @property
    def threads(self) -> int:
        """With how many threads each is to scan."""
        ...

    def start(self, shape: Shape) -> Worker: ...

    def load(self, worker: Worker, block: Block) -> None: ...

    def ask(self, worker: Worker, probes: FloatArray, k: int) -> None: ...

    def answer(self, worker: Worker) -> list[Positions]: ...

    def end(self, worker: Worker) -> None:
        """End it, if it has not ended."""
        ...

    def close(self) -> None:
        """End all."""
        ...


def divided(starts: NDArray[np.intp], rows: int, count: int) -> list[slice]:
    """Up to `count` parts of the rows, as equal as can be if no subject is divided; `starts` are their first
    rows."""
    wanted = np.array([rows * number // count for number in range(count)])
    edges = np.append(starts, rows)[np.searchsorted(starts, wanted)]
    edges = np.unique(np.append(edges, rows))
    return [slice(int(first), int(end)) for first, end in pairwise(edges)]


class ShardedFinder(Generic[Worker]):
    """Finds what a `ScanFinder` of codes finds, by workers. It may be shared between threads."""

    def __init__(self, whole: ScanFinder, scan: CodeScan, workers: ScanWorkers[Worker]) -> None:
        self._whole, self._scan, self._workers = whole, scan, workers
        self._parts = divided(whole.starts, len(scan), workers.size)
        self._subjects = np.repeat(np.arange(len(whole.starts)), np.diff(whole.starts, append=len(scan)))
        self._asking = threading.Lock()
        self._at: list[Worker] = []
        try:
            for part in self._parts:
                self._at.append(self._start(part))
        except WorkerEndedError as error:
            raise FacekitError(
                f"a worker ended while it was given its part of the gallery ({error}): take more and smaller "
                "parts, or a machine with more memory"
            ) from error

    def __len__(self) -> int:
        return len(self._whole)

    def only_poor(self, positions: Positions) -> Sequence[bool]:
        return self._whole.only_poor(positions)

    def finalists(self, probes: FloatArray, k: int) -> Iterator[Positions]:
        for first in range(0, len(probes), PROBES_AT_ONCE):
            batch = probes[first : first + PROBES_AT_ONCE]
            with self._asking:
                answers = self._answers(batch, k)
            for of_parts in zip(*answers, strict=True):
                starts = (part.start for part in self._parts)
                yield np.concatenate([start + found for start, found in zip(starts, of_parts, strict=True)])

    def close(self) -> None:
        for worker in self._at:
            self._workers.end(worker)

    def _answers(self, probes: FloatArray, k: int) -> list[list[Positions]]:
        """Of each part its finalists."""
        ended: dict[int, WorkerEndedError] = {}
        for number, worker in enumerate(self._at):
            try:
                self._workers.ask(worker, probes, k)
            except WorkerEndedError as error:
                ended[number] = error
        return [self._answer(number, probes, k, ended.get(number)) for number in range(len(self._parts))]

    def _answer(
        self, number: int, probes: FloatArray, k: int, ended: WorkerEndedError | None
    ) -> list[Positions]:
        """The answer of a part, from another worker if the one that had it has ended."""
        for _ in range(MOST_ENDED):
            try:
                if ended:
                    self._workers.end(self._at[number])
                    self._at[number] = self._start(self._parts[number])
                    self._workers.ask(self._at[number], probes, k)
                return self._workers.answer(self._at[number])
            except WorkerEndedError as error:
                ended = error
        raise FacekitError(
            f"the search ended {MOST_ENDED} workers that had a part of the gallery ({ended}): take more and "
            "smaller parts, or a machine with more memory"
        )

    def _start(self, part: slice) -> Worker:
        """A worker that has loaded the part."""
        dimension = self._scan.codes.shape[1]
        threads = self._workers.threads
        worker = self._workers.start(Shape(part.stop - part.start, dimension, self._scan.radius, threads))
        try:
            for first in range(part.start, part.stop, ROWS_AT_ONCE):
                rows = slice(first, min(first + ROWS_AT_ONCE, part.stop))
                self._workers.load(worker, self._block(rows))
        except WorkerEndedError:
            self._workers.end(worker)
            raise
        return worker

    def _block(self, rows: slice) -> Block:
        poor = self._whole.poor
        no_poor = np.zeros(rows.stop - rows.start, np.bool_)
        return Block(
            np.asarray(self._scan.codes[rows]),
            np.asarray(self._scan.scales[rows]),
            self._subjects[rows],
            no_poor if poor is None else np.asarray(poor[rows]),
        )
