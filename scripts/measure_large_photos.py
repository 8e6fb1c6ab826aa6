#!/usr/bin/env python3
"""Measure what large JPEG photos with one face cost: time and memory, cold and one after the other.

    scripts/measure_large_photos.py PHOTO [--megapixels 12 24 48] [--count 4]

PHOTO has a face. It is enlarged, laid into a large picture with texture or without, and saved with quality
90; in one more the face is small. Of each: seconds of `facekit detect` from a cold start and its peak memory,
the processor's seconds for each further photo of a batch, and how far the face's box is from where it would
be if the photo were decoded in full. Prints a table.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from facekit.faces.pipeline import Pipeline
from facekit.faces.reading import Options, read_one
from facekit.pictures import images

COMMAND = (sys.executable, "-m", "facekit")
_ALONE = (
    "import resource, subprocess, sys\n"
    "done = subprocess.run(sys.argv[1:], check=True, stdout=subprocess.PIPE)\n"
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n"
    "print(done.stdout.decode())\n"
)
"""Runs a command from a small process: one that a large process starts counts that memory as its own."""


@dataclass(frozen=True)
class Cost:
    """What one kind of photo costs: `cold` in seconds, `memory` in bytes, `further` in seconds of the
    processor for each photo more. `faces` were found; the boxes are `off` by so many pixels of the file.
    """

    name: str
    cold: float
    memory: int
    further: float
    faces: int
    off: float


def large(photo: Path, megapixels: float, share: float, *, texture: bool) -> Image.Image:
    """A picture 4:3 with the photo in its middle, `share` as high as the picture."""
    width = round(1000 * (megapixels * 4 / 3) ** 0.5)
    height = width * 3 // 4
    with Image.open(photo) as opened:
        face = opened.convert("RGB")
    high = round(share * height)
    face = face.resize((high * face.width // face.height, high), Image.Resampling.LANCZOS)
    canvas = Image.new("RGB", (width, height), (120, 118, 112))
    canvas.paste(face, ((width - face.width) // 2, (height - high) // 2))
    if not texture:
        return canvas
    noise = np.random.default_rng(1).normal(0, 5, (height, width, 1))
    return Image.fromarray(np.clip(np.asarray(canvas) + noise, 0, 255).astype(np.uint8))


def cost(name: str, file: Path, count: int, pipeline: Pipeline) -> Cost:
    """Measure one photo."""
    began = time.monotonic()
    command = [sys.executable, "-c", _ALONE, *COMMAND, "detect", "-q", "-f", "jsonl", str(file)]
    memory, result = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\n", 1)
    faces = json.loads(result)["faces"]
    cold = time.monotonic() - began
    options = Options()
    read_one(str(file), pipeline, options)
    began = _processor()
    for _ in range(count):
        read_one(str(file), pipeline, options)
    further = (_processor() - began) / count
    whole = [face.box for face in pipeline.detect(images.read(file))]
    off = max(
        (
            abs(a - b)
            for one, box in zip(faces, whole, strict=False)
            for a, b in zip(one["box"], box, strict=True)
        ),
        default=0.0,
    )
    assert len(faces) == len(whole), f"{name}: {len(faces)} faces, in full size {len(whole)}"
    return Cost(name, cold, int(memory) * 1024, further, len(faces), off)


def measure(photo: Path, megapixels: Sequence[float], count: int, folder: Path) -> list[Cost]:
    """Make the photos in `folder` and measure each."""
    pipeline = Pipeline(threads=1)
    kinds = [("plain", 0.7, False), ("textured", 0.7, True), ("small face", 0.04, True)]
    costs = []
    for size in megapixels:
        for kind, share, texture in kinds:
            file = folder / f"{size:g}-{kind.replace(' ', '-')}.jpg"
            large(photo, size, share, texture=texture).save(file, quality=90)
            costs.append(cost(f"{size:g} MP, {kind}", file, count, pipeline))
    return costs


def _processor() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photo", type=Path)
    parser.add_argument("--megapixels", type=float, nargs="+", default=[12, 24, 48])
    parser.add_argument("--count", type=int, default=4)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        costs = measure(arguments.photo, arguments.megapixels, arguments.count, Path(folder))
    print("| photo | cold | peak memory | each further one | faces | box off by |")
    print("|---|---|---|---|---|---|")
    for each in costs:
        print(
            f"| {each.name} | {each.cold:.2f} s | {each.memory / 1e6:.0f} MB | {each.further:.2f} s "
            f"| {each.faces} | {each.off:.1f} pixels |"
        )


if __name__ == "__main__":
    main()
