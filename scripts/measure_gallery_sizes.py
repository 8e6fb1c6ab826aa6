#!/usr/bin/env python3
"""Measure the rate of wrong names in galleries of few and of thousands of people. Prints a table.

    scripts/measure_gallery_sizes.py CROPS.npy [--sizes 1 10 70 120]
    scripts/measure_gallery_sizes.py CROPS.npy --others MORE.npy --sizes 70 500 2000 5000 --photos 1

CROPS are aligned faces with CROPS.csv beside them, of people whom no network learned from; those without a
subject are left out. Galleries of a size are drawn from the people, with up to --photos pictures of each, and
searched for the others. With --others, half of the people at most are enrolled, and the gallery is filled up
with people of MORE, who are never searched for: a network may have seen them. Who is named at the shipped
threshold, as it moves with the number of templates, is decided as `identify` does; in the last columns, by
the score alone, at the threshold at which FPIR is --fpir.
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
from verdicts import NOBODY, verdicts

from facekit.calibration.threshold import Calibration
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


@dataclass(frozen=True, eq=False)
class Searches:
    """Of each stranger's search the best score, and whether it gave a name; of each known person's their
    score where it is the best, else −1, and whether they were missed; and a gallery's templates, in the mean.
    """

    strangers: Vectors
    named: NDArray[np.bool_]
    known: Vectors
    missed: NDArray[np.bool_]
    templates: int


def searches(
    people: People,
    others: People | None,
    size: int,
    photos: int,
    calibration: Calibration,
    chance: np.random.Generator,
) -> Searches:
    """Those in several galleries of so many people."""
    strangers, known, sizes = [], [], []
    named, missed = [], []
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
            filling = chance.permutation(list(others.rows))[: size - len(enrolled)]
            for number, person in enumerate(filling, len(enrolled)):
                rows = chance.permutation(others.rows[person])[:photos]
                templates.append(others.vectors[rows])
                owners += [number] * len(rows)
        gallery, owner = np.concatenate(templates), np.array(owners)
        sizes.append(len(gallery))
        outside = chance.permutation(np.flatnonzero(~np.isin(people.subjects, enrolled)))[:_SEARCHES]
        limits = calibration.threshold_for(len(gallery)), calibration.cohort_for(len(gallery))
        scores = people.vectors[outside] @ gallery.T
        strangers.append(scores.max(axis=1))
        named.append(verdicts(scores, owner, *limits) != NOBODY)
        scores = np.concatenate(probes) @ gallery.T
        right = owner[scores.argmax(axis=1)] == np.array(wanted)
        known.append(np.where(right, scores.max(axis=1), np.float32(-1)))
        missed.append(verdicts(scores, owner, *limits) != np.array(wanted))
    return Searches(
        np.concatenate(strangers),
        np.concatenate(named),
        np.concatenate(known),
        np.concatenate(missed),
        round(np.mean(sizes)),
    )


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
        found = searches(people, others, size, given.photos, spec.calibration, chance)
        limit = spec.calibration.threshold_for(found.templates)
        promised = float(np.quantile(found.strangers, 1 - given.fpir))
        print(
            f"| {size:,} | {found.templates:,} | {limit:.3f} | {found.named.mean():.2%} "
            f"| {found.missed.mean():.1%} | {promised:.3f} | {(found.known < promised).mean():.1%} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
