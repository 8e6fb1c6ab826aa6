"""Faces made unrecognizable: blurred, pixelated or covered, in an ellipse or a box around each.

A blurred and a pixelated face are made of the means of a few cells and of nothing else, so that no sharpening
brings back more; how many cells there are does not depend on how large the face is in the picture.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facekit.results import Box, Pixels

Method = Literal["blur", "pixelate", "cover"]
Shape = Literal["ellipse", "box"]
METHODS: tuple[Method, ...] = get_args(Method)
SHAPES: tuple[Shape, ...] = get_args(Shape)

AROUND = 1.5
"""What is redacted, in sides of the detector's box, which ends at the brows and the chin: an ellipse of √2
just holds the box."""

CELLS: dict[Method, int] = {"blur": 2, "pixelate": 2, "cover": 1}
"""So many cells across a redacted face: with them, a matcher that compares redacted faces with redacted ones
finds hardly more people than where faces are covered (scripts/measure_redaction.py)."""

_COLOR = (0, 0, 0)


@dataclass(frozen=True)
class Cover:
    """How a face is redacted. `around` is how large that is, in sides of the detector's box, and `cells` how
    many cells are across it, 0: as many as are usual."""

    method: Method = "blur"
    shape: Shape = "ellipse"
    around: float = AROUND
    cells: int = 0


def redacted(pixels: Pixels, boxes: Iterable[Box], cover: Cover) -> Pixels:
    """The picture with the faces in the boxes redacted, one after the other; the one given stays as it is."""
    changed = pixels.copy()
    for box in boxes:
        _redact(changed, box, cover)
    return changed


def _redact(pixels: Pixels, box: Box, cover: Cover) -> None:
    height, width = pixels.shape[:2]
    x0, y0, x1, y1 = _around(box, cover.around)
    left, top = max(0, int(np.floor(x0))), max(0, int(np.floor(y0)))
    right, bottom = min(width, int(np.ceil(x1))), min(height, int(np.ceil(y1)))
    if left >= right or top >= bottom:
        return
    part = pixels[top:bottom, left:right]
    inside = _inside((x0 - left, y0 - top, x1 - left, y1 - top), part.shape[:2], cover.shape)
    cell = max(x1 - x0, y1 - y0) / (cover.cells or CELLS[cover.method])
    part[inside] = _filled(part, cell, cover.method)[inside]


def _around(box: Box, times: float) -> Box:
    x0, y0, x1, y1 = box
    x, y = (x0 + x1) / 2, (y0 + y1) / 2
    half_width, half_height = times * (x1 - x0) / 2, times * (y1 - y0) / 2
    return x - half_width, y - half_height, x + half_width, y + half_height


def _inside(area: Box, size: tuple[int, int], shape: Shape) -> NDArray[np.bool_]:
    """Which pixels of a part of that height and width are redacted."""
    if shape == "box":
        return np.ones(size, np.bool_)
    x0, y0, x1, y1 = area
    y, x = np.ogrid[: size[0], : size[1]]
    across = (x + 0.5 - (x0 + x1) / 2) / ((x1 - x0) / 2)
    down = (y + 0.5 - (y0 + y1) / 2) / ((y1 - y0) / 2)
    return np.asarray(across**2 + down**2 <= 1)


def _filled(part: Pixels, cell: float, method: Method) -> Pixels:
    if method == "cover":
        return np.full_like(part, _COLOR)
    height, width = part.shape[:2]
    cells = (max(1, round(width / cell)), max(1, round(height / cell)))
    means = Image.fromarray(part).resize(cells, Image.Resampling.BOX)
    spread = Image.Resampling.BICUBIC if method == "blur" else Image.Resampling.NEAREST
    return np.asarray(means.resize((width, height), spread))
