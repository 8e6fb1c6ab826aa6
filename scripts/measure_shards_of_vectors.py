"""Group the faces of many photos by their vectors, in one file and in several shards: the same groups.

    python scripts/measure_shards_of_vectors.py [--faces N] [--shards N] [--dimension D] [--json FILE]

N made-up faces, one a photo, of people with 1 to 40 photos each, are written as `facekit embed -o` writes
them: once all of them, and once each shard by itself. Both are read and grouped as `facekit cluster` does.
Printed are the seconds each takes, the size of the files, the most memory of this process, and whether the
groups are the same, in the same order.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from facekit.faces import vector_files
from facekit.faces.reading import Reading
from facekit.models import weights
from facekit.people import clustering
from facekit.pictures.shards import Shard, portion_of
from facekit.results import Detection, Face, Quality

FINGERPRINT = "0" * 64
MOST_PHOTOS = 40
NOISE = 0.9
LINK = 0.42


@dataclass(frozen=True)
class Report:
    """`load` is the machine's of one minute at the end."""

    faces: int
    shards: int
    dimension: int
    groups: int
    single: int
    at_once_s: float
    of_shards_s: float
    files_mb: float
    peak_mb: float
    same_groups: bool
    load: float


def readings_of(faces: int, dimension: int) -> list[Reading]:
    """Photos with a face each, in random order."""
    random = np.random.default_rng(7)
    sizes: list[int] = []
    while sum(sizes) < faces:
        sizes.append(int(random.integers(1, MOST_PHOTOS + 1)))
    people = random.permutation(np.repeat(np.arange(len(sizes)), sizes)[:faces])
    middles = random.standard_normal((len(sizes), dimension)).astype(np.float32)
    noise = random.standard_normal((faces, dimension)).astype(np.float32)
    vectors = middles[people] + NOISE * noise
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    quality = Quality(80.0, 300.0, 120.0, 0.0, 0.0001)
    points, crop = np.zeros((5, 2), np.float32), np.empty((0, 112, 3), np.uint8)
    return [
        Reading(
            f"photos/{number:07}.jpg",
            (Face(Detection((10.0, 10.0, 90.0, 90.0), 1.0, points), points, crop, vector, quality, 20.0),),
            f"{number:064x}",
            (640, 480),
        )
        for number, vector in enumerate(vectors)
    ]


def written(readings: list[Reading], folder: Path, count: int, dimension: int) -> list[Path]:
    """The files of all shards."""
    names = [reading.source for reading in readings]
    paths = []
    for number in range(1, count + 1):
        shard = Shard(number, count)
        portion = portion_of([], names, shard)
        path = folder / f"{number}-of-{count}.npz"
        arrays = vector_files.arrays(list(shard.part(readings)), portion, FINGERPRINT, dimension)
        np.savez_compressed(path, allow_pickle=False, **arrays)
        paths.append(path)
    return paths


def grouped(paths: list[Path]) -> tuple[list[list[str]], int, float]:
    """The photos of each group, how many faces are single, and the seconds."""
    began = time.perf_counter()
    readings = vector_files.Collection(paths, FINGERPRINT).readings()
    grouping = clustering.group_faces(list(clustering.sightings(readings)), LINK)
    seconds = time.perf_counter() - began
    return [group.photos for group in grouping.groups], len(grouping.single), seconds


def measure(faces: int, shards: int, dimension: int) -> Report:
    readings = readings_of(faces, dimension)
    with tempfile.TemporaryDirectory() as folder:
        whole = written(readings, Path(folder), 1, dimension)
        parts = written(readings, Path(folder), shards, dimension)
        del readings
        groups, single, at_once = grouped(whole)
        groups_of_shards, single_of_shards, of_shards = grouped(parts[::-1])
        size = sum(path.stat().st_size for path in parts) / 1e6
    same = (groups, single) == (groups_of_shards, single_of_shards)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    seconds = round(at_once, 1), round(of_shards, 1)
    sizes = round(size, 1), round(peak, 1)
    load = round(os.getloadavg()[0], 2)
    return Report(faces, shards, dimension, len(groups), single, *seconds, *sizes, same, load)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--faces", type=int, default=100_000)
    parser.add_argument("--shards", type=int, default=8)
    parser.add_argument("--dimension", type=int, default=weights.shipped_embedder().dimension)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    report = measure(arguments.faces, arguments.shards, arguments.dimension)
    print(json.dumps(asdict(report), indent=1))
    if arguments.json:
        arguments.json.write_text(json.dumps(asdict(report), indent=1) + "\n")


if __name__ == "__main__":
    main()
