"""The faces of each picture, as text, JSON lines, CSV, and marked in the picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from facekit.reading import Reading
from facekit.rendering.escaping import json_line
from facekit.rendering.identified import csv_line, picture_line, place
from facekit.results import SCHEMA, Face

_POINTS = ("left_eye", "right_eye", "nose", "left_mouth", "right_mouth")
_CSV_COLUMNS = (
    *("source", "face", "x0", "y0", "x1", "y1", "detector_score"),
    *(f"{name}_{axis}" for name in _POINTS for axis in "xy"),
    *("size", "sharpness", "brightness", "yaw", "stranger_rate", "notes", "error"),
)


class Printer:
    """Prints each picture's faces by `emit`, and saves it with its faces numbered in `annotate`."""

    def __init__(
        self,
        emit: Callable[[str], None],
        style: str,
        annotate: Path | None = None,
        inputs: Sequence[str] = (),
    ) -> None:
        from facekit.rendering.files import AnnotatedFolder

        self._emit = emit
        self._style = style
        self._folder = AnnotatedFolder(annotate, inputs) if annotate else None
        if style == "csv":
            emit(csv_line(_CSV_COLUMNS))

    def take(self, reading: Reading) -> None:
        for line in _lines(reading, self._style):
            self._emit(line)
        if self._folder and reading.picture:
            from facekit.rendering.annotated import Mark, annotated

            faces = enumerate((face.detection for face in reading.faces), 1)
            marks = [Mark(face.box, str(number), face.score) for number, face in faces]
            self._folder.save(reading, annotated(reading.picture.pixels, marks)[0])

    def finish(self) -> None:
        """Nothing is kept back."""


def face_values(face: Face) -> dict[str, Any]:
    """A face without its vector and pixels."""
    points = [[round(float(x), 1), round(float(y), 1)] for x, y in face.points]
    return {**face.to_dict(), "points": points, "quality": face.quality.to_dict()}


def _lines(reading: Reading, style: str) -> Iterator[str]:
    if style == "json":
        faces = [face_values(face) for face in reading.faces]
        start = {"schema": SCHEMA, "source": reading.source, "faces": faces}
        yield json_line({**start, "notes": list(reading.notes), "error": reading.error})
    elif style == "csv":
        yield from _csv(reading)
    elif not reading.error:
        yield picture_line(reading.source, len(reading.faces), reading.notes)
        for number, face in enumerate(reading.faces, 1):
            q = face.quality
            quality = f"sharpness {q.sharpness:.0f}  brightness {q.brightness:.0f}  yaw {q.yaw:+.2f}"
            yield f"{number:4d}  {place(face.detection):38}  {quality}".rstrip()


def _csv(reading: Reading) -> Iterator[str]:
    notes = "; ".join(reading.notes) or None
    if not reading.faces:
        yield csv_line([reading.source, *[None] * (len(_CSV_COLUMNS) - 3), notes, reading.error])
    for number, face in enumerate(reading.faces, 1):
        values = face_values(face)
        points = [value for point in values["points"] for value in point]
        row = [reading.source, number, *values["box"], values["detector_score"], *points]
        yield csv_line([*row, *values["quality"].values(), notes, None])
