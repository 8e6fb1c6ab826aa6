"""Pictures to faces, many at a time: read ahead in one thread, or in several processes.

Results come in the order of the inputs and are the same either way. One bad picture never stops the
others: it comes back as a `Reading` with an error, also when the process that held it died.
"""

from __future__ import annotations

import contextlib
import queue
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from facekit import settings
from facekit.arguments import integer_of, kind_of, path_of, seconds_of, switch, text_of
from facekit.detection import MIN_FACE
from facekit.errors import FacekitError, PictureError, TruncatedError, UsageError
from facekit.faces.memory_budget import IN_WORK, LARGE, MemoryBudget, MemoryRequest
from facekit.faces.worker_processes import (
    cause_of_death,
    postponed,
    require_guard,
    require_guarded,
    uninterrupted,
)
from facekit.pictures.images import MAX_PIXELS
from facekit.pictures.inputs import NamedPicture, Source, name_of, picture_of
from facekit.results import Face, Picture, picture_dict

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

    from facekit.faces.pipeline import Pipeline

MAX_SECONDS = 120.0
"""A picture is done in one or two; what is made to cost is refused before, as far as that can be told."""

_AHEAD = 4
# A process costs about a quarter of a second to start, a picture a thirtieth.
_WORTH_A_PROCESS = 8
_WORKERS = re.compile(r"ray(://[^\s/@]+:[0-9]{1,5})?|[1-9][0-9]{0,2}")


@dataclass(frozen=True)
class Reading:
    """What one input gave: its faces, or the error that stopped it.

    `size` is width and height in pixels, `orientation` how the picture lies in its file (as of `Picture`).
    `picture` is there only where it was asked for. `trace` says where an error came from that nobody
    expected. One that was `in_memory` has no place on a disk, whatever its source is called.
    """

    source: str
    faces: tuple[Face, ...] = ()
    sha256: str = ""
    size: tuple[int, int] = (0, 0)
    error: str | None = None
    notes: tuple[str, ...] = ()
    picture: Picture | None = None
    trace: str = ""
    in_memory: bool = False
    orientation: int = 1

    def largest(self) -> Face:
        """The face with the largest box; of equal ones the surest. There must be one."""
        return max(self.faces, key=lambda face: face.quality.size)

    def to_dict(self) -> dict[str, Any]:
        return picture_dict(self.source, self.size, self.faces, self.notes, self.error)


