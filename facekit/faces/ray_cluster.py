"""Workers that read pictures, on a Ray cluster or by a Ray of our own on this machine."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from facekit import settings
from facekit.faces.batch_pool import Answer, Assignment, BatchReader
from facekit.faces.ray_connection import RayConnection

# Two workers of a whole processor each on a machine with two leave none for Ray's own tasks, which then wait
# for ever (github.com/ray-project/ray/issues/44687).
_PROCESSORS_A_WORKER = 0.5


class RayCluster:
    """`address` is `ray` or `ray://HOST:PORT`; `workers` 0 means one for each processor."""

    def __init__(self, address: str, workers: int) -> None:
        """Raises DependencyError without Ray, FacekitError if there is no cluster."""
        if address == "ray":
            workers = workers or settings.default_threads()
        self._connection = connection = RayConnection(address, workers)
        self._workers: list[Any] = []
        self._questions: dict[Any, Any] = {}
        self.size = workers or connection.processors
        self._reader = connection.ray.remote(
            num_cpus=_PROCESSORS_A_WORKER, max_restarts=0, max_task_retries=0
        )(BatchReader)

    def start(self, assignment: Assignment) -> Any:
        worker = self._connection.call(self._reader.options(scheduling_strategy="SPREAD").remote, assignment)
        self._workers.append(worker)
        here = os.path.exists(assignment.sample)
        self._questions[worker] = self._connection.call(worker.installation.remote, here)
        return worker

    def ask(self, worker: Any, sources: Sequence[str]) -> None:
        self._questions[worker] = self._connection.call(worker.read.remote, list(sources))

    def answered(self, workers: Sequence[Any], seconds: float) -> list[Any]:
        of_question = {self._questions[worker]: worker for worker in workers}
        return [of_question[question] for question in self._connection.ready(list(of_question), seconds)]

    def answer(self, worker: Any) -> Answer:
        answer: Answer = self._connection.result(self._questions.pop(worker))
        return answer

    def end(self, worker: Any) -> None:
        self._questions.pop(worker, None)
        self._connection.kill(worker)

    def close(self) -> None:
        self._connection.close(self._workers)
