"""Parts of a scan in processes of this machine."""

from __future__ import annotations

import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from facekit import settings
from facekit.faces.batch_pool import WorkerEndedError
from facekit.faces.worker_processes import (
    cause_of_death,
    postponed,
    require_guard,
    require_guarded,
    uninterrupted,
)
from facekit.gallery.search.exact import FloatArray
from facekit.gallery.search.finalists import Positions
from facekit.gallery.search.sharding import Block, PartScan, Shape

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess


class ScanProcesses:
    """See facekit.gallery.search.sharding.ScanWorkers."""

    def __init__(self, size: int) -> None:
        import multiprocessing

        require_guard()
        self._context = multiprocessing.get_context("spawn")
        self._processes: dict[Connection, BaseProcess] = {}
        self.size = size
        self.threads = max(1, settings.default_threads() // size)

    @property
    def pids(self) -> list[int]:
        return [process.pid for process in self._processes.values() if process.pid is not None]

    def start(self, shape: Shape) -> Connection:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_serve, args=(theirs, shape), daemon=True)
        with postponed(), uninterrupted():
            process.start()
            self._processes[ours] = process
        theirs.close()
        return ours

    def load(self, worker: Connection, block: Block) -> None:
        self._send(worker, "load", block)

    def ask(self, worker: Connection, probes: FloatArray, k: int) -> None:
        self._send(worker, "finalists", probes, k)

    def answer(self, worker: Connection) -> list[Positions]:
        try:
            answer: list[Positions] | str = worker.recv()
        except (EOFError, OSError) as error:
            raise WorkerEndedError(self._cause_of_death(worker)) from error
        if isinstance(answer, str):
            raise WorkerEndedError(answer)
        return answer

    def end(self, worker: Connection) -> None:
        process = self._processes.pop(worker, None)
        if process is not None:
            process.terminate()
            worker.close()
            process.join()

    def close(self) -> None:
        for worker in list(self._processes):
            self.end(worker)

    def _send(self, worker: Connection, *question: Any) -> None:
        try:
            worker.send(question)
        except OSError as error:
            raise WorkerEndedError(self._cause_of_death(worker)) from error

    def _cause_of_death(self, worker: Connection) -> str:
        process = self._processes.get(worker)
        if process is None:
            return "it was ended"
        process.join(timeout=1)
        require_guarded(process.exitcode)
        return cause_of_death(process.exitcode)


def _serve(connection: Connection, shape: Shape) -> None:
    """A worker's life: ends when the other end of the pipe is gone, however that process ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(EOFError, OSError):
        try:
            part = PartScan(shape)
            while True:
                kind, *rest = connection.recv()
                if kind == "load":
                    part.load(*rest)
                else:
                    connection.send(part.finalists(*rest))
        except MemoryError:
            connection.send("not enough memory for its part")
