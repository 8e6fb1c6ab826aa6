"""One frame of a moving picture."""

from __future__ import annotations

from dataclasses import dataclass

from facekit.results import Pixels


@dataclass(frozen=True, eq=False)
class Frame:
    """`pixels` uint8 (height, width, 3) RGB, upright; `number` counts from 0; `time` is in seconds from
    the first frame: of the file's own clock, or of this machine's when the frame came from what is live.
    """

    pixels: Pixels
    number: int
    time: float
