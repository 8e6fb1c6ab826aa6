"""Are the rows of a gallery whole? In words, whatever keeps them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import islice

import numpy as np

from facekit.errors import GalleryError
from facekit.gallery.damage import well_formed
from facekit.gallery.problems import Problem
from facekit.gallery.state import State, Tally
from facekit.gallery.tables import Tables, is_sound_subject
from facekit.gallery.values import unit_vectors

# Of one kind of problem this many are told one by one.
MOST_OF_A_KIND = 10


def first_of_kinds(problems: list[Problem]) -> Iterator[Problem]:
    """At most MOST_OF_A_KIND of each kind, and how many more there are."""
    counts = Counter(problem.kind for problem in problems)
    for kind, count in counts.items():
        yield from islice((problem for problem in problems if problem.kind == kind), MOST_OF_A_KIND)
        if count > MOST_OF_A_KIND:
            yield Problem(kind, f"… and {count - MOST_OF_A_KIND} more of this kind")


def of_state(state: State, fingerprint: str | None) -> Iterator[Problem]:
    """What a state itself says; `fingerprint` is the embedder it should fit."""
    if fingerprint is not None and fingerprint != state.settings.fingerprint:
        message = (
            f"made by the embedder {state.settings.embedder!r}, not the one in use: choose it with --embedder"
        )
        yield Problem("embedder", message)
    if state.erasing:
        message = (
            "what a removal took out is not yet erased from the files: the next command that writes does it"
        )
        yield Problem("erasing", message)


def of_rows(tables: Tables) -> Iterator[Problem]:
    """Every template, subject, tombstone and fact."""
    state = tables.state
    tally = Tally()
    enrolled = set()
    for row in tables.unchecked():
        what = f"template {row.id} of {row.name!r}"
        if not row.is_sound(state):
            yield Problem("rows", f"{what} does not fit its checksum")
            continue
        tally.template(row.checksum)
        enrolled.add(row.subject)
        try:
            unit_vectors([np.frombuffer(row.vector, "<f4")], state.settings.dimension, what)
            with well_formed(tables.place):
                row.info()
        except GalleryError as error:
            yield Problem("rows", str(error))
    for read in (tables.tombstones, tables.facts):
        try:
            read()
        except GalleryError as error:
            yield Problem("rows", str(error))
    for subject in tables.unchecked_subjects():
        number, name, _, code = subject
        if not is_sound_subject(subject):
            yield Problem("rows", f"subject {number} does not fit its checksum")
            continue
        tally.subject(code)
        if number not in enrolled:
            yield Problem("rows", f"subject {name!r} has no template")
    if not tally.fits(state):
        yield Problem(
            "rows",
            f"{state.templates} templates of {state.subjects} subjects were stored, "
            f"{tally.templates} of {tally.subjects} are sound: restore the gallery from a copy",
        )
