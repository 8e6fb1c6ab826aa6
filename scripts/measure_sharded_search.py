"""Measure the exact search of a very large gallery by one process against shards of it.

    python scripts/measure_sharded_search.py [--templates N] [--dimension D] [--shards N] [--workers KIND]
                                             [--probes N] [--json FILE]

N random unit vectors, one a person, are coded as a gallery's are; of the vectors themselves none is kept, but
they are made again for finalists, as a gallery would fetch them. Half of the probes are templates with a
little noise, half are strangers. Both ways must give the same people, scores and order. Times are of a probe
at a time, and of all probes at once. Memory is what the codes take here, and what each worker has at most (of
workers on Ray nothing is told). Needs twice (D + 30) bytes a template.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from facekit.gallery.search.codes import CodeScan, encode
from facekit.gallery.search.exact import FloatArray
from facekit.gallery.search.finalists import Positions, ScanFinder
from facekit.gallery.search.index import Index
from facekit.gallery.search.scan_processes import ScanProcesses
from facekit.gallery.search.sharding import ScanWorkers, ShardedFinder
from facekit.models import weights

ROWS_AT_ONCE = 8192
TOP = 5
NOISE = 0.03


@dataclass(frozen=True)
class Measured:
    """Of a way to search: `median_ms` and `quickest_ms` of one probe, `batch_ms` a probe of all at once."""

    median_ms: float
    quickest_ms: float
    batch_ms: float


@dataclass(frozen=True)
class Report:
    """`load` is the machine's of one minute, before and after; `loaded_s` is what giving the workers their
    parts took; `worker_mb` the most memory of each."""

    templates: int
    dimension: int
    shards: int
    workers: str
    codes_mb: float
    one_process: Measured
    sharded: Measured
    loaded_s: float
    worker_mb: list[float]
    same_answers: bool
    load: tuple[float, float]


def vectors_of(block: int, rows: int, dimension: int) -> FloatArray:
    """The unit vectors of a block, always the same."""
    vectors = np.random.default_rng(block).standard_normal((rows, dimension), np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


def index_of(templates: int, dimension: int) -> Index:
    """The index of random vectors, none of which is kept."""
    codes, scales = np.empty((templates, dimension), np.int8), np.empty(templates, np.float32)
    radius = 0.0
    for first in range(0, templates, ROWS_AT_ONCE):
        rows = slice(first, min(first + ROWS_AT_ONCE, templates))
        vectors = vectors_of(first // ROWS_AT_ONCE, rows.stop - first, dimension)
        codes[rows], scales[rows], errors = encode(vectors)
        radius = max(radius, float(errors.max()))

    def fetched(positions: Positions) -> tuple[list[str], FloatArray]:
        blocks = positions // ROWS_AT_ONCE
        found = np.empty((len(positions), dimension), np.float32)
        for block in np.unique(blocks):
            rows = min(ROWS_AT_ONCE, templates - block * ROWS_AT_ONCE)
            chosen = blocks == block
            vectors = vectors_of(int(block), int(rows), dimension)
            found[chosen] = vectors[positions[chosen] - block * ROWS_AT_ONCE]
        return [f"person {position:09}" for position in positions.tolist()], found

    return Index(CodeScan(codes, scales, radius), np.arange(templates), fetched)


def probes_of(index: Index, count: int, dimension: int) -> FloatArray:
    random = np.random.default_rng(2**32)
    _, known = index.rows(random.integers(0, len(index), count // 2))
    noisy = known + NOISE * random.standard_normal(known.shape, np.float32)
    strangers = random.standard_normal((count - len(known), dimension), np.float32)
    probes = np.concatenate([noisy, strangers])
    probes /= np.linalg.norm(probes, axis=1, keepdims=True)
    return probes.astype(np.float32)


def timed(index: Index, probes: FloatArray) -> Measured:
    """How long finding the finalists takes: fetching them is the gallery's part of a search."""
    times = []
    for probe in probes:
        began = time.perf_counter()
        list(index.finder.finalists(probe[None], TOP))
        times.append(1000 * (time.perf_counter() - began))
    began = time.perf_counter()
    list(index.finder.finalists(probes, TOP))
    batch = 1000 * (time.perf_counter() - began) / len(probes)
    return Measured(*(round(value, 2) for value in (float(np.median(times)), min(times), batch)))


def peak_mb(process: int) -> float:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return round(next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) * 1024 / 1e6, 1)


def measure(templates: int, dimension: int, shards: int, kind: str, probe_count: int) -> Report:
    """Search a gallery of random vectors both ways."""
    index = index_of(templates, dimension)
    finder = index.finder
    assert isinstance(finder, ScanFinder)
    assert isinstance(finder.scan, CodeScan)
    probes = probes_of(index, probe_count, dimension)
    before = os.getloadavg()[0]
    alone, wanted = timed(index, probes), index.search(probes, TOP)
    workers = _workers(kind, shards)
    try:
        began = time.perf_counter()
        sharded = index.by(ShardedFinder(finder, finder.scan, workers))
        loaded = time.perf_counter() - began
        together, same = timed(sharded, probes), sharded.search(probes, TOP) == wanted
        memory = [peak_mb(pid) for pid in workers.pids] if isinstance(workers, ScanProcesses) else []
    finally:
        workers.close()
    codes_mb = round((finder.scan.codes.nbytes + finder.scan.scales.nbytes) / 1e6, 1)
    load = (round(before, 2), round(os.getloadavg()[0], 2))
    return Report(
        templates, dimension, shards, kind, codes_mb, alone, together, round(loaded, 1), memory, same, load
    )


def _workers(kind: str, shards: int) -> ScanWorkers[Any]:
    if kind == "processes":
        return ScanProcesses(shards)
    from facekit.gallery.search.ray_scan import RayScan

    return RayScan(kind, shards)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--templates", type=int, default=10_000_000)
    parser.add_argument("--dimension", type=int, default=weights.shipped_embedder().dimension)
    parser.add_argument("--shards", type=int, default=2)
    parser.add_argument("--workers", default="processes", help="processes, ray, or ray://HOST:PORT")
    parser.add_argument("--probes", type=int, default=20)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    report = measure(
        arguments.templates, arguments.dimension, arguments.shards, arguments.workers, arguments.probes
    )
    print(json.dumps(asdict(report), indent=1))
    if arguments.json:
        arguments.json.write_text(json.dumps(asdict(report), indent=1) + "\n")


if __name__ == "__main__":
    main()
