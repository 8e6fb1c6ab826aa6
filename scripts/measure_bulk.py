"""Measure reading many photos: processes of one machine against workers of a Ray on it.

    python scripts/measure_bulk.py FOLDER [--photos N] [--counts 1 2] [--kinds processes ray] [--json FILE]

Each kind and count reads the same N photos of FOLDER (again from the beginning where there are fewer).
Printed are the photos a second from the first answer to the last, so without what starting takes, the
seconds until the first answer, and the most memory that one process which reads had. All must find the
same faces. Only with nothing else running on the machine do the times mean anything.

What is told of 10 million photos and of large galleries in docs/scale.md is `reading_hours` and `scan`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import cycle, islice
from pathlib import Path

from facekit.errors import UsageError
from facekit.faces.reading import Options, read_faces
from facekit.pictures import folders

KINDS = {"processes": None, "ray": "ray"}


@dataclass(frozen=True)
class Run:
    """`first_s` is the time until the first answer, `rate` the photos a second after it, `peak_mb` the most
    memory of one process that reads (None where the system does not tell); `answers` tells runs apart that
    found other faces."""

    kind: str
    count: int
    first_s: float
    rate: float
    peak_mb: float | None
    answers: str


def measure(photos: list[str], kind: str, count: int, options: Options | None = None) -> Run:
    """Read the photos once."""
    base = options or Options()
    run_options = type(base)(**{**vars(base), "jobs": count, "workers": KINDS[kind]})
    answers, peak = hashlib.sha256(), 0.0
    began = first = time.perf_counter()
    for number, reading in enumerate(read_faces(photos, run_options), 1):
        if number == 1:
            first = time.perf_counter()
        for face in reading.faces:
            answers.update(face.vector.tobytes())
        if number % 8 == 0 or number > len(photos) - 2:
            peak = max([peak, *_peaks(os.getpid(), only_self=kind == "processes" and count == 1)])
    rate = (len(photos) - 1) / (time.perf_counter() - first)
    return Run(kind, count, first - began, rate, peak / 1e6 if peak else None, answers.hexdigest())


def _peaks(process: int, *, only_self: bool) -> Iterator[float]:
    """The most bytes that each process has had that reads: this one, or those that it started."""
    for number in [process] if only_self else _descendants(process):
        try:
            lines = Path(f"/proc/{number}/status").read_text().splitlines()
            command = Path(f"/proc/{number}/cmdline").read_bytes()
        except OSError:  # no such system, or it has ended
            continue
        if only_self or b"BatchReader" in command or b"spawn_main" in command:
            yield from (float(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


def _descendants(process: int) -> Iterator[int]:
    parents: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(path.parent.name)] = int(path.read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue
    waiting = [process]
    while waiting:
        parent = waiting.pop()
        children = [number for number, its_parent in parents.items() if its_parent == parent]
        yield from children
        waiting += children


def reading_hours(photos: int, seconds_a_photo: float, processors: int) -> float:
    """How long so many photos take that need so many seconds of one processor each."""
    return photos * seconds_a_photo / processors / 3600


def scan(templates: int, dimension: int, bytes_a_second: float) -> tuple[float, float]:
    """The gigabytes of a gallery's int8 codes, a byte a dimension and a float32 scale, and the seconds in
    which they are read once: what an exact search costs."""
    size = templates * (dimension + 4)
    return size / 1e9, size / bytes_a_second


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--photos", type=int, default=400)
    parser.add_argument("--counts", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    listed = [str(source) for source in folders.list_pictures(arguments.folder).pictures]
    if not listed:
        raise UsageError(f"{arguments.folder}: no pictures")
    photos = list(islice(cycle(listed), arguments.photos))
    runs = [measure(photos, kind, count) for kind in arguments.kinds for count in arguments.counts]
    for run in runs:
        memory = "" if run.peak_mb is None else f", {run.peak_mb:.0f} MB each"
        print(
            f"{run.count} {run.kind}: {run.rate:.1f} photos a second, first after {run.first_s:.1f} s{memory}"
        )
    print(f"same faces: {'yes' if len({run.answers for run in runs}) == 1 else 'NO'}")
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(run) for run in runs], indent=1) + "\n")


if __name__ == "__main__":
    main()
