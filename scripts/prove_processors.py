#!/usr/bin/env python3
"""Prove that a face has the same vector on processors that lack the newer instructions.

    scripts/prove_processors.py tests/data/astronaut.png

A gallery is enrolled on one computer and searched on another, with one threshold. `facekit embed` is run on
the photos here and under emulation of each processor; the vectors of the same face may differ by no more
than rounding. Needs x86-64 Linux and qemu-user (Debian: apt install qemu-user); a processor takes a minute
or two.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

PROCESSORS = {"Haswell": "AVX2 without VNNI", "SandyBridge": "AVX without AVX2"}
"""As qemu and OpenBLAS name them. OpenBLAS is told, since it takes every emulated processor for a Haswell."""
LEAST = 0.9995
"""Kernels for integers of eight bits round differently where AVX2 is missing."""


def vectors(photos: Sequence[str], emulator: Sequence[str] = ()) -> NDArray[np.float64]:
    """Vectors (faces, dimension) of the photos, by a facekit that runs in the emulator."""
    command = [*emulator, sys.executable, "-m", "facekit", "embed", *photos, "--jobs", "1", "--quiet"]
    core = {"OPENBLAS_CORETYPE": emulator[-1]} if emulator else {}
    done = subprocess.run(command, text=True, capture_output=True, env=os.environ | core)
    if done.returncode:
        sys.exit(done.stderr)
    pictures = map(json.loads, done.stdout.splitlines())
    return np.array([face["vector"] for picture in pictures for face in picture["faces"]])


def main(photos: Sequence[str]) -> int:
    emulator = shutil.which("qemu-x86_64")
    if emulator is None or not photos:
        print(__doc__, file=sys.stderr)
        return 2
    here, worst = vectors(photos), 1.0
    for name, what in PROCESSORS.items():
        emulated = vectors(photos, [emulator, "-cpu", name])
        least = float((here * emulated).sum(axis=1).min()) if emulated.shape == here.shape else -1.0
        print(
            f"{name} ({what}): {len(emulated)} faces of {len(here)}, cosine at least {least:.6f}", flush=True
        )
        worst = min(worst, least)
    return 0 if worst >= LEAST else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
