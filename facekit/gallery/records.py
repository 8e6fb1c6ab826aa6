"""A stored template: what vouches for it, and what it says once it is believed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from facekit.arguments import number_of
from facekit.calibration.poorness import is_poor
from facekit.gallery.damage import well_formed
from facekit.gallery.search.exact import FloatArray
from facekit.gallery.state import State
from facekit.gallery.templates import STRANGER_RATE, NewTemplate, TemplateInfo
from facekit.gallery.values import checksum, flat_json, unit_vectors
from facekit.text.subject_names import is_stored_name


class Row(NamedTuple):
    """A template as it lies in the gallery, its subject beside it. Box and quality are JSON."""

    id: int
    subject: int
    sha256: str
    source: str
    box: str
    quality: str
    added: str
    vector: bytes
    checksum: bytes
    name: str
    subject_added: str
    subject_checksum: bytes

    def is_sound(self, state: State) -> bool:
        return self._has_types() and self._vector_fits(state) and self._subject_fits()

    def _has_types(self) -> bool:
        """A column of an SQLite table holds values of any type, and a checksum fits whatever was hashed."""
        texts = (*self.described(), self.name, self.subject_added)
        if not all(type(text) is str for text in texts) or type(self.subject) is not int:
            return False
        return is_stored_name(self.name)

    def _vector_fits(self, state: State) -> bool:
        if not isinstance(self.vector, bytes) or len(self.vector) != 4 * state.settings.dimension:
            return False
        fields = (state.settings.fingerprint, self.id, self.subject, *self.described())
        return self.checksum == template_checksum(*fields, vector=self.vector)

    def _subject_fits(self) -> bool:
        return self.subject_checksum == subject_checksum(self.subject, self.name, self.subject_added)

    def described(self) -> tuple[str, str, str, str, str]:
        return self.sha256, self.source, self.box, self.quality, self.added

    def info(self) -> TemplateInfo:
        """Without the vector. Raises ValueError, TypeError or the like where box or quality is something
        else.
        """
        x0, y0, x1, y1 = (number_of(value, "a corner of the box") for value in flat_json(self.box))
        quality = {name: number_of(value, name) for name, value in flat_json(self.quality).items()}
        box = (x0, y0, x1, y1)
        return TemplateInfo(self.id, self.name, self.source, self.sha256, box, quality, self.added)

    def is_poor(self, poor_from: float) -> bool:
        """Whether the template is too poor to decide anything. Raises as `info` does."""
        return poor_from > 0 and is_poor(flat_json(self.quality).get(STRANGER_RATE), poor_from)

    def template(self) -> NewTemplate:
        vector = np.frombuffer(self.vector, "<f4")
        info = self.info()
        return NewTemplate(
            self.name, vector, self.sha256, self.source, info.box, info.quality, added=self.added
        )


def template_checksum(fingerprint: str, number: int, subject: int, *described: str, vector: bytes) -> bytes:
    return checksum("template", fingerprint, number, subject, *described, vector=vector)


def subject_checksum(number: int, name: str, added: str) -> bytes:
    return checksum("subject", number, name, added)


def stacked(rows: Sequence[Row], dimension: int, place: object) -> FloatArray:
    """The vectors of the rows, float32 (n, dimension). Raises GalleryError for one that is no unit vector."""
    joined = b"".join(row.vector for row in rows)
    vectors = np.frombuffer(joined, "<f4").astype(np.float32, copy=False).reshape(-1, dimension)
    return unit_vectors(vectors, dimension, str(place))


def poor_ones(rows: Sequence[Row], state: State, place: object) -> NDArray[np.bool_]:
    """Which of the rows are poor, (n,)."""
    with well_formed(place):
        return np.fromiter((row.is_poor(state.settings.poor_from) for row in rows), np.bool_, len(rows))
