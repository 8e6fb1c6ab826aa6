#!/usr/bin/env python3
"""What a photo in the wrong folder does to names, and what it costs to name nobody whom two people are like.

    scripts/measure_misfiled.py PEOPLE [--photos 6] [--seed 0]

PEOPLE has a sub-folder with photos for each person. The first PHOTOS of each are the gallery and the rest are
searched for, and the other way round: as the folders are, and then with one photo of each person in turn in
somebody else's folder, when that person's photos are searched for. For each closeness, how far apart the best
scores of two people have to be, it prints how many photos have the right name, a wrong one, and none because
two people are too close. The threshold is the shipped embedder's.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facekit.faces.reading import Options, read_faces
from facekit.models import weights
from facekit.pictures import folders

CLOSENESS = (0.0, 0.02, 0.05, 0.1, 0.15, 0.2)


@dataclass(frozen=True, eq=False)
class Photos:
    """Unit vectors (n, d), whose each is (n,), and its place among that person's photos (n,)."""

    vectors: NDArray[np.float32]
    people: NDArray[np.int64]
    places: NDArray[np.int64]


@dataclass(frozen=True)
class Counts:
    """Searches by what came of them."""

    searches: int = 0
    right: int = 0
    wrong: int = 0
    close: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(mine + theirs for mine, theirs in zip(self.values, other.values, strict=True)))

    @property
    def values(self) -> tuple[int, int, int, int]:
        return self.searches, self.right, self.wrong, self.close


def read(folder: Path) -> Photos:
    """The largest face of each photo; photos without one are left out."""
    photos = folders.people([str(folder)]).photos
    numbers = {name: number for number, name in enumerate(dict.fromkeys(name for name, _ in photos))}
    readings = read_faces([source for _, source in photos], Options())
    places: dict[str, int] = {}
    rows = []
    for (name, _), reading in zip(photos, readings, strict=True):
        places[name] = places.get(name, -1) + 1
        if reading.faces:
            rows.append((reading.largest().vector, numbers[name], places[name]))
    vectors, people, at = zip(*rows, strict=True)
    return Photos(np.stack(vectors), np.array(people), np.array(at))


def count(
    photos: Photos, gallery: NDArray[np.intp], labels: NDArray[np.int64], probes: NDArray[np.intp],
    threshold: float, closeness: float,
) -> Counts:  # fmt: skip
    """Search for `probes` in the photos of `gallery`, which stand under `labels`."""
    scores = photos.vectors[probes] @ photos.vectors[gallery].T
    best = np.stack(
        [np.where(labels == person, scores, -1).max(axis=1) for person in range(labels.max() + 1)]
    )
    first = best.argmax(axis=0)
    highest, second = np.sort(best, axis=0)[:-3:-1]
    close = (second >= threshold) & (second >= highest - closeness)
    named = (highest >= threshold) & ~close
    right = first == photos.people[probes]
    return Counts(len(probes), int((named & right).sum()), int((named & ~right).sum()), int(close.sum()))


def halves(photos: Photos, each: int) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Gallery and probes: the first photos against the others, and the other way round."""
    early = photos.places < each
    yield np.flatnonzero(early), np.flatnonzero(~early)
    yield np.flatnonzero(~early), np.flatnonzero(early)


def clean(photos: Photos, each: int, threshold: float, closeness: float) -> Counts:
    parts = (
        count(photos, gallery, photos.people[gallery], probes, threshold, closeness)
        for gallery, probes in halves(photos, each)
    )
    return sum(parts, Counts())


def misfiled(photos: Photos, each: int, threshold: float, closeness: float, seed: int) -> Counts:
    total, chance = Counts(), np.random.default_rng(seed)
    for gallery, probes in halves(photos, each):
        for person in np.unique(photos.people):
            labels = photos.people[gallery].copy()
            mine = np.flatnonzero(labels == person)
            others = np.setdiff1d(labels, [person])
            if len(mine) < 2 or not len(others):
                continue
            labels[chance.choice(mine)] = chance.choice(others)
            wanted = probes[photos.people[probes] == person]
            total += count(photos, gallery, labels, wanted, threshold, closeness)
    return total


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("people", type=Path)
    parser.add_argument("--photos", type=int, default=6)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    threshold = weights.shipped_embedder().threshold
    photos = read(given.people)
    print(f"{'closeness':>9}  {'folders':<9}{'searches':>9}{'right':>7}{'wrong':>7}{'too close':>11}")
    for closeness in CLOSENESS:
        for name, counts in (
            ("right", clean(photos, given.photos, threshold, closeness)),
            ("misfiled", misfiled(photos, given.photos, threshold, closeness, given.seed)),
        ):
            searches, right, wrong, close = counts.values
            print(f"{closeness:9.2f}  {name:<9}{searches:9}{right:7}{wrong:7}{close:11}")


if __name__ == "__main__":
    main()
