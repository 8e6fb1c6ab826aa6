"""Sidecars: files of XMP beside photos, which other programs write too and nothing of which is ever lost."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

from facekit.errors import MetadataError, PictureError, UsageError
from facekit.files import outputs, untrusted, writing
from facekit.metadata import planning
from facekit.metadata.areas import Area, stored_size
from facekit.metadata.editing import EMPTY, NewRegion
from facekit.metadata.erasing import erase
from facekit.metadata.inside import Inside, inside
from facekit.metadata.metadata_change import MetadataChange
from facekit.metadata.packet import MOST_BYTES, Packet
from facekit.metadata.planning import NamedPhoto, Rules
from facekit.metadata.regions import same_shape
from facekit.pictures import images, raw
from facekit.pictures.remote import refuse
from facekit.results import Identification

SidecarName = Literal["photo.jpg.xmp", "photo.xmp"]
SIDECAR_NAMES: tuple[str, ...] = get_args(SidecarName)
"""How a sidecar of photo.jpg is called: by digiKam and darktable; by Lightroom and others of Adobe."""
_ENDINGS = (".xmp", ".XMP")


@dataclass(frozen=True)
class Identified:
    """A photo and its identified faces: its `size` and the faces' boxes are upright, and `orientation` is how
    it lies in its file."""

    source: str
    size: tuple[int, int]
    orientation: int
    faces: Sequence[Identification]


class Sidecars:
    """Writes the names of photos into sidecars of that name; without one, into those that are there, or else
    into `photo.jpg.xmp`."""

    def __init__(self, rules: Rules, name: SidecarName | None = None, *, dry_run: bool = False) -> None:
        if name is not None and name not in SIDECAR_NAMES:
            raise UsageError(f"the sidecar name is {name!r}: give {' or '.join(SIDECAR_NAMES)}")
        self._rules, self._name, self._dry_run = rules, name, dry_run
        self._written: dict[str, str] = {}

    def write(self, photo: Identified) -> MetadataChange:
        """Write a photo's sidecars, if anything changes in them. What cannot be written is left alone."""
        path = Path(photo.source)
        files = sidecars_of(path) if self._name is None else []
        if len(files) < 2:
            return self._write(photo, None)
        # Each is another program's, which reads no other: both are to say the same.
        first, second = (self._write(photo, file) for file in files)
        if first.status == "unchanged" and second.status != "unchanged":
            first, second = second, first
        return first if second.status == "unchanged" and not second.notes else replace(first, also=second)

    def _write(self, photo: Identified, one_of_two: Path | None) -> MetadataChange:
        path = Path(photo.source)
        file = one_of_two or path
        try:
            file = self._checked(path, one_of_two or sidecar_to_write(path, self._name))
            return self._changed(photo, file, one_of_two)
        except (MetadataError, PictureError) as error:
            return MetadataChange(str(file), "refused", error=f"{error}; left alone")
        except OSError as error:
            why = error.strerror or str(error)
            return MetadataChange(str(file), "refused", error=f"{file}: cannot be written ({why})")

    def _checked(self, photo: Path, file: Path) -> Path:
        place = os.path.realpath(file)
        if self._written.setdefault(place, str(photo)) != str(photo):
            raise MetadataError(f"{file}: is {self._written[place]}'s, and {photo} would share it")
        if file.is_symlink():
            raise MetadataError(f"{file}: is a link, and nothing is written through one")
        return file

    def _changed(self, photo: Identified, file: Path, one_of_two: Path | None) -> MetadataChange:
        before = untrusted.content(file, most=MOST_BYTES, error=MetadataError) if file.exists() else None
        packet = Packet(EMPTY if before is None else before, file)
        found = inside(photo.source)
        names = NamedPhoto(photo.source, stored_size_of(photo, found), faces_of(photo))
        rules, elsewhere = self._rules, list(found.packets)
        if one_of_two:
            rules = replace(rules, complete=True)
            beside = [other for other in packets_beside(Path(photo.source)) if other.place != file]
            # What is to be erased there is not taken over from there.
            elsewhere[:0] = [erase(other, rules.erase, names.faces).packet for other in beside]
        change = planning.change(packet, names, elsewhere, rules)
        if change.is_one and not self._dry_run:
            _replace(file, before, change.after)
        notes = tuple(f"{problem}; not looked at" for problem in found.problems)
        return change.outcome(file, dry_run=self._dry_run, notes=notes)


