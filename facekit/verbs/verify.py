"""Do two pictures show the same person?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from facekit.arguments import score_of
from facekit.calibration.poorness import is_poor
from facekit.errors import NoFaceError, PictureError
from facekit.faces.reading import Options, Reading, read_faces
from facekit.gallery.search.exact import score
from facekit.pictures.inputs import Input, name_of, one
from facekit.results import Face, Verification

if TYPE_CHECKING:
    from facekit.faces.pipeline import Pipeline


def verify(
    first: Input,
    second: Input,
    *,
    threshold: float | None = None,
    options: Options | None = None,
    pipeline: Pipeline | None = None,
) -> Verification:
    """Whether two pictures show the same person, by the largest face of each.

    The threshold is a cosine score; None takes the embedder's, as it is in a gallery of one person. Two faces
    that are too poor to enroll are never the same. Raises PictureError for a picture that cannot be read or
    has no face, NoFaceError where neither has one.
    """
    options = options or Options()
    pipeline = pipeline or options.pipeline()
    sources = [one(first, "the first picture"), one(second, "the second picture")]
    readings = list(read_faces(sources, options, pipeline=pipeline))
    if not any(reading.faces or reading.error for reading in readings):
        raise NoFaceError(f"{', '.join(map(name_of, sources))}: no face in either")
    one_face, other = map(_largest, readings)
    limit = score_of(threshold, "the threshold")
    limit = pipeline.spec.calibration.threshold_for(1) if limit is None else limit
    notes = [f"{each.source}: {note}" for each in readings for note in each.notes]
    notes += [
        f"{each.source}: {len(each.faces)} faces: the largest is compared"
        for each in readings
        if len(each.faces) > 1
    ]
    poor_from = pipeline.spec.poor_from
    poor = all(is_poor(each.quality.stranger_rate, poor_from) for each in (one_face, other))
    return Verification(score(one_face.vector, other.vector), limit, tuple(notes), poor)


def _largest(reading: Reading) -> Face:
    if reading.error:
        raise PictureError(reading.error)
    if not reading.faces:
        raise PictureError(f"{reading.source}: no face")
    return reading.largest()
