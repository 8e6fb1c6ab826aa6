"""Pictures and faces taken in the dark: the levels that they use are spread over all there are.

At 6 % of their brightness faces are found in two thirds of photos and hardly anybody is recognized; spread
first, both are nearly as in daylight.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageOps

from facekit.results import Box, Pixels

_RAREST = 0.02
"""Of the darkest and of the brightest pixels of a picture, in percent, that are not looked at: so few that a
small face in the light is not overlooked in a large dark picture."""
_RAREST_OF_FACE = 0.5
_USUAL_RANGE = 96
_STEP = 4


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


def lit_face(pixels: Pixels, box: Box) -> Pixels:
    """The picture stretched so that the face in the box uses all of its range, if it is a dark or flat one.

    Else as it is. What is around a face says nothing of its light.
    """
    height, width = pixels.shape[:2]
    x0, y0 = max(0, int(box[0])), max(0, int(box[1]))
    x1, y1 = min(width, int(box[2]) + 1), min(height, int(box[3]) + 1)
    face = np.ascontiguousarray(pixels[y0:y1, x0:x1])
    if not face.size or levels(face, _RAREST_OF_FACE) >= _USUAL_RANGE:
        return pixels
    place = Image.new("1", (width, height))
    ImageDraw.Draw(place).rectangle((x0, y0, x1 - 1, y1 - 1), fill=1)
    return np.asarray(
        ImageOps.autocontrast(Image.fromarray(pixels), cutoff=_RAREST_OF_FACE, mask=place.convert("L"))
    )
