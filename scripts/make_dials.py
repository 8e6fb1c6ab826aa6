#!/usr/bin/env python3
"""Draw clocks, signs and wheels over pictures without a face, for `facekit train-detector --faceless`.

    scripts/make_dials.py FACELESS OUT [--count 150]

FACELESS is a folder of pictures in which nobody is, as scripts/make_faceless.py makes them. What is round and
has marks inside is easily taken for a face. The same input gives the same pictures.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

Chance = np.random.Generator
Color = tuple[int, ...]

SIDE = 480
SMALLEST, LARGEST = 40, 300
_DRAWN = 300
_ROMAN = ("XII", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI")
_SIGNS = ("STOP", "P", "30", "50", "!", "H", "BUS", "?", "EXIT")


def shade(low: int, high: int, chance: Chance) -> Color:
    """A color that is nearly gray, of a brightness between these."""
    values = chance.integers(low, high) + chance.normal(0, 18, 3)
    return tuple(int(value) for value in np.clip(values, 0, 255))


class Dial:
    """One round thing, drawn in a square of _DRAWN pixels, transparent around it."""

    def __init__(self, chance: Chance) -> None:
        self.image = Image.new("RGBA", (_DRAWN, _DRAWN))
        self._draw, self._chance = ImageDraw.Draw(self.image), chance
        face, self._ink = shade(120, 256, chance), shade(0, 90, chance)
        if chance.random() < 0.15:
            face, self._ink = self._ink, face
        self._middle = _DRAWN / 2
        self._radius = 0.47 * _DRAWN * float(chance.uniform(0.78, 0.96))
        ring = shade(0, 90, chance) if chance.random() < 0.6 else tuple(chance.integers(0, 256, 3).tolist())
        self._disc(0.47 * _DRAWN, ring)
        self._disc(self._radius, face)
        kind = chance.random()
        if kind < 0.75:
            self._clock()
        elif kind < 0.88:
            self._text(str(chance.choice(_SIGNS)), 0.0, 0.0, 0.7)
        else:
            self._wheel()

    def _disc(self, radius: float, fill: Color) -> None:
        low, high = self._middle - radius, self._middle + radius
        self._draw.ellipse((low, low, high, high), fill=fill)

    def _line(self, angle: float, start: float, end: float, width: float) -> None:
        """From `start` to `end` of the radius."""
        across, down = math.cos(angle) * self._radius, math.sin(angle) * self._radius
        ends = [(self._middle + part * across, self._middle + part * down) for part in (start, end)]
        self._draw.line(ends, fill=self._ink, width=max(1, round(width * self._radius)))

    def _text(self, text: str, across: float, down: float, size: float) -> None:
        place = (self._middle + across * self._radius, self._middle + down * self._radius)
        font = ImageFont.load_default(max(6.0, size * self._radius))
        self._draw.text(place, text, font=font, fill=self._ink, anchor="mm")

    def _clock(self) -> None:
        chance = self._chance
        roman, lettered, quarters = chance.random() < 0.45, chance.random() < 0.75, chance.random() < 0.15
        away, size = float(chance.uniform(0.72, 0.86)), float(chance.uniform(0.16, 0.3))
        for hour in range(12):
            angle = math.radians(30 * hour - 90)
            if lettered and not (quarters and hour % 3):
                text = _ROMAN[hour] if roman else str(hour or 12)
                self._text(text, away * math.cos(angle), away * math.sin(angle), size)
            else:
                self._line(angle, 0.9 * away, 1.08 * away, 0.04)
        if chance.random() < 0.6:
            for minute in range(60):
                self._line(math.radians(6 * minute), 0.93, 0.98, 0.0)
        for longest, width in ((0.6, 0.05), (0.85, 0.04)):
            self._line(chance.uniform(0, 2 * math.pi), -0.12, longest * chance.uniform(0.7, 1), width)
        self._disc(0.06 * self._radius, self._ink)

    def _wheel(self) -> None:
        for spoke in range(int(self._chance.integers(3, 9))):
            self._line(spoke * math.pi / 4, 0, 1, 0.06)


def worn(dial: Image.Image, chance: Chance) -> Image.Image:
    """Seen from the side, leaning, lit from one side, a little blurred."""
    side = round(math.exp(chance.uniform(math.log(SMALLEST), math.log(LARGEST))))
    dial = dial.rotate(float(chance.normal(0, 8)), resample=Image.Resampling.BICUBIC)
    dial = dial.resize((max(24, round(side * chance.uniform(0.75, 1))), side), Image.Resampling.LANCZOS)
    if chance.random() < 0.5:
        values = np.asarray(dial, np.float64).copy()
        left, right = (float(light) for light in chance.uniform(0.6, 1, 2))
        light = np.linspace(left, right, values.shape[1])[None, :, None]
        values[..., :3] = values[..., :3] * light + chance.normal(0, 6, values[..., :3].shape)
        dial = Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))
    return dial.filter(ImageFilter.GaussianBlur(chance.uniform(0.3, 1.2))) if chance.random() < 0.4 else dial


def picture(background: Path, chance: Chance) -> Image.Image:
    """One to three of them over a picture, or over one color; a quarter of the pictures is brown."""
    if chance.random() < 0.3:
        width, height = (int(side) for side in chance.integers(SIDE // 2, SIDE, 2))
        canvas = Image.new("RGB", (width, height), shade(120, 256, chance))
    else:
        canvas = Image.open(background).convert("RGB")
        canvas.thumbnail((SIDE, SIDE))
    for _ in range(int(chance.integers(1, 4))):
        dial = worn(Dial(chance).image, chance)
        left = int(chance.integers(max(1, canvas.width - dial.width)))
        top = int(chance.integers(max(1, canvas.height - dial.height)))
        canvas.paste(dial, (left, top), dial)
    if chance.random() < 0.25:
        brown = np.asarray(canvas.convert("L"))[..., None] * np.array([1, 0.88, 0.7])
        canvas = Image.fromarray(brown.astype(np.uint8))
    return canvas


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("faceless", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--count", type=int, default=150)
    arguments = parser.parse_args()
    backgrounds = sorted(path for path in arguments.faceless.iterdir() if path.is_file())
    chance = np.random.default_rng(7)
    arguments.out.mkdir(parents=True, exist_ok=True)
    for number in range(arguments.count):
        background = backgrounds[int(chance.integers(len(backgrounds)))]
        picture(background, chance).save(arguments.out / f"dial-{number:03}.png")


if __name__ == "__main__":
    main()
