"""8-bit RGB of whatever colors a picture has."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from facekit.results import Pixels

_DEPTHS = (8, 10, 12, 14, 16)
_AT_ONCE, _STRIP = 1 << 24, 256
"""A picture of more pixels is handed over in strips of so many rows: as one, Pillow holds it a third time."""


def rgb(image: Image.Image) -> Image.Image:
    """RGB, whatever the colors were: see-through parts over white, 16 bits cut to 8."""
    if image.mode.startswith("I"):
        return Image.fromarray(_upper_bits(np.asarray(image))).convert("RGB")
    if image.mode == "F":
        return Image.fromarray(_eight_bits(np.asarray(image))).convert("RGB")
    if image.has_transparency_data:
        seen = image.convert("RGBA")
        white = Image.new("RGBA", seen.size, "white")
        return Image.alpha_composite(white, seen).convert("RGB")
    # Converting to the mode that it has would copy it.
    return image if image.mode == "RGB" else image.convert("RGB")


def pixels_of(image: Image.Image) -> Pixels:
    """The pixels of an RGB image, uint8 (height, width, 3)."""
    width, height = image.size
    if width * height <= _AT_ONCE:
        return np.asarray(image)
    pixels = np.empty((height, width, 3), np.uint8)
    for top in range(0, height, _STRIP):
        rows = image.crop((0, top, width, min(top + _STRIP, height)))
        pixels[top : top + _STRIP] = np.asarray(rows)
    return pixels


def _upper_bits(values: np.ndarray[tuple[int, ...], np.dtype[Any]]) -> Pixels:
    """The upper eight of as many bits as the brightest pixel tells that there are: scanners and cameras for
    industry store 10, 12 or 14 bits in 16, which would come out almost black."""
    brightest = int(values.max(initial=0))
    bits = next((bits for bits in _DEPTHS if brightest < 1 << bits), brightest.bit_length())
    gray: Pixels = (np.maximum(values, 0) >> (bits - 8)).astype(np.uint8)
    return gray


def _eight_bits(values: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> Pixels:
    """Floating-point gray, 0 … 1 or 0 … 255, which the file does not tell."""
    known = np.nan_to_num(values, nan=0.0, posinf=255.0, neginf=0.0)
    scale = 255.0 if known.max(initial=0.0) <= 1.0 else 1.0
    gray: Pixels = np.clip(known * scale + 0.5, 0, 255).astype(np.uint8)
    return gray
