#!/usr/bin/env python3
"""Measure the rate of wrong names in galleries of few and of thousands of people. Prints a table.

    scripts/measure_gallery_sizes.py CROPS.npy [--sizes 1 10 70 120]
    scripts/measure_gallery_sizes.py CROPS.npy --others MORE.npy --sizes 70 500 2000 5000 --photos 1

CROPS are aligned faces with CROPS.csv beside them, of people whom no network learned from; those without a
subject are left out. Galleries of a size are drawn from the people, with up to --photos pictures of each, and
searched for the others. With --others, half of the people at most are enrolled, and the gallery is filled up
with people of MORE, who are never searched for: a network may have seen them. The threshold is the shipped
one as it moves with the number of templates; in the last columns, the one at which FPIR is --fpir.
"""

from __future__ import annotations

import argparse
import csv
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facekit.faces.embedding import Embedder
from facekit.models import weights

_AT_ONCE = 64
_SEARCHES = 1000

Vectors = NDArray[np.float32]
Names = NDArray[np.str_]


@dataclass(frozen=True, eq=False)
class People:
    """Vectors (n, dimension) and whose each is (n,)."""

    vectors: Vectors
    subjects: Names

    @cached_property
    def rows(self) -> dict[str, NDArray[np.int64]]:
        order = np.argsort(self.subjects, kind="stable")
        names, starts = np.unique(self.subjects[order], return_index=True)
        return dict(zip(names.tolist(), np.split(order, starts[1:]), strict=True))


def embedded(file: Path, embedder: Embedder, most: int) -> People:
    """The faces that have a subject, at most so many of each."""
    with file.with_suffix(".csv").open(newline="", encoding="utf-8") as lines:
        subjects = np.array([row["subject"] for row in csv.DictReader(lines)])
    crops = np.load(file, mmap_mode="r")
    chosen = [rows[:most] for name, rows in People(crops, subjects).rows.items() if name]
    named = np.sort(np.concatenate(chosen))
    parts = [named[first : first + _AT_ONCE] for first in range(0, len(named), _AT_ONCE)]
    vectors = np.concatenate([embedder.with_norms(np.ascontiguousarray(crops[part]))[0] for part in parts])
    return People(vectors, subjects[named])


def searches(
    people: People, others: People | None, size: int, photos: int, chance: np.random.Generator
) -> tuple[Vectors, Vectors, int]:
    """The best score of each stranger's search, and each known person's score where it is the best, else −1,
    over several galleries of so many people; and how many templates those had, in the mean."""
    strangers, known, sizes = [], [], []
    names = np.array(list(people.rows))
    for _ in range(max(4, 600 // size)):
        drawn = chance.permutation(names)
        enrolled = drawn[: size if others is None else min(size, len(names)) // 2]
        templates, owners, probes, wanted = [], [], [], []
        for number, person in enumerate(enrolled):
            pictures = chance.permutation(people.rows[person])
            count = min(photos, max(1, len(pictures) // 2))
            templates.append(people.vectors[pictures[:count]])
            owners += [number] * count
            probes.append(people.vectors[pictures[count:]])
            wanted += [number] * (len(pictures) - count)
        if others is not None:
            for person in chance.permutation(list(others.rows))[: size - len(enrolled)]:
                rows = chance.permutation(others.rows[person])[:photos]
                templates.append(others.vectors[rows])
                owners += [-1] * len(rows)
        gallery, owner = np.concatenate(templates), np.array(owners)
        sizes.append(len(gallery))
        outside = chance.permutation(np.flatnonzero(~np.isin(people.subjects, enrolled)))[:_SEARCHES]
        strangers.append((people.vectors[outside] @ gallery.T).max(axis=1))
        scores = np.concatenate(probes) @ gallery.T
        right = owner[scores.argmax(axis=1)] == np.array(wanted)
        known.append(np.where(right, scores.max(axis=1), np.float32(-1)))
    return np.concatenate(strangers), np.concatenate(known), round(np.mean(sizes))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("crops", type=Path)
    parser.add_argument("--others", type=Path)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1, 2, 5, 10, 25, 50, 70, 120])
    parser.add_argument("--photos", type=int, default=6)
    parser.add_argument("--fpir", type=float, default=0.002)
    given = parser.parse_args()
    spec = weights.shipped_embedder()
    embedder, chance = Embedder(spec, threads=2), np.random.default_rng(0)
    people = embedded(given.crops, embedder, sys.maxsize)
    others = embedded(given.others, embedder, given.photos) if given.others else None
    print(f"{len(people.vectors)} faces of {len(people.rows)} people")
    print(f"| people | templates | threshold | FPIR | FNIR | threshold of FPIR {given.fpir:.1%} | FNIR |")
    print("|---|---|---|---|---|---|---|")
    for size in given.sizes:
        wrong, right, templates = searches(people, others, size, given.photos, chance)
        limit = spec.calibration.threshold_for(templates)
        promised = float(np.quantile(wrong, 1 - given.fpir))
        print(
            f"| {size:,} | {templates:,} | {limit:.3f} | {(wrong >= limit).mean():.2%} "
            f"| {(right < limit).mean():.1%} | {promised:.3f} | {(right < promised).mean():.1%} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
