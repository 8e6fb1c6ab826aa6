"""A copy of a gallery from one kind of place to another: row by row as they are, so that the same checksums
vouch for them there, and proved."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from facekit.errors import GalleryError, UsageError
from facekit.gallery.base import Gallery
from facekit.gallery.places import AnyPlace, Copied, Place, place_of
from facekit.gallery.reading import ReadableGallery
from facekit.gallery.soundness import require_sound
from facekit.gallery.state import State
from facekit.gallery.tables import Tables

SEARCHES = 100
SEED = 20
CANDIDATES = 5


def copy(source: Place, target: AnyPlace) -> Copied:
    """Copy one committed state to a place at which there is no gallery. Raises GalleryError also when the
    copy does not hold the same, or does not give the same answers.
    """
    place = place_of(target)
    with source.open() as gallery, gallery.snapshot():
        if not isinstance(gallery, ReadableGallery):
            raise UsageError(f"{source}: cannot be copied row by row: export it")
        with gallery.tables() as tables:
            state = replace(tables.state, erasing=0, rewritten=0)
            with place.make(state, lambda rows: _filled(rows, tables, state)) as made:
                _require_equal(made, state)
                _require_same_answers(gallery, made)
    return Copied(place, state.settings, state.subjects, state.templates, state.digest, SEARCHES)


def _filled(target: Tables, source: Tables, state: State) -> State:
    with target.batch():
        for subject in source.subjects():
            target.insert_subject(*subject)
        for row in source.all():
            target.insert_template(row.id, row.subject, row.described(), row.vector, row.checksum)
        target.bury(source.tombstones())
        for fact in source.facts():
            target.insert_fact(fact)
    return state


def _require_equal(made: Gallery, state: State) -> None:
    """Raise GalleryError unless every row is there, as the state has their sum."""
    assert isinstance(made, ReadableGallery)
    with made.tables() as tables:
        require_sound(tables)
        if tables.state != state:
            raise _failed(made.place, "holds something else")


def _require_same_answers(source: Gallery, made: Gallery) -> None:
    probes = np.random.default_rng(SEED).standard_normal((SEARCHES, source.settings.dimension))
    probes = (probes / np.linalg.norm(probes, axis=1, keepdims=True)).astype(np.float32)
    if source.search(probes, CANDIDATES) != made.search(probes, CANDIDATES):
        raise _failed(made.place, "gives other answers")


def _failed(place: Place, why: str) -> GalleryError:
    return GalleryError(f"{place}: the copy {why} than what it was made from: remove it and copy again")
