"""Measure what a face costs: networks × runtimes, at batch 1 and 32, with loading and importing. Prints JSON.

    python scripts/measure_runtime.py
    python scripts/measure_runtime.py --network sface=sface.onnx --table iresnet18 --dlib FILE

By itself: the shipped embedder, and the network it is made of in float32. "Cold" is a fresh process from its
start to one vector: Python, NumPy, importing the runtime, loading the network, one face.
`--table NAME` times a network of `facekit train --list-networks` with random weights; `--dlib` the 128-d
descriptor of dlib (dlib_face_recognition_resnet_model_v1.dat). Times are wall clock: the median, and the best
one, which other work on the machine disturbs least. A table goes to standard error.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np

from facekit import settings
from facekit.models import runtime, weights

RUNTIMES = {
    "onnxruntime": ("onnxruntime", "f32"),
    "openvino f32": ("openvino", "f32"),
    "openvino bf16": ("openvino", "bf16"),
}
IMPORTS = ("numpy", "onnxruntime", "openvino")
COLD = """
import sys
from pathlib import Path
import numpy as np
from facekit.models import runtime
network = runtime.load(Path(sys.argv[1]).read_bytes(), runtime=sys.argv[2], precision=sys.argv[3])
network(np.zeros((1, 3, 112, 112), np.float32))
"""
COLD_RUNS = 5


def times(call: Callable[[], object], seconds: float) -> dict[str, float]:
    """Median and best of repeated calls, in seconds; two calls go before."""
    call(), call()
    taken: list[float] = []
    until = time.perf_counter() + seconds
    while time.perf_counter() < until or len(taken) < 3:
        start = time.perf_counter()
        call()
        taken.append(time.perf_counter() - start)
    return {"median": statistics.median(taken), "best": min(taken)}


def per_face(call: Callable[[Any], object], faces: Any, seconds: float) -> dict[str, float]:
    seconds_of_all = times(lambda: call(faces), seconds)
    return {name: round(1000 * value / len(faces), 3) for name, value in seconds_of_all.items()}


def import_time(module: str) -> float | None:
    """Seconds to import `module` in a fresh Python; None where it is not installed. Best of three."""
    code = f"import time; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"
    taken = []
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        if done.returncode:
            return None
        taken.append(float(done.stdout))
    return round(min(taken), 3)


def cold_time(data: bytes, library: str, precision: str) -> float:
    """Milliseconds of a process that gives one vector; the median, after a run that does not count."""
    taken = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "network.onnx")
        path.write_bytes(data)
        for _ in range(COLD_RUNS + 1):
            start = time.perf_counter()
            subprocess.run([sys.executable, "-c", COLD, path, library, precision], check=True)
            taken.append(1000 * (time.perf_counter() - start))
    return round(statistics.median(taken[1:]), 1)


def of_network(data: bytes, threads: int, batches: tuple[int, ...], seconds: float) -> dict[str, Any]:
    """Milliseconds of a network in every runtime that is installed."""
    figures: dict[str, Any] = {}
    for name, (library, precision) in RUNTIMES.items():
        if not settings.has_package(library):
            continue
        figures[name] = {"cold_ms": cold_time(data, library, precision)}
        start = time.perf_counter()
        network = runtime.load(data, runtime=library, threads=threads, precision=precision)
        figures[name]["load_ms"] = round(1000 * (time.perf_counter() - start), 1)
        for batch in batches:
            faces = np.random.default_rng(0).uniform(-1, 1, (batch, 3, 112, 112)).astype(np.float32)
            figures[name][f"batch_{batch}_ms"] = per_face(network, faces, seconds)
    return figures


def of_dlib(path: Path, seconds: float) -> dict[str, Any]:
    """dlib's descriptor of one 150×150 chip after another."""
    import dlib

    start = time.perf_counter()
    network = dlib.face_recognition_model_v1(str(path))
    load = 1000 * (time.perf_counter() - start)
    chip = np.random.default_rng(0).integers(0, 255, (150, 150, 3), np.uint8)
    one = per_face(lambda chips: network.compute_face_descriptor(chips[0]), [chip], seconds)
    return {"dlib": {"load_ms": round(load, 1), "batch_1_ms": one}}


def from_table(name: str) -> bytes:
    from facekit.training import export, networks

    return export.to_onnx(networks.create(name))


def lines(results: dict[str, Any], batches: tuple[int, ...]) -> Iterator[str]:
    heads = "".join(f"{f'batch {batch}':>10}" for batch in batches)
    yield f"{'network':<24}{'runtime':<16}{'cold ms':>9}{'load ms':>9}{heads}   ms a face, median"
    for network, runtimes in results["networks"].items():
        for name, row in runtimes.items():
            cells = [row.get(f"batch_{batch}_ms", {}).get("median", float("nan")) for batch in batches]
            start = f"{row.get('cold_ms', float('nan')):>9.1f}{row['load_ms']:>9.1f}"
            yield f"{network:<24}{name:<16}{start}" + "".join(f"{cell:>10.2f}" for cell in cells)


@click.command(help=__doc__, context_settings={"max_content_width": 110})
@click.option("--network", multiple=True, metavar="NAME=FILE")
@click.option("--table", multiple=True, metavar="NAME")
@click.option("--dlib", type=click.Path(path_type=Path, exists=True))
@click.option("--batch", type=int, multiple=True, default=(1, 32), show_default=True)
@click.option("--seconds", default=2.0, show_default=True, help="For each figure.")
@click.option("--threads", default=0, show_default=True, help="0: one per usable core.")
def main(
    network: tuple[str, ...],
    table: tuple[str, ...],
    dlib: Path | None,
    batch: tuple[int, ...],
    seconds: float,
    threads: int,
) -> None:
    if not network and not table and dlib is None:
        shipped = weights.shipped_embedder()
        network = (f"{shipped.name} {shipped.precision}={shipped.path}",)
        table = ("resnet18",) if settings.has_package("torch") else ()
    files = {name: Path(path).read_bytes() for name, _, path in (given.partition("=") for given in network)}
    files |= {name: from_table(name) for name in table}
    threads = threads or settings.default_threads()
    results: dict[str, Any] = {
        "threads": threads,
        "load_average": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "import_seconds": {module: import_time(module) for module in IMPORTS},
        "networks": {name: of_network(data, threads, batch, seconds) for name, data in files.items()},
    }
    if dlib is not None:
        results["networks"]["dlib"] = of_dlib(dlib, seconds)
    for line in lines(results, batch):
        print(line, file=sys.stderr)
    click.echo(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
