"""8-bit RGB of whatever colors a picture has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image

from facekit.results import Pixels

_DEPTHS = (8, 10, 12, 14, 16)
_PHOTOMETRIC, _SAMPLE_FORMAT, _SIGNED = 262, 339, 2
"""Tags of TIFF, and what the second says of numbers that may be negative."""
_NOISE = 1 / 16
_AT_ONCE, _STRIP = 1 << 24, 256
"""A picture of more pixels is handed over in strips of so many rows: as one, Pillow holds it a third time."""


def rgb(image: Image.Image) -> Image.Image:
    """RGB, whatever the colors were: see-through parts over white, 16 bits cut to 8."""
    if image.mode.startswith("I"):
        gray = _upper_bits(_whole_numbers(image))
        return Image.fromarray(255 - gray if _is_white_zero(image) else gray).convert("RGB")
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


def _tags(image: Image.Image) -> Mapping[int, Any]:
    tags: Mapping[int, Any] = getattr(image, "tag_v2", {})
    return tags


def _is_white_zero(image: Image.Image) -> bool:
    """Whether a TIFF's numbers rise from white to black, as scanners have it; eight bits Pillow turns."""
    return _tags(image).get(_PHOTOMETRIC) == 0


def _whole_numbers(image: Image.Image) -> np.ndarray[tuple[int, ...], np.dtype[Any]]:
    """From zero on. What is signed in the file begins at its least number, unless that is a little below zero
    alone, as noise is; Pillow takes 32 bits for signed whether they are or not."""
    values = np.asarray(image)
    if values.dtype != np.int32 or values.min(initial=0) >= 0:
        return values
    tags = _tags(image)
    if tags and _SIGNED not in tuple(tags.get(_SAMPLE_FORMAT, ())):
        return values.view(np.uint32)
    least, most = int(values.min()), int(values.max())
    return values.astype(np.int64) - least if -least > most * _NOISE else np.maximum(values, 0)


def _upper_bits(values: np.ndarray[tuple[int, ...], np.dtype[Any]]) -> Pixels:
    """The upper eight of as many bits as the brightest pixel tells that there are: scanners and cameras for
    industry store 10, 12 or 14 bits in 16, which would come out almost black."""
    brightest = int(values.max(initial=0))
    bits = next((bits for bits in _DEPTHS if brightest < 1 << bits), brightest.bit_length())
    gray: Pixels = (values >> (bits - 8)).astype(np.uint8)
    return gray


def _eight_bits(values: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> Pixels:
    """Floating-point gray, 0 … 1, 0 … 255 or more, which the file does not tell."""
    finite = values[np.isfinite(values)]
    brightest = float(finite.max(initial=0.0))
    scale = 255.0 if brightest <= 1.0 else min(1.0, 255.0 / brightest)
    known = np.nan_to_num(values, nan=0.0, posinf=brightest, neginf=0.0)
    gray: Pixels = np.clip(known * scale + 0.5, 0, 255).astype(np.uint8)
    return gray
