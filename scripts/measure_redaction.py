#!/usr/bin/env python3
"""Measure what a face matcher makes of redacted faces.

    scripts/measure_redaction.py PEOPLE [--photos 6] [--cells N …]

PEOPLE has a folder for each person. The first PHOTOS photos of each are enrolled. The largest face of each of
the others is redacted in its photo and searched for, aligned by the points that it had before: whoever
attacks knows where the face was. Prints a line for each way of redacting: for how many the right person is
the first of the candidates, how many have a name at the embedder's threshold, and the median scores of the
right person and of the best other. In the last column the enrolled photos are redacted in the same way too:
alike pictures are compared, and what is around the faces (hair, clothes, the occasion) counts most."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facekit.faces import alignment
from facekit.faces.pipeline import Pipeline
from facekit.pictures import folders, images
from facekit.rendering.covering import CELLS, METHODS, Cover, redacted
from facekit.results import Face, Pixels

Vectors = NDArray[np.float32]
People = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Photo:
    """A photo, its largest face, whose it is, and its place among that person's photos."""

    pixels: Pixels
    face: Face
    person: int
    place: int


@dataclass(frozen=True)
class Count:
    """Of `searches`: the right person is first; somebody has a name. `mated` and `non_mated` are the median
    scores of the right person and of the best other."""

    searches: int
    first: int
    named: int
    mated: float
    non_mated: float


def read(folder: Path, pipeline: Pipeline) -> list[Photo]:
    """The largest face of each photo; photos without one are left out."""
    photos = []
    for person, paths in enumerate(folders.people([str(folder)]).by_subject().values()):
        for place, path in enumerate(paths):
            picture = images.read(path)
            faces = pipeline.faces(picture)
            if faces:
                face = max(faces, key=lambda each: each.quality.size)
                photos.append(Photo(picture.pixels, face, person, place))
    return photos


def vectors(photos: Sequence[Photo], cover: Cover | None, pipeline: Pipeline) -> Vectors:
    """Unit vectors (n, d) of the faces, redacted if there is a cover, aligned by the points from before."""
    batches = []
    for start in range(0, len(photos), 32):
        crops = []
        for photo in photos[start : start + 32]:
            boxes = [photo.face.detection.box] if cover else []
            pixels = redacted(photo.pixels, boxes, cover or Cover())
            crops.append(
                alignment.align(pixels, photo.face.points, scheme="arcface5", size=pipeline.spec.side)
            )
        batches.append(pipeline.embedder.with_norms(np.stack(crops))[0])
    return np.concatenate(batches)


def count(gallery: Vectors, people: People, probes: Vectors, whose: People, threshold: float) -> Count:
    """Search for the probes, of the people `whose`, in the gallery of `people`."""
    scores = probes @ gallery.T
    best = np.stack(
        [np.where(people == person, scores, -1).max(axis=1) for person in range(int(people.max()) + 1)]
    )
    rows = np.arange(len(probes))
    mated, others = best[whose, rows], best.copy()
    others[whose, rows] = -1
    non_mated = others.max(axis=0)
    named = best.max(axis=0) >= threshold
    return Count(
        len(probes),
        int((mated > non_mated).sum()),
        int(named.sum()),
        float(np.median(mated)),
        float(np.median(non_mated)),
    )


def measure(
    photos: Sequence[Photo], enrolled: int, covers: Sequence[Cover | None], pipeline: Pipeline
) -> dict[Cover | None, tuple[Count, Count]]:
    """For each way of redacting what the searches give: in the gallery as it is, and redacted as well."""
    gallery = [photo for photo in photos if photo.place < enrolled]
    probes = [photo for photo in photos if photo.place >= enrolled]
    people, whose = (np.array([photo.person for photo in some]) for some in (gallery, probes))
    plain = vectors(gallery, None, pipeline)
    threshold = pipeline.spec.calibration.threshold_for(len(gallery))
    counts = {}
    for cover in covers:
        hidden, alike = vectors(probes, cover, pipeline), vectors(gallery, cover, pipeline)
        counts[cover] = (
            count(plain, people, hidden, whose, threshold),
            count(alike, people, hidden, whose, threshold),
        )
    return counts


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("people", type=Path)
    parser.add_argument("--photos", type=int, default=6)
    parser.add_argument("--cells", type=int, nargs="+", default=[0])
    given = parser.parse_args(arguments)
    pipeline = Pipeline(threads=1)
    photos = read(given.people, pipeline)
    covers: list[Cover | None] = [None]
    covers += [Cover(method, cells=cells) for method in METHODS for cells in given.cells]
    print(
        "| faces | right person first | somebody named | score of the right person | of the best other |",
        end="",
    )
    print(" first, in a redacted gallery |")
    print("|---|---|---|---|---|---|")
    for cover, (plain, alike) in measure(photos, given.photos, covers, pipeline).items():
        name = (
            "as they are"
            if cover is None
            else cover.method
            if cover.method == "cover"
            else f"{cover.method}, {cover.cells or CELLS[cover.method]} cells"
        )
        first, named = (f"{number} of {plain.searches}" for number in (plain.first, plain.named))
        scores = f"{plain.mated:.2f} | {plain.non_mated:.2f}"
        print(f"| {name} | {first} | {named} | {scores} | {alike.first} of {alike.searches} |")


if __name__ == "__main__":
    main()