def require_photos(inputs: Sequence[object]) -> None:
    """Raise UsageError where a picture is no file, and has no place beside it."""
    if any(not isinstance(item, str) or item == outputs.STANDARD_INPUT for item in inputs):
        raise UsageError("--xmp: a picture that is no file has no sidecar: give paths of photos or folders")
    refuse(inputs, "--xmp: names are written beside")


def sidecar_to_write(photo: Path, name: SidecarName | None = None) -> Path:
    """The sidecar of a photo. Raises MetadataError where another picture has the same one."""
    whole, stem = _called(photo.with_name(photo.name)), _called(photo.with_name(photo.stem))
    if name == "photo.jpg.xmp":
        return whole
    shared = stem.exists() or name is not None
    other = _sharing(photo) if shared else None
    if name == "photo.xmp":
        if other:
            raise MetadataError(
                f"{stem}: {other.name} and {photo.name} would share it: use --sidecar-name photo.jpg.xmp"
            )
        return stem
    return stem if stem.exists() and not whole.exists() and not other else whole


def sidecars_of(photo: Path) -> list[Path]:
    """The sidecars that a photo has, the more certain one first. One that it shares with a RAW picture is its
    own too: they show the same. One that it shares with another picture is nobody's (`shared_sidecar`)."""
    whole, stem = _called(photo.with_name(photo.name)), _called(photo.with_name(photo.stem))
    found = [whole] if whole.exists() else []
    if stem.exists() and not shared_sidecar(photo):
        found.append(stem)
    return found


def packets_beside(photo: Path) -> list[Packet]:
    """What the photo's sidecars have. Raises MetadataError for one that is damaged."""
    return [
        Packet(untrusted.content(sidecar, most=MOST_BYTES, error=MetadataError), sidecar)
        for sidecar in sidecars_of(photo)
    ]


def shared_sidecar(photo: Path) -> tuple[Path, Path] | None:
    """A sidecar of which it cannot be told whose it is, and the other picture that it may be of."""
    stem = _called(photo.with_name(photo.stem))
    other = _sharing(photo) if stem.exists() else None
    return None if other is None or other.suffix.casefold() in raw.SUFFIXES else (stem, other)


def stored_size_of(photo: Identified, metadata: Inside) -> tuple[int, int]:
    """Width and height of the stored picture."""
    stored = stored_size(photo.size, photo.orientation)
    # A picture that was decoded at a part of its size is some pixels off; HEIC's reader has turned it.
    return metadata.size if metadata.size is not None and same_shape(metadata.size, stored) else stored


def faces_of(photo: Identified) -> list[NewRegion]:
    """The photo's faces, where they are in the stored picture."""
    return [
        NewRegion(face.subject, Area.of_box(face.face.detection.box, photo.size).stored(photo.orientation))
        for face in photo.faces
    ]


def _called(path: Path) -> Path:
    """The sidecar's name, in the spelling that is there."""
    names = [path.with_name(path.name + ending) for ending in _ENDINGS]
    return next((name for name in names if os.path.lexists(name)), names[0])


def _sharing(photo: Path) -> Path | None:
    """Another picture beside the photo, whose name differs in its ending only."""
    for ending in sorted(images.SUFFIXES | raw.SUFFIXES):
        for other in (photo.with_suffix(ending), photo.with_suffix(ending.upper())):
            if other.name != photo.name and other.exists() and not outputs.same_file(other, photo):
                return other
    return None


def _replace(file: Path, before: bytes | None, after: bytes) -> None:
    """Write the sidecar, unless another program wrote it in the meantime."""
    if before is None:
        writing.create(file, after)
        return
    with writing.replacing(file) as unfinished:
        unfinished.write_bytes(after)
        if untrusted.content(file, most=MOST_BYTES, error=MetadataError) != before:
            raise MetadataError(f"{file}: was changed by another program in this moment")
