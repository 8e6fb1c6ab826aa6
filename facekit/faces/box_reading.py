"""A face at a place that the user shows, where no detector found one: the landmark predictor looks there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from facekit.detection.geometry import face_side
from facekit.errors import PictureError, TruncatedError, UsageError
from facekit.faces.reading import Reading
from facekit.pictures.inputs import NamedPicture, Source, name_of, picture_of
from facekit.results import Box, Detection

if TYPE_CHECKING:
    from facekit.faces.pipeline import Pipeline
    from facekit.faces.reading import Options

SMALLEST = 10
"""Pixels: what is narrower is no face that anybody could tell."""


def read_box(source: Source, box: Box, pipeline: Pipeline, options: Options) -> Reading:
    """A picture with the one face in `box` (x0, y0, x1, y1, pixels of the upright picture). What is wrong
    with the picture is the reading's `error`. Raises UsageError for a box that shows no face of it.
    """
    name = name_of(source)
    try:
        picture = picture_of(
            source, max_pixels=options.max_pixels, accept_truncated=options.accept_truncated
        )()
    except TruncatedError as error:
        return Reading(name, error=f"{error}; --truncated accept takes what is there")
    except PictureError as error:
        return Reading(name, error=str(error))
    detection = Detection(box, 1.0).inside(picture.size)
    if not box[2] > box[0] or not box[3] > box[1] or face_side(detection.box) < SMALLEST:
        width, height = picture.size
        raise UsageError(
            f"{name}: the box {_written(box)} shows no face of this picture of {width}×{height} pixels: "
            "give x,y,w,h: its left and upper edge, its width and its height"
        )
    faces = tuple(pipeline.describe(picture, [detection]))
    in_memory = isinstance(source, NamedPicture)
    return Reading(name, faces, picture.sha256, picture.size, notes=picture.notes, in_memory=in_memory)


def _written(box: Box) -> str:
    x0, y0, x1, y1 = box
    return ",".join(f"{value:g}" for value in (x0, y0, x1 - x0, y1 - y0))
