"""Everybody in a gallery but the person who registers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from facekit.gallery.places import AnyPlace, open_gallery, place_of
from facekit.gallery.search.index import Index
from facekit.results import Candidate, Vector

if TYPE_CHECKING:
    from facekit.faces.pipeline import Pipeline


@dataclass(frozen=True, eq=False)
class OtherSubjects:
    """Everybody in a gallery but the person who registers; from `threshold` on a face is like one of them,
    and from the rate `poor_from` on one is poor."""

    threshold: float = 0.5
    index: Index | None = None
    poor_from: float = 0.0

    def like(self, vector: Vector) -> Candidate | None:
        """Whom a face is like, if anybody."""
        candidates = self.index.search(vector[None], 1)[0] if self.index else []
        return candidates[0] if candidates and candidates[0].score >= self.threshold else None


def other_subjects(place: AnyPlace, name: str, pipeline: Pipeline) -> OtherSubjects:
    """The others of the gallery at `place`, of which there need not be one yet. Raises GalleryError for one
    that cannot be used.
    """
    if not place_of(place).exists():
        return OtherSubjects(pipeline.spec.threshold, poor_from=pipeline.spec.poor_from)
    with open_gallery(place, fingerprint=pipeline.fingerprint) as gallery:
        held = [template for template in gallery.contents() if template.subject != name]
        poor_from = gallery.settings.poor_from
        if not held:
            return OtherSubjects(gallery.threshold, poor_from=poor_from)
        index = Index.of(np.stack([item.vector for item in held]), [item.subject for item in held])
        return OtherSubjects(gallery.threshold, index, poor_from)
