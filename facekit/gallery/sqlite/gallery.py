"""A gallery in one SQLite file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from facekit.arguments import path_of, texts_of
from facekit.calibration.threshold import Calibration
from facekit.errors import GalleryError, UsageError
from facekit.gallery.gallery_settings import GallerySettings
from facekit.gallery.search import cache
from facekit.gallery.sqlite import database, erasure, indexing, migrations
from facekit.gallery.sqlite.changes import Change
from facekit.gallery.sqlite.connections import Connections
from facekit.gallery.sqlite.readable import ReadableGallery
from facekit.gallery.sqlite.soundness import require_sound
from facekit.gallery.sqlite.state import State
from facekit.gallery.storable import rows_of, storable
from facekit.gallery.templates import AddReport, NewTemplate
from facekit.gallery.tombstones import Tombstones
from facekit.gallery.values import now
from facekit.text.subject_names import subject_name


class SqliteGallery(ReadableGallery):
    """An open gallery; see facekit.gallery.base.Gallery for what its methods promise."""

    def __init__(self, connections: Connections, state: State) -> None:
        super().__init__(connections, state)
        self._due: str | None = None
        self._sound = False

    @classmethod
    def create(
        cls,
        path: Path | str,
        settings: GallerySettings,
        *,
        templates: Sequence[NewTemplate] = (),
        tombstones: Tombstones | None = None,
    ) -> SqliteGallery:
        """Make a gallery with these templates (and tombstones, as in `add`), open for writing. Raises
        GalleryError when something is there already; after any error nothing is.
        """
        date = now()
        settings = replace(settings, created=date, calibrated=date).checked()
        rows_to_add = rows_of(templates, settings.dimension)
        path = Path(path_of(path, "the gallery"))
        with database.create(path) as connection:
            change = Change(connection, State(settings), path)
            for row in rows_to_add:
                change.add(*row)
            if tombstones is not None:
                change.tombstones.take_over(tombstones)
            change.finish().write(connection)
        return cls.open(path, write=True)

    @classmethod
    def open(cls, path: Path | str, *, write: bool = False, fingerprint: str | None = None) -> SqliteGallery:
        """Open an existing gallery. With `fingerprint`, only one made by that embedder.

        Raises GalleryError (what, which file, what to do) when it is missing, empty, no gallery,
        newer than this facekit, damaged, or of another embedder. Never creates or overwrites.
        """
        path = Path(path_of(path, "the gallery"))
        connections = Connections(path, write=write)
        try:
            with connections.reading() as connection:
                version = migrations.version(connection)
                old = write and version < len(migrations.MIGRATIONS)
                if old:
                    require_sound(connection, State.read(connection, path), path)
            if old:
                _upgrade(path)
            with connections.reading() as connection:
                state = State.read(connection, path)
            gallery = cls(connections, state)
            if fingerprint is not None:
                gallery.require(fingerprint)
        except BaseException:
            connections.close()
            raise
        return gallery

    def close(self) -> None:
        """Close the file. The last process to close folds the log into it. An erasure that is due is
        finished, where nobody is in its way.
        """
        if self._connections.write and self._state.erasing:
            # Who could not believe the gallery leaves it as it is.
            with suppress(GalleryError):
                self._require_sound()
                self._erase()
        self._leave()

    def _leave(self) -> None:
        self._index = None
        self._connections.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None or issubclass(kind, Exception):
            self.close()
        else:
            self._leave()  # who interrupts does not want to wait

    @property
    def due(self) -> str | None:
        """Why what was removed still stands in the gallery's files, or None. Whoever writes next
        erases it.
        """
        return self._due if self._state.erasing else None

    def add(
        self,
        templates: Sequence[NewTemplate],
        *,
        again: bool = False,
        move: bool = False,
        tombstones: Tombstones | None = None,
    ) -> AddReport:
        """Store the templates, all or none, but leave out and count: one whose subject already has a template
        of the same picture (`sha256`); one that was removed earlier, unless `again`; and one of a face that
        another subject has from the same picture, unless it may `move`. `tombstones` are another gallery's,
        kept from now on here too.
        """
        rows_to_add = rows_of(templates, self.settings.dimension)
        with self._changing(forget=False) as change:
            placements = [change.add(*row, again=again, move=move) for row in rows_to_add]
            if tombstones is not None:
                change.tombstones.take_over(tombstones)
        return AddReport(tuple(placements), tuple(change.new))

    def forget_removals(self) -> int:
        """Erase all that is kept of removed pictures, so that they can come back; how many there were."""
        with self._changing(forget=True) as change:
            return change.tombstones.forget()

    def remove(self, names: Sequence[str]) -> int:
        """Remove subjects with all their templates, and erase their bytes from every file of the
        gallery; return the number of templates. Raises GalleryError, and removes nobody, when one
        is not in the gallery. Where somebody reads an earlier state for long, the erasure is `due`.
        """
        with self._changing(forget=True) as change:
            for name in dict.fromkeys(map(subject_name, texts_of(names, "the names"))):
                change.drop(change.number(name))
        return change.removed

    def remove_photos(self, subject: str, photos: Sequence[str]) -> bool:
        """Remove the templates of some pictures of a subject, and erase their bytes from every file of the
        gallery; the subject goes with its last template. Returns whether it went.

        A picture is given by its name, as `templates` has it, or by the first eight or more digits of its
        SHA-256. Raises GalleryError, and removes nothing, when one is not the subject's or is not
        the only one of that name.
        """
        stored = [storable(photo) for photo in texts_of(photos, "the photos")]
        with self._changing(forget=True) as change:
            return change.drop_photos(change.number(subject), subject, stored)

    def rename(self, old: str, new: str) -> None:
        """Give a subject another name and erase the old one. Raises GalleryError when `old` is not
        in the gallery or `new` is.
        """
        new = subject_name(new)
        with self._changing(forget=True) as change:
            number = change.number(old)
            if subject_name(old) != new:
                change.rename(number, new)

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
        with self._writing() as (connection, state):
            settings = replace(state.settings, calibration=calibration.checked(), calibrated=now())
            new = replace(state, settings=settings, changes=state.changes + 1)
            new.write(connection)
        self._state = new
        self._settle()

    @contextmanager
    def _writing(self, *, whole: bool = False) -> Iterator[tuple[sqlite3.Connection, State]]:
        """A connection in a transaction that waited for other writers, and the state in it. Before the
        first, the gallery is checked; a large one only if the `whole` of it will be written again.
        """
        if not self._connections.write:
            raise GalleryError(f"{self.path}: opened for reading: open it with write=True to change it")
        if whole or self._state.erasing or self._state.templates <= indexing.IN_MEMORY:
            self._require_sound()
        with self._connections.writing() as connection:
            yield connection, State.read(connection, self.path)

    @contextmanager
    def _changing(self, *, forget: bool) -> Iterator[Change]:
        """A transaction that changes rows; with `forget`, what they held is erased after it."""
        with self._writing(whole=forget) as (connection, state):
            change = Change(connection, state, self.path)
            yield change
            new = change.finish()
            if new != state:
                if forget or change.erased:
                    # Under the write lock nobody can write a cache of the old content again.
                    _discard_cache(self.path)
                    new = replace(new, erasing=new.changes)
                new.write(connection)
        self._state = new
        self._settle(erasure.WAIT if forget and new != state else 0.0)

    def _require_sound(self) -> None:
        """Raise GalleryError if the gallery, as it is when this is asked first, is damaged anywhere."""
        if not self._sound:
            with self._reading() as (connection, state):
                require_sound(connection, state, self.path)
            self._sound = True

    def _settle(self, seconds: float = 0.0) -> None:
        """After a change: erase what is due, or at least bring the file itself up to date."""
        if self._state.erasing:
            self._erase(seconds)
        else:
            with self._connections.lent() as connection:
                erasure.checkpoint(connection)

    def _erase(self, seconds: float = 0.0) -> None:
        self._due = erasure.finish(self._connections, seconds)
        if self._due is None:
            self._state = replace(self._state, erasing=0)


def _discard_cache(path: Path) -> None:
    try:
        cache.discard(path)
    except OSError as error:
        raise GalleryError(f"{path}: the search cache beside it cannot be removed: {error}") from error


def _upgrade(path: Path) -> None:
    with closing(database.connect(path, write=True)) as connection:
        migrations.migrate(connection)
