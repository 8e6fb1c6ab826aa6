"""Videos made from a photo: people who move, grow, turn their heads and fade over a background."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from facekit.results import Box, Pixels
from facekit.video.writer import VideoFile

ASTRONAUT = Path(__file__).parent / "data" / "astronaut.png"
ASTRONAUT_FACE: Box = (179.0, 83.0, 267.0, 171.0)


def save(path: Path, frames: Iterable[Pixels], rate: float = 25.0) -> Path:
    """Write frames as a video."""
    video = VideoFile(path, rate)
    for number, frame in enumerate(frames):
        video.add(frame, number / rate)
    video.close()
    return path


def background(width: int, height: int) -> Image.Image:
    """A soft gray-green pattern without anything like a face."""
    y, x = np.mgrid[0:height, 0:width]
    waves = 20 * np.sin(x / 90) + 15 * np.cos(y / 70)
    pixels = np.stack([110 + waves, 130 + waves, 120 - waves], axis=2)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def head(path: Path = ASTRONAUT, face: Box = ASTRONAUT_FACE, around: float = 0.7) -> Image.Image:
    """A face with what is around it, cut out of a photo."""
    x0, y0, x1, y1 = face
    more = around * (x1 - x0)
    with Image.open(path) as image:
        area = (round(x0 - more), round(y0 - more), round(x1 + more), round(y1 + more))
        return image.convert("RGB").crop(area)


def put(
    frame: Image.Image, person: Image.Image, middle: tuple[float, float], side: int, shown: float = 1
) -> None:
    """Paste a person with soft edges, `side` pixels wide, at a place; `shown` fades in from 0 to 1."""
    person = person.resize((side, side), Image.Resampling.BICUBIC)
    ramp = np.minimum(np.arange(side), np.arange(side)[::-1]) / (0.08 * side)
    mask = 255 * shown * np.minimum(1, np.minimum.outer(ramp, ramp))
    corner = (round(middle[0] - side / 2), round(middle[1] - side / 2))
    frame.paste(person, corner, Image.fromarray(mask.astype(np.uint8)))


def moving(
    person: Image.Image,
    frames: int,
    *,
    size: tuple[int, int] = (640, 360),
    start: tuple[float, float] = (160, 190),
    end: tuple[float, float] = (420, 170),
    sides: tuple[int, int] = (200, 280),
    fade: int = 5,
) -> Iterator[Pixels]:
    """A person who fades in, walks from one place to another while coming nearer, and fades out."""
    empty = background(*size)
    for number in range(frames):
        part = number / max(1, frames - 1)
        frame = empty.copy()
        middle = (start[0] + part * (end[0] - start[0]), start[1] + part * (end[1] - start[1]))
        shown = min(1.0, (number + 1) / fade, (frames - number) / fade)
        put(frame, person, middle, round(sides[0] + part * (sides[1] - sides[0])), shown)
        yield np.asarray(frame)


def turned(person: Image.Image, yaw: float, pitch: float) -> Image.Image:
    """The head, cut out by `head`, turned by angles in degrees: to the right of the picture, and up.

    The photo is laid on an ellipsoid with a nose, which is turned before it is looked at.
    """
    side = person.width
    y, x = (np.mgrid[0:side, 0:side] - side / 2) / side
    cos_yaw, sin_yaw = np.cos(np.radians(yaw)), np.sin(np.radians(yaw))
    cos_pitch, sin_pitch = np.cos(np.radians(pitch)), np.sin(np.radians(pitch))
    back_x, back_y = x.copy(), y.copy()
    for _ in range(12):  # from where a point is seen back to where it was before the head turned
        rest = 1 - (back_x / 0.32) ** 2 - (back_y / 0.42) ** 2
        z = 0.3 * np.sqrt(np.maximum(0, rest))
        z += 0.09 * np.exp(-((back_x - 0.01) ** 2 + (back_y - 0.01) ** 2) / 0.05**2)
        seen_x = back_x * cos_yaw + z * sin_yaw
        deep = z * cos_yaw - back_x * sin_yaw
        seen_y = back_y * cos_pitch - deep * sin_pitch
        back_x += 0.6 * (x - seen_x)
        back_y += 0.6 * (y - seen_y)
    # The neck stays where it is.
    part = np.clip((1 - (x / 0.4) ** 2 - (y / 0.48) ** 2) * 3, 0, 1)
    places = [(own + part * (back - own)) * side + side / 2 for own, back in ((x, back_x), (y, back_y))]
    return Image.fromarray(_sampled(np.asarray(person, np.float32), places[0], places[1]))


def _sampled(pixels: np.ndarray, x: np.ndarray, y: np.ndarray) -> Pixels:
    x, y = x.clip(0, pixels.shape[1] - 1.001), y.clip(0, pixels.shape[0] - 1.001)
    x0, y0 = x.astype(int), y.astype(int)
    dx, dy = (x - x0)[..., None], (y - y0)[..., None]
    above = pixels[y0, x0] * (1 - dx) + pixels[y0, x0 + 1] * dx
    below = pixels[y0 + 1, x0] * (1 - dx) + pixels[y0 + 1, x0 + 1] * dx
    return np.asarray((above * (1 - dy) + below * dy).round(), np.uint8)


def turning(person: Image.Image, angles: Iterable[tuple[float, float]], side: int = 300) -> Iterator[Pixels]:
    """A head in the middle of the picture at each of the angles (yaw, pitch)."""
    empty = background(480, 360)
    for yaw, pitch in angles:
        frame = empty.copy()
        put(frame, turned(person, yaw, pitch), (240, 180), side)
        yield np.asarray(frame)
