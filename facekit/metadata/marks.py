"""Whom other programs have marked in a photo: in its sidecars, inside it, and in Picasa's file beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from facekit.errors import MetadataError, PictureError, UsageError
from facekit.files import untrusted
from facekit.metadata import picasa
from facekit.metadata.areas import Area, stored_size
from facekit.metadata.inside import inside
from facekit.metadata.packet import MOST_BYTES, Packet
from facekit.metadata.regions import SAME_FACE, applied_to, regions_of, same_shape
from facekit.metadata.sidecars import shared_sidecar, sidecars_of
from facekit.pictures import raw
from facekit.text.subject_names import subject_name

# Their readers turn the picture, and so do programs that never see it as it is stored.
_TURNED_BY_READER = frozenset((".heic", ".heif", ".hif", ".avif"))


@dataclass(frozen=True)
class Mark:
    """A person's place in a photo, and the `file` that says so. `drawn_on` is width and height of the picture
    then; the area is of the stored picture, unless it is `upright`."""

    subject: str
    area: Area
    file: str
    drawn_on: tuple[float, float] | None = None
    upright: bool = False

    def in_picture(self, photo: str, size: tuple[int, int], orientation: int) -> Area | None:
        """The area in the upright picture, which has this size; None where the picture has other proportions
        than the one that was drawn on."""
        if self.upright:
            return self.area
        if self.drawn_on is None or same_shape(self.drawn_on, stored_size(size, orientation)):
            return self.area.turned(orientation)
        by_reader = Path(photo).suffix.casefold() in _TURNED_BY_READER
        return self.area if by_reader and same_shape(self.drawn_on, size) else None


class MarkReader:
    """Reads the marks of photos; `on_note` hears what could not be used. A folder's file is read once."""

    def __init__(self, on_note: Callable[[str], None]) -> None:
        self._on_note = on_note
        self._folders: dict[Path, picasa.Folder] = {}
        self.problems: list[str] = []

    def marks_of(self, photo: str) -> list[Mark]:
        """Everybody who is marked in a photo: what a sidecar says of a face goes before what the photo itself
        says, and that before Picasa's file. In one file a face may have two names."""
        path = Path(photo)
        marks: list[Mark] = []
        for found in (self._in_sidecars(path), self._inside(photo), self._of_picasa(path)):
            for mark in found:
                same = [other for other in marks if other.area.overlap(mark.area) >= SAME_FACE]
                if any(other.subject == mark.subject for other in same):
                    continue
                before = next((other for other in same if other.file != mark.file), None)
                if before is None:
                    marks.append(mark)
                else:
                    self._on_note(
                        f"{photo}: the same face is {before.subject} in {before.file} and {mark.subject} in "
                        f"{mark.file}: took {before.subject}"
                    )
        return marks

    def _in_sidecars(self, photo: Path) -> list[Mark]:
        marks = []
        for sidecar in sidecars_of(photo):
            try:
                data = untrusted.content(sidecar, most=MOST_BYTES, error=MetadataError)
                marks += self._of_packet(Packet(data, sidecar), str(sidecar))
            except MetadataError as error:
                self._problem(error)
        if shared := shared_sidecar(photo):
            self._problem(f"{shared[0]}: may be of {photo.name} or of {shared[1].name}")
        return marks

    def _inside(self, photo: str) -> list[Mark]:
        try:
            found = inside(photo)
        except PictureError:  # reading its pixels tells the user why
            return []
        for problem in found.problems:
            self._problem(problem)
        return [mark for packet in found.packets for mark in self._of_packet(packet, photo)]

    def _of_packet(self, packet: Packet, file: str) -> list[Mark]:
        size = applied_to(packet)
        return [
            Mark(subject, region.area, file, size)
            for region in regions_of(packet)
            if region.name and (subject := self._subject(region.name, file))
        ]

    def _of_picasa(self, photo: Path) -> list[Mark]:
        folder = photo.parent
        if folder not in self._folders:
            try:
                self._folders[folder] = picasa.read(folder)
            except MetadataError as error:
                self._problem(error)
                self._folders[folder] = picasa.Folder()
        known, file = self._folders[folder], str(folder / picasa.NAMES[0])
        faces = known.of(photo)
        if faces and known.is_turned(photo):
            self._on_note(f"{photo}: was turned in Picasa only, and the faces in {file} are not used")
            return []
        if nameless := sum(name is None for name, _ in faces):
            self._on_note(f"{photo}: {nameless} of its faces in {file} have a number without a name")
        upright = photo.suffix.casefold() in raw.SUFFIXES
        return [
            Mark(subject, area, file, upright=upright)
            for name, area in faces
            if name and (subject := self._subject(name, file))
        ]

    def _subject(self, name: str, file: str) -> str | None:
        try:
            return subject_name(name)
        except UsageError as error:
            self._problem(f"{file}: {error}")
            return None

    def _problem(self, problem: object) -> None:
        self.problems.append(f"{problem}; its names are not read")
        self._on_note(self.problems[-1])
