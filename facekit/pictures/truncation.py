"""JPEG pictures that lack their last bytes: where they are cut off, and which of their rows are there."""

from __future__ import annotations

from typing import Any

import numpy as np

from facekit.pictures.headers import AFTER_SCAN, ALONE, EOI, NEXT_MARKER, SOS

_END = bytes((0xFF, EOI))
_MIDDLE = (127, 128)
"""What a decoder gives for blocks that are not there: gray, 127 where the file has inverted colors."""
_ROWS = 16
"""At most so many rows are coded together, and the last of them that are there may be so in part. As far does
the decoder smooth what came of an unfinished pass."""
_BLEED = 2
"""So many rows of what is missing have a color from the rows above."""
_CORNER = 4


def ended(data: bytes) -> bytes | None:
    """A JPEG that is cut off within its pixels, ended where its last complete part ends, so that it can be
    decoded; None if it has its end, or not even a beginning of its pixels."""
    place, scan = 2, False
    while match := (AFTER_SCAN if scan else NEXT_MARKER).search(data, place):
        place = match.end()
        marker = data[place - 1]
        if marker == EOI and scan:
            return None
        if marker in ALONE:
            continue
        length = int.from_bytes(data[place : place + 2], "big")
        if place + max(length, 2) > len(data):
            return data[: match.start()] + _END if scan else None
        scan = scan or marker == SOS
        place += length
    return data + _END if scan else None


def rows_decoded(pixels: np.ndarray[Any, np.dtype[np.uint8]], *, progressive: bool) -> int:
    """How many rows of a picture, as its decoder gave them, came whole out of a file that was cut off."""
    count = len(pixels)
    if not np.isin(pixels[-_CORNER:, -_CORNER:], _MIDDLE).all():
        return count
    while count and np.isin(pixels[count - 1], _MIDDLE).all():
        count -= 1
    return max(0, (count - _BLEED) // _ROWS * _ROWS - (_ROWS if progressive else 0))
