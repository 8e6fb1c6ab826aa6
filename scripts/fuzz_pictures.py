#!/usr/bin/env python3
"""Send thousands of damaged pictures of every format through `facekit identify`, in one run.

    scripts/fuzz_pictures.py PHOTO [--count 5000] [--seed 1] [--jobs 2]

PHOTO has a face; it is made small, saved in every format that facekit reads, and each copy is damaged in
its own way; of JPEGs that lack their end, what is there is taken. The run must end with a line of JSON for
each picture and nothing but plain messages, without a picture that takes over ten seconds, and in bounded
memory. Prints what was found; the exit status is 1 when a promise was broken, and the pictures are kept.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pillow_heif
from PIL import Image
from small_dng import dng

from facekit.pictures import raw
from facekit.pictures.images import FORMATS

LONGEST = 10.0
MEMORY = 2_000_000_000
COMMAND = (sys.executable, "-m", "facekit")
VARIANTS: dict[str, list[dict[str, object]]] = {
    "JPEG": [{}, {"progressive": True}, {"quality": 5, "subsampling": 0}],
    "PNG": [{}, {"compress_level": 0}],
    "WEBP": [{}, {"lossless": True}],
    "AVIF": [{}],
    "HEIF": [{}, {"chroma": 444}],
    "TIFF": [{}, {"compression": "tiff_lzw"}, {"compression": "jpeg"}, {"compression": "tiff_adobe_deflate"}],
    "GIF": [{}],
    "BMP": [{}],
    "PPM": [{}],
}


@dataclass(frozen=True)
class Report:
    """What a run gave. `slowest` is the longest wait for a line of output, in seconds; `memory` the
    most that one process took, in bytes; `broken` are the promises that were not kept.
    """

    pictures: int
    readable: int
    faces: int
    slowest: float
    memory: int
    broken: list[str]


def originals(photo: Path) -> list[tuple[str, bytes]]:
    """The photo, about 200 pixels wide, as (file name ending, bytes) in every format and some variants."""
    pillow_heif.register_heif_opener()
    with Image.open(photo) as opened:
        image = opened.convert("RGB")
    image.thumbnail((200, 200))
    made = []
    for name in FORMATS:
        for options in VARIANTS.get(name, [{}]):
            data = io.BytesIO()
            image.save(data, format=name, **options)
            made.append((FORMATS[name].suffixes[0], data.getvalue()))
    if raw.installed():
        made.append((".dng", dng(made[0][1], image.size)))
    return made


def damaged(data: bytes, chance: random.Random) -> bytes:
    """The bytes with one or two damages of different kinds."""
    kinds: list[Callable[[bytearray, random.Random], bytearray]] = [
        _flip,
        _flip,
        _cut,
        _zero,
        _double,
        _length,
    ]
    broken = bytearray(data)
    for _ in range(chance.choice((1, 1, 2))):
        if broken:
            broken = chance.choice(kinds)(broken, chance)
    return bytes(broken)


def fuzz(
    folder: Path, photo: Path, *, count: int, seed: int, jobs: int, command: Sequence[str] = COMMAND
) -> Report:
    """Make the pictures and a gallery of one person in `folder`, run `identify`, and judge its output."""
    chance = random.Random(seed)
    models = originals(photo)
    pictures = folder / "pictures"
    pictures.mkdir(parents=True)
    for number in range(count):
        suffix, data = models[number % len(models)]
        (pictures / f"{number:05d}{suffix}").write_bytes(damaged(data, chance))
    gallery = str(folder / "gallery.db")
    subprocess.run(
        [*command, "enroll", "-q", "-g", gallery, "--subject", "x", str(photo)],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    arguments = ["identify", str(pictures), "-g", gallery, "-f", "jsonl", "-q", "--jobs", str(jobs)]
    return _run([*command, *arguments, "--truncated", "accept"], folder / "errors.txt", count)


def _run(command: Sequence[str], errors: Path, count: int) -> Report:
    waits: list[float] = []
    results = []
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    with errors.open("wb") as messages:
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=messages) as process:
            assert process.stdout is not None
            last = time.monotonic()
            for line in process.stdout:
                results.append(json.loads(line))
                waits.append(time.monotonic() - last)
                last = time.monotonic()
        status = process.returncode
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    slowest = max(waits, default=0.0)
    broken = list(_broken(status, results, errors.read_text(errors="replace"), count))
    broken += [f"a picture took {slowest:.1f} s"] if slowest > LONGEST else []
    broken += [f"{memory / 1e6:.0f} MB of memory"] if memory > max(MEMORY, before) else []
    readable = [result for result in results if result["error"] is None]
    faces = sum(len(result["faces"]) for result in readable)
    return Report(count, len(readable), faces, slowest, memory, broken)


def _broken(status: int, results: list[dict[str, object]], messages: str, count: int) -> Iterator[str]:
    if status not in (0, 1, 3):
        yield f"exit status {status}"
    if len(results) != count:
        yield f"{len(results)} lines for {count} pictures"
    failed = sum(result["error"] is not None for result in results)
    lines = messages.splitlines()
    if len(lines) != failed:
        yield f"{len(lines)} messages for {failed} pictures that could not be read"
    strange = [line for line in lines if not line.startswith("facekit: ") or "internal error" in line]
    strange += [line for line in lines if "was ended by" in line or "ended with status" in line]
    yield from (f"{number} × {line}" for line, number in Counter(strange).most_common(20))


def _flip(data: bytearray, chance: random.Random) -> bytearray:
    for _ in range(chance.choice((1, 3, 20))):
        data[chance.randrange(len(data))] = chance.randrange(256)
    return data


def _cut(data: bytearray, chance: random.Random) -> bytearray:
    return data[: chance.randrange(len(data))]


def _zero(data: bytearray, chance: random.Random) -> bytearray:
    start = chance.randrange(len(data))
    length = min(chance.randrange(1, 200), len(data) - start)
    data[start : start + length] = bytes(length)
    return data


def _double(data: bytearray, chance: random.Random) -> bytearray:
    start, end = sorted(chance.randrange(len(data)) for _ in range(2))
    place = chance.randrange(len(data))
    return data[:place] + data[start:end] + data[place:]


def _length(data: bytearray, chance: random.Random) -> bytearray:
    """A large number near the start, where widths, heights, counts and offsets are."""
    place = chance.randrange(min(len(data), 120))
    data[place : place + 4] = chance.choice(
        (b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x00\x00\xff\xff", b"\x40\x1f\0\0")
    )
    return data


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photo", type=Path)
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="facekit-fuzz-"))
    started = time.monotonic()
    report = fuzz(folder, arguments.photo, count=arguments.count, seed=arguments.seed, jobs=arguments.jobs)
    print(
        f"{report.pictures} pictures in {time.monotonic() - started:.0f} s: {report.readable} readable, "
        f"{report.faces} faces; slowest {report.slowest:.1f} s, memory {report.memory / 1e6:.0f} MB"
    )
    for promise in report.broken:
        print(f"BROKEN: {promise}")
    if report.broken:
        print(f"the pictures are in {folder}")
    else:
        shutil.rmtree(folder)
    return 1 if report.broken else 0


if __name__ == "__main__":
    sys.exit(main())
