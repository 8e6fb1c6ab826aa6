#!/usr/bin/env python3
"""Measure the rate of wrong names in galleries of few and many people, the threshold as it is and lowered.

    scripts/measure_gallery_sizes.py CROPS.npy [--sizes 1 2 5 10 25 50 70 120]

CROPS are aligned faces with CROPS.csv beside them, of people whom no network learned from; those without a
subject are left out. Galleries of a size are drawn from the people, with up to six pictures of each, and
searched for the others. `lowered` moves the shipped threshold by the rule by which it rises, tail · ln(size /
people it was chosen for), downwards too. Prints a table.
"""

from __future__ import annotations

import argparse
import csv
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facekit.faces.embedding import Embedder
from facekit.models import weights

_PICTURES = 6
_AT_ONCE = 64
_SEARCHES = 1000


def embedded(file: Path, embedder: Embedder) -> tuple[NDArray[np.float32], NDArray[np.str_]]:
    """Vectors (n, dimension) of the faces that have a subject, and the subjects (n,)."""
    with file.with_suffix(".csv").open(newline="", encoding="utf-8") as lines:
        subjects = np.array([row["subject"] for row in csv.DictReader(lines)])
    crops = np.load(file, mmap_mode="r")
    named = np.flatnonzero(subjects != "")
    parts = [named[first : first + _AT_ONCE] for first in range(0, len(named), _AT_ONCE)]
    vectors = np.concatenate([embedder.with_norms(np.ascontiguousarray(crops[part]))[0] for part in parts])
    return vectors, subjects[named]


def rates(
    vectors: NDArray[np.float32],
    subjects: NDArray[np.str_],
    size: int,
    thresholds: Sequence[float],
    chance: np.random.Generator,
) -> list[tuple[float, float]]:
    """FPIR and FNIR at each threshold in galleries of so many people."""
    people = np.unique(subjects)
    strangers: list[NDArray[np.float32]] = []
    known: list[NDArray[np.float32]] = []
    for _ in range(max(10, 600 // size)):
        templates, probes = [], []
        enrolled = chance.permutation(people)[:size]
        for person in enrolled:
            pictures = chance.permutation(np.flatnonzero(subjects == person))
            count = min(_PICTURES, max(1, len(pictures) // 2))
            templates.append(vectors[pictures[:count]])
            probes.append(vectors[pictures[count:]])
        others = chance.permutation(np.flatnonzero(~np.isin(subjects, enrolled)))[:_SEARCHES]
        strangers.append((vectors[others] @ np.concatenate(templates).T).max(axis=1))
        known += [
            (probe @ own.T).max(axis=1) for probe, own in zip(probes, templates, strict=True) if len(probe)
        ]
    wrong, right = np.concatenate(strangers), np.concatenate(known)
    return [(float((wrong >= limit).mean()), float((right < limit).mean())) for limit in thresholds]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("crops", type=Path)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1, 2, 5, 10, 25, 50, 70, 120])
    arguments = parser.parse_args()
    spec = weights.shipped_embedder()
    vectors, subjects = embedded(arguments.crops, Embedder(spec, threads=2))
    calibration, chance = spec.calibration, np.random.default_rng(0)
    print(f"{len(vectors)} faces of {len(np.unique(subjects))} people")
    print("| people | FPIR | FNIR | lowered to | FPIR | FNIR |\n|---|---|---|---|---|---|")
    for size in arguments.sizes:
        lowered = calibration.threshold + calibration.tail * math.log(size / calibration.subjects)
        kept, low = rates(vectors, subjects, size, (calibration.threshold_for(size), lowered), chance)
        print(f"| {size} | {kept[0]:.3%} | {kept[1]:.1%} | {lowered:.3f} | {low[0]:.3%} | {low[1]:.1%} |")


if __name__ == "__main__":
    main()
