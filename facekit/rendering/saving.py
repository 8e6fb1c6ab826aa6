"""What is saved of each picture beside the results: its faces, and the picture with them marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from facekit.faces.reading import Reading
from facekit.rendering.annotated import Mark, annotated, marks_of
from facekit.rendering.files import AnnotatedFolder, CropFolder
from facekit.results import PictureResult


class Saving:
    """The faces of identified pictures in the folder `crops`, the pictures with names in `pictures`."""

    def __init__(self, crops: Path | None, pictures: Path | None, inputs: Sequence[str] = ()) -> None:
        self._crops = CropFolder(crops, inputs) if crops else None
        self._pictures = AnnotatedFolder(pictures, inputs) if pictures else None

    def save(self, reading: Reading, result: PictureResult) -> PictureResult:
        """The result, with a note on each name that no font here can write."""
        if self._crops and reading.faces:
            self._crops.save(reading)
        if not self._pictures or not reading.picture:
            return result
        image, notes = annotated(reading.picture.pixels, marks_of(result.faces))
        self._pictures.save(reading, image)
        return replace(result, notes=(*result.notes, *notes))

    def remarks(self) -> list[str]:
        """What was saved, and where."""
        return [folder.remark() for folder in (self._crops, self._pictures) if folder]


class Annotations:
    """Pictures with their faces numbered, in a folder."""

    def __init__(self, folder: Path, inputs: Sequence[str] = ()) -> None:
        self._folder = AnnotatedFolder(folder, inputs)

    def save_numbered(self, reading: Reading) -> None:
        """The reading must have its picture."""
        assert reading.picture
        faces = enumerate((face.detection for face in reading.faces), 1)
        marks = [Mark(face.box, str(number), face.score) for number, face in faces]
        self._folder.save(reading, annotated(reading.picture.pixels, marks)[0])

    def remarks(self) -> list[str]:
        """What was saved, and where."""
        return [self._folder.remark()]
