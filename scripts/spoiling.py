"""Crops of faces spoiled in the ways of poor cameras, light and storage, and their vectors."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageFilter

from facekit.pictures.lighting import lit_face

Spoil = Callable[[Image.Image, np.random.Generator], Image.Image]
Vectors = NDArray[np.float32]
CLEAN = "clean"
FACE = (6, 20, 106, 112)
"""Where a face is in its crop, as a detector's box."""


def blur(radius: float) -> Spoil:
    return lambda image, _: image.filter(ImageFilter.GaussianBlur(radius))


def shaken(length: int) -> Spoil:
    def spoil(image: Image.Image, _: np.random.Generator) -> Image.Image:
        rows = np.pad(
            np.asarray(image, np.float32), ((0, 0), (length // 2, length - 1 - length // 2), (0, 0)), "edge"
        )
        mean = np.mean([rows[:, first : first + image.width] for first in range(length)], axis=0)
        return Image.fromarray(mean.round().astype(np.uint8))

    return spoil


def jpeg(quality: int) -> Spoil:
    def spoil(image: Image.Image, _: np.random.Generator) -> Image.Image:
        file = io.BytesIO()
        image.save(file, "JPEG", quality=quality)
        return Image.open(file).convert("RGB")

    return spoil


def noise(sigma: float) -> Spoil:
    def spoil(image: Image.Image, chance: np.random.Generator) -> Image.Image:
        pixels = np.asarray(image, np.float32)
        noisy = pixels + chance.normal(0, sigma, pixels.shape)
        return Image.fromarray(noisy.clip(0, 255).round().astype(np.uint8))

    return spoil


def specks(share: float) -> Spoil:
    def spoil(image: Image.Image, chance: np.random.Generator) -> Image.Image:
        pixels = np.asarray(image).copy()
        place = chance.random(pixels.shape[:2])
        pixels[place < share / 2] = 0
        pixels[place > 1 - share / 2] = 255
        return Image.fromarray(pixels)

    return spoil


def shrunk(side: int, enlarged: Image.Resampling) -> Spoil:
    return lambda image, _: image.resize((side, side), Image.Resampling.BOX).resize(image.size, enlarged)


def dark(share: float) -> Spoil:
    return lambda image, _: ImageEnhance.Brightness(image).enhance(share)


def flat(share: float) -> Spoil:
    return lambda image, _: ImageEnhance.Contrast(image).enhance(share)


def coarse(levels: int) -> Spoil:
    step = 256 // levels
    return lambda image, _: Image.fromarray((np.asarray(image) // step * step).astype(np.uint8))


def covered(share: float) -> Spoil:
    def spoil(image: Image.Image, _: np.random.Generator) -> Image.Image:
        pixels = np.asarray(image).copy()
        pixels[round(image.height * (1 - share)) :] = 128
        return Image.fromarray(pixels)

    return spoil


def after(*steps: Spoil) -> Spoil:
    def spoil(image: Image.Image, chance: np.random.Generator) -> Image.Image:
        for step in steps:
            image = step(image, chance)
        return image

    return spoil


SPOILED: dict[str, Spoil] = {
    CLEAN: lambda image, _: image,
    **{f"blur {radius}": blur(radius) for radius in (2, 3, 4, 6, 8)},
    **{f"shaken {length}": shaken(length) for length in (9, 15, 25)},
    **{f"jpeg {quality}": jpeg(quality) for quality in (20, 10, 5, 2)},
    **{f"noise {sigma}": noise(sigma) for sigma in (20, 30, 40, 60, 90)},
    **{f"specks {share}": specks(share) for share in (0.1, 0.3)},
    **{f"pixelated {side}": shrunk(side, Image.Resampling.NEAREST) for side in (28, 20, 14, 10)},
    **{f"small {side}": shrunk(side, Image.Resampling.BICUBIC) for side in (28, 20, 16, 12, 8)},
    **{f"dark {share}": dark(share) for share in (0.2, 0.06, 0.03)},
    **{f"flat {share}": flat(share) for share in (0.3, 0.1)},
    "bright 2.5": dark(2.5),
    "gray": lambda image, _: image.convert("L").convert("RGB"),
    **{f"levels {levels}": coarse(levels) for levels in (4, 2)},
    **{f"covered {share}": covered(share) for share in (0.38, 0.5)},
    "webcam at night": after(dark(0.5), blur(1.5), noise(25), jpeg(15)),
    "far camera": after(shrunk(24, Image.Resampling.BICUBIC), noise(15), jpeg(10)),
}
"""Pixels of a crop of 112, qualities of JPEG, sigmas of 255, shares."""


class Spoiling:
    """Vectors and feature norms of spoiled crops, kept in the folder `cache` where there is one."""

    def __init__(self, embedder: Callable[[NDArray[np.uint8]], tuple[Vectors, Vectors]], cache: Path | None):
        self._embed, self._cache = embedder, cache

    def __call__(self, kind: str, crops: NDArray[np.uint8]) -> tuple[Vectors, Vectors]:
        keys = [hashlib.sha256(kind.encode() + crop.tobytes()).hexdigest()[:16] for crop in crops]
        file = None if self._cache is None else self._cache / f"{kind.replace(' ', '-')}.npz"
        known: dict[str, tuple[Vectors, Vectors]] = {}
        if file is not None and file.is_file():
            with np.load(file) as stored:
                values = zip(stored["vectors"], stored["norms"], strict=True)
                known = dict(zip(stored["keys"].tolist(), values, strict=True))
        missing = [place for place, key in enumerate(keys) if key not in known]
        for first in range(0, len(missing), 64):
            places = missing[first : first + 64]
            found = self._embed(np.stack([_spoiled(kind, crops[place], keys[place]) for place in places]))
            known.update(zip((keys[place] for place in places), zip(*found, strict=True), strict=True))
        if file is not None and missing:
            file.parent.mkdir(parents=True, exist_ok=True)
            vectors, norms = (np.stack(values) for values in zip(*known.values(), strict=True))
            np.savez(file, keys=np.array(list(known)), vectors=vectors, norms=norms)
        vectors, norms = (np.stack(values) for values in zip(*(known[key] for key in keys), strict=True))
        return vectors, norms


def _spoiled(kind: str, crop: NDArray[np.uint8], seed: str) -> NDArray[np.uint8]:
    """The crop as the embedder would see it: stretched, if it is dark."""
    chance = np.random.default_rng(int(seed, 16))
    return lit_face(np.asarray(SPOILED[kind](Image.fromarray(crop), chance)), FACE)
