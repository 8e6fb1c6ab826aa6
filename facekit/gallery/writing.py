"""What can be changed in a gallery, whatever keeps it: each change is one transaction."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from secrets import token_hex

from facekit.arguments import integer_of, texts_of
from facekit.calibration.threshold import Calibration
from facekit.errors import UsageError
from facekit.gallery.changes import Change
from facekit.gallery.fact_rows import StorableFact, storable_fact
from facekit.gallery.facts import Fact
from facekit.gallery.reading import ReadableGallery
from facekit.gallery.storable import rows_of, storable
from facekit.gallery.templates import AddReport, NewTemplate
from facekit.gallery.tombstones import Tombstones
from facekit.text.subject_names import subject_name


class WritableGallery(ReadableGallery):
    """The changes of facekit.gallery.base.Gallery."""

    @abstractmethod
    def _changing(self, *, forget: bool) -> AbstractContextManager[Change]:
        """A transaction that changes rows, after other writers; with `forget`, what they held is erased after
        it.
        """

    def add(
        self,
        templates: Sequence[NewTemplate],
        *,
        again: bool = False,
        move: bool = False,
        replace: bool = False,
        tombstones: Tombstones | None = None,
        facts: Sequence[Fact] = (),
    ) -> AddReport:
        """Store the templates, all or none, but leave out and count: one whose subject already has a template
        of the same picture (`sha256`); one that was removed earlier, or was said not to be the subject's,
        unless `again`; and one of a face that another subject has from the same picture, unless it may
        `move`. With `replace` the subject's template of another face of the same picture gives way.
        `tombstones` and `facts` are another gallery's, kept from now on here too, as far as they say
        nothing else than what is enrolled here; facts that were taken back or erased here come only `again`.
        """
        rows_to_add = rows_of(templates, self.settings.dimension)
        others = self._storable(facts)
        with self._changing(forget=False) as change:
            placements = [change.add(*row, again=again, move=move, replace=replace) for row in rows_to_add]
            left_out = change.take_over(rows_to_add, placements, tombstones, others, again=again)
        return AddReport(tuple(placements), tuple(change.new), left_out)

    def record(self, facts: Sequence[Fact]) -> list[Fact]:
        """Store what was said, all or none; as it is stored. Raises GalleryError for people who are not in
        the gallery, and for a face that is enrolled as the one who it is said not to be.
        """
        rows = self._storable(facts)
        with self._changing(forget=False) as change:
            return [change.facts.record(row) for row in rows]

    def withdraw(self, numbers: Sequence[int]) -> list[Fact]:
        """Take back and erase the facts of these numbers, all or none; as they were. Raises GalleryError when
        there is none of a number.
        """
        wanted = [integer_of(number, "the number of a fact", least=1) for number in numbers]
        with self._changing(forget=True) as change:
            return [change.facts.withdraw(number) for number in dict.fromkeys(wanted)]

    def _storable(self, facts: Sequence[Fact]) -> list[StorableFact]:
        return [storable_fact(fact, self.settings.dimension) for fact in facts]

    def forget_removals(self) -> int:
        """Erase all that is kept of removed pictures, so that they can come back; how many there were."""
        with self._changing(forget=True) as change:
            return change.tombstones.forget()

    def remove(self, names: Sequence[str]) -> int:
        """Remove subjects with all their templates, and erase them; the number of templates. Raises
        GalleryError, and removes nobody, when one is not in the gallery. If somebody reads an earlier state
        for long, the erasure is `due`.
        """
        with self._changing(forget=True) as change:
            for name in dict.fromkeys(map(subject_name, texts_of(names, "the names"))):
                change.drop(change.number(name))
        return change.removed

    def remove_photos(self, subject: str, photos: Sequence[str], *, remember: bool = True) -> bool:
        """Remove the templates of some pictures of a subject, and erase them; the subject goes with its last
        template. Returns whether it went. Unless it is to `remember`, they may be added again as if they had
        never been there.

        A picture is given by its name, as `templates` has it, or by the first eight or more digits of its
        SHA-256. Raises GalleryError, and removes nothing, when one is not the subject's or is not
        the only one of that name.
        """
        stored = [storable(photo) for photo in texts_of(photos, "the photos")]
        with self._changing(forget=True) as change:
            return change.drop_photos(change.number(subject), subject, stored, remember=remember)

    def relocate(self, subject: str, places: Mapping[str, str]) -> None:
        """Say where pictures of a subject are now: the `source` of each SHA-256, all or none. What the
        subject has none of is left out. Raises GalleryError when the subject is not in the gallery.
        """
        stored = {sha256: storable(source) for sha256, source in places.items()}
        with self._changing(forget=False) as change:
            number = change.number(subject)
            for sha256, source in stored.items():
                change.relocate(number, subject_name(subject), sha256, source)

    def rename(self, old: str, new: str, *, remember: bool = True) -> None:
        """Give a subject another name and erase the old one. Unless it is to `remember`, the pictures may be
        added under the old name again. Raises GalleryError when `old` is not in the gallery or `new` is.
        """
        new = subject_name(new)
        with self._changing(forget=True) as change:
            number = change.number(old)
            if subject_name(old) != new:
                change.rename(number, new, remember=remember)

    def exchange(self, names: Mapping[str, str]) -> None:
        """Give subjects each other's names, all or none: the new names, by the old ones, are these in another
        order. The pictures may be added under the old names again. Raises GalleryError when one is not in
        the gallery.
        """
        with self._changing(forget=True) as change:
            numbers = {subject_name(new): change.number(old) for old, new in names.items()}
            for number in numbers.values():
                change.rename(number, token_hex(16), remember=False)  # nobody has this name meanwhile
            for new, number in numbers.items():
                change.rename(number, new, remember=False)

    def merge(self, into: str, others: Sequence[str]) -> int:
        """Give the templates of other subjects to `into` and erase the others; return how many came.
        A picture that both have is kept once. Raises GalleryError when one is not in the gallery, UsageError
        when `into` is among the others.
        """
        into, others = subject_name(into), texts_of(others, "the others")
        if into in map(subject_name, others):
            raise UsageError(f"{into!r} cannot be merged with itself: name the other people only")
        with self._changing(forget=True) as change:
            target = change.number(into)
            for number in dict.fromkeys(change.number(name) for name in others):
                change.move(number, target, into)
        return change.moved

    def set_calibration(self, calibration: Calibration) -> None:
        """Set the score from which a face has a name, and say how it was chosen."""
        checked = calibration.checked()
        with self._changing(forget=False) as change:
            change.calibrate(checked)
