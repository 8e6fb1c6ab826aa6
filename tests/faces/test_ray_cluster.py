"""Workers on Ray: one run with a real one, in a process of its own, and what needs none."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pytest
from fakes import PYTHON_PATH, FakeOptions, photo

from facekit import settings
from facekit.errors import DependencyError, FacekitError, UsageError
from facekit.faces import ray_cluster, ray_connection
from facekit.faces.reading import Options, read_faces

PROGRAM = """
import json, os, signal, sys, threading, time
from pathlib import Path

import numpy as np

import fakes
from facekit.faces.reading import read_faces
from facekit.gallery.search.codes import CodeScan, encode
from facekit.gallery.search.index import Index
from facekit.gallery.search.ray_scan import RayScan
from facekit.gallery.search.sharding import ShardedFinder

def children(of):
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(path.read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue
        if parent == of:
            yield int(path.parent.name)
            yield from children(int(path.parent.name))

def listening():
    # Local addresses of the sockets on which this process and all that it started listen.
    inodes = set()
    for pid in [os.getpid(), *children(os.getpid())]:
        for entry in Path(f"/proc/{pid}/fd").glob("*"):
            try:
                inodes.add(os.readlink(entry).removeprefix("socket:[").removesuffix("]"))
            except OSError:
                pass
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/self/net/{table}").read_text().splitlines()[1:]:
            words = line.split()
            if words[3] == "0A" and words[9] in inodes:
                yield words[1].split(":")[0]

class AskedToEnd(KeyboardInterrupt):
    pass

def asked_to_end(number, frame):
    raise AskedToEnd

def unit(count):
    vectors = np.random.default_rng(count).standard_normal((count, 24)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

signal.signal(signal.SIGTERM, asked_to_end)
vectors, probes = unit(400), unit(5)
codes, scales, errors = encode(vectors)
index = Index(
    CodeScan(codes, scales, float(errors.max())),
    np.arange(400) // 3,
    lambda rows: ([f"person {row // 3}" for row in rows.tolist()], vectors[rows]),
)
search = RayScan("ray", 2)
sharded = index.by(ShardedFinder(index.finder, index.finder.scan, search))
same = sharded.search(probes, 5) == index.search(probes, 5)
results, addresses = [], []
for reading in read_faces(sys.argv[1:], fakes.FakeOptions(jobs=2, workers="ray")):
    if not results and sys.platform == "linux":
        addresses = sorted(set(listening()))
    results.append([reading.source, len(reading.faces), reading.error])
same = same and sharded.search(probes, 50) == index.search(probes, 50)
sleeping = search._connection.ray.remote(lambda: time.sleep(60)).options(num_cpus=0).remote()
threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGTERM)).start()
began, heard = time.monotonic(), ""
try:
    search._connection.ready([sleeping], 60)
except KeyboardInterrupt as error:
    heard = type(error).__name__
