#!/usr/bin/env python3
"""Make pictures without a face for `facekit train-detector --faceless`: animals and things over photos.

    scripts/make_faceless.py DATA TEACHER STAMPS OUT

DATA holds detection.zip with detection.csv: the photos of the part that is trained on in which nobody is, by
the table and by TEACHER, a YuNet network, are the backgrounds. STAMPS is a folder of pictures with
transparent surroundings, as Debian's package tuxpaint-stamps-default has them in /usr/share/tuxpaint/stamps
(freely licensed, by the list in /usr/share/doc). Folders in which faces may be are left out. The same input
gives the same pictures.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from facekit.training.detector_pictures import Photo, read, split
from facekit.training.detector_targets import YuNetDetector

WITH_FACES = {"apes", "cartoon", "christmas", "dinosaur", "faces", "halloween", "monuments", "people", "toys"}
WITH_FACES |= {"alphabets", "easter", "flags", "military", "money", "seasonal", "shapes", "space"}
SIDE = 480
_LEAST = 40
_NOTHING = 0.2
"""A teacher's score below which there is no face."""


def stamps(folder: Path) -> list[Path]:
    """The pictures in which no face is, in their order by name."""
    files = sorted(path for path in folder.rglob("*.png") if not WITH_FACES & set(path.parts))
    # Stamps of which a color or the mirror image is made have a dim copy beside them.
    return [path for path in files if not path.stem.endswith(("_mirror", "_flip", "_mirror_flip"))]


def laid_over(stamp: Image.Image, backgrounds: Sequence[Photo], chance: np.random.Generator) -> Image.Image:
    """The stamp, half to nine tenths as large as the picture, over a part of a photo or over one shade."""
    if chance.random() < 0.75:
        photo = Image.fromarray(backgrounds[int(chance.integers(len(backgrounds)))].pixels)
        part = min(photo.size) * chance.uniform(0.4, 1.0)
        left, top = (chance.uniform(0, side - part) for side in photo.size)
        box = (left, top, left + part, top + part)
        canvas = photo.resize((SIDE, SIDE), Image.Resampling.BICUBIC, box=box)
    else:
        canvas = Image.new("RGB", (SIDE, SIDE), tuple(int(value) for value in chance.integers(0, 256, 3)))
    scale = SIDE * chance.uniform(0.5, 0.9) / max(stamp.size)
    size = (max(1, round(stamp.width * scale)), max(1, round(stamp.height * scale)))
    small = stamp.resize(size, Image.Resampling.LANCZOS)
    x, y = (int(chance.integers(0, SIDE - side + 1)) for side in size)
    canvas.paste(small, (x, y), small)
    return canvas


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in ("data", "teacher", "stamps", "out"):
        parser.add_argument(name, type=Path)
    arguments = parser.parse_args()
    photos = split(read(arguments.data / "detection.zip", arguments.data / "detection.csv")).training
    eyes = YuNetDetector(arguments.teacher, sure=_NOTHING)
    empty = [photo for photo in photos if not len(photo.labels.boxes)]
    backgrounds = [photo for photo in empty if not eyes.detect(photo.pixels, min_face=1)]
    arguments.out.mkdir(parents=True, exist_ok=True)
    chance = np.random.default_rng(1)
    count = 0
    for file in stamps(arguments.stamps):
        with Image.open(file) as opened:
            stamp = opened.convert("RGBA")
        bounds = stamp.getbbox()
        if bounds is None or min(bounds[2] - bounds[0], bounds[3] - bounds[1]) < _LEAST:
            continue
        laid_over(stamp.crop(bounds), backgrounds, chance).save(
            arguments.out / f"{count:04}-{file.stem}.jpg", quality=92
        )
        count += 1
    print(f"{count} pictures over {len(backgrounds)} backgrounds in {arguments.out}")


if __name__ == "__main__":
    main()
