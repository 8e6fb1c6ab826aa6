"""The faces of each picture, as text and as rows of CSV."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from facekit.faces.reading import Reading
from facekit.rendering.pictures import PictureView, picture_line, place

_POINTS = ("left_eye", "right_eye", "nose", "left_mouth", "right_mouth")


class Detected(PictureView[Reading]):
    """A line for each picture, and one for each of its faces."""

    columns = (
        *("source", "face", "x0", "y0", "x1", "y1", "detector_score"),
        *(f"{name}_{axis}" for name in _POINTS for axis in "xy"),
        *("size", "sharpness", "brightness", "yaw", "stranger_rate", "notes", "error"),
        *("width", "height"),
    )

    def text(self, result: Reading) -> Iterator[str]:
        if result.error:
            return
        yield picture_line(result.source, len(result.faces), result.notes)
        for number, face in enumerate(result.faces, 1):
            q = face.quality
            quality = f"sharpness {q.sharpness:.0f}  brightness {q.brightness:.0f}  yaw {q.yaw:+.2f}"
            yield f"{number:4d}  {place(face.detection):38}  {quality}".rstrip()

    def rows(self, result: Reading) -> Iterator[Sequence[object]]:
        notes = "; ".join(result.notes) or None
        size = [side or None for side in result.size]
        if not result.faces:
            yield [result.source, *[None] * (len(self.columns) - 5), notes, result.error, *size]
        for number, face in enumerate(result.faces, 1):
            values = face.to_dict()
            points = [value for point in values["points"] for value in point]
            row = [result.source, number, *values["box"], values["detector_score"], *points]
            yield [*row, *values["quality"].values(), notes, None, *size]
