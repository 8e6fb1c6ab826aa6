"""Crops of faces whose places are known already: nothing is looked for, and no network runs."""

from __future__ import annotations

from dataclasses import replace

from facekit.detection import SCHEME
from facekit.errors import PictureError, TruncatedError
from facekit.faces import alignment
from facekit.faces.reading import Options, Reading
from facekit.pictures.inputs import picture_of
from facekit.pictures.lighting import lit_face


def with_crops(reading: Reading, options: Options) -> Reading:
    """The reading with the crops of its faces, from its file. What is wrong with the file is its `error`, and
    it has no faces then."""
    try:
        picture = picture_of(
            reading.source, max_pixels=options.max_pixels, accept_truncated=options.accept_truncated
        )()
    except (PictureError, TruncatedError) as error:
        return replace(reading, faces=(), error=str(error))
    crops = (
        alignment.align(lit_face(picture.pixels, face.detection.box), face.points, scheme=SCHEME)
        for face in reading.faces
    )
    faces = tuple(replace(face, crop=crop) for face, crop in zip(reading.faces, crops, strict=True))
    return replace(reading, faces=faces)
