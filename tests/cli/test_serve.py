"""`facekit serve`: where it listens, what it says, and how it ends."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cli.conftest import Run
from fakes import COMMAND, PYTHON_PATH, photo

needs_server = pytest.mark.skipif(
    importlib.util.find_spec("fastapi") is None, reason="needs pip install '.[serve]'"
)


@contextmanager
def serving(*words: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server of its own process, and its address."""
    environment = {**os.environ, "PYTHONPATH": PYTHON_PATH}
    process = subprocess.Popen(
        [*COMMAND, "serve", "--port", "0", *words], stderr=subprocess.PIPE, text=True, env=environment
    )
    try:
        assert process.stderr is not None
        lines = []
        for line in process.stderr:
            lines.append(line)
            if "serving at " in line:
                break
        else:
            raise AssertionError("".join(lines))
        yield process, line.split("serving at ")[1].split()[0]
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        process.stderr.close()  # type: ignore[union-attr]


def ask(address: str, picture: Path | None = None, token: str = "") -> tuple[int, str]:
    data = picture.read_bytes() if picture else None
    headers = {"Content-Type": "image/png"} if picture else {}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    try:
        with urllib.request.urlopen(urllib.request.Request(address, data, headers), timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@needs_server
@pytest.mark.usefixtures("people")
@pytest.mark.parametrize("workers", ["1", "2"])
def test_it_answers_and_sigterm_ends_it_in_order(tmp_path: Path, workers: str) -> None:
    slow = photo(tmp_path / "slow.png", "red")
    with serving("--workers", workers, "-g", "gallery") as (process, address):
        assert ask(f"{address}/ready") == (200, '{"status":"ready"}')
        status, text = ask(f"{address}/v1/identify", slow)
        assert status == 200
        assert json.loads(text)["results"][0]["faces"][0]["subject"] == "red"
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""


@needs_server
@pytest.mark.usefixtures("people")
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_closed_terminal_ends_it_as_sigterm_does(workers: str) -> None:
    """uvicorn begins its processes anew at SIGHUP, or breaks off."""
    with serving("--workers", workers, "-g", "gallery") as (process, address):
        assert ask(f"{address}/ready")[0] == 200
        process.send_signal(signal.SIGHUP)
        assert process.wait(30) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""


@needs_server
@pytest.mark.usefixtures("people")
def test_beyond_the_loopback_every_request_needs_a_key(run: Run) -> None:
    refused = run("serve", "--host", "0.0.0.0", "-g", "gallery")
    assert refused.exit_code == 2
    assert "facekit serve key add" in refused.stderr
    assert "TLS" in refused.stderr
    token = run("serve", "key", "add", "door").stdout.strip()
    with serving("--host", "0.0.0.0", "-g", "gallery", "--read-only") as (process, address):
        assert process.stderr is not None
        assert "TLS" in process.stderr.readline()
        local = address.replace("0.0.0.0", "127.0.0.1")
        assert ask(f"{local}/v1/subjects")[0] == 401
        assert ask(f"{local}/v1/subjects", token=token)[0] == 200


@needs_server
@pytest.mark.usefixtures("people")
def test_what_cannot_be_watched_is_said_at_once(run: Run) -> None:
    for words, status, why in (
        (["--watch", "nothing.mp4"], 1, "nothing.mp4"),
        (["--watch", "0", "--workers", "2"], 2, "--workers 1"),
        (["--watch", "ftp://camera"], 2, "rtsp://"),
    ):
        result = run("serve", "--port", "0", "-g", "gallery", *words)
        assert result.exit_code == status, result.stderr
        assert why in result.stderr


@needs_server
def test_a_port_that_is_taken_is_said_so(run: Run) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = run("serve", "--port", str(taken.getsockname()[1]), "-g", "new.db")
    assert result.exit_code == 1
    assert "choose another" in result.stderr


@needs_server
@pytest.mark.usefixtures("people")
def test_the_shipped_gallery_is_served_to_be_read_only(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from facekit import settings

    result = run("serve", "-g", str(settings.reference_gallery()))
    assert result.exit_code == 1


def test_without_the_extra_it_says_how_to_get_it(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from facekit import settings

    monkeypatch.setattr(settings, "has_package", lambda name: name != "uvicorn")
    result = run("serve", "-g", "new.db")
    assert result.exit_code == 1
    assert "[serve]" in result.stderr
    assert not Path("new.db").exists()


def test_keys_are_added_listed_and_removed(run: Run, user_data: Path) -> None:
    added = run("serve", "key", "add", "door", "--role", "enroll")
    assert added.stdout.startswith("facekit_")
    assert "cannot be shown again" in added.stderr
    assert added.stdout.strip() not in (user_data / "facekit" / "serve-keys.json").read_text()
    (listed,) = json.loads(run("serve", "key", "list", "-f", "json").stdout)["results"]
    assert (listed["name"], listed["role"]) == ("door", "enroll")
    assert "door" in run("serve", "key", "list").stdout
    assert run("serve", "key", "remove", "door").exit_code == 0
    assert run("serve", "key", "remove", "door").exit_code == 2


def test_no_other_command_loads_the_server() -> None:
    code = (
        "import sys, facekit.cli\n"
        "try: facekit.cli.group.main(['serve', 'key', 'list'])\n"
        "except SystemExit as end: assert not end.code\n"
        "print([name for name in ('fastapi', 'starlette', 'uvicorn', 'pydantic') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr
