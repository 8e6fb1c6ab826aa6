#!/usr/bin/env python3
"""Measure who is still found and named as the light fades, or washes everything out.

    scripts/measure_light.py PEOPLE [--photos 6] [--people 20]

PEOPLE has a folder for each person. The first `photos` of each person are enrolled as they are; as many
others are darkened, with the noise of a sensor (a deviation of one level) on top, or brightened until they
are cut off, and searched for with the verdicts of identify. Prints a table: in how many a face was found, the
right name given or a wrong one, and in how many it is said that it is too dark or too bright.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from verdicts import NOBODY, verdicts

from facekit import Pipeline
from facekit.pictures import folders, images, lighting
from facekit.results import Face, Picture, Pixels

Light = Callable[[Pixels], Pixels]


@dataclass(frozen=True)
class Count:
    """Of `photos` in one light: how many have a face, the right name, a wrong one, a word on the light."""

    light: str
    photos: int
    found: int = 0
    right: int = 0
    wrong: int = 0
    said: int = 0


def darkened(part: float) -> Light:
    chance = np.random.default_rng(1)

    def change(pixels: Pixels) -> Pixels:
        return np.clip(pixels * part + chance.normal(0, 1, pixels.shape), 0, 255).round().astype(np.uint8)

    return change


def washed_out(times: float) -> Light:
    return lambda pixels: np.clip(pixels.astype(np.float32) * times, 0, 255).astype(np.uint8)


LIGHTS: dict[str, Light] = {
    "as it is": lambda pixels: pixels,
    **{f"{100 * part:g} % of it": darkened(part) for part in (0.3, 0.15, 0.06, 0.03, 0.015, 0.005)},
    **{f"{times} times it": washed_out(times) for times in (2, 4, 8)},
}


def measure(people: Path, photos: int, most: int, lights: Sequence[str], pipeline: Pipeline) -> list[Count]:
    """Enroll, change the light, and search."""
    by_person = folders.people([str(people)]).by_subject()
    enrolled: list[tuple[str, Face]] = []
    probes: list[tuple[str, Pixels]] = []
    for name, paths in list(by_person.items())[:most]:
        for path in paths[:photos]:
            enrolled += [(name, face) for face in pipeline.faces(images.read(path))[:1]]
        probes += [(name, images.read(path).pixels) for path in paths[photos : 2 * photos]]
    names = sorted({name for name, _ in enrolled})
    subjects = np.array([names.index(name) for name, _ in enrolled])
    gallery = np.stack([face.vector for _, face in enrolled])
    calibration = pipeline.spec.calibration
    limits = calibration.threshold_for(len(enrolled)), calibration.cohort_for(len(enrolled))
    counts = []
    for light in lights:
        found = right = wrong = said = 0
        for name, pixels in probes:
            changed = LIGHTS[light](pixels)
            faces = pipeline.faces(Picture("", changed, ""))
            found += bool(faces)
            if not faces:
                said += lighting.remark(changed) is not None
                continue
            face = max(faces, key=lambda each: each.quality.size)
            (named,) = verdicts((gallery @ face.vector)[None], subjects, *limits).tolist()
            right += named != NOBODY and names[named] == name
            wrong += named != NOBODY and names[named] != name
            said += named == NOBODY and face.dark
        counts.append(Count(light, len(probes), found, right, wrong, said))
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("people", type=Path)
    parser.add_argument("--photos", type=int, default=6)
    parser.add_argument("--people", dest="most", type=int, default=20)
    arguments = parser.parse_args()
    pipeline = Pipeline(threads=1)
    counts = measure(arguments.people, arguments.photos, arguments.most, list(LIGHTS), pipeline)
    print(f"| brightness | a face in ({counts[0].photos}) | right name | wrong name | too dark or bright |")
    print("|---|---|---|---|---|")
    for count in counts:
        print(f"| {count.light} | {count.found} | {count.right} | {count.wrong} | {count.said} |")


if __name__ == "__main__":
    main()
