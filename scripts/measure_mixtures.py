"""Measure how surely two people in one person's pictures are noticed. Prints JSON.

    python scripts/measure_mixtures.py --data FOLDER

FOLDER has photos-val.zip. `divided` counts single people with all their photos, and pairs of people, so many
photos of each, whose pictures fall into two parts of more than one: what `gallery check --people` doubts.
`refused` counts folders that `enroll` refuses: of one person, and of several in equal parts.
"""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections import defaultdict
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from facekit.faces.reading import Options, Reading, read_faces
from facekit.people import choice, mixture
from facekit.pictures import folders

Vectors = NDArray[np.float32]
SIZES = ((12, 12), (12, 6), (12, 3), (12, 2), (6, 6), (3, 3))
TRIES = 150


def people(path: Path, options: Options, threshold: float) -> list[Vectors]:
    """The vectors of each person's photos, of the face that `enroll` would take."""
    readings: defaultdict[str, list[Reading]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(path) as archive:
            archive.extractall(folder)
        for reading in read_faces(folders.list_pictures([folder]).pictures, options):
            if reading.faces:
                readings[Path(reading.source).parent.name].append(reading)
    return [chosen(readings[name], threshold) for name in sorted(readings)]


def chosen(readings: list[Reading], threshold: float) -> Vectors:
    nothing = np.zeros((0, len(readings[0].faces[0].vector)), np.float32)
    return np.stack([each.face.vector for each in choice.choose(readings, nothing, threshold)])


def is_divided(vectors: Vectors, threshold: float) -> bool:
    people = mixture.parts(vectors, threshold)
    return len(people) > 1 and len(people[1]) > 1


def is_refused(vectors: Vectors, threshold: float) -> bool:
    return 2 * len(mixture.parts(vectors, threshold)[0]) <= len(vectors)


def sample(everybody: list[Vectors], several: int, size: int, random: np.random.Generator) -> Vectors:
    """`size` photos of `several` people, as many of each as can be."""
    some = random.choice(len(everybody), several, replace=False)
    shares = [size // several + (number < size % several) for number in range(several)]
    picked = [
        everybody[person][random.permutation(len(everybody[person]))[:share]]
        for person, share in zip(some, shares, strict=True)
    ]
    return np.concatenate(picked)


@click.command(help=__doc__, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--data", type=click.Path(exists=True, path_type=Path), required=True)
def main(data: Path) -> None:
    options = Options()
    threshold = options.pipeline().spec.threshold
    everybody = people(data / "photos-val.zip", options, threshold)
    count = len(everybody)
    pairs = [(n, (n + step) % count) for step in (7, 13) for n in range(count)]
    divided = {"single": [sum(is_divided(each, threshold) for each in everybody), count]}
    for one, other in SIZES:
        both = [np.concatenate([everybody[a][:one], everybody[b][:other]]) for a, b in pairs]
        divided[f"{one}+{other}"] = [sum(is_divided(each, threshold) for each in both), len(pairs)]
    random = np.random.default_rng(0)
    refused = {"single": [sum(is_refused(each, threshold) for each in everybody), count]}
    for size in (5, 6, 8, 12):
        for several in sorted({1, 2, 3, 4, size}):
            tries = [sample(everybody, several, size, random) for _ in range(TRIES)]
            refused[f"{size} photos of {several}"] = [sum(is_refused(t, threshold) for t in tries), TRIES]
    print(json.dumps({"threshold": threshold, "divided": divided, "refused": refused}, indent=2))


if __name__ == "__main__":
    main()
