"""The picture with a box, a name and a score at every face."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

from facekit.rendering.fonts import default_font, font_for
from facekit.results import Box, Identification, Pixels
from facekit.text.escaping import printable

# Below this, letters big enough to read would hide the faces: the picture is enlarged.
SMALLEST = 900
LONGEST_NAME = 40
NAMED, UNKNOWN, TEXT = (40, 200, 90), (255, 190, 60), (255, 255, 255)
_SHADE = (20, 20, 20)

Area = tuple[int, int, int, int]


@dataclass(frozen=True)
class Mark:
    """A face to mark: its box in pixels, what to write beside it, and whether that is a subject."""

    box: Box
    name: str
    score: float | None = None
    subject: bool = True


@dataclass(frozen=True)
class _Label:
    name: str
    score: str
    name_font: ImageFont.FreeTypeFont
    score_font: ImageFont.FreeTypeFont
    size: tuple[int, int]
    gap: int


def marks_of(faces: Sequence[Identification]) -> list[Mark]:
    """The verdicts as marks: the score is that of the subject, or of the best candidate of an unknown."""
    return [_mark(face) for face in faces]


def annotated(
    pixels: Pixels, marks: Sequence[Mark], *, smallest: int = SMALLEST
) -> tuple[Image.Image, list[str]]:
    """The picture with its faces marked, and remarks on names that no font here can write.

    A picture whose longer side is under `smallest` pixels is enlarged by a whole number, so that names
    can be read and do not hide faces.
    """
    image = Image.fromarray(pixels)
    scale = max(1, -(-smallest // max(image.size)))
    if scale > 1:
        image = image.resize((image.width * scale, image.height * scale), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(image)
    letters = max(14, round(max(image.size) / 55))
    line = max(2, letters // 8)
    areas = [_scaled(mark.box, scale) for mark in marks]
    for area, mark in zip(areas, marks, strict=True):
        draw.rectangle(area, outline=_SHADE, width=line + 2)
        draw.rectangle(area, outline=NAMED if mark.subject else UNKNOWN, width=line)
    notes: list[str] = []
    taken: list[Area] = []
    for number, (area, mark) in enumerate(zip(areas, marks, strict=True), 1):
        label = _label(number, mark, letters, notes)
        place = _place(label.size, area, image.size, [*taken, *(each for each in areas if each != area)])
        taken.append(place)
        _write(draw, place, label, NAMED if mark.subject else UNKNOWN)
    return image, notes


def _mark(face: Identification) -> Mark:
    return Mark(
        face.face.detection.box, face.subject or "unknown", face.score, subject=face.subject is not None
    )


def _label(number: int, mark: Mark, letters: int, notes: list[str]) -> _Label:
    name = printable(mark.name)
    name = name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"
    font = font_for(name, letters)
    if font is None:
        notes.append(
            f"no font here has the letters of {name}: written as face {number} "
            "(Debian: apt install fonts-noto-core fonts-noto-cjk)"
        )
        name, font = f"face {number}", default_font(letters)
    score = "" if mark.score is None else f"{mark.score:.2f}"
    plain = default_font(letters)
    gap = letters // 3
    width = round(font.getlength(name) + (plain.getlength(score) + 2 * gap if score else 0)) + 2 * gap
    height = max(sum(font.getmetrics()), sum(plain.getmetrics())) + gap
    return _Label(name, score, font, plain, (width, height), gap)


def _place(size: tuple[int, int], box: Area, picture: tuple[int, int], taken: Sequence[Area]) -> Area:
    """Where the label hides least: below the face, above it, inside at an edge, or at a side."""
    (width, height), (x0, y0, x1, y1) = size, box
    middle = (x0 + x1 - width) // 2
    corners = [
        (middle, y1),
        (middle, y0 - height),
        (x0, y1),
        (x1 - width, y1),
        (x0, y0 - height),
        (x1 - width, y0 - height),
    ]
    corners += [(middle, y1 - height), (x1, (y0 + y1 - height) // 2), (x0 - width, (y0 + y1 - height) // 2)]
    corners += [(middle, y1 + height), (middle, y0 - 2 * height)]
    areas = [_inside((x, y, x + width, y + height), picture) for x, y in corners]
    return min(areas, key=lambda area: sum(_overlap(area, other) for other in [*taken, box]))


def _inside(area: Area, picture: tuple[int, int]) -> Area:
    x0, y0, x1, y1 = area
    right = max(0, min(x0, picture[0] - (x1 - x0)))
    down = max(0, min(y0, picture[1] - (y1 - y0)))
    return right, down, right + x1 - x0, down + y1 - y0


def _overlap(one: Area, other: Area) -> int:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return max(0, width) * max(0, height)


def _write(draw: ImageDraw.ImageDraw, place: Area, label: _Label, color: tuple[int, int, int]) -> None:
    x0, y0, x1, y1 = place
    draw.rectangle((x0, y0, x1 - 1, y1 - 1), fill=_SHADE)
    middle = (y0 + y1) // 2
    draw.text((x0 + label.gap, middle), label.name, font=label.name_font, fill=TEXT, anchor="lm")
    if label.score:
        draw.text((x1 - label.gap, middle), label.score, font=label.score_font, fill=color, anchor="rm")


def _scaled(box: Box, scale: int) -> Area:
    x0, y0, x1, y1 = (round(value * scale) for value in box)
    return x0, y0, max(x0 + 1, x1), max(y0 + 1, y1)
