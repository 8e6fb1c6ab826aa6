"""Templates in the form in which they are stored: text that SQLite takes, of lengths that a row may have."""

from __future__ import annotations

import json
from collections.abc import Sequence

from facekit.gallery.records import (
    LONGEST_DATE,
    LONGEST_QUALITY,
    LONGEST_SOURCE,
    NewTemplate,
    finite,
    now,
    picture_digest,
    subject_name,
    text,
    unit_vectors,
)


def rows_of(
    templates: Sequence[NewTemplate], dimension: int
) -> list[tuple[str, tuple[str, str, str, str, str], bytes]]:
    """Name, description and vector of each template as they are stored. Raises UsageError or GalleryError
    for one that cannot be.
    """
    names = [subject_name(item.subject) for item in templates]
    described = [_described(item) for item in templates]
    vectors = [unit_vectors([item.vector], dimension, repr(item.source)) for item in templates]
    stored = [vector.astype("<f4").tobytes() for vector in vectors]
    return list(zip(names, described, stored, strict=True))


def _described(template: NewTemplate) -> tuple[str, str, str, str, str]:
    """Picture, source, box, quality and date as they are stored."""
    source = text(storable(template.source), "the name of a picture", LONGEST_SOURCE)
    box = json.dumps([finite(value, "a corner of the box") for value in template.box])
    quality = {name: finite(value, name) for name, value in sorted(template.quality.items())}
    qualities = text(json.dumps(quality), "the list of qualities", LONGEST_QUALITY)
    date = text(template.added or now(), "a date", LONGEST_DATE)
    return picture_digest(template.sha256), source, box, qualities, date


def storable(source: str) -> str:
    # File names that are not UTF-8 reach Python as lone surrogates, which SQLite does not take.
    return source.encode("utf-8", "backslashreplace").decode()
