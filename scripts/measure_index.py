"""How long `facekit find` and `identify` take in an indexed library, cold, before and after a photo is added.

    python scripts/measure_index.py [--photos 10000]

Decoding is not the point: the photos are small files of their own bytes, and the index is filled with random
faces, two a photo, of which each hundredth photo has one of the gallery's. The one that is added is real
(tests/data/astronaut.png), and is read, found and kept. Times are whole processes, from start to end.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import facekit
from facekit.faces.reading import Options, Reading
from facekit.gallery.places import place_of
from facekit.library.entries import Entry
from facekit.library.index import File, PhotoIndex, Stamp, file_of
from facekit.library.readings import look_of
from facekit.results import Detection, Face, Quality

ASTRONAUT = Path(__file__).parent.parent / "tests" / "data" / "astronaut.png"
NAME = "Eileen Collins"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--photos", type=int, default=10_000)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        facekit.enroll(ASTRONAUT, "g.db", subject=NAME)
        fill(wanted.photos)
        size = file_of(place_of("g.db")).stat().st_size / 2**20
        print(f"{wanted.photos} photos, {2 * wanted.photos} faces; the index has {size:.0f} MiB")
        commands = [("find", NAME, "photos", "-g", "g.db", "-q"), ("identify", "photos", "-g", "g.db", "-q")]
        for when in ("nothing new", "one photo added", "the next time"):
            if when == "one photo added":
                Path("photos/new.png").write_bytes(ASTRONAUT.read_bytes())
            for command in commands:
                wall, busy = seconds(*command)
                print(f"{command[0]:9} {when:16} {wall:6.2f} s, of processors {busy:6.2f} s")
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(f"most memory of a command: {peak:.0f} MiB")


def fill(photos: int) -> None:
    """Make the files, and an index as `facekit index` would have made of them."""
    Path("photos").mkdir()
    options = Options()
    with facekit.open_gallery("g.db") as gallery:
        known, place = gallery.vectors(NAME)[0], gallery.place
    look = look_of(options, options.pipeline())
    with PhotoIndex.made(file_of(place)) as index:
        index.add_folders([os.path.abspath("photos")])
        rows = list(entries(photos, known))
        index.store(look, [file for file, _ in rows], [entry for _, entry in rows])


def entries(photos: int, known: np.ndarray) -> Iterator[tuple[File, Entry]]:
    random = np.random.default_rng(1)
    for number in range(photos):
        path, content = os.path.abspath(f"photos/{number:06}.jpg"), f"photo {number}".encode()
        Path(path).write_bytes(content)
        vectors = random.standard_normal((2, len(known))).astype(np.float32)
        if number % 100 == 0:
            vectors[0] = 4 * np.sqrt(len(known)) * known / 5 + vectors[0] * 3 / 5
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        digest, stamp = hashlib.sha256(content).hexdigest(), Stamp.of(path)
        assert stamp is not None
        reading = Reading(path, tuple(map(face, vectors)), digest, (4000, 3000))
        yield File(path, stamp, digest), Entry.of(reading)


def face(vector: np.ndarray) -> Face:
    points = np.arange(10, dtype=np.float32).reshape(5, 2)
    crop = np.zeros((0, 112, 3), np.uint8)
    return Face(Detection((10, 10, 90, 90), 0.9), points, crop, vector, Quality(80, 500, 128, 0, 1e-4), 20.0)


def seconds(*command: str) -> tuple[float, float]:
    """From start to end, and of processors: the first means nothing on a machine that is busy."""
    began, before = time.perf_counter(), processors()
    done = subprocess.run([sys.executable, "-m", "facekit", *command], capture_output=True, check=False)
    if done.returncode not in (0, 3):
        raise SystemExit(done.stderr.decode())
    return time.perf_counter() - began, processors() - before


def processors() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
