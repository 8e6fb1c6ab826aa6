"""The connection to a Ray cluster, or to a Ray of our own on this machine that ends with the run.

Ray's calls are made in a thread: a signal that comes while one waits is heard at once and keeps its number
(Ray makes each a Ctrl-C), and a call that never comes back, as of a cluster that is gone, can be left alone.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import secrets
import shutil
import signal
import socket
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, TypeVar

from facekit import extras, settings
from facekit.errors import DependencyError, FacekitError
from facekit.faces.batch_pool import WorkerEndedError

Result = TypeVar("Result")

_OBJECT_STORE = 256 << 20
_LONGEST_REASON = 200
# Ray is asked again so often whether something is ready: each call comes back soon, or something is wrong.
_SLICE_SECONDS = 0.5
# From when on a call is long, and for how long then nobody may answer at the cluster's address.
_LONG_SECONDS = 5.0
_GONE_SECONDS = 30.0
_CONNECT_SECONDS = 3.0
_PAUSE_SECONDS = 1.0
# A machine that answers, with a Ray that does not.
_LONGEST_CALL_SECONDS = 600.0
# Our own Ray comes to an end, a cluster may be gone.
_CLOSE_SECONDS = {True: 10.0, False: 3.0}

_OUR_OWN = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AUTH_MODE": "token",  # other users of this machine cannot make our workers run what they want
}


class RayConnection:
    """`address` is `ray` or `ray://HOST:PORT`; of our own Ray `processors` are offered, 0 meaning all."""

    def __init__(self, address: str, processors: int) -> None:
        """Raises DependencyError without Ray, FacekitError if there is no cluster."""
        self.address = address
        self._folder: str | None = None
        self._gone = False
        self._calls: queue.SimpleQueue[_Call[Any] | None] | None = None
        self._local = address == "ray"
        if self._local:
            settings.set_environment({**_OUR_OWN, "RAY_AUTH_TOKEN": secrets.token_hex(32)})
        self.ray = _imported()
        self._shared = self.ray.is_initialized()
        if not self._shared:
            self._connect(processors or settings.default_threads())
        self.processors = max(1, int(self.call(self.ray.cluster_resources).get("CPU", 1)))

    def _connect(self, processors: int) -> None:
        quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.CRITICAL}
        _keep_standard_output_for_results()
        try:
            with _handlers_kept():
                if self._local:
                    self._start_own(processors, quiet)
                else:
                    with warnings.catch_warnings():
                        warnings.simplefilter("ignore")  # that nobody answers is our error
                        self.ray.init(self.address, **quiet)
                    # Ray has told it to speak.
                    logging.getLogger("ray.util.client.logsclient").setLevel(logging.CRITICAL)
        except BaseException as error:
            self.close()
            if isinstance(error, ConnectionError | OSError | RuntimeError | ValueError):
                raise FacekitError(f"{self.address}: Ray cannot be reached: {reason_of(error)}") from error
            raise

    def _start_own(self, processors: int, quiet: dict[str, Any]) -> None:
        self._folder = tempfile.mkdtemp(prefix="facekit-ray-")
        with _on_the_loopback():
            self.ray.init(
                "local",
                num_cpus=processors,
                num_gpus=0,
                include_dashboard=False,
                object_store_memory=_OBJECT_STORE,
                configure_logging=False,
                _temp_dir=self._folder,
                **quiet,
            )

    def call(self, function: Callable[..., Result], *arguments: Any, **named: Any) -> Result:
        """What a function of Ray gives. Raises FacekitError if the cluster is gone."""
        call = _Call(lambda: function(*arguments, **named))
        self._calling().put(call)
        began = time.monotonic()
        while not call.done.wait(_SLICE_SECONDS):
            waited = time.monotonic() - began
            if self._local:
                self._require_own()
            elif waited > _LONG_SECONDS:
                self._require_there()
            if waited > _LONGEST_CALL_SECONDS:
                raise self._lost(f"it has not answered for {waited:.0f} s")
        try:
            return call.result()
        except (ConnectionError, self.ray.exceptions.RaySystemError) as error:
            raise self._lost(reason_of(error)) from error

    def ready(self, questions: Sequence[Any], seconds: float) -> list[Any]:
        """Those that have been answered, waiting for the first so long at most."""
        until = time.monotonic() + seconds
        while True:
            left = max(0.0, min(until - time.monotonic(), _SLICE_SECONDS))
            answered, _ = self.call(self.ray.wait, list(questions), num_returns=1, timeout=left)
            if answered or time.monotonic() >= until:
                return list(answered)
            if self._local:
                self._require_own()

    def result(self, question: Any) -> Any:
        """The answer to a question. Raises WorkerEndedError if the worker has ended."""
        errors = self.ray.exceptions
        try:
            return self.call(self.ray.get, question)
        except (errors.RayActorError, errors.RayTaskError) as error:
            raise WorkerEndedError(reason_of(error)) from error
        except errors.OutOfMemoryError as error:
            raise WorkerEndedError("out of memory") from error

    def kill(self, worker: Any) -> None:
        """End a worker, if there is still a Ray."""
        if not self._gone and self.ray.is_initialized():
            self.call(self.ray.kill, worker)

    def close(self, workers: Sequence[Any] = ()) -> None:
        """End the workers, and let go of the cluster or end our own Ray, unless others use it too. What does
        not come to an end is left alone."""
        if self._local and self._gone and not self._shared:
            _kill_own()
        elif not self._gone and (not self._shared or self.ray.is_initialized()):
            ending = _Call(lambda: self._end(workers))
            with _handlers_kept():
                self._calling().put(ending)
                ending.done.wait(_CLOSE_SECONDS[self._local])
        if self._calls is not None:
            self._calls.put(None)
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _end(self, workers: Sequence[Any]) -> None:
        if not self._shared:
            self.ray.shutdown()
            return
        for worker in workers:
            self.ray.kill(worker)

    def _calling(self) -> queue.SimpleQueue[_Call[Any] | None]:
        """The queue of the thread that calls Ray."""
        if self._calls is None:
            self._calls = queue.SimpleQueue()
            # A daemon: nobody waits for a call that does not come back.
            threading.Thread(target=_serve, args=(self._calls,), daemon=True, name="facekit-ray").start()
        return self._calls

    def _require_own(self) -> None:
        """Raise FacekitError if the processes of our own Ray have ended: nobody else would tell."""
        dead = _dead_of_own()
        if dead:
            raise self._lost(f"its {dead[0]} ended")

    def _require_there(self) -> None:
        """Raise FacekitError if nobody has answered at the address for a while."""
        host, _, port = self.address.removeprefix("ray://").rpartition(":")
        until = time.monotonic() + _GONE_SECONDS
        while True:
            try:
                socket.create_connection((host.strip("[]"), int(port)), _CONNECT_SECONDS).close()
            except OSError as error:
                if time.monotonic() > until:
                    raise self._lost(f"nobody answers there: {error.strerror or reason_of(error)}") from error
                time.sleep(_PAUSE_SECONDS)
            else:
                return

    def _lost(self, why: str) -> FacekitError:
        self._gone = True
        return FacekitError(f"{self.address}: the connection to Ray was lost ({why}): run it again")


def _dead_of_own() -> list[str]:
    """Those of the processes of our own Ray without which it does nothing, and that have ended."""
    from ray._private import worker

    node = worker._global_node
    dead: list[str] = [] if node is None else [kind for kind, _ in node.dead_processes()]
    return [kind for kind in dead if kind in ("raylet", "gcs_server")]


def _kill_own() -> None:
    """End what is left of our own Ray, which cannot be asked to any more."""
    from ray._private import worker

    if worker._global_node is not None:
        worker._global_node.kill_all_processes(check_alive=False, allow_graceful=False)


class _Call(Generic[Result]):
    """One call, and what came of it."""

    def __init__(self, function: Callable[[], Result]) -> None:
        self.done = threading.Event()
        self._function = function
        self._result: Result | None = None
        self._error: BaseException | None = None

    def run(self) -> None:
        try:
            self._result = self._function()
        except BaseException as error:
            self._error = error
        self.done.set()

    def result(self) -> Result:
        if self._error is not None:
            raise self._error
        return self._result  # type: ignore[return-value]


def _serve(calls: queue.SimpleQueue[_Call[Any] | None]) -> None:
    while (call := calls.get()) is not None:
        call.run()


def require_ray() -> None:
    """Raises DependencyError without Ray."""
    if not settings.has_package("ray"):
        raise DependencyError(f"--workers ray needs Ray: {extras.install('ray')}")


def _imported() -> Any:
    require_ray()
    import ray

    return ray


def reason_of(error: BaseException) -> str:
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
