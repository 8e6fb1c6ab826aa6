"""Measure exact search among a million templates against a float32 scan by numpy.

    python scripts/measure_search.py [--templates N] [--dimension D] [--json FILE]

A gallery of N random unit vectors, one a subject, is made on disk. `Gallery.search` is timed in
turns with numpy's `vectors @ probe` and `argpartition`, and must name the same people in the same
order. Then a fresh process opens the gallery and searches once: without the cache beside it, with a
cache that must come from the disk, and with one that the system holds in memory. Needs about 1.2 KB
of disk and 0.8 KB of memory a template at 128 dimensions, twice at 256; `--folder` says where.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from facekit.calibration.threshold import Calibration
from facekit.gallery import Gallery, NewTemplate, create_gallery, open_gallery
from facekit.gallery.gallery_settings import GallerySettings
from facekit.gallery.search.cache import discard, place
from facekit.gallery.search.exact import FloatArray

TOP = 5
BATCH = 20_000
BLOCK = 10
PAUSE_S = 0.3
OPEN_AND_SEARCH = """
import json, sys, time
import numpy as np
from facekit.gallery import Gallery, create_gallery, open_gallery
import simsimd
def peak():
    status = open("/proc/self/status").read()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024
before = peak()
probe = np.load(sys.argv[2])
start = time.perf_counter()
with open_gallery(sys.argv[1]) as gallery:
    gallery.search(probe, 5)
    first = time.perf_counter() - start
    start = time.perf_counter()
    gallery.search(probe, 5)
    second = time.perf_counter() - start
print(json.dumps({"open_and_search_s": first, "search_s": second, "memory_mb": peak() - before}))
"""


def random_vectors(count: int, dimension: int, seed: int) -> FloatArray:
    vectors = np.random.default_rng(seed).standard_normal((count, dimension), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


def fill(path: Path, vectors: FloatArray) -> float:
    """Store each vector as a person of its own; return the seconds it took."""
    start = time.perf_counter()
    settings = GallerySettings("random vectors", "0" * 64, vectors.shape[1], Calibration(0.4))
    with create_gallery(path, settings) as gallery:
        for first in range(0, len(vectors), BATCH):
            numbers = range(first, min(first + BATCH, len(vectors)))
            gallery.add([_template(number, vectors[number]) for number in numbers])
    return time.perf_counter() - start


def _template(number: int, vector: FloatArray) -> NewTemplate:
    digest = hashlib.sha256(str(number).encode()).hexdigest()
    return NewTemplate(f"person {number:07}", vector, digest, f"{number:07}.jpg", (0, 0, 112, 112))


def numpy_scan(vectors: FloatArray, probe: FloatArray) -> list[str]:
    """The names of the best TOP by a float32 scan, best first."""
    scores = vectors @ probe
    best = np.argpartition(scores, -TOP)[-TOP:]
    return [f"person {number:07}" for number in best[np.argsort(-scores[best])]]


def side_by_side(gallery: Gallery, vectors: FloatArray, probes: FloatArray) -> dict[str, Any]:
    """Median milliseconds a probe of both, and how many answers were the same. The quickest of each
    tell most where other processes share the machine.

    They take turns of BLOCK probes, after a pause: the threads of NumPy's matrix library keep a core
    busy for a while after their work, which must not be taken from the next.
    """
    numpy_ms: list[float] = []
    facekit_ms: list[float] = []
    same = 0
    for first in range(0, len(probes), BLOCK):
        block = probes[first : first + BLOCK]
        wanted = _turn(numpy_ms, [partial(numpy_scan, vectors, probe) for probe in block])
        found = _turn(facekit_ms, [partial(gallery.search, probe[None], TOP) for probe in block])
        same += sum(
            names == [candidate.subject for candidate in candidates]
            for names, (candidates,) in zip(wanted, found, strict=True)
        )
    numpy_median, facekit_median = float(np.median(numpy_ms)), float(np.median(facekit_ms))
    return {
        "numpy_scan_ms": round(numpy_median, 2),
        "facekit_ms": round(facekit_median, 2),
        "ratio": round(facekit_median / numpy_median, 3),
        "ratio_of_quickest": round(min(facekit_ms) / min(numpy_ms), 3),
        "probes": len(probes),
        "same_answers": same,
    }


def _turn(milliseconds: list[float], calls: list[Callable[[], Any]]) -> list[Any]:
    time.sleep(PAUSE_S)
    results = []
    for call in calls:
        start = time.perf_counter()
        results.append(call())
        milliseconds.append(1000 * (time.perf_counter() - start))
    return results


def opening(path: Path, probe: Path) -> dict[str, float]:
    """Open and search in a fresh process: seconds, and megabytes above the bare imports."""
    command = [sys.executable, "-c", OPEN_AND_SEARCH, str(path), str(probe)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return {key: round(value, 4) for key, value in json.loads(done.stdout).items()}


def forget(*files: Path) -> None:
    """Ask the system to drop its copies of these files from memory."""
    for file in files:
        descriptor = os.open(file, os.O_RDONLY)
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)


def hold(file: Path) -> None:
    """Read a file, so that the system holds it in memory, as it does the matrix of numpy."""
    with file.open("rb") as stream:
        while stream.read(1 << 24):
            pass


def measure(folder: Path, templates: int, dimension: int, probes: int) -> dict[str, Any]:
    vectors = random_vectors(templates, dimension, seed=1)
    searched = random_vectors(probes + 2, dimension, seed=2)
    path, probe = folder / "gallery.db", folder / "probe.npy"
    np.save(probe, searched[:1])
    results: dict[str, Any] = {"templates": templates, "dimension": dimension}
    results["fill_s"] = round(fill(path, vectors), 1)
    results["no_cache"] = opening(path, probe)
    results["gallery_mb"] = round(path.stat().st_size / 1e6, 1)
    results["cache_mb"] = round(place(path).stat().st_size / 1e6, 1) if place(path).exists() else 0
    forget(*[file for file in (path, place(path)) if file.exists()])
    results["cold"] = opening(path, probe)
    results["warm"] = opening(path, probe)
    hold(path)
    with open_gallery(path) as gallery:
        side_by_side(gallery, vectors, searched[:2])
        results["search"] = side_by_side(gallery, vectors, searched[2:])
    discard(path)
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--templates", type=int, default=1_000_000)
    parser.add_argument("--dimension", type=int, default=256)
    parser.add_argument("--probes", type=int, default=100)
    parser.add_argument("--folder", type=Path, help="where the gallery is made, and removed afterwards")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        results = measure(Path(folder), given.templates, given.dimension, given.probes)
    text = json.dumps(results, indent=2)
    print(text)
    if given.json:
        given.json.write_text(text + "\n")
    if results["search"]["same_answers"] != given.probes:
        sys.exit("the answers differ")


if __name__ == "__main__":
    main()
