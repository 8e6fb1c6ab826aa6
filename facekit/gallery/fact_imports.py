"""Facts that come in along with templates, from an export or another gallery: which of them hold here."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from facekit.gallery.fact_changes import FactChanges, is_of_face
from facekit.gallery.fact_rows import StorableFact
from facekit.gallery.storable import StorableTemplate
from facekit.gallery.tables import Tables
from facekit.gallery.templates import Placement
from facekit.gallery.tombstones import Tombstones, same_face
from facekit.results import Box


class IncomingFacts:
    """The facts of a gallery whose templates have become `placements` here. What was erased here does not
    come back with them, unless it is to come `again`; `threshold` is the score from which a face could be
    that of a person who was removed.
    """

    def __init__(
        self,
        facts: FactChanges,
        tables: Tables,
        tombstones: Tombstones,
        templates: Sequence[StorableTemplate],
        placements: Sequence[Placement],
        *,
        threshold: float,
        again: bool,
    ) -> None:
        self._facts, self._tables, self._tombstones = facts, tables, tombstones
        self._threshold, self._again = threshold, again
        self._enrolled_there: defaultdict[str, list[Box]] = defaultdict(list)
        for _, (sha256, _, box, *_), _ in templates:
            self._enrolled_there[sha256].append(json.loads(box))
        gone = [
            template
            for template, placement in zip(templates, placements, strict=True)
            if placement.status == "removed"
        ]
        self._gone = [(sha256, box, vector) for _, (sha256, _, box, *_), vector in gone]
        of_people = [
            np.frombuffer(vector, "<f4")
            for sha256, box, vector in self._gone
            if tombstones.has_face(sha256, json.loads(box))
        ]
        self._people_gone = np.stack(of_people) if of_people else None

    def take_over(self, facts: Iterable[StorableFact]) -> int:
        """Store those that hold here; how many do not."""
        return sum(not self._taken(fact) for fact in facts)

    def _taken(self, fact: StorableFact) -> bool:
        people = [self._tables.find(name) for name in (fact.subject, fact.other) if name is not None]
        numbers = [number for number in people if number is not None]
        if len(numbers) < len(people):
            return False
        if self._facts.has(fact, numbers):
            return True
        if (not self._again and self._was_erased(fact)) or self._is_contradicted(fact, numbers):
            return False
        self._facts.record(fact)
        return True

    def _was_erased(self, fact: StorableFact) -> bool:
        """Whether it was taken back here, or is about a face that was removed or could be of who was."""
        if self._tombstones.has_fact(fact):
            return True
        if not fact.vector:
            return False
        sha256, _, box = fact.face
        if self._tombstones.has_face(sha256, json.loads(box)):
            return True
        vector = np.frombuffer(fact.vector, "<f4")
        if self._people_gone is not None and (self._people_gone @ vector).max() >= self._threshold:
            return True
        return any(is_of_face(fact, *template) for template in self._gone)

    def _is_contradicted(self, fact: StorableFact, people: Sequence[int]) -> bool:
        """Whether what is enrolled here says something else."""
        sha256, _, box = fact.face
        if fact.kind == "not_subject":
            return self._facts.is_of_person(fact, people[0])
        if fact.kind == "ignored" and self._facts.is_enrolled(sha256, box):
            # There it was said of a face that was enrolled as well.
            return same_face(json.loads(box), self._enrolled_there[sha256]) is None
        return False
