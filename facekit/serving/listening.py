"""uvicorn's server, which also ends requests that would go on for ever."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable

import uvicorn


class Server(uvicorn.Server):
    """Calls `at_end` before it waits for the requests that were begun."""

    def __init__(self, config: uvicorn.Config, at_end: Iterable[Callable[[], None]]) -> None:
        super().__init__(config)
        self._at_end = at_end

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for act in self._at_end:
            act()
        await super().shutdown(sockets)