@dataclass(frozen=True)
class Options:
    """How pictures are read and looked through.

    `detector`, `embedder` and `min_face` are those of `Pipeline`; pictures of more than `max_pixels`
    pixels are refused, and one that takes more than `max_seconds` is given up. `jobs` is the number of
    processes; 0 takes several when the work pays for starting them. `keep_pictures` leaves the pixels in the
    readings. With `accept_truncated` a JPEG that lacks its last bytes is what of it is there, and `notes` say
    how much is missing. `workers` is None or a number for processes of this machine (so many, which is then
    `jobs` too), `ray` for a Ray of their own, and `ray://HOST:PORT` for a cluster; among them the search of a
    gallery of a million templates and more is divided too. Raises UsageError for a value that is none of
    these.
    """

    detector: str = "auto"
    embedder: Path | None = None
    min_face: int = MIN_FACE
    max_pixels: int = MAX_PIXELS
    jobs: int = 1
    keep_pictures: bool = False
    max_seconds: float = MAX_SECONDS
    accept_truncated: bool = False
    workers: str | None = None

    def __post_init__(self) -> None:
        text_of(self.detector, "detector")
        embedder = None if self.embedder is None else Path(path_of(self.embedder, "embedder"))
        checked = {
            "embedder": embedder,
            "min_face": integer_of(self.min_face, "min_face", least=1),
            "max_pixels": integer_of(self.max_pixels, "max_pixels", least=1),
            "jobs": integer_of(self.jobs, "jobs", least=0),
            "keep_pictures": switch(self.keep_pictures, "keep_pictures"),
            "max_seconds": seconds_of(self.max_seconds, "max_seconds"),
            "accept_truncated": switch(self.accept_truncated, "accept_truncated"),
        }
        if self.workers is not None and not _WORKERS.fullmatch(text_of(self.workers, "workers")):
            raise UsageError(f"the workers are {self.workers!r:.60}: give a number, ray or ray://HOST:PORT")
        if self.workers and not self.on_ray:
            if checked["jobs"] not in (0, 1, int(self.workers)):
                raise UsageError(f"{self.workers} workers and {self.jobs} jobs: give one number")
            checked["jobs"] = int(self.workers)
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    @classmethod
    def of(cls, options: Options | None) -> Options:
        """What is given, or the usual options. Raises UsageError for anything else."""
        if options is None:
            return cls()
        if not isinstance(options, cls):
            raise UsageError(f"the options are {kind_of(options)}: give facekit.Options")
        return options

    @property
    def on_ray(self) -> bool:
        """Whether the workers are Ray's."""
        return self.workers is not None and self.workers.startswith("ray")

    def pipeline(self, threads: int = 0) -> Pipeline:
        """The pipeline of these options, with so many threads (0: one per core)."""
        from facekit.faces.pipeline import Pipeline

        return Pipeline(
            detector=self.detector,
            embedder=self.embedder,
            min_face=self.min_face,
            threads=threads,
        )

    def pipeline_or(self, pipeline: Pipeline | None) -> Pipeline:
        """The pipeline that is given, or one of these options. Raises UsageError for anything else."""
        if pipeline is None:
            return self.pipeline()
        if not hasattr(pipeline, "fingerprint"):
            raise UsageError(f"the pipeline is {kind_of(pipeline)}: give a facekit.Pipeline")
        return pipeline

    def jobs_for(self, pictures: int) -> int:
        """How many processes so many pictures are worth."""
        if self.jobs:
            return self.jobs
        return max(1, min(settings.default_threads(), pictures // _WORTH_A_PROCESS))


def read_faces(
    sources: Sequence[Source],
    options: Options | None = None,
    *,
    pipeline: Pipeline | None = None,
    unordered: bool = False,
) -> Iterator[Reading]:
    """Every picture's faces, in order; of the pictures to come, at most a few are held in memory.

    With `unordered`, workers on Ray give them as they are ready. `pipeline` is one that is open already, for
    what this process does itself. Raises WeightsError or DependencyError when the pipeline cannot be opened.
    More than one job starts processes by "spawn": a script that asks for them needs
    `if __name__ == "__main__":`.
    """
    options = Options.of(options)
    opened = None if pipeline is None else options.pipeline_or(pipeline)
    return _logged(_readings(sources, options, opened, unordered))


def _logged(readings: Iterator[Reading]) -> Iterator[Reading]:
    """The readings; where an unexpected error came from goes to the logger `facekit`, for `--debug`."""
    for reading in readings:
        if reading.trace:
            import logging

            logging.getLogger("facekit").debug("%s", reading.trace)
        yield reading


def _readings(
    sources: Sequence[Source], options: Options, pipeline: Pipeline | None, unordered: bool
) -> Iterator[Reading]:
    if options.on_ray:
        from facekit.faces.ray_connection import require_ray

        require_ray()  # also where nothing is worth it
    jobs = min(options.jobs_for(len(sources)), len(sources))
    # Standard input, and what is in memory, is this process's alone.
    here = any(isinstance(source, NamedPicture) or source == "-" for source in sources)
    if options.on_ray and len(sources) > 2 and not here:
        return _on_ray(options, pipeline, unordered).run([name_of(source) for source in sources])
    if jobs <= 1 or here:
        return read_ahead(sources, options, pipeline)
    return _Workers(options, jobs).run([name_of(source) for source in sources])


class PicturePool(Protocol):
    """Several at once who read pictures, for one run: processes of this machine, or workers on others."""

    def run(self, sources: Sequence[str]) -> Iterator[Reading]:
        """All readings; whoever reads is put away with the iterator."""
        ...


def _on_ray(options: Options, pipeline: Pipeline | None, unordered: bool) -> PicturePool:
    from facekit.faces.batch_pool import BatchPool
    from facekit.faces.ray_cluster import RayCluster

    assert options.workers
    cluster = RayCluster(options.workers, options.jobs)
    fingerprint = pipeline.fingerprint if pipeline else ""
    return BatchPool(cluster, options, fingerprint=fingerprint, unordered=unordered)


def read_one(
    source: Source, pipeline: Pipeline, options: Options, admit: Callable[[int], None] = lambda pixels: None
) -> Reading:
    """Read one picture; everything that can be wrong with it becomes the reading's `error`. `admit` is asked
    before so many pixels are made."""
    from facekit.pictures.lighting import with_light

    name = name_of(source)
    try:
        full = picture_of(
            source, max_pixels=options.max_pixels, accept_truncated=options.accept_truncated, admit=admit
        )
        picture = full(None if options.keep_pictures else pipeline.longest_look)
        faces = tuple(pipeline.faces(picture, full=full))
        notes = with_light(picture, faces)
    except TruncatedError as error:
        return Reading(name, error=f"{error}; --truncated accept takes what is there")
    except PictureError as error:
        return Reading(name, error=str(error))
    except MemoryError:
        return Reading(name, error=f"{name}: not enough memory for this picture")
    except FacekitError:
        raise
    except Exception as error:  # one picture never stops the others
        import traceback

        trace = "".join(traceback.format_exception(error))
        words = f"{type(error).__name__}: {error}"
        return Reading(name, error=f"{name}: internal error ({words})", trace=trace)
    picture_kept = picture if options.keep_pictures else None
    return Reading(
        name,
        faces,
        picture.sha256,
        picture.size,
        notes=notes,
        picture=picture_kept,
        in_memory=isinstance(source, NamedPicture),
        orientation=picture.orientation,
    )


def read_ahead(sources: Sequence[Source], options: Options, ready: Pipeline | None) -> Iterator[Reading]:
    """Every picture's faces, read in a thread while the last ones are looked at."""
    reader = _Thread(sources, options, ready)
    try:
        for number, source in enumerate(sources):
            reading = reader.next()
            if reading is None:
                reading = late_reading(name_of(source), options)
                reader = _Thread(sources[number + 1 :], options, reader.pipeline)
            if isinstance(reading, BaseException):
                raise reading
            yield reading
    finally:
        reader.stop()


class _Thread:
    """A thread that reads ahead. It cannot be ended while it is busy with a picture, only left alone."""

    def __init__(self, sources: Sequence[Source], options: Options, ready: Pipeline | None) -> None:
        self.pipeline = ready
        self._options = options
        self._done: queue.Queue[Reading | BaseException] = queue.Queue(maxsize=2)
        self._stopped = threading.Event()
        self._began: float | None = None
        if sources:
            # A daemon: when the user interrupts, nobody waits for the picture it is busy with.
            threading.Thread(target=self._run, args=(sources,), daemon=True, name="facekit-reader").start()

    def next(self) -> Reading | BaseException | None:
        """The next picture's reading; None, and nothing more, when it takes too long."""
        most = self._options.max_seconds
        while True:
            began = self._began
            left = most if began is None else began + most - time.monotonic()
            with contextlib.suppress(queue.Empty):
                return self._done.get(timeout=max(left, 0.01))
            if began is not None and began == self._began and time.monotonic() > began + most:
                self._stopped.set()
                return None

    def stop(self) -> None:
        self._stopped.set()
        with contextlib.suppress(queue.Empty):
            while True:
                self._done.get_nowait()

    def _run(self, sources: Sequence[Source]) -> None:
        try:
            self.pipeline = self.pipeline or self._options.pipeline()
            for source in sources:
                self._began = time.monotonic()
                reading = read_one(source, self.pipeline, self._options)
                self._began = None
                if self._stopped.is_set():
                    return
                self._done.put(reading)
        except BaseException as error:
            self._began = None
            self._done.put(error)


def late_reading(source: str, options: Options) -> Reading:
    """What is said of a picture that took too long."""
    return Reading(source, error=f"{source}: given up after {options.max_seconds:.0f} s")


class _Workers:
    """Processes that each hold a pipeline and take the next picture when they are done with one; for one run.

    Of each that is busy it is known which picture it has, and since when; a reading is ready until its turn
    comes.
    """

    def __init__(self, options: Options, jobs: int) -> None:
        import multiprocessing

        self._context = multiprocessing.get_context("spawn")
        self._options = options
        self._workers: dict[Connection, BaseProcess] = {}
        self._jobs = jobs
        self._room: MemoryBudget[Connection] = MemoryBudget(IN_WORK)
        self._busy: dict[Connection, int] = {}
        self._began: dict[Connection, float] = {}
        self._ready: dict[int, Reading] = {}
        self._given = 0

    def run(self, sources: Sequence[str]) -> Iterator[Reading]:
        require_guard()
        try:
            for _ in range(self._jobs):
                self._start()
            for wanted in range(len(sources)):
                while wanted not in self._ready:
                    self._hand_out(sources, wanted)
                    self._let_in()
                    self._collect(sources)
                    self._give_up_late_ones(sources)
                yield self._ready.pop(wanted)
        finally:
            for connection, process in self._workers.items():
                process.terminate()
                connection.close()
            for process in self._workers.values():
                process.join()

    def _hand_out(self, sources: Sequence[str], wanted: int) -> None:
        """Give each that is idle a picture, but none far ahead of the one whose turn it is."""
        held = sum(reading.picture.pixels.size for reading in self._ready.values() if reading.picture)
        ahead = self._jobs * _AHEAD if held < 3 * IN_WORK else 1
        for idle in [reading for reading in self._workers if reading not in self._busy]:
            if self._given < min(len(sources), wanted + ahead):
                # A worker that is dead already is found out when its answer is awaited.
                with contextlib.suppress(OSError):
                    idle.send(sources[self._given])
                self._busy[idle], self._began[idle] = self._given, time.monotonic()
                self._given += 1

    def _let_in(self) -> None:
        """Let those go on that waited for room; the time in which they waited does not count."""
        for waiting in self._room.admitted():
            self._began[waiting] = time.monotonic()
            with contextlib.suppress(OSError):
                waiting.send(None)

    def _collect(self, sources: Sequence[str]) -> None:
        """Wait for answers, until the first of those at work is late at most."""
        from multiprocessing.connection import Connection, wait

        oldest = min(self._began[worker] for worker in self._at_work())
        left = oldest + self._options.max_seconds - time.monotonic()
        for connection in wait(list(self._busy), max(left, 0.01)):
            assert isinstance(connection, Connection)
            answer = self._take(connection, sources[self._busy[connection]])
            if isinstance(answer, MemoryRequest):
                self._room.ask(connection, answer.pixels)
                continue
            self._room.leave(connection)
            self._ready[self._busy.pop(connection)] = answer

    def _give_up_late_ones(self, sources: Sequence[str]) -> None:
        late = time.monotonic() - self._options.max_seconds
        for connection in [worker for worker in self._at_work() if self._began[worker] < late]:
            number = self._busy.pop(connection)
            self._room.leave(connection)
            self._workers[connection].kill()
            self._replace(connection)
            self._ready[number] = late_reading(sources[number], self._options)

    def _at_work(self) -> list[Connection]:
        """Those that are busy and wait for nothing."""
        return [worker for worker in self._busy if not self._room.waits(worker)]

    def _start(self) -> None:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_serve, args=(theirs, self._options, LARGE), daemon=True)
        with postponed(), uninterrupted():
            process.start()
            self._workers[ours] = process
        theirs.close()

    def _take(self, connection: Connection, source: str) -> Reading | MemoryRequest:
        try:
            answer = connection.recv()
        except (EOFError, OSError):
            status = self._replace(connection)
            return Reading(source, error=f"{source}: {cause_of_death(status)}")
        if isinstance(answer, BaseException):
            raise answer
        assert isinstance(answer, Reading | MemoryRequest)
        return answer

    def _replace(self, connection: Connection) -> int | None:
        """Start another process in the place of one that has died; its exit status."""
        process = self._workers.pop(connection)
        connection.close()
        process.join()
        require_guarded(process.exitcode)
        self._start()
        return process.exitcode


def _serve(connection: Connection, options: Options, large: int) -> None:
    """A worker's life: ends when the other end of the pipe is gone, however that process ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def admit(pixels: int) -> None:
        if pixels > large:
            connection.send(MemoryRequest(pixels))
            connection.recv()

    with contextlib.suppress(EOFError, OSError):
        try:
            pipeline = options.pipeline(threads=1)
        except Exception as error:
            connection.recv()
            connection.send(error)
            return
        while True:
            source = connection.recv()
            try:
                answer: Reading | FacekitError = read_one(source, pipeline, options, admit)
            except FacekitError as error:
                answer = error
            connection.send(answer)
