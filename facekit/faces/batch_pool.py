"""Pictures in batches to workers on other machines, which may end at any moment.

What a worker had when it ended is read again, picture by picture: so the picture that ends workers is known
from those that were only beside it, and is left out when it has ended three.
"""

from __future__ import annotations

import logging
import os
import time
from collections import Counter, deque
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Generic, Protocol, TypeVar

from facekit import __version__
from facekit.errors import FacekitError, UsageError
from facekit.faces.memory_budget import IN_WORK
from facekit.faces.reading import Options, Reading, late_reading, read_ahead

BATCH = 8
"""Pictures for a worker at once: asking costs a millisecond, a picture takes thirty or more."""

MOST_ENDED = 3
"""A picture that has ended so many workers is left out."""

_START_SECONDS = 300.0
_GRACE_SECONDS = 60.0
"""Beyond what its pictures may take; then a worker that does not answer is ended."""

Worker = TypeVar("Worker", bound=Hashable)


class WorkerEndedError(Exception):
    """A worker ended before it answered; the text says why, as far as that is known."""


@dataclass(frozen=True)
class Assignment:
    """What a worker is told first: how it reads, from which folder relative paths begin, and one of the
    pictures."""

    options: Options
    folder: str
    sample: str


@dataclass(frozen=True)
class Installation:
    """What must be the same in all workers; `host` is where it runs."""

    host: str
    version: str
    fingerprint: str


Answer = Installation | list[Reading] | FacekitError


class Cluster(Protocol[Worker]):
    """Where workers run. Each has one question at a time, and its answer is awaited."""

    @property
    def size(self) -> int:
        """How many workers it is to have."""
        ...

    def start(self, assignment: Assignment) -> Worker:
        """A worker that is asked for its installation."""
        ...

    def ask(self, worker: Worker, sources: Sequence[str]) -> None:
        """Ask it to read some pictures."""
        ...

    def answered(self, workers: Sequence[Worker], seconds: float) -> list[Worker]:
        """Those with an answer, waiting for the first so long at most."""
        ...

    def answer(self, worker: Worker) -> Answer:
        """Its answer. Raises WorkerEndedError when it has ended."""
        ...

    def end(self, worker: Worker) -> None: ...

    def close(self) -> None:
        """End all."""
        ...


class BatchReader:
    """What a worker does."""

    def __init__(self, assignment: Assignment) -> None:
        self._assignment = assignment
        self._options = replace(assignment.options, jobs=1, workers=None)

    def installation(self, sample_here: bool) -> Installation | FacekitError:
        """Open the pipeline. `sample_here` is whether the sample is there for whoever asks."""
        host = os.uname().nodename if hasattr(os, "uname") else "a worker"
        try:
            if os.path.isdir(self._assignment.folder):
                os.chdir(self._assignment.folder)
            if sample_here and not os.path.exists(self._assignment.sample):
                return UsageError(
                    f"{self._assignment.sample}: is not there on {host}: all machines must see the pictures "
                    "by the same paths"
                )
            self._pipeline = self._options.pipeline(threads=1)
        except FacekitError as error:
            return error
        return Installation(host, __version__, self._pipeline.fingerprint)

    def read(self, sources: Sequence[str]) -> list[Reading] | FacekitError:
        try:
            return list(read_ahead(sources, self._options, self._pipeline))
        except FacekitError as error:
            return error


@dataclass
class _Work:
    """The places of the pictures that a worker has, and until when it must have answered."""

    places: tuple[int, ...]
    until: float


