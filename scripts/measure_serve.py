"""Measure `facekit serve` on the loopback. Prints JSON.

    python scripts/measure_serve.py
    python scripts/measure_serve.py --short          everything once, on little: proves that it runs

speed    Requests a second of /v1/identify and how long they took (p50, p95, p99), with 1, 4, 16 and 64
         clients, with one person in the gallery and with many; and the same pictures through the verb, in one
         process.
memory   What the server holds after the first requests, and after many more.
damage   What uploads that were damaged at random places do: the statuses of the answers, whether the server
         answers afterwards, and what it has grown by.

The clients are threads of this process, and share the processor with the server. The machine's load average
of the last minute is told before and after each part: what else ran then ran beside it.
"""

from __future__ import annotations

import http.client
import io
import json
import os
import platform
import random
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
from PIL import Image

import facekit
from facekit.gallery import NewTemplate
from facekit.verbs.galleries import gallery_for_enrollment

ASTRONAUT = Path(__file__).resolve().parent.parent / "tests" / "data" / "astronaut.png"
FACE = (160, 20, 340, 220)
CLIENTS = (1, 4, 16, 64)
SEED = 1


@dataclass(frozen=True)
class Scale:
    """How much is measured."""

    requests: int
    subjects: int
    first: int
    memory: int
    damaged: int


FULL = Scale(requests=2_000, subjects=100_000, first=100, memory=10_000, damaged=5_000)
SHORT = Scale(requests=8, subjects=50, first=4, memory=12, damaged=20)


