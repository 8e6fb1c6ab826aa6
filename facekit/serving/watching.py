"""What happens in front of a camera, told to all who listen: server-sent events (WHATWG HTML, 9.2)."""

from __future__ import annotations

import asyncio
import logging
import secrets
import threading
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from starlette.responses import StreamingResponse

from facekit.errors import FacekitError, GalleryError
from facekit.serving.openapi import event_stream
from facekit.serving.problems import RequestError, internal, of_error
from facekit.serving.service import service_of
from facekit.text.escaping import json_line

if TYPE_CHECKING:
    from facekit.video.events import Event

router = APIRouter(prefix="/v1")
log = logging.getLogger("facekit.serving")

RECENT = 1000
"""So many events are kept for those whose connection broke."""
LISTENERS = 100
HEARTBEAT = 15.0
"""Seconds after which something is sent, so that nobody takes a quiet connection for a dead one."""
PAUSE = 5.0
"""Seconds until a camera that is gone, or a gallery in which nobody is, is tried again."""


class Watching:
    """A watch in a thread of its own. All but what that thread does belongs to one event loop.

    `watch` begins one, and is asked again after a problem; it is given what tells whether to stop. `live` is
    whether its source goes on after a problem. `place` is where the gallery is, which no problem tells.
    """

    def __init__(
        self, watch: Callable[[Callable[[], bool]], Iterator[Event]], place: object, *, live: bool
    ) -> None:
        self._watch, self._place, self._live = watch, place, live
        self._run = secrets.token_hex(4)
        self._number = 0
        self._listeners = 0
        self._recent: deque[tuple[int, bytes]] = deque(maxlen=RECENT)
        self._news = asyncio.Event()
        self._ended = False
        self._stopped = threading.Event()
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._go, name="facekit-watch", daemon=True)

    def begin(self) -> None:
        self._thread.start()

    def end(self) -> None:
        """Whoever listens has heard all, and what is watched is let go of."""
        self._stopped.set()
        self._ended = True
        self._wake()

    async def close(self) -> None:
        self.end()
        await asyncio.to_thread(self._thread.join, PAUSE)

    async def events(
        self, last: str | None, may_go_on: Callable[[], Awaitable[bool]]
    ) -> AsyncIterator[bytes]:
        """What happens from now on, or after the event whose id was the `last`, until it is over, or
        `may_go_on` says no. Raises RequestError where too many listen."""
        if self._listeners >= LISTENERS:
            raise RequestError(
                HTTPStatus.SERVICE_UNAVAILABLE, "too many listen already", headers={"Retry-After": "30"}
            )
        return self._stream(self._after(last), may_go_on)

    async def _stream(self, after: int, may_go_on: Callable[[], Awaitable[bool]]) -> AsyncIterator[bytes]:
        self._listeners += 1
        try:
            yield b": facekit\n\n"
            while await may_go_on():
                news, lines = self._news, [line for number, line in self._recent if number > after]
                if after + len(lines) < self._number:
                    yield _line("missed", {"events": self._number - after - len(lines)})
                after = self._number
                for line in lines:
                    yield line
                if self._ended:
                    return
                try:
                    await asyncio.wait_for(news.wait(), HEARTBEAT)
                except TimeoutError:
                    yield b": nothing new\n\n"
        finally:
            self._listeners -= 1

    def _after(self, last: str | None) -> int:
        """The number of the event whose id it is; 0 for one of another run of the server."""
        if last is None:
            return self._number
        run, _, number = last.partition("-")
        known = run == self._run and number.isascii() and number.isdigit() and len(number) < 19
        return min(int(number), self._number) if known else 0

    def _go(self) -> None:
        try:
            while not self._stopped.is_set():
                if self._once():
                    return
                self._stopped.wait(PAUSE)
        finally:
            self._call(self._over)

    def _once(self) -> bool:
        """Watch until it ends; whether it is over for good."""
        try:
            for event in self._watch(self._stopped.is_set):
                self._call(self._tell, event.kind, event.to_dict())
        except FacekitError as error:
            detail = of_error(error, self._place).detail
            log.error("watch: %s", detail)
            self._call(self._tell, "problem", {"detail": detail})
            return not (self._live or isinstance(error, GalleryError))
        except Exception as error:
            detail = internal(error).detail
            log.error("watch: %s", detail)
            self._call(self._tell, "problem", {"detail": detail})
            return True
        return not self._live

    def _call(self, act: Callable[..., None], *values: Any) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(act, *values)

    def _tell(self, kind: str, values: dict[str, Any]) -> None:
        self._number += 1
        self._recent.append((self._number, _line(kind, values, f"{self._run}-{self._number}")))
        self._wake()

    def _over(self) -> None:
        if not self._ended:
            self._tell("end", {})
            self._ended = True
            self._wake()

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()


def _line(kind: str, values: dict[str, Any], id_: str | None = None) -> bytes:
    """One event of the stream; JSON has no line breaks."""
    number = f"id: {id_}\n" if id_ else ""
    return f"{number}event: {kind}\ndata: {json_line(values).strip()}\n\n".encode()


@router.get(
    "/events",
    tags=["pictures"],
    summary="Who comes and goes in front of the camera of --watch, as server-sent events",
    **event_stream("watch"),
)
async def events(request: Request) -> StreamingResponse:
    service_of(request, "read")
    watching: Watching | None = request.app.state.watching
    if watching is None:
        raise RequestError(
            HTTPStatus.NOT_FOUND, "this server watches no camera: start it with --watch SOURCE"
        )
    state = request.scope["state"]
    stream = await watching.events(request.headers.get("last-event-id"), state["may_go_on"])
    state["time"].reschedule(None)
    return StreamingResponse(stream, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})
