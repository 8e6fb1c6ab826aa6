"""A server that listens on the loopback, in a thread, and what is asked of it."""

from __future__ import annotations

import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import uvicorn

from facekit.serving.application import Setup
from facekit.serving.listening import Server

Started = Callable[..., httpx.Client]


@contextmanager
def running(setup: Setup) -> Iterator[httpx.Client]:
    """A client of a server with this setup, which is ready."""
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    config = uvicorn.Config(
        setup,
        factory=True,
        log_config=None,
        log_level="error",
        access_log=False,
        proxy_headers=False,
        ws="none",
        timeout_graceful_shutdown=5,
    )
    server = Server(config, setup.at_end)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.005)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20, trust_env=False) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join(20)
        listener.close()


def files(*paths: Path | str) -> list[tuple[str, tuple[str, bytes]]]:
    """A form with these pictures."""
    return [("pictures", (Path(path).name, Path(path).read_bytes())) for path in paths]


def problem(response: httpx.Response, status: int) -> str:
    """The detail of the problem that it is."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    values = response.json()
    assert values["status"] == status
    assert set(values) >= {"type", "title", "detail"}
    return str(values["detail"])


def wait_until_nothing_is_kept(store: Path) -> None:
    """Of a store of thumbnails: who is in none of its gallery is erased soon."""
    deadline = time.monotonic() + 10
    with closing(sqlite3.connect(store)) as connection:
        while connection.execute("SELECT count(*) FROM thumbnails").fetchone() != (0,):
            assert time.monotonic() < deadline
            time.sleep(0.02)