@dataclass(frozen=True)
class Server:
    """A server that runs, and the process."""

    port: int
    process: subprocess.Popen[str]

    def post(self, connection: http.client.HTTPConnection, body: bytes) -> int:
        connection.request("POST", "/v1/identify", body, {"Content-Type": "image/jpeg"})
        answer = connection.getresponse()
        answer.read()
        return answer.status

    def connection(self) -> closing[http.client.HTTPConnection]:
        return closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=120))

    def megabytes(self) -> float:
        """What it holds of the machine's memory."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1]) / 1024


@contextmanager
def serving(gallery: Path) -> Iterator[Server]:
    """A server of one process with room for all clients."""
    command = [sys.executable, "-m", "facekit", "serve", "--port", "0", "--queue", "200", "-g", str(gallery)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        port = next(
            int(port[1]) for line in process.stderr if (port := re.search(r"127\.0\.0\.1:(\d+)", line))
        )
        yield Server(port, process)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
        assert process.stderr is not None
        process.stderr.close()


def pictures() -> list[bytes]:
    """A small photo of one face, as JPEG, in several compressions: no two are one picture."""
    with Image.open(ASTRONAUT) as image:
        face = image.convert("RGB").crop(FACE)
    return [_jpeg(face, quality) for quality in range(75, 95)]


def _jpeg(image: Image.Image, quality: int) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return file.getvalue()


def gallery_of(folder: Path, subjects: int) -> Path:
    """The astronaut, and so many others less one whose vectors are random."""
    file = folder / f"{subjects}.db"
    facekit.enroll(ASTRONAUT, file, subject="Eileen Collins")
    if subjects > 1:
        pipeline = facekit.Pipeline()
        vectors = (
            np.random.default_rng(SEED).normal(size=(subjects - 1, pipeline.dimension)).astype(np.float32)
        )
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        templates = [
            NewTemplate(f"person {number}", vector, f"{number:064x}", "made.jpg", (0.0, 0.0, 100.0, 100.0))
            for number, vector in enumerate(vectors)
        ]
        with gallery_for_enrollment(file, pipeline) as opened:
            opened.add(templates)
    return file


def ask(server: Server, photos: Sequence[bytes], requests: int, clients: int) -> tuple[list[float], float]:
    """How long each request took, and all of them together, in seconds."""
    seconds: list[float] = []
    turns = iter(range(requests))
    lock = threading.Lock()

    def client() -> None:
        with server.connection() as connection:
            while True:
                with lock:
                    turn = next(turns, None)
                if turn is None:
                    return
                began = time.perf_counter()
                status = server.post(connection, photos[turn % len(photos)])
                assert status == 200, status
                seconds.append(time.perf_counter() - began)

    began = time.perf_counter()
    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seconds) == requests
    return seconds, time.perf_counter() - began


def speed(folder: Path, photos: Sequence[bytes], scale: Scale) -> dict[str, Any]:
    results: dict[str, Any] = {}
    for subjects in (1, scale.subjects):
        gallery = gallery_of(folder, subjects)
        rows: dict[str, Any] = {"verb": by_verb(gallery, photos, scale.requests)}
        with serving(gallery) as server:
            ask(server, photos, 2, 1)
            for clients in CLIENTS:
                seconds, all_of_them = ask(server, photos, scale.requests, clients)
                rows[f"{clients} clients"] = _row(seconds, all_of_them)
        results[f"{subjects} subjects"] = rows
    return results


def by_verb(gallery: Path, photos: Sequence[bytes], requests: int) -> dict[str, float]:
    pipeline, seconds = facekit.Pipeline(), []
    with facekit.open_gallery(gallery) as opened:
        list(facekit.identify(photos[0], opened, pipeline=pipeline))
        began = time.perf_counter()
        for turn in range(requests):
            start = time.perf_counter()
            list(facekit.identify(photos[turn % len(photos)], opened, pipeline=pipeline))
            seconds.append(time.perf_counter() - start)
        return _row(seconds, time.perf_counter() - began)


def _row(seconds: Sequence[float], all_of_them: float) -> dict[str, float]:
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    values = {"p50_ms": cuts[49], "p95_ms": cuts[94], "p99_ms": cuts[98]}
    milliseconds = {name: round(1000 * value, 1) for name, value in values.items()}
    return {"requests_a_second": round(len(seconds) / all_of_them, 1), **milliseconds}


def memory(folder: Path, photos: Sequence[bytes], scale: Scale) -> dict[str, Any]:
    with serving(gallery_of(folder, 1)) as server:
        ask(server, photos, scale.first, 4)
        first = server.megabytes()
        ask(server, photos, scale.memory - scale.first, 4)
        last = server.megabytes()
    return {f"after_{scale.first}_mb": round(first, 1), f"after_{scale.memory}_mb": round(last, 1)}


def damage(folder: Path, photos: Sequence[bytes], scale: Scale) -> dict[str, Any]:
    chance = random.Random(SEED)
    with serving(gallery_of(folder, 1)) as server, server.connection() as connection:
        ask(server, photos, scale.first, 1)
        before, statuses = server.megabytes(), Counter[int]()
        for _ in range(scale.damaged):
            statuses[server.post(connection, spoiled(chance.choice(photos), chance))] += 1
        assert server.post(connection, photos[0]) == 200
        grown = server.megabytes() - before
    return {"statuses": dict(sorted(statuses.items())), "grown_mb": round(grown, 1)}


def spoiled(photo: bytes, chance: random.Random) -> bytes:
    """The photo with some bytes changed, or without its end, or both."""
    made = bytearray(photo)
    for _ in range(chance.randint(0, 20)):
        made[chance.randrange(len(made))] = chance.randrange(256)
    if chance.random() < 0.5:
        del made[chance.randrange(1, len(made)) :]
    return bytes(made)


PARTS = {"speed": speed, "memory": memory, "damage": damage}


@click.command()
@click.option("--short", is_flag=True, help="Everything once, on little: proves that it runs.")
@click.option(
    "--part", "parts", multiple=True, type=click.Choice(list(PARTS)), help="Only this; several times."
)
def main(short: bool, parts: tuple[str, ...]) -> None:
    """Measure facekit serve. Prints JSON."""
    scale, photos = SHORT if short else FULL, pictures()
    results: dict[str, Any] = {"machine": f"{os.cpu_count()} × {platform.processor() or platform.machine()}"}
    for name in parts or PARTS:
        before = os.getloadavg()[0]
        with tempfile.TemporaryDirectory() as folder:
            results[name] = PARTS[name](Path(folder), photos, scale)
        results[f"{name}_load"] = {"before": round(before, 1), "after": round(os.getloadavg()[0], 1)}
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
