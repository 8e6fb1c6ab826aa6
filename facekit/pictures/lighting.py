"""Pictures and faces taken in the dark: the levels that they use are spread over all there are.

At 6 % of their brightness faces are found in two thirds of photos and hardly anybody is recognized; spread
first, both are nearly as in daylight.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageOps

from facekit.results import Box, Face, Picture, Pixels

_RAREST = 0.02
"""Of the darkest and of the brightest pixels of a picture, in percent, that are not looked at: so few that a
small face in the light is not overlooked in a large dark picture."""
_RAREST_OF_FACE = 0.5
_USUAL_RANGE = 96
_STEP = 4

TOO_DARK, TOO_BRIGHT = "too dark", "too bright"
"""Remarks on a picture in which no face was found, and none could be."""
_DARK, _WHITE = 32, 250
_MOST_WHITE = 0.5
"""Of the pixels: a photo with more of them white is overexposed, or of something else than people."""
_TOO_FEW = 24
"""Of a face that uses fewer levels, noise leaves too little to tell whose it is: with noise of two levels,
people photographed at 6 % of their brightness are still recognized in four of five photos, at 3 % in one of
seven."""


def levels(pixels: Pixels, rarest: float = _RAREST) -> float:
    """How many of the 256 levels of brightness the pixels use, without the `rarest` percent of either end."""
    luma = np.asarray(Image.fromarray(pixels).convert("L"))
    low, high = np.percentile(luma, [rarest, 100 - rarest])
    return float(high - low)


def stretched(pixels: Pixels) -> Pixels:
    """The picture with all of its range used."""
    return np.asarray(ImageOps.autocontrast(Image.fromarray(pixels), cutoff=_RAREST))


def lit(pixels: Pixels) -> Pixels:
    """A dark or flat picture stretched; any other as it is."""
    dark = levels(np.ascontiguousarray(pixels[::_STEP, ::_STEP])) < _USUAL_RANGE
    return stretched(pixels) if dark else pixels


def remark(pixels: Pixels) -> str | None:
    """Why a picture without a face says nothing about who is in it: TOO_DARK, TOO_BRIGHT, or None."""
    luma = np.asarray(Image.fromarray(np.ascontiguousarray(pixels[::_STEP, ::_STEP])).convert("L"))
    if np.percentile(luma, 100 - _RAREST) < _DARK:
        return TOO_DARK
    return TOO_BRIGHT if np.mean(luma >= _WHITE) > _MOST_WHITE else None


def with_light(picture: Picture, faces: Sequence[Face]) -> tuple[str, ...]:
    """A picture's notes, with the remark on its light where no face was found in it."""
    said = None if faces else remark(picture.pixels)
    return (*picture.notes, said) if said else picture.notes


def is_too_dark(pixels: Pixels, box: Box) -> bool:
    """Whether the face in the box is so dark that it is hardly told whose it is."""
    face = _inside(pixels, box)
    return bool(face.size) and levels(face, _RAREST_OF_FACE) < _TOO_FEW and int(np.median(face)) < _DARK


def _inside(pixels: Pixels, box: Box) -> Pixels:
    x0, y0 = (max(0, int(side)) for side in box[:2])
    x1, y1 = (max(0, int(side) + 1) for side in box[2:])
    return np.ascontiguousarray(pixels[y0:y1, x0:x1])


def lit_face(pixels: Pixels, box: Box) -> Pixels:
    """The picture stretched so that the face in the box uses all of its range, if it is a dark or flat one.

    Else as it is. What is around a face says nothing of its light.
    """
    face = _inside(pixels, box)
    if not face.size or levels(face, _RAREST_OF_FACE) >= _USUAL_RANGE:
        return pixels
    x0, y0 = (max(0, int(side)) for side in box[:2])
    place = Image.new("1", (pixels.shape[1], pixels.shape[0]))
    ImageDraw.Draw(place).rectangle((x0, y0, x0 + face.shape[1] - 1, y0 + face.shape[0] - 1), fill=1)
    return np.asarray(
        ImageOps.autocontrast(Image.fromarray(pixels), cutoff=_RAREST_OF_FACE, mask=place.convert("L"))
    )
