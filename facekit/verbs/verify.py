"""Do two pictures show the same person?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from facekit.arguments import integer_of, score_of
from facekit.calibration.poorness import is_poor
from facekit.errors import NoFaceError, PictureError
from facekit.faces.reading import Options, Reading, read_faces
from facekit.gallery.search.exact import score
from facekit.pictures.inputs import Input, name_of, one
from facekit.results import Face, Verification
from facekit.text.counting import counted

if TYPE_CHECKING:
    from facekit.faces.pipeline import Pipeline


def verify(
    first: Input,
    second: Input,
    *,
    first_face: int | None = None,
    second_face: int | None = None,
    threshold: float | None = None,
    options: Options | None = None,
    pipeline: Pipeline | None = None,
) -> Verification:
    """Whether two pictures show the same person, by the largest face of each.

    `first_face` and `second_face` are the numbers of other faces, as tables and annotated pictures show them.
    The threshold is a cosine score; None takes the embedder's, as it is in a gallery of one person. Two faces
    that are too poor to enroll are never the same. Raises PictureError for a picture that cannot be read or
    has no face, NoFaceError where neither has one.
    """
    options = Options.of(options)
    pipeline = options.pipeline_or(pipeline)
    sources = [one(first, "the first picture"), one(second, "the second picture")]
    readings = list(read_faces(sources, options, pipeline=pipeline))
    if not any(reading.faces or reading.error for reading in readings):
        raise NoFaceError(f"{', '.join(map(name_of, sources))}: no face in either")
    chosen = [
        None if number is None else integer_of(number, what, least=1)
        for number, what in ((first_face, "the first face"), (second_face, "the second face"))
    ]
    one_face, other = map(_face, readings, chosen)
    limit = score_of(threshold, "the threshold")
    limit = pipeline.spec.calibration.threshold_for(1) if limit is None else limit
    notes = [f"{each.source}: {note}" for each in readings for note in each.notes]
    for reading, number, which in zip(readings, chosen, ("first", "second"), strict=True):
        if number is None and len(reading.faces) > 1:
            notes.append(
                f"{reading.source}: {len(reading.faces)} faces: the largest is compared (--{which}-face "
                "NUMBER takes another)"
            )
    poor_from = pipeline.spec.poor_from
    poor = all(is_poor(each.quality.stranger_rate, poor_from) for each in (one_face, other))
    return Verification(score(one_face.vector, other.vector), limit, tuple(notes), poor)


def _face(reading: Reading, number: int | None) -> Face:
    if reading.error:
        raise PictureError(reading.error)
    if not reading.faces:
        raise PictureError(f"{reading.source}: no face")
    if number is None:
        return reading.largest()
    if number > len(reading.faces):
        raise PictureError(
            f"{reading.source}: {counted(len(reading.faces), 'face')}, and so no face {number}"
        )
    return reading.faces[number - 1]
