"""Parts of a scan in workers on Ray."""

from __future__ import annotations

from typing import Any

from facekit.errors import FacekitError
from facekit.faces.batch_pool import WorkerEndedError
from facekit.faces.ray_connection import RayConnection
from facekit.gallery.search.exact import FloatArray
from facekit.gallery.search.finalists import Positions
from facekit.gallery.search.sharding import Block, PartScan, Shape

# Beside the workers that read, which ask for half a processor each.
_PROCESSORS_A_WORKER = 0.25
# Scanning a part takes a second at most; a worker may have to wait for room.
_LONGEST_SECONDS = 300.0


class RayScan:
    """See facekit.gallery.search.sharding.ScanWorkers. `size` 0 means one for each processor."""

    def __init__(self, address: str, size: int) -> None:
        """Raises DependencyError without Ray, FacekitError if there is no cluster."""
        self._connection = connection = RayConnection(address, size)
        self._workers: list[Any] = []
        self._questions: dict[Any, Any] = {}
        self.size = size or connection.processors
        self.threads = max(1, connection.processors // self.size)
        self._part = connection.ray.remote(num_cpus=_PROCESSORS_A_WORKER, max_restarts=0, max_task_retries=0)(
            PartScan
        )

    def start(self, shape: Shape) -> Any:
        worker = self._connection.call(self._part.options(scheduling_strategy="SPREAD").remote, shape)
        self._workers.append(worker)
        return worker

    def load(self, worker: Any, block: Block) -> None:
        # Each block is awaited: they would fill the memory of Ray's store.
        self._result(self._connection.call(worker.load.remote, block))

    def ask(self, worker: Any, probes: FloatArray, k: int) -> None:
        self._questions[worker] = self._connection.call(worker.finalists.remote, probes, k)

    def answer(self, worker: Any) -> list[Positions]:
        positions: list[Positions] = self._result(self._questions.pop(worker))
        return positions

    def end(self, worker: Any) -> None:
        self._questions.pop(worker, None)
        if worker in self._workers:
            self._workers.remove(worker)
            self._connection.kill(worker)

    def close(self) -> None:
        self._connection.close(self._workers)

    def _result(self, question: Any) -> Any:
        if not self._connection.ready([question], _LONGEST_SECONDS):
            raise FacekitError(
                f"{self._connection.address}: no worker of the search answered within "
                f"{_LONGEST_SECONDS:.0f} s: has the cluster a free processor? (`ray status` tells)"
            )
        try:
            return self._connection.result(question)
        except MemoryError as error:
            raise WorkerEndedError("out of memory") from error
