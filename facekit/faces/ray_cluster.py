"""Workers on a Ray cluster, or on this machine by a Ray of our own that ends with the run."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import shutil
import signal
import tempfile
import threading
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

from facekit import extras, settings
from facekit.errors import DependencyError, FacekitError
from facekit.faces.batch_pool import Answer, Assignment, BatchReader, WorkerEndedError

# Two workers of a whole processor each on a machine with two leave none for Ray's own tasks, which then wait
# for ever (github.com/ray-project/ray/issues/44687).
_PROCESSORS_A_WORKER = 0.5
_OBJECT_STORE = 256 << 20
_LONGEST_REASON = 200

_OUR_OWN = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AUTH_MODE": "token",  # other users of this machine cannot make our workers run what they want
}


class RayCluster:
    """`address` is `ray` or `ray://HOST:PORT`; `workers` 0 means one for each processor."""

    def __init__(self, address: str, workers: int) -> None:
        """Raises DependencyError without Ray, FacekitError if there is no cluster."""
        self._address = address
        self._folder: str | None = None
        self._workers: list[Any] = []
        self._questions: dict[Any, Any] = {}
        self._local = address == "ray"
        if self._local:
            workers = workers or settings.default_threads()
            settings.set_environment({**_OUR_OWN, "RAY_AUTH_TOKEN": secrets.token_hex(32)})
        self._ray = ray = _imported()
        self._shared = ray.is_initialized()
        if not self._shared:
            self._connect(workers)
        self.size = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
        self._reader = ray.remote(num_cpus=_PROCESSORS_A_WORKER, max_restarts=0, max_task_retries=0)(
            BatchReader
        )

    def _connect(self, workers: int) -> None:
        quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.CRITICAL}
        _keep_standard_output_for_results()
        try:
            with _handlers_kept():
                if self._local:
                    self._start_own(workers, quiet)
                else:
                    with warnings.catch_warnings():
                        warnings.simplefilter("ignore")  # that nobody answers is our error
                        self._ray.init(self._address, **quiet)
        except BaseException as error:
            self.close()
            if isinstance(error, ConnectionError | OSError | RuntimeError | ValueError):
                raise FacekitError(f"{self._address}: Ray cannot be reached: {_reason(error)}") from error
            raise

    def _start_own(self, workers: int, quiet: dict[str, Any]) -> None:
        self._folder = tempfile.mkdtemp(prefix="facekit-ray-")
        with _on_the_loopback():
            self._ray.init(
                "local",
                num_cpus=workers,
                num_gpus=0,
                include_dashboard=False,
                object_store_memory=_OBJECT_STORE,
                configure_logging=False,
                _temp_dir=self._folder,
                **quiet,
            )

    def start(self, assignment: Assignment) -> Any:
        worker = self._reader.options(scheduling_strategy="SPREAD").remote(assignment)
        self._workers.append(worker)
        here = os.path.exists(assignment.sample)
        self._questions[worker] = worker.installation.remote(here)
        return worker

    def ask(self, worker: Any, sources: Sequence[str]) -> None:
        self._questions[worker] = worker.read.remote(list(sources))

    def answered(self, workers: Sequence[Any], seconds: float) -> list[Any]:
        of_question = {self._questions[worker]: worker for worker in workers}
        with self._connected():
            done, _ = self._ray.wait(list(of_question), num_returns=1, timeout=seconds)
        return [of_question[question] for question in done]

    def answer(self, worker: Any) -> Answer:
        question = self._questions.pop(worker)
        with self._connected():
            try:
                answer: Answer = self._ray.get(question)
            except (self._ray.exceptions.RayActorError, self._ray.exceptions.RayTaskError) as error:
                raise WorkerEndedError(_reason(error)) from error
            except self._ray.exceptions.OutOfMemoryError as error:
                raise WorkerEndedError("out of memory") from error
        return answer

    def end(self, worker: Any) -> None:
        self._questions.pop(worker, None)
        with self._connected():
            self._ray.kill(worker)

    def close(self) -> None:
        with contextlib.suppress(ConnectionError), _handlers_kept():
            if self._shared:
                for worker in self._workers:
                    self._ray.kill(worker)
            else:
                self._ray.shutdown()
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)

    @contextlib.contextmanager
    def _connected(self) -> Iterator[None]:
        try:
            yield
        except (ConnectionError, self._ray.exceptions.RaySystemError) as error:
            raise FacekitError(
                f"{self._address}: the connection to Ray was lost ({_reason(error)}); run it again"
            ) from error


def require_ray() -> None:
    """Raises DependencyError without Ray."""
    if not settings.has_package("ray"):
        raise DependencyError(f"--workers ray needs Ray: {extras.install('ray')}")


def _imported() -> Any:
    require_ray()
    import ray

    return ray


def _reason(error: BaseException) -> str:
    """What Ray says, in a line: the last error of a traceback, or else the first sentence."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    named = [line for line in lines if "Error: " in line]
    line = named[-1] if named else lines[0] if lines else type(error).__name__
    return line[:_LONGEST_REASON]


@contextlib.contextmanager
def _on_the_loopback() -> Iterator[None]:
    """Let Ray's processes listen on the loopback alone, as Ray itself has it on macOS and Windows. A
    `_node_ip_address` of 127.0.0.1 it would replace by that of the network."""
    from ray._private import ray_constants

    before = ray_constants.ENABLE_RAY_CLUSTER
    ray_constants.ENABLE_RAY_CLUSTER = False
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = before


def _keep_standard_output_for_results() -> None:
    """Ray prints there that a worker has died."""
    from ray._private import worker

    worker._worker_logs_enabled = False
    logging.getLogger("ray").setLevel(logging.CRITICAL)


@contextlib.contextmanager
def _handlers_kept() -> Iterator[None]:
    """Ray takes SIGTERM for itself, and would end the program without putting away what is begun."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
