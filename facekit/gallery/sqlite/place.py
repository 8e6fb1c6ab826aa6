"""The place of a gallery that is a file."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from facekit import settings as locations
from facekit.errors import GalleryError
from facekit.gallery.places import AnyPlace, Copied, place_of

if TYPE_CHECKING:
    from facekit.gallery.facts import Fact
    from facekit.gallery.gallery_settings import GallerySettings
    from facekit.gallery.problems import Problem
    from facekit.gallery.sqlite.gallery import SqliteGallery
    from facekit.gallery.state import State
    from facekit.gallery.tables import Tables
    from facekit.gallery.templates import NewTemplate
    from facekit.gallery.tombstones import Tombstones

_UNREACHABLE = (errno.EACCES, errno.EPERM, errno.EIO, errno.ESTALE, errno.ENOTCONN, errno.ETIMEDOUT)


@dataclass(frozen=True)
class FilePlace:
    """A gallery in one SQLite file. See facekit.gallery.places.Place."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)

    @property
    def argument(self) -> str:
        # A leading `~` of a file's own name is no home folder.
        return f"./{self.path}" if str(self.path).startswith("~") else str(self.path)

    @property
    def is_shipped(self) -> bool:
        """Whether the path, however it is written, is that of the shipped gallery."""
        # Not Path.resolve, which raises RuntimeError for a link to itself.
        return os.path.realpath(self.path) == os.path.realpath(locations.reference_gallery())

    def exists(self) -> bool:
        """Whether something is there, be it a link that leads nowhere. Where nobody may look, or a disk does
        not answer, there is: opening it tells what is wrong, and no other gallery is taken for it.
        """
        try:
            os.lstat(self.path)
        except (OSError, ValueError) as error:
            return getattr(error, "errno", None) in _UNREACHABLE
        return True

    def open(self, *, write: bool = False, fingerprint: str | None = None) -> SqliteGallery:
        from facekit.gallery.sqlite.gallery import SqliteGallery

        return SqliteGallery.open(self.path, write=write, fingerprint=fingerprint)

    def create(
        self,
        settings: GallerySettings,
        *,
        templates: Sequence[NewTemplate] = (),
        tombstones: Tombstones | None = None,
        facts: Sequence[Fact] = (),
    ) -> SqliteGallery:
        """Its folder is made too; that of the user's own gallery is for the user alone."""
        from facekit.gallery.sqlite.gallery import SqliteGallery

        self._make_folder()
        return SqliteGallery.create(
            self.path, settings, templates=templates, tombstones=tombstones, facts=facts
        )

    def make(self, state: State, fill: Callable[[Tables], State]) -> SqliteGallery:
        from facekit.gallery.sqlite.gallery import SqliteGallery

        self._make_folder()
        return SqliteGallery.made(self.path, state, fill)

    def _make_folder(self) -> None:
        self.require_writable()
        folder = self.path.parent
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700 if self._is_ours else 0o777)
        except OSError as error:
            raise self._unwritable(f"{folder}: {error.strerror}") from error

    def require_writable(self) -> None:
        if self.is_shipped:
            raise GalleryError(
                f"{self}: is the shipped gallery, which stays as it is: copy it, and change the copy"
            )
        file = Path(os.path.realpath(self.path))
        above = next(folder for folder in file.parents if os.path.lexists(folder))
        if not os.path.isdir(above):
            raise self._unwritable(f"{above} is no folder")
        if not os.access(above, os.X_OK):
            raise self._unwritable(f"the folder {above} may not be entered")
        if os.path.isfile(file) and not os.access(file, os.W_OK):
            raise self._unwritable("the file is read-only")
        if not os.access(above, os.W_OK):
            raise self._unwritable(f"the folder {above} is read-only")

    def copy(self, target: AnyPlace) -> Copied:
        from facekit.gallery.sqlite.copying import copy

        into = _folder_of(target)
        place = place_of(target) if into is None else FilePlace(into / self.path.name)
        if not isinstance(place, FilePlace):
            from facekit.gallery import transcript

            return transcript.copy(self, place)
        state = copy(self.path, place.path)
        return Copied(place, state.settings, state.subjects, state.templates, state.digest)

    def recall(self) -> str | None:
        return None

    def check(self, *, fingerprint: str | None = None) -> list[Problem]:
        from facekit.gallery.sqlite.check import check

        return check(self.path, fingerprint=fingerprint)

    @property
    def _is_ours(self) -> bool:
        return self.path == locations.user_gallery()

    def _unwritable(self, why: str) -> GalleryError:
        what = "your own gallery" if self._is_ours else "the gallery"
        return GalleryError(f"{self}: {what} cannot be written ({why}): choose another with --gallery FILE")


def _folder_of(target: AnyPlace) -> Path | None:
    """The folder that is meant by the target; None if it is a place, or no folder."""
    if isinstance(target, str):
        path = Path(locations.expanded(target))
    elif isinstance(target, os.PathLike):
        path = Path(target)
    else:
        return None
    return path if path.is_dir() else None
