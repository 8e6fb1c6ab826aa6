"""One frame of a moving picture."""

from __future__ import annotations

from dataclasses import dataclass

from facekit.results import Pixels


@dataclass(frozen=True)
class FrameFile:
    """The picture file that a frame is: its path, and the SHA-256 of its bytes."""

    path: str
    sha256: str


@dataclass(frozen=True, eq=False)
class Frame:
    """`pixels` uint8 (height, width, 3) RGB, upright; `number` counts from 0; `time` is in seconds from
    the first frame: of the file's own clock, or of this machine's when the frame came from what is live.
    `file` is the picture itself, where the source is a folder of pictures.
    """

    pixels: Pixels
    number: int
    time: float
    file: FrameFile | None = None