seconds = time.monotonic() - began
search.close()
print(json.dumps(
    {"results": results, "addresses": addresses, "same": same, "heard": heard, "seconds": seconds}
))
"""
# 127.0.0.1, as IPv4 and as IPv6, and ::1, as the kernel writes them.
LOOPBACK = {"0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000"}


@pytest.mark.skipif(find_spec("ray") is None, reason="needs the extra ray")
def test_two_workers_on_two_processors_read_all_and_leave_out_what_ends_them(tmp_path: Path) -> None:
    """As many workers as processors once waited for each other (Ray's issue 44687). Relative paths are from
    here; nothing listens beyond the loopback; nothing but the results is printed or left behind. The same
    Ray divides a search, whose answers are those of one process, and a signal is heard as what it is."""
    names = [*(f"{number}.png" for number in range(12)), "segfault.png", "12.png"]
    for number, name in enumerate(names):
        photo(tmp_path / name, "red", seed=number)
    home, scratch = tmp_path / "home", Path("/tmp") if os.name == "posix" else tmp_path
    home.mkdir()
    before = set(scratch.glob("facekit-ray-*"))
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *names],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": PYTHON_PATH, "HOME": str(home), "TMPDIR": str(scratch)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert [source for source, _, _ in told["results"]] == names
    errors = {source: error for source, _, error in told["results"] if error}
    assert list(errors) == ["segfault.png"]
    assert errors["segfault.png"].startswith("segfault.png: left out: 3 workers ended while they read it (")
    assert set(told["addresses"]) <= LOOPBACK
    assert told["addresses"] or sys.platform != "linux"
    assert told["same"]
    assert told["heard"] == "AskedToEnd"
    assert told["seconds"] < 5
    assert list(home.iterdir()) == []
    assert set(scratch.glob("facekit-ray-*")) == before


def test_ray_is_missed_before_anything_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "has_package", lambda name: False)
    with pytest.raises(DependencyError, match=r"--workers ray needs Ray: .*\[ray\]"):
        read_faces([str(tmp_path / "a.png")], FakeOptions(workers="ray"))


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Ray",
        "ray:",
        "ray://",
        "ray://host",
        "ray://a b:1",
        "ray://user@host:1",
        "dask",
        "ray://h:x",
        "0",
        "-1",
        "2.5",
        "1000",
        "２",
    ],
)
def test_what_names_no_workers_is_refused(value: str) -> None:
    with pytest.raises(UsageError, match="give a number, ray or ray://HOST:PORT"):
        Options(workers=value)
    assert Options(workers="ray").workers == "ray"
    assert Options(workers="ray://head.example:10001").workers == "ray://head.example:10001"


@pytest.mark.skipif(find_spec("ray") is None, reason="needs the extra ray")
def test_a_program_that_reads_few_pictures_starts_no_ray(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_connection, "_imported", lambda: pytest.fail("Ray was started"))
    sources = [str(photo(tmp_path / name, "red")) for name in ("a.png", "b.png")]
    assert len(list(read_faces(sources, FakeOptions(workers="ray")))) == 2


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("The actor died.\n\tclass_name: A\n", "The actor died."),
        (
            "Failed\n  File x\nModuleNotFoundError: No module named 'facekit'\n",
            "ModuleNotFoundError: No module named 'facekit'",
        ),
        ("", "OSError"),
        ("x" * 5000, "x" * 200),
    ],
)
def test_what_ray_says_is_told_in_a_line(text: str, reason: str) -> None:
    assert ray_connection.reason_of(OSError(text)) == reason


def test_a_cluster_that_does_not_answer_is_told_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def init(address: str, **rest: object) -> None:
        warnings.warn("Ray Client connection timed out.", UserWarning, stacklevel=1)
        raise ConnectionError("ray client connection timeout")

    ended: list[str] = []
    ray = SimpleNamespace(is_initialized=lambda: False, init=init, shutdown=lambda: ended.append("shutdown"))
    monkeypatch.setattr(ray_connection, "_imported", lambda: ray)
    monkeypatch.setattr(ray_connection, "_keep_standard_output_for_results", lambda: None)
    with pytest.raises(FacekitError, match=r"^ray://h:1: Ray cannot be reached: ray client"):
        ray_cluster.RayCluster("ray://h:1", 2)
    assert ended == ["shutdown"]


class FakeRay:
    """Ray's module, with a `wait` that never comes back."""

    class exceptions:  # noqa: N801
        class RaySystemError(Exception):
            """Ray itself failed."""

    def __init__(self, *, hangs: bool = True) -> None:
        self.hangs = hangs
        self.calls: list[str] = []

    def is_initialized(self) -> bool:
        return "init" in self.calls

    def init(self, *_: object, **__: object) -> None:
        self.calls.append("init")

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": 4.0}

    def wait(self, questions: list[str], **_: object) -> tuple[list[str], list[str]]:
        if self.hangs:
            threading.Event().wait()
        time.sleep(0.2)
        return questions, []

    def shutdown(self) -> None:
        self.calls.append("shutdown")


@pytest.fixture
def connected(monkeypatch: pytest.MonkeyPatch) -> Callable[..., ray_connection.RayConnection]:
    """A connection to a cluster of this Ray at this port, with short patience."""
    monkeypatch.setattr(ray_connection, "_keep_standard_output_for_results", lambda: None)
    for name, seconds in (("_SLICE", 0.02), ("_LONG", 0.05), ("_GONE", 0.2), ("_LONGEST_CALL", 0.5)):
        monkeypatch.setattr(ray_connection, f"{name}_SECONDS", seconds)
    monkeypatch.setattr(ray_connection, "_PAUSE_SECONDS", 0.05)

    def connect(ray: FakeRay, port: int) -> ray_connection.RayConnection:
        monkeypatch.setattr(ray_connection, "_imported", lambda: ray)
        return ray_connection.RayConnection(f"ray://127.0.0.1:{port}", 0)

    return connect


def test_a_cluster_that_is_gone_ends_the_run_with_a_sentence(
    connected: Callable[..., ray_connection.RayConnection],
) -> None:
    """Ray's client would go on asking it for ever."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    ray = FakeRay()
    connection = connected(ray, port)
    with pytest.raises(
        FacekitError, match=r"the connection to Ray was lost \(nobody answers there"
    ) as raised:
        connection.ready(["question"], 600)
    assert str(raised.value).startswith(f"ray://127.0.0.1:{port}: ")
    assert "\n" not in str(raised.value)
    connection.close()
    assert ray.calls == ["init"]


def test_a_machine_that_answers_without_its_ray_ends_the_run_later(
    connected: Callable[..., ray_connection.RayConnection],
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        connection = connected(FakeRay(), server.getsockname()[1])
        with pytest.raises(FacekitError, match="it has not answered for"):
            connection.ready(["question"], 600)


def test_a_ray_of_our_own_that_has_ended_ends_the_run_at_once(
    connected: Callable[..., ray_connection.RayConnection], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ray would wait for its processes for ever; what is left of them is ended."""
    ray, dead, killed = FakeRay(), list[str](), list[int]()
    monkeypatch.setattr(ray_connection, "_imported", lambda: ray)
    monkeypatch.setattr(ray_connection.RayConnection, "_start_own", lambda *_: ray.init())
    monkeypatch.setattr(ray_connection, "_dead_of_own", lambda: dead)
    monkeypatch.setattr(ray_connection, "_kill_own", lambda: killed.append(1))
    connection = ray_connection.RayConnection("ray", 2)
    dead.append("raylet")
    with pytest.raises(FacekitError, match=r"ray: the connection to Ray was lost \(its raylet ended\)"):
        connection.ready(["question"], 600)
    connection.close()
    assert (ray.calls, killed) == (["init"], [1])


def test_a_cluster_that_is_slow_is_waited_for(
    connected: Callable[..., ray_connection.RayConnection],
) -> None:
    ray = FakeRay(hangs=False)
    with socket.create_server(("127.0.0.1", 0)) as server:
        connection = connected(ray, server.getsockname()[1])
        assert connection.ready(["question"], 600) == ["question"]
        connection.close()
    assert ray.calls == ["init", "shutdown"]


def test_the_users_own_handlers_stay() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with ray_connection._handlers_kept():
        signal.signal(signal.SIGTERM, lambda number, frame: None)
    assert signal.getsignal(signal.SIGTERM) is before
