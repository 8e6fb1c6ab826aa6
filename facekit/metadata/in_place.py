"""Names inside JPEG files themselves: exiftool writes them, and that only XMP was changed is proved first."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from facekit.errors import DependencyError, MetadataError, PictureError
from facekit.files import writing
from facekit.metadata import planning
from facekit.metadata.editing import EMPTY
from facekit.metadata.inside import EXTENDED, XMP, inside, segments
from facekit.metadata.metadata_change import MetadataChange
from facekit.metadata.packet import Packet
from facekit.metadata.planning import NamedPhoto, Rules
from facekit.metadata.sidecars import Identified, faces_of, packets_beside, stored_size_of
from facekit.pictures import images

SECONDS = 120
_JPEG = b"\xff\xd8\xff"
_FURTHER_PICTURES = b"MPF\0"


class NamesInPlace:
    """Writes names into JPEG files, in the place of `Sidecars`. Raises DependencyError without exiftool."""

    def __init__(self, rules: Rules, *, dry_run: bool = False) -> None:
        program = shutil.which("exiftool")
        if program is None:
            raise DependencyError(
                "writing into photos needs exiftool (Debian: apt install libimage-exiftool-perl; "
                "https://exiftool.org): install it, or write sidecars without --in-place"
            )
        self._program, self._dry_run = program, dry_run
        # Who wants names in the photos wants there what sidecars have already.
        self._rules = replace(rules, complete=True)

    def write(self, photo: Identified) -> MetadataChange:
        """Write a photo's names into it, if that changes anything. What cannot be written is left alone."""
        file = Path(photo.source)
        try:
            return self._changed(photo, file)
        except (MetadataError, PictureError) as error:
            return MetadataChange(str(file), "refused", error=f"{error}; left alone")
        except OSError as error:
            why = error.strerror or str(error)
            return MetadataChange(str(file), "refused", error=f"{file}: cannot be written ({why})")

    def _changed(self, photo: Identified, file: Path) -> MetadataChange:
        data = images.content(photo.source)
        if not data.startswith(_JPEG):
            raise MetadataError(f"{file}: is no JPEG, and gets a sidecar only (without --in-place)")
        if file.is_symlink():
            raise MetadataError(f"{file}: is a link, and nothing is written through one")
        if EXTENDED in data:
            raise MetadataError(f"{file}: its XMP is in several parts, which are not written anew")
        found = inside(photo.source)
        if found.problems:
            raise MetadataError(found.problems[0])
        own = found.packets[0] if found.packets else Packet(EMPTY, file)
        names = NamedPhoto(photo.source, stored_size_of(photo, found), faces_of(photo))
        change = planning.change(own, names, packets_beside(file), self._rules)
        if change.is_one and not self._dry_run:
            self._replace(file, data, change.after)
        return change.outcome(file, dry_run=self._dry_run)

    def _replace(self, file: Path, before: bytes, packet: bytes) -> None:
        """Put the photo with the packet in its place, if all else in it is the same."""
        after = self._with_packet(file, packet)
        if list(_all_but_xmp(before)) != list(_all_but_xmp(after)):
            raise MetadataError(f"{file}: exiftool would change more of it than its XMP")
        with images.opened(after, str(file)) as image:
            if packet.strip() not in image.info.get("xmp", b""):  # it may have put a wrapper around
                raise MetadataError(f"{file}: exiftool did not write its XMP as it should")
        with writing.replacing(file, durable=True) as unfinished:
            unfinished.write_bytes(after)
            if images.content(file) != before:
                raise MetadataError(f"{file}: was changed by another program in this moment")

    def _with_packet(self, file: Path, packet: bytes) -> bytes:
        """The bytes of the photo with the packet inside, as exiftool makes them."""
        with tempfile.TemporaryDirectory(prefix="facekit-") as folder:
            source = Path(folder) / "packet.xmp"
            source.write_bytes(packet)
            # Its own settings file could have it do anything, and is not read.
            command = [self._program, "-config", "", "-q", "-q", "-o", "-", f"-XMP<={source}"]
            try:
                done = subprocess.run(
                    [*command, os.path.abspath(file)],
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    timeout=SECONDS,
                    check=False,
                )
            except subprocess.TimeoutExpired:
                raise MetadataError(f"{file}: exiftool took more than {SECONDS} s") from None
        if done.returncode or not done.stdout.startswith(_JPEG):
            words = " ".join(done.stderr.decode(errors="replace").split())[:200] or "no picture came out"
            raise MetadataError(f"{file}: exiftool could not write it ({words})")
        return done.stdout


def _all_but_xmp(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The parts of a JPEG, its pixels last; without XMP, and without where its further pictures begin, which
    moves with the length of what stands before."""
    for marker, content in segments(data):
        if not (marker == 0xE1 and content.startswith(XMP)) and not content.startswith(_FURTHER_PICTURES):
            yield marker, content
