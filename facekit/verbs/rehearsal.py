"""A change that is tried on a copy of a gallery, so that a dry run tells what would be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from facekit import settings
from facekit.errors import FacekitError
from facekit.gallery import usual_places
from facekit.gallery.places import Place, copy_gallery, place_of
from facekit.people.outcomes import Outcome
from facekit.verbs.galleries import AnyGallery, as_place, is_open, open_gallery, tell_gallery

if TYPE_CHECKING:
    from facekit.verbs.listeners import OnNote


@dataclass(frozen=True)
class Rehearsal:
    """A `copy` of the gallery at `place`; nothing is there where no gallery is."""

    place: Place
    copy: Place
    on_note: OnNote

    def words(self, text: str) -> str:
        """A message about the copy, as one about the gallery."""
        return text.replace(self.copy.argument, self.place.argument).replace(str(self.copy), str(self.place))

    def note(self, text: str) -> None:
        """Hear a remark on the copy."""
        self.on_note(self.words(text))

    def outcome(self, outcome: Outcome) -> Outcome:
        """What would become of a picture."""
        problems, notes = (tuple(map(self.words, lines)) for lines in (outcome.problems, outcome.notes))
        return replace(outcome, problems=problems, notes=notes)


@contextmanager
def rehearsal(
    place: Place, on_note: OnNote, *, named: AnyGallery | None = None, fingerprint: str | None = None
) -> Iterator[Rehearsal]:
    """Until the end of the context there is a copy of the gallery at a place, which only the user can read;
    `on_note` hears which gallery it is, where none was `named`. Raises GalleryError for one that could not be
    written to; errors about the copy are raised as if they were about the gallery."""
    place.require_writable()
    if not is_open(named):
        tell_gallery(as_place(named), place, on_note)
    with TemporaryDirectory(prefix="facekit-") as folder:
        tried = Rehearsal(place, place_of(Path(folder, settings.GALLERY_FILE)), on_note)
        try:
            if place.exists():
                with place.open(fingerprint=fingerprint):
                    pass
                copy_gallery(place, tried.copy)
            yield tried
        except FacekitError as error:
            raise type(error)(tried.words(str(error))) from error


@contextmanager
def rehearsed_change(gallery: AnyGallery | None, on_note: OnNote) -> Iterator[Rehearsal]:
    """`rehearsal` for the gallery that a change is of: one that was given, or the user's."""
    if is_open(gallery):
        place = gallery.place
    else:
        found = usual_places.in_use(usual_places.of_user(as_place(gallery)))
        if found is None:  # it says where it looked
            open_gallery(as_place(gallery), write=True).close()
        assert found is not None
        place = found
    with rehearsal(place, on_note, named=gallery) as tried:
        yield tried
