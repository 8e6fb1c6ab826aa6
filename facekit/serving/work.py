"""Room for the requests of one process: so many at work, so many waiting, and no more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, TypeVar

from facekit.serving.problems import RequestError

Result = TypeVar("Result")


class Workplace:
    """Threads that do the work. A request has its place before its body is read, so that uploads which nobody
    can look at yet do not fill the memory. Used from one event loop."""

    def __init__(self, at_once: int, queue: int) -> None:
        self._most = at_once + queue
        self._inside = 0
        self._threads = ThreadPoolExecutor(at_once, "facekit-request")

    @property
    def inside(self) -> int:
        """How many requests are there, waiting or at work."""
        return self._inside

    @contextmanager
    def admitted(self) -> Iterator[None]:
        """A place for a request. Raises RequestError (503) where all are taken."""
        if self._inside >= self._most:
            raise RequestError(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "the server has more requests than it can take: try again in a moment",
                headers={"Retry-After": "1"},
            )
        self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1

    async def run(self, work: Callable[[], Result]) -> Result:
        """Do the work in a thread. A thread cannot be stopped: where nobody waits for it any more, its place
        is free when it is done."""
        future = self._threads.submit(work)
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            if not future.cancel() and not future.done():
                self._inside += 1
                loop = asyncio.get_running_loop()
                future.add_done_callback(lambda done: self._leave(loop, done))
            raise

    def close(self) -> None:
        """Begin nothing more."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _leave(self, loop: asyncio.AbstractEventLoop, done: Future[Any]) -> None:
        def leave() -> None:
            self._inside -= 1

        if not loop.is_closed():
            loop.call_soon_threadsafe(leave)
