"""A gallery in one SQLite file."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from facekit.arguments import path_of
from facekit.errors import GalleryError
from facekit.gallery.changes import Change, first_content
from facekit.gallery.facts import Fact
from facekit.gallery.gallery_settings import GallerySettings
from facekit.gallery.search import cache
from facekit.gallery.search.index import Index
from facekit.gallery.soundness import require_sound
from facekit.gallery.sqlite import database, erasure, indexing, migrations
from facekit.gallery.sqlite.connections import Connections
from facekit.gallery.sqlite.faults import in_words
from facekit.gallery.sqlite.indexing import read_index
from facekit.gallery.sqlite.place import FilePlace
from facekit.gallery.sqlite.rows import SqliteTables
from facekit.gallery.sqlite.state import read_state, write_state
from facekit.gallery.state import State
from facekit.gallery.tables import Tables
from facekit.gallery.templates import NewTemplate
from facekit.gallery.tombstones import Tombstones
from facekit.gallery.writing import WritableGallery


class SqliteGallery(WritableGallery):
    """An open gallery; see facekit.gallery.base.Gallery for what its methods promise."""

    def __init__(self, connections: Connections, state: State) -> None:
        super().__init__(FilePlace(connections.path), state)
        self.path = connections.path
        self._connections = connections
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
        facts: Sequence[Fact] = (),
    ) -> SqliteGallery:
        """Make a gallery with these templates (and tombstones and facts, as in `add`), open for
        writing. Raises GalleryError when something is there already; after any error nothing is.
        """
        content = first_content(settings, templates, tombstones, facts)
        return cls.made(Path(path_of(path, "the gallery")), *content)

    @classmethod
    def made(cls, path: Path, state: State, fill: Callable[[Tables], State]) -> SqliteGallery:
        """A gallery with what `fill` puts into its empty tables, open for writing; it gives the state after
        that. Raises GalleryError as `create` does.
        """
        with database.create(path) as connection:
            write_state(connection, fill(SqliteTables(connection, state, path)))
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
                    require_sound(SqliteTables(connection, read_state(connection, path), path))
            if old:
                _upgrade(path)
            with connections.reading() as connection:
                state = read_state(connection, path)
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

    @property
    def version(self) -> int:
        """The format of the file."""
        with self._connections.reading() as connection:
            return migrations.version(connection)

    @contextmanager
    def _reading(self, *, shared: bool = True) -> Iterator[SqliteTables]:
        with self._connections.reading(shared=shared) as connection, in_words(self.path):
            self._state = state = read_state(connection, self.path)
            yield SqliteTables(connection, state, self.path)

    def _read_index(self, tables: Tables) -> Index:
        return read_index(tables, self.path, self._connections.reading)

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
            yield connection, read_state(connection, self.path)

    @contextmanager
    def _changing(self, *, forget: bool) -> Iterator[Change]:
        """A transaction that changes rows; with `forget`, what they held is erased after it."""
        with self._writing(whole=forget) as (connection, state):
            change = Change(SqliteTables(connection, state, self.path))
            yield change
            new = change.finish()
            if new != state:
                if forget or change.erased:
                    # Under the write lock nobody can write a cache of the old content again.
                    _discard_cache(self.path)
                    new = replace(new, erasing=new.changes)
                write_state(connection, new)
        self._state = new
        self._settle(erasure.WAIT if forget and new != state else 0.0)

    def _require_sound(self) -> None:
        """Raise GalleryError if the gallery, as it is when this is asked first, is damaged anywhere."""
        if not self._sound:
            with self._reading() as tables:
                require_sound(tables)
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
