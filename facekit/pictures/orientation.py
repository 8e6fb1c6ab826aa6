"""The eight ways in which a picture can lie in its file, by the numbers of EXIF's Orientation."""

from __future__ import annotations

from collections.abc import Iterable

from PIL import Image

Turn = tuple[int, int, int, int]
"""The matrix (a, b, c, d) that takes a place of the stored picture, counted from its middle, to that of the
upright one: x' = a x + b y, y' = c x + d y."""

TURNS: dict[int, Turn] = {
    1: (1, 0, 0, 1),
    2: (-1, 0, 0, 1),
    3: (-1, 0, 0, -1),
    4: (1, 0, 0, -1),
    5: (0, 1, 1, 0),
    6: (0, -1, 1, 0),
    7: (0, -1, -1, 0),
    8: (0, 1, -1, 0),
}

_HEIF_STEPS: dict[tuple[str, int], int] = {
    ("irot", 90): 8,
    ("irot", 180): 3,
    ("irot", 270): 6,
    ("imir", 0): 4,
    ("imir", 1): 2,
}
"""What a HEIF file says of how it lies (ISO/IEC 23008-12, 6.5.10 and 6.5.12), as pillow-heif has it."""


def of_heif(image: Image.Image) -> int:
    """How a HEIF picture lies in its container, whose reader turns it. Asked for before it is decoded.

    Its EXIF block may say something else, and holds for nothing.
    """
    file = getattr(image, "_heif_file", None)
    steps = file[image.tell()]._c_image.transformations if file else ()
    return of_turns(TURNS[_HEIF_STEPS.get(step[:2], 1)] for step in steps)


def of_turns(turns: Iterable[Turn]) -> int:
    """The number of several turns, one after the other."""
    a, b, c, d = TURNS[1]
    for e, f, g, h in turns:
        a, b, c, d = e * a + f * c, e * b + f * d, g * a + h * c, g * b + h * d
    return next(number for number, turn in TURNS.items() if turn == (a, b, c, d))
