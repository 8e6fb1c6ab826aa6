"""A gallery in a schema of a PostgreSQL database."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

import psycopg
from numpy.typing import ArrayLike
from psycopg import Connection, sql

from facekit.arguments import integer_of
from facekit.errors import GalleryError, UsageError
from facekit.gallery.changes import Change, first_content
from facekit.gallery.facts import Fact
from facekit.gallery.gallery_settings import GallerySettings
from facekit.gallery.postgres import approximate, erasure, following, indexing, migrations, scanning
from facekit.gallery.postgres.connections import Connections, has_gallery, prepare
from facekit.gallery.postgres.faults import in_words, missing, no_vector
from facekit.gallery.postgres.place import ServerPlace
from facekit.gallery.postgres.rows import PostgresTables
from facekit.gallery.postgres.state import read_state, renew_state, write_state
from facekit.gallery.search.exact import FloatArray
from facekit.gallery.search.index import Index
from facekit.gallery.soundness import require_sound
from facekit.gallery.state import State
from facekit.gallery.tables import Tables
from facekit.gallery.templates import NewTemplate
from facekit.gallery.tombstones import Tombstones
from facekit.gallery.values import unit_vectors
from facekit.gallery.writing import WritableGallery
from facekit.results import Candidate

# pgvector has no longer ones.
MOST_DIMENSIONS = 16_000
# Whoever asks for more faces than this has all vectors fetched, after which each search costs less.
SEARCHES_ON_SERVER = 8
# Whoever has kept the vectors for so long stays, and listens for changes.
FOLLOW_AFTER = 10.0
# From one try to the next to erase what others, or other transactions, were in the way of.
AGAIN_SECONDS = 10.0
MAY_REMOVE = "SELECT has_table_privilege('templates', 'DELETE')"


class PostgresGallery(WritableGallery):
    """An open gallery; see facekit.gallery.base.Gallery for what its methods promise."""

    place: ServerPlace

    def __init__(self, connections: Connections, state: State) -> None:
        super().__init__(connections.place, state)
        self._connections = connections
        self._due: str | None = None
        self._sound = False
        self._may_remove: bool | None = None
        self._asked = 0
        self._tried = -AGAIN_SECONDS
        self._losses = connections.losses
        self._followed: indexing.Followed | None = None
        self._kept_since: float | None = None
        self._follower: following.Follower | None = None

    @classmethod
    def create(
        cls,
        place: ServerPlace,
        settings: GallerySettings,
        *,
        templates: Sequence[NewTemplate] = (),
        tombstones: Tombstones | None = None,
        facts: Sequence[Fact] = (),
    ) -> PostgresGallery:
        """Make a gallery with these templates (and tombstones and facts, as in `add`), open for
        writing. Raises GalleryError when something is there already; after any error nothing is.
        """
        return cls.made(place, *first_content(settings, templates, tombstones, facts))

    @classmethod
    def made(cls, place: ServerPlace, state: State, fill: Callable[[Tables], State]) -> PostgresGallery:
        """A gallery with what `fill` puts into its empty tables, open for writing; it gives the state after
        that. Raises GalleryError as `create` does.
        """
        dimension = state.settings.dimension
        if dimension > MOST_DIMENSIONS:
            raise UsageError(f"{place}: holds vectors of at most {MOST_DIMENSIONS} numbers, not {dimension}")
        connections = Connections(place, write=True)
        try:
            with connections.making() as connection:
                _make_schema(connection, place)
                migrations.migrate(connection, dimension, 0)
                write_state(connection, fill(PostgresTables(connection, place, state)))
                if place.address.index:
                    approximate.make(connection, dimension)
        finally:
            connections.close()
        return cls.open(place, write=True)

    @classmethod
    def open(
        cls, place: ServerPlace, *, write: bool = False, fingerprint: str | None = None
    ) -> PostgresGallery:
        """Open an existing gallery. With `fingerprint`, only one made by that embedder. Never creates or
        overwrites. Raises GalleryError (what, where, what to do).
        """
        connections = Connections(place, write=write)
        try:
            with connections.reading() as connection:
                _require_tables(connection, place)
                _require_index(connection, place)
                gallery = cls(connections, read_state(connection, place))
            if fingerprint is not None:
                gallery.require(fingerprint)
        except BaseException:
            connections.close()
            raise
        return gallery

    def close(self) -> None:
        """Let go of the connections. An erasure that is due is finished, if nobody is in its way."""
        if self._connections.write and self._state.erasing:
            with suppress(GalleryError):
                self._erase()
        self._leave()

    def _leave(self) -> None:
        if self._follower is not None:
            self._follower.stop()
        self._index = self._followed = None
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
    def may_remove(self) -> bool:
        """Whether this user of the database may delete templates (`grants`)."""
        if self._may_remove is None:
            with self._connections.reading() as connection, in_words(self.place):
                row = connection.execute(MAY_REMOVE).fetchone()
            self._may_remove = bool(row and row[0])
        return self._may_remove

    @property
    def version(self) -> int:
        """The format of the tables."""
        with self._connections.reading() as connection:
            return migrations.version(connection)

    @property
    def due(self) -> str | None:
        """Why what was removed still stands in the tables, or None. Whoever writes next erases it."""
        return self._due if self._state.erasing else None

    def search(self, probes: ArrayLike, k: int = 5) -> list[list[Candidate]]:
        """For each probe, a unit vector of (n, dimension), its k best subjects, best first; by the server, or
        in memory for those who ask more.
        """
        k = integer_of(k, "k", least=1)
        checked = unit_vectors(probes, self.settings.dimension, "search")
        if self.place.address.index:
            return self.searched_by_server(checked, k, exact=False)
        with self._reading() as tables:
            self._asked += len(checked)
            many = tables.state.templates > indexing.IN_MEMORY
            few = self._index is None and self._divided is None and self._asked <= SEARCHES_ON_SERVER
            if many and few:
                return self._marked(tables, checked, scanning.search(tables, checked, k))
            return self._index_of(tables).search(checked, k)

    def _marked(
        self, tables: Tables, probes: FloatArray, found: Sequence[Sequence[Candidate]]
    ) -> list[list[Candidate]]:
        denials = self._denials_in(tables)
        return [denials.marked(probe, candidates) for probe, candidates in zip(probes, found, strict=True)]

    def searched_by_server(self, probes: FloatArray, k: int, *, exact: bool) -> list[list[Candidate]]:
        """`search` by the server alone: by a scan of all, or by what the approximate index finds."""
        with self._connections.reading(shared=False) as connection, in_words(self.place):
            tables = PostgresTables(connection, self.place, read_state(connection, self.place))
            return scanning.search(tables, probes, k, exact=exact)

    def tables(self) -> AbstractContextManager[PostgresTables]:
        """The rows of one committed state."""
        return self._reading()

    @contextmanager
    def _reading(self, *, shared: bool = True) -> Iterator[PostgresTables]:
        with self._connections.reading(shared=shared) as connection, in_words(self.place):
            self._state = state = read_state(connection, self.place)
            yield PostgresTables(connection, self.place, state)

    def _index_of(self, tables: Tables) -> Index:
        index = super()._index_of(tables)
        now = time.monotonic()
        self._kept_since = now if self._kept_since is None else self._kept_since
        if self._follower is None and now - self._kept_since > FOLLOW_AFTER:
            self._follower = following.Follower(self.place, lambda: self.change_number, self.matrix)
        return index

    def _read_index(self, tables: Tables) -> Index:
        assert isinstance(tables, PostgresTables)
        if self._losses != self._connections.losses:
            # A database that was put back has other rows under the same numbers.
            self._losses, self._followed = self._connections.losses, None
        index, self._followed = indexing.read_index(tables, self._followed, self._reading)
        return index

    @contextmanager
    def _changing(self, *, forget: bool) -> Iterator[Change]:
        if not self._connections.write:
            raise GalleryError(f"{self.place}: opened for reading: open it with write=True to change it")
        if forget or self._state.templates <= indexing.IN_MEMORY:
            self._require_sound()
        with self._connections.writing() as connection:
            state = read_state(connection, self.place)
            change = Change(PostgresTables(connection, self.place, state))
            yield change
            new = change.finish()
            if new != state:
                if forget or change.erased:
                    new = replace(new, erasing=new.changes)
                write_state(connection, new, state)
                following.tell(connection, self.place, new.changes)
        self._state = new
        removed = new != state and (forget or change.erased)
        # Writing the tables anew is too much for each of many additions.
        if new.erasing and (removed or time.monotonic() > self._tried + AGAIN_SECONDS):
            self._erase(erasure.WAIT if removed else 0.0)

    def _require_sound(self) -> None:
        """Raise GalleryError if the gallery, as it is when this is asked first, is damaged anywhere."""
        if not self._sound:
            with self._reading() as tables:
                require_sound(tables)
            self._sound = True

    def _erase(self, seconds: float = 0.0) -> None:
        self._tried = time.monotonic()
        self._due = erasure.finish(self._connections, seconds)
        if self._due is None:
            self._state = replace(self._state, erasing=0)


def upgrade(place: ServerPlace) -> tuple[int, int]:
    """Bring the tables of a gallery to the format of this facekit; the formats before and after."""
    connections = Connections(place, write=True)
    try:
        with connections.making() as connection:
            if not has_gallery(connection, place):
                raise missing(place)
            connection.execute("LOCK TABLE format IN ACCESS EXCLUSIVE MODE")
            before = migrations.version(connection)
            _require_known(before, place)
            dimension = read_state(connection, place).settings.dimension
            if before < len(migrations.MIGRATIONS):
                migrations.migrate(connection, dimension, before)
                renew_state(connection, read_state(connection, place))
            if place.address.index:
                approximate.make(connection, dimension)
            return before, len(migrations.MIGRATIONS)
    finally:
        connections.close()


def _make_schema(connection: Connection[Any], place: ServerPlace) -> None:
    """An empty schema, and the extension that it needs."""
    if connection.info.parameter_status("server_encoding") != "UTF8":
        raise GalleryError(f"{place}: the database does not keep text as UTF-8: give one that does")
    if has_gallery(connection, place):
        raise GalleryError(f"{place}: there is a gallery already, which is not overwritten")
    try:
        if not prepare(connection, place.address.schema):
            connection.execute("CREATE EXTENSION IF NOT EXISTS vector SCHEMA public")
    except psycopg.Error as error:
        raise no_vector(place, error) from error
    schema = sql.Identifier(place.address.schema)
    row = connection.execute("SELECT to_regnamespace(%s)", (schema.as_string(connection),)).fetchone()
    if row is None or row[0] is None:
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(schema))
    prepare(connection, place.address.schema)


def _require_tables(connection: Connection[Any], place: ServerPlace) -> None:
    """Raise GalleryError unless there are tables of the present format."""
    if not has_gallery(connection, place):
        raise missing(place)
    version = migrations.version(connection)
    _require_known(version, place)
    if version < len(migrations.MIGRATIONS):
        from facekit import hints

        raise GalleryError(
            f"{place}: is of an earlier format ({version}): bring it to this one with "
            f"{hints.upgrade_gallery(place)}"
        )


def _require_index(connection: Connection[Any], place: ServerPlace) -> None:
    """Raise GalleryError unless the index is there that the address asks for."""
    if place.address.index and not approximate.exists(connection):
        from facekit import hints

        raise GalleryError(
            f"{place}: has no index {place.address.index}: its owner makes it with "
            f"{hints.upgrade_gallery(place)}"
        )


def _require_known(version: int, place: ServerPlace) -> None:
    if version > len(migrations.MIGRATIONS):
        raise GalleryError(
            f"{place}: was made by a newer facekit (format {version}, this one knows "
            f"{len(migrations.MIGRATIONS)}): use that, or a newer one"
        )
