"""A frame as it is shown or saved: people with boxes, names and scores, and a line at the bottom."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from facekit.rendering.annotated import Mark, annotated
from facekit.rendering.fonts import default_font
from facekit.results import Pixels
from facekit.video.frames import Frame
from facekit.video.session import TrackState


def drawn(frame: Frame, people: Sequence[TrackState], line: str = "") -> tuple[Pixels, list[str]]:
    """The frame with everybody where they are expected at its time, and remarks on names that no font here
    can write. `line` is plain text for the corner.
    """
    marks = [
        Mark(each.expected_box(frame.time), each.subject or "unknown", each.score, each.subject is not None)
        for each in people
    ]
    if not marks and not line:
        return frame.pixels, []
    image, notes = annotated(frame.pixels, marks, smallest=0)
    if line:
        _write(image, line)
    return np.asarray(image), notes


def _write(image: Image.Image, line: str) -> None:
    draw = ImageDraw.Draw(image)
    letters = max(12, round(max(image.size) / 70))
    font = default_font(letters)
    width, height = round(font.getlength(line)) + letters, letters * 3 // 2
    draw.rectangle((0, image.height - height, width, image.height), fill=(20, 20, 20))
    place = (letters // 2, image.height - height // 2)
    draw.text(place, line, font=font, fill=(255, 255, 255), anchor="lm")
