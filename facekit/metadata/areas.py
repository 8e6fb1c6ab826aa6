"""From a box in the upright picture to an area of the picture as it is stored, and back.

Areas of MWG regions are of the stored picture: "When applying a rotation by applying Exif Orientation, the
rotation must be applied to the regions as well" (MWG, Guidelines for Handling Image Metadata 2.0, 5.9).
"""

from __future__ import annotations

from dataclasses import dataclass

from facekit.pictures.orientation import TURNS, Turn
from facekit.results import Box


@dataclass(frozen=True)
class Area:
    """A rectangle by its middle and its size, in parts of the picture's width and height."""

    x: float
    y: float
    width: float
    height: float

    @property
    def box(self) -> Box:
        """Left, top, right and bottom, in parts of the picture."""
        return (
            self.x - self.width / 2,
            self.y - self.height / 2,
            self.x + self.width / 2,
            self.y + self.height / 2,
        )

    @classmethod
    def of_box(cls, box: Box, size: tuple[float, float] = (1.0, 1.0)) -> Area:
        """From left, top, right and bottom in a picture of this width and height."""
        (x0, y0, x1, y1), (width, height) = box, size
        return cls((x0 + x1) / 2 / width, (y0 + y1) / 2 / height, abs(x1 - x0) / width, abs(y1 - y0) / height)

    def turned(self, orientation: int) -> Area:
        """The area of the upright picture for one of the stored picture that lies so."""
        return self._moved(TURNS.get(orientation, TURNS[1]))

    def stored(self, orientation: int) -> Area:
        """The area of the stored picture for one of the upright picture: `turned` undone."""
        a, b, c, d = TURNS.get(orientation, TURNS[1])
        return self._moved((a, c, b, d))

    def _moved(self, turn: Turn) -> Area:
        a, b, c, d = turn
        x, y = self.x - 0.5, self.y - 0.5
        return Area(
            0.5 + a * x + b * y,
            0.5 + c * x + d * y,
            abs(a) * self.width + abs(b) * self.height,
            abs(c) * self.width + abs(d) * self.height,
        )

    def overlap(self, other: Area) -> float:
        """The part of both together that they share (intersection over union), 0 … 1."""
        (left, top, right, bottom), (x0, y0, x1, y1) = self.box, other.box
        shared = max(0.0, min(right, x1) - max(left, x0)) * max(0.0, min(bottom, y1) - max(top, y0))
        union = self.width * self.height + other.width * other.height - shared
        return shared / union if union > 0 else 0.0

    def holds_middle(self, other: Area) -> bool:
        """Whether the middle of the other lies in it."""
        x0, y0, x1, y1 = self.box
        return x0 <= other.x <= x1 and y0 <= other.y <= y1


def lies_on_its_side(orientation: int) -> bool:
    """Whether width and height of the stored picture are the upright one's height and width."""
    return orientation in (5, 6, 7, 8)


def stored_size(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    """Width and height of the stored picture from those of the upright one."""
    width, height = size
    return (height, width) if lies_on_its_side(orientation) else (width, height)
