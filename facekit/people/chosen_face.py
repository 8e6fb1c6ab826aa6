"""Enrolling the one face of a picture that the user shows, by number or box; or one of each of several."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from facekit.arguments import integer_of, number_of
from facekit.errors import UsageError
from facekit.faces.box_reading import read_box
from facekit.faces.reading import Options, Reading, read_faces
from facekit.gallery.tombstones import same_face
from facekit.people import enrollment
from facekit.people.outcomes import NO_FACE, Outcome, Photo
from facekit.pictures.inputs import Source
from facekit.text.counting import counted

if TYPE_CHECKING:
    from facekit.faces.pipeline import Pipeline
    from facekit.gallery.base import Gallery
    from facekit.results import Box


def face_or_box(face: int | None, box: Sequence[float] | None, *, one: bool, needs: str) -> int | Box | None:
    """The face that is meant, by number or as x0, y0, x1, y1; `one` says whether there is one picture,
    and else `needs` what to give. Raises UsageError for what is no face."""
    if face is None and box is None:
        return None
    if face is not None and box is not None:
        raise UsageError("--face and --box both say which face it is: give one of them")
    if not one:
        raise UsageError(f"{'--box' if face is None else '--face'} is for a face of one picture: {needs}")
    if box is None:
        return integer_of(face, "the face", least=1)
    if isinstance(box, (str, bytes)) or not isinstance(box, Iterable) or len(sides := list(box)) != 4:
        raise UsageError("the box has four numbers: x,y,w,h")
    x, y, width, height = (number_of(value, "a number of the box") for value in sides)
    return x, y, x + width, y + height


def enroll_face(
    gallery: Gallery,
    photo: Photo,
    face: int | Box,
    rules: enrollment.Rules,
    options: Options,
    pipeline: Pipeline,
) -> Outcome:
    """Enroll a face of the photo by its number, from 1, as tables and annotated pictures show it, or by its
    box. Another face of the photo that is the person's is replaced.
    """
    reading = read_chosen(photo.input, face, options, pipeline)
    if not reading.faces:
        problem = reading.error or NO_FACE
        return Outcome(photo.subject, photo.source, "refused", (problem,), reading.notes)
    return enroll_chosen(gallery, photo.subject, [reading], rules)[0]


def enroll_chosen(
    gallery: Gallery, subject: str, readings: Sequence[Reading], rules: enrollment.Rules
) -> list[Outcome]:
    """Enroll the one face of each reading, all in one transaction; another face of a photo that is stored as
    the subject's gives way. Raises UsageError for two faces of one photo."""
    boxes: dict[str, Box] = {}
    for reading in readings:
        box = reading.faces[0].detection.box
        if same_face(box, [boxes.setdefault(reading.sha256, box)]) is None:
            raise UsageError(f"{reading.source}: two faces of one photo are not both {subject}")
    return enrollment.enroll_readings(gallery, subject, readings, replace(rules, replace=True))


def read_chosen(source: Source, face: int | Box | None, options: Options, pipeline: Pipeline) -> Reading:
    """A picture with its face of this number or in this box only, or with all of them."""
    if face is not None and not isinstance(face, int):
        return read_box(source, face, pipeline, options)
    [reading] = read_faces([source], options, pipeline=pipeline)
    if face is None:
        return reading
    if reading.faces and face > len(reading.faces):
        problem = f"{counted(len(reading.faces), 'face')}, and so no face {face}"
        return replace(reading, faces=(), error=problem)
    return replace(reading, faces=reading.faces[face - 1 : face])