class BatchPool(Generic[Worker]):
    """Reads pictures with the workers of a cluster; for one run.

    With `unordered` readings come as they are ready. `fingerprint` is that of the embedder here, or empty.
    """

    def __init__(
        self, cluster: Cluster[Worker], options: Options, *, fingerprint: str = "", unordered: bool = False
    ) -> None:
        self._cluster, self._options, self._unordered = cluster, options, unordered
        self._fingerprint = fingerprint
        self._opening: set[Worker] = set()
        self._idle: list[Worker] = []
        self._busy: dict[Worker, _Work] = {}
        self._waiting: deque[tuple[int, ...]] = deque()
        self._again: deque[int] = deque()
        self._ended: Counter[int] = Counter()
        self._ready: dict[int, Reading] = {}
        self._early_ends = 0
        self._at_work = time.monotonic()

    def run(self, sources: Sequence[str]) -> Iterator[Reading]:
        try:
            self._waiting.extend(self._batches(len(sources)))
            self._assignment = Assignment(self._options, os.getcwd(), sources[0])
            while len(self._opening) < min(self._cluster.size, len(self._waiting)):
                self._start()
            for place in range(len(sources)):
                while not self._ready or (not self._unordered and place not in self._ready):
                    self._hand_out(sources, place)
                    self._collect(sources)
                yield self._ready.pop(next(iter(self._ready)) if self._unordered else place)
        finally:
            self._cluster.close()

    def _batches(self, pictures: int) -> Iterator[tuple[int, ...]]:
        share = pictures // (2 * self._cluster.size)
        # Pixels that are kept are too many to be held by the batch.
        size = 1 if self._options.keep_pictures else max(1, min(BATCH, share))
        yield from (tuple(range(start, min(start + size, pictures))) for start in range(0, pictures, size))

    def _start(self) -> None:
        self._opening.add(self._cluster.start(self._assignment))

    def _hand_out(self, sources: Sequence[str], place: int) -> None:
        """Give each that is idle a batch, but none far ahead of the picture whose turn it is."""
        held = sum(reading.picture.pixels.size for reading in self._ready.values() if reading.picture)
        ahead = 2 * BATCH * self._cluster.size if held < 3 * IN_WORK else 1
        while self._idle and (self._again or self._waiting):
            if self._again:
                places: tuple[int, ...] = (self._again.popleft(),)
            elif self._unordered or self._waiting[0][0] < place + ahead:
                places = self._waiting.popleft()
            else:
                break
            worker = self._idle.pop()
            self._cluster.ask(worker, [sources[number] for number in places])
            seconds = len(places) * self._options.max_seconds + _GRACE_SECONDS
            self._busy[worker] = _Work(places, time.monotonic() + seconds)

    def _collect(self, sources: Sequence[str]) -> None:
        """Wait for answers, until the first worker is late at most."""
        now = time.monotonic()
        if self._busy or self._idle:
            self._at_work = now
        until = min([work.until for work in self._busy.values()], default=self._at_work + _START_SECONDS)
        for worker in self._cluster.answered([*self._busy, *self._opening], max(until - now, 0.01)):
            try:
                answer = self._cluster.answer(worker)
            except WorkerEndedError as error:
                self._replace(worker, str(error), sources)
                continue
            if isinstance(answer, FacekitError):
                raise answer
            if isinstance(answer, Installation):
                self._welcome(worker, answer)
            else:
                self._take(worker, answer)
        now = time.monotonic()
        for worker in [worker for worker, work in self._busy.items() if work.until < now]:
            self._cluster.end(worker)
            self._replace(worker, "it did not answer any more", sources)
        if not self._busy and not self._idle and now > self._at_work + _START_SECONDS:
            raise FacekitError(
                f"no worker was ready within {_START_SECONDS:.0f} s: has the cluster a free processor? "
                "(`ray status` tells)"
            )

    def _welcome(self, worker: Worker, installation: Installation) -> None:
        """Let a worker in, if it gives the answers that the others give."""
        self._opening.discard(worker)
        if installation.version != __version__:
            raise UsageError(
                f"{installation.host} has facekit {installation.version}, this is {__version__}: "
                "install the same one"
            )
        self._fingerprint = self._fingerprint or installation.fingerprint
        if installation.fingerprint != self._fingerprint:
            raise UsageError(f"{installation.host} has another embedder: scores could not be compared")
        self._idle.append(worker)

    def _take(self, worker: Worker, readings: list[Reading]) -> None:
        self._early_ends = 0
        places = self._busy.pop(worker).places
        self._ready.update(zip(places, readings, strict=True))
        late = [late_reading(reading.source, self._options).error for reading in readings]
        if any(reading.error == error for reading, error in zip(readings, late, strict=True)):
            # It is busy with that picture still.
            self._cluster.end(worker)
            self._start()
        else:
            self._idle.append(worker)

    def _replace(self, worker: Worker, reason: str, sources: Sequence[str]) -> None:
        """Start another worker in the place of one that has ended; its pictures are read again."""
        logging.getLogger("facekit").debug("a worker ended: %s", reason)
        if worker in self._opening:
            self._opening.discard(worker)
            self._early_ends += 1
            if self._early_ends >= MOST_ENDED:  # on a machine, perhaps, that lacks something: go on without
                if not (self._opening or self._idle or self._busy):
                    raise FacekitError(f"workers end before they have read anything: {reason}")
                return
        for place in self._busy.pop(worker, _Work((), 0)).places:
            self._ended[place] += 1
            if self._ended[place] < MOST_ENDED:
                self._again.append(place)
            else:
                source, times = sources[place], self._ended[place]
                error = f"{source}: left out: {times} workers ended while they read it ({reason})"
                self._ready[place] = Reading(source, error=error)
        self._start()
