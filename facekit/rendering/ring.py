"""What a person sees who registers: the picture, a ring of the poses around the middle, and what to do."""

from __future__ import annotations

from PIL import Image, ImageDraw

from facekit.rendering.annotated import NAMED, UNKNOWN
from facekit.rendering.fonts import default_font
from facekit.results import Pixels
from facekit.video.poses import POSES, Pose
from facekit.video.registering import Progress

_TODO = (150, 150, 150)
_SHADE = (20, 20, 20)
# Where the arc of each pose begins in a mirror image, in degrees clockwise from the right.
_ARCS: dict[Pose, int] = {"right": -40, "down": 50, "left": 140, "up": 230}
_LENGTH = 80


def ringed(pixels: Pixels, progress: Progress, *, mirrored: bool) -> Image.Image:
    """The frame, as a mirror shows it where `mirrored`: the person's left is on the left then."""
    image = Image.fromarray(pixels)
    if mirrored:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    draw = ImageDraw.Draw(image)
    radius, width = round(0.36 * min(image.size)), max(6, min(image.size) // 40)
    x, y = image.width // 2, round(0.46 * image.height)
    area = (x - radius, y - radius, x + radius, y + radius)
    around = (x - radius - 2, y - radius - 2, x + radius + 2, y + radius + 2)
    for pose, start in _ARCS.items():
        begin = start if mirrored or pose in ("up", "down") else 100 - start
        share = min(1.0, progress.counts[pose] / progress.wanted)
        draw.arc(around, begin, begin + _LENGTH, fill=_SHADE, width=width + 4)
        draw.arc(area, begin, begin + _LENGTH, fill=_color(pose, progress), width=width)
        if 0 < share < 1:
            draw.arc(area, begin, begin + round(_LENGTH * share), fill=NAMED, width=width)
    _line(draw, image.size, progress)
    return image


def line(progress: Progress) -> str:
    """The same in a line of text: `front ✓  left 1/3  right 0/3 … – turn your head to the left`."""
    parts = (
        f"{pose} {'done' if count >= progress.wanted else f'{count}/{progress.wanted}'}"
        for pose, count in ((pose, progress.counts[pose]) for pose in POSES)
    )
    return f"{'  '.join(parts)}: {progress.hint}"


def _color(pose: Pose, progress: Progress) -> tuple[int, int, int]:
    if progress.counts[pose] >= progress.wanted:
        return NAMED
    return UNKNOWN if pose == progress.next else _TODO


def _line(draw: ImageDraw.ImageDraw, size: tuple[int, int], progress: Progress) -> None:
    letters = max(14, round(min(size) / 20))
    font, small = default_font(letters), default_font(max(12, letters * 2 // 3))
    width, height = size
    draw.rectangle((0, height - 3 * letters, width, height), fill=_SHADE)
    draw.text((width // 2, height - 2 * letters), progress.hint, font=font, fill=(255, 255, 255), anchor="mm")
    room = width / len(POSES)
    for number, pose in enumerate(POSES):
        count = f"{pose} {progress.counts[pose]}/{progress.wanted}"
        place = (room * (number + 0.5), height - letters * 2 // 3)
        draw.text(place, count, font=small, fill=_color(pose, progress), anchor="mm")
