"""Changing rows inside a transaction, and keeping count of them for the state."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace

from facekit import hints
from facekit.calibration.threshold import Calibration
from facekit.errors import GalleryError
from facekit.gallery.damage import damaged
from facekit.gallery.fact_changes import FactChanges
from facekit.gallery.fact_imports import IncomingFacts
from facekit.gallery.fact_rows import StorableFact, storable_fact
from facekit.gallery.facts import Fact
from facekit.gallery.gallery_settings import GallerySettings
from facekit.gallery.places import Place
from facekit.gallery.records import Row, subject_checksum, template_checksum
from facekit.gallery.state import State, Tally
from facekit.gallery.storable import StorableTemplate, rows_of
from facekit.gallery.tables import Tables
from facekit.gallery.templates import NewTemplate, Placement
from facekit.gallery.tombstones import Tombstones, same_face
from facekit.gallery.values import flat_json, now, second_after
from facekit.text.subject_names import subject_name

SHORTEST_DIGEST = 8


def _row_of(found: Sequence[Row], photo: str, name: str, place: Place) -> Row:
    """The template of the picture of this name, or of a SHA-256 that begins like this."""
    digest = photo.lower() if len(photo) >= SHORTEST_DIGEST else None
    alike = [row for row in found if row.source == photo or (digest and row.sha256.startswith(digest))]
    if not alike:
        raise GalleryError(
            f"{place}: {name!r} has no template of {photo!r}: the pictures are listed by "
            f"{hints.show_person(place, name)}"
        )
    if len(alike) > 1:
        digests = ", ".join(row.sha256[:12] for row in alike)
        raise GalleryError(
            f"{place}: {name!r} has {len(alike)} pictures {photo!r}: give a SHA-256 instead: {digests}"
        )
    return alike[0]


class Change:
    """Changes of one transaction: how many templates went (`removed`) or changed their subject (`moved`),
    the names of subjects that are `new`, and whether one is gone, so that something has to be `erased`.
    """

    def __init__(self, tables: Tables) -> None:
        self.removed = self.moved = 0
        self.erased = False
        self.new: list[str] = []
        state = tables.state
        self._tables = tables
        self._before = state
        self._place = tables.place
        self.tombstones = tables.tombstones()
        self._buried_before = frozenset(self.tombstones)
        self._tally = Tally(state.templates, state.subjects, state.digest)
        self._last = state.last
        self._calibrated: GallerySettings | None = None
        self.facts = FactChanges(tables, self.tombstones, self._next)

    def finish(self) -> State:
        """The state after this change; equal to those before when nothing was changed."""
        tally = self._tally
        after = replace(
            self._before,
            templates=tally.templates,
            subjects=tally.subjects,
            digest=tally.digest,
            last=self._last,
        )
        after = self._tables.write_tombstones(self._buried_before, self.tombstones, self.facts.finish(after))
        self.erased |= self.facts.withdrawn
        if self._calibrated is not None:
            after = replace(after, settings=self._calibrated)
        elif after == self._before:
            return after
        return replace(after, changes=after.changes + 1)

    def calibrate(self, calibration: Calibration) -> None:
        """Set the calibration, which counts as a change also when it is the same. By its date, another than
        that of the gallery, is known that somebody has calibrated it.
        """
        settings = self._before.settings
        date = now()
        if date == settings.created:
            date = second_after(date)
        self._calibrated = replace(settings, calibration=calibration, calibrated=date)

    def number(self, name: str) -> int:
        """The number of a subject. Raises GalleryError when it is not in the gallery."""
        return self._tables.number(name)

    def add(
        self,
        name: str,
        described: tuple[str, str, str, str, str],
        vector: bytes,
        *,
        again: bool = False,
        move: bool = False,
        replace: bool = False,
    ) -> Placement:
        """Store a template, and its subject when new, unless the subject has one of that picture; with
        `replace` that of another face of the picture gives way.

        One that was removed earlier, or was said not to be the subject's, is stored only `again`. Where
        another subject has the same face of the same picture, it is theirs, or with `move` is taken from
        them.
        """
        sha256, _, box, *_ = described
        number = self._tables.find(subject_name(name))
        other_face = None
        if number is not None and self._tables.has_picture(number, sha256):
            other_face = self._other_face(number, sha256, box) if replace else None
            if other_face is None:
                return Placement("present")
        holder = self._holder(sha256, box)
        if not again and (buried := self._buried(sha256, name, box, holder)):
            return buried
        if not again and self.facts.denies(number, sha256, box, vector):
            return Placement("denied")
        if holder and not move:
            return Placement("held", holder.name)
        if number is None:
            number = self._new_subject(name, described[-1])
        self.facts.notice(sha256, box, vector)
        if other_face is not None:
            self._delete(other_face)
            self.erased = True
        self._insert(number, name, described, vector)
        emptied = self._take_from(holder)
        return Placement("added", holder and holder.name, emptied, replaced=other_face is not None)

    def _other_face(self, number: int, sha256: str, box: str) -> Row | None:
        """The subject's template of the picture, unless it is of this very face."""
        holder = self._holder(sha256, box)
        if holder is not None and holder.subject == number:
            return None
        return next(row for row in self._tables.of_pictures([sha256]) if row.subject == number)

    def _holder(self, sha256: str, box: str) -> Row | None:
        """The template of the same face of the same picture, whosever it is."""
        of_picture = self._tables.of_pictures([sha256])
        try:
            place = same_face(json.loads(box), [flat_json(row.box) for row in of_picture])
        except (ValueError, TypeError, IndexError, RecursionError) as error:
            raise damaged(self._place, f"the box of a template: {error}") from error
        return None if place is None else of_picture[place]

    def _buried(self, sha256: str, name: str, box: str, holder: Row | None) -> Placement | None:
        if self.tombstones.has_picture("renamed", sha256, name):
            return Placement("renamed", holder.name) if holder else Placement("removed")
        if self.tombstones.has_picture("named", sha256, name) or self.tombstones.has_face(
            sha256, json.loads(box)
        ):
            return Placement("removed")
        return None

    def _take_from(self, holder: Row | None) -> bool:
        """Delete the template whose face has another name now; whether its subject went with it."""
        if holder is None:
            return False
        self._delete(holder)
        if self._tables.has_templates(holder.subject):
            return False
        self._drop_subject(holder.subject)
        self.erased = True
        return True

    def relocate(self, number: int, name: str, sha256: str, source: str) -> None:
        """Say where the subject's picture is now; nothing where it has none such."""
        row = next((row for row in self._tables.of_pictures([sha256]) if row.subject == number), None)
        if row is None or row.source == source:
            return
        self._delete(row)
        self._insert(number, name, row._replace(source=source).described(), row.vector)

    def take_over(
        self,
        templates: Sequence[StorableTemplate],
        placements: Sequence[Placement],
        tombstones: Tombstones | None,
        facts: Sequence[StorableFact],
        *,
        again: bool = False,
    ) -> int:
        """Have what was removed and what was said in the gallery of these templates, which have become
        `placements` here, as far as it holds here; how many facts do not.
        """
        left_out = 0
        if facts:
            incoming = IncomingFacts(
                self.facts,
                self._tables,
                self.tombstones,
                templates,
                placements,
                threshold=self._before.threshold,
                again=again,
            )
            left_out = incoming.take_over(facts)
        if tombstones is not None:
            self.tombstones.take_over(tombstones)
        return left_out

    def drop(self, number: int) -> None:
        """Delete a subject and its templates."""
        rows = self._tables.of_subject(number)
        self.facts.erase_people_like(rows, self._before.threshold)
        for row in rows:
            self._delete(row)
            self.tombstones.remove(row.sha256, row.name, row.box)
            self.removed += 1
        self._drop_subject(number)

    def drop_photos(self, number: int, name: str, photos: Sequence[str], *, remember: bool) -> bool:
        """Delete the subject's templates of these pictures, and the subject when it has no other; whether
        it had none.
        """
        found = self._tables.of_subject(number)
        wanted = dict.fromkeys(_row_of(found, photo, name, self._place) for photo in photos)
        for row in wanted:
            self._delete(row)
            self.facts.erase_face(row)
            if remember:
                self.tombstones.remove(row.sha256, row.name, None)
            self.removed += 1
        if len(wanted) == len(found):
            self._drop_subject(number)
        return len(wanted) == len(found)

    def rename(self, number: int, name: str, *, remember: bool = True) -> None:
        """Give a subject a name that no other has."""
        taken = self._tables.find(subject_name(name))
        if taken is not None:
            raise GalleryError(f"{self._place}: {name!r} is in the gallery already: merge the two instead")
        for row in self._tables.of_subject(number):
            if remember:
                self.tombstones.rename(row.sha256, row.name)
            self.tombstones.admit(row.sha256, name, row.box)
        _, _, added, old = self._tables.subject(number)
        code = subject_checksum(number, name, added)
        self._tables.rename_subject(number, name, code)
        self._tally.subject(old, -1)
        self._tally.subject(code)

    def move(self, number: int, target: int, into: str) -> None:
        """Give the templates of one subject to another, whose name is `into`, and delete the subject. A
        picture that both have stays once.
        """
        self.facts.hand_over(number, target)
        for row in self._tables.of_subject(number):
            self._delete(row)
            self.tombstones.rename(row.sha256, row.name)
            if not self._tables.has_picture(target, row.sha256):
                self._insert(target, into, row.described(), row.vector)
                self.moved += 1
        self._drop_subject(number)

    def _next(self) -> int:
        """A row number never given before, so that a number in a cache means one row for ever."""
        self._last += 1
        return self._last

    def _new_subject(self, name: str, added: str) -> int:
        number = self._next()
        code = subject_checksum(number, name, added)
        self._tables.insert_subject(number, name, added, code)
        self._tally.subject(code)
        self.new.append(name)
        return number

    def _insert(
        self, subject: int, name: str, described: tuple[str, str, str, str, str], vector: bytes
    ) -> None:
        self.tombstones.admit(described[0], name, described[2])
        self.facts.admit(subject, described[0], described[2], vector)
        number = self._next()
        code = template_checksum(
            self._before.settings.fingerprint, number, subject, *described, vector=vector
        )
        self._tables.insert_template(number, subject, described, vector, code)
        self._tally.template(code)

    def _drop_subject(self, number: int) -> None:
        self.facts.leave(number)
        *_, code = self._tables.subject(number)
        self._tables.delete_subject(number)
        self._tally.subject(code, -1)

    def _delete(self, row: Row) -> None:
        self._tables.delete_template(row.id)
        self._tally.template(row.checksum, -1)


def first_content(
    settings: GallerySettings,
    templates: Sequence[NewTemplate],
    tombstones: Tombstones | None,
    facts: Sequence[Fact] = (),
) -> tuple[State, Callable[[Tables], State]]:
    """The state of a gallery that is made now, and what fills its tables and gives the state after that.

    Raises UsageError for settings, and GalleryError for templates, that cannot be stored.
    """
    date = now()
    settings = replace(settings, created=date, calibrated=date).checked()
    rows = rows_of(templates, settings.dimension)
    stored = [storable_fact(fact, settings.dimension) for fact in facts]

    def fill(tables: Tables) -> State:
        change = Change(tables)
        placements = [change.add(*row) for row in rows]
        change.take_over(rows, placements, tombstones, stored)
        return change.finish()

    return State(settings), fill
