"""Templates in the form in which they are stored: text that SQLite takes, of lengths that a row may have."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from facekit.arguments import number_of, short_text, text_of
from facekit.errors import UsageError
from facekit.gallery.templates import NewTemplate
from facekit.gallery.values import (
    LONGEST_DATE,
    LONGEST_QUALITY,
    LONGEST_SOURCE,
    now,
    picture_digest,
    unit_vectors,
)
from facekit.text.subject_names import subject_name

StorableTemplate = tuple[str, tuple[str, str, str, str, str], bytes]
"""Name, description (picture, source, box, quality, date) and vector."""


def rows_of(templates: Sequence[NewTemplate], dimension: int) -> list[StorableTemplate]:
    """Name, description and vector of each template as they are stored. Raises UsageError or GalleryError
    for one that cannot be.
    """
    templates = list(templates) if isinstance(templates, Iterable) else [templates]
    if not all(isinstance(item, NewTemplate) for item in templates):
        raise UsageError("what is added are no templates: give a sequence of NewTemplate")
    names = [subject_name(item.subject) for item in templates]
    described = [_described(item) for item in templates]
    vectors = [unit_vectors([item.vector], dimension, repr(item.source)) for item in templates]
    stored = [vector.astype("<f4").tobytes() for vector in vectors]
    return list(zip(names, described, stored, strict=True))


def _described(template: NewTemplate) -> tuple[str, str, str, str, str]:
    """Picture, source, box, quality and date as they are stored."""
    source = short_text(storable(template.source), "the name of a picture", LONGEST_SOURCE)
    box = json.dumps(corners_of(template.box))
    if not isinstance(template.quality, Mapping):
        raise UsageError("the qualities of a template are no mapping: give a dict of numbers by name")
    names = sorted(text_of(name, "the name of a quality") for name in template.quality)
    quality = {name: number_of(template.quality[name], name) for name in names}
    qualities = short_text(json.dumps(quality), "the list of qualities", LONGEST_QUALITY)
    date = short_text(template.added or now(), "a date", LONGEST_DATE)
    return picture_digest(template.sha256), source, box, qualities, date


def corners_of(box: object) -> list[float]:
    """Its four numbers. Raises UsageError for what is no box."""
    corners = list(box) if isinstance(box, Iterable) and not isinstance(box, str) else []
    if len(corners) != 4:
        raise UsageError("the box of a face is four numbers: x0, y0, x1, y1")
    return [number_of(value, "a corner of the box") for value in corners]


def storable(source: str) -> str:
    # File names that are not UTF-8 reach Python as lone surrogates, which SQLite does not take.
    source = text_of(source, "the name of a picture")
    return source.encode("utf-8", "backslashreplace").decode()
