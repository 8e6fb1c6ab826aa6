#!/usr/bin/env python3
"""Prove that a face has the same vector on processors that lack the newer instructions.

    scripts/prove_processors.py tests/data/astronaut.png

A gallery is enrolled on one computer and searched on another, with one threshold. `facekit embed` is run on
the photos here and under emulation of each processor; the vectors of the same face may differ by no more
than rounding, and the score of two faces, one from here and one from there, by no more than CHANGE. Needs
x86-64 Linux and qemu-user (Debian: apt install qemu-user); a processor takes a minute or two.
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
LEAST = 0.998
"""Kernels for integers of eight bits round differently where AVX2 is missing."""
CHANGE = 0.01


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
    here, is_proved = vectors(photos), True
    for name, what in PROCESSORS.items():
        emulated = vectors(photos, [emulator, "-cpu", name])
        least, change = compared(here, emulated)
        print(
            f"{name} ({what}): {len(emulated)} faces of {len(here)}, cosine at least {least:.6f}; "
            f"the score of two faces changes by {change:.6f} at most",
            flush=True,
        )
        is_proved &= least >= LEAST and change <= CHANGE
    return 0 if is_proved else 1


def compared(here: NDArray[np.float64], there: NDArray[np.float64]) -> tuple[float, float]:
    """The least cosine of the same face here and there, and the largest change of the score of two faces of
    which one is from there. Other faces are the worst there can be."""
    if here.shape != there.shape:
        return -1.0, 2.0
    changes = np.abs(here @ here.T - there @ here.T)[~np.eye(len(here), dtype=bool)]
    return float((here * there).sum(axis=1).min()), float(changes.max(initial=0))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
