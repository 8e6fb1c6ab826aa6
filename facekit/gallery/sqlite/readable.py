"""What can be asked of a gallery in one SQLite file: every question sees one committed state."""

from __future__ import annotations

import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from numpy.typing import ArrayLike

from facekit.arguments import integer_of, text_of, texts_of
from facekit.errors import GalleryError
from facekit.gallery.gallery_settings import GallerySettings
from facekit.gallery.search.exact import FloatArray
from facekit.gallery.search.index import Index
from facekit.gallery.sqlite import migrations, rows
from facekit.gallery.sqlite.changes import find_subject, subject_number, subject_rows
from facekit.gallery.sqlite.connections import Connections
from facekit.gallery.sqlite.faults import in_words, well_formed
from facekit.gallery.sqlite.indexing import read_index, stacked
from facekit.gallery.sqlite.place import FilePlace
from facekit.gallery.sqlite.state import State
from facekit.gallery.sqlite.tombstone_rows import read_tombstones
from facekit.gallery.templates import NewTemplate, Subject, TemplateInfo
from facekit.gallery.tombstones import Tombstones
from facekit.gallery.values import picture_digest, unit_vectors
from facekit.results import Candidate


class ReadableGallery:
    """The questions of facekit.gallery.base.Gallery, of an open file."""

    def __init__(self, connections: Connections, state: State) -> None:
        self.path = connections.path
        self._connections = connections
        self._state = state
        self._index: Index | None = None
        self._indexed = -1
        self._indexing = threading.Lock()

    def require(self, fingerprint: str) -> None:
        """Raise GalleryError unless its vectors are of the embedder of this fingerprint."""
        settings = self.settings
        if text_of(fingerprint, "the fingerprint") != settings.fingerprint:
            raise GalleryError(
                f"{self.path}: the gallery was made with the embedder {settings.embedder!r} "
                f"({settings.fingerprint[:12]}), not this one ({fingerprint[:12]}): choose that embedder "
                "with --embedder, or enroll the pictures again into another file"
            )

    @property
    def settings(self) -> GallerySettings:
        """As they were last read, the threshold in them as it was set."""
        return self._state.settings

    @property
    def threshold(self) -> float:
        """The lowest score at which a face is given a name: as it was set, carried over to as many people
        as there are now (never lowered).
        """
        return self._state.threshold

    @property
    def place(self) -> FilePlace:
        return FilePlace(self.path)

    @property
    def state(self) -> State:
        """What was last read of the file's own bookkeeping."""
        return self._state

    @property
    def change_number(self) -> int:
        """How many changes the state has that was read last."""
        return self._state.changes

    @property
    def untouched(self) -> bool:
        """Whether nothing was stored in it, nor set, since it was made."""
        return not self._state.changes and not self._state.templates

    @property
    def version(self) -> int:
        """The format of the file."""
        with self._connections.reading() as connection:
            return migrations.version(connection)

    def __len__(self) -> int:
        """The number of templates, at no cost."""
        with self._reading() as (_, state):
            return state.templates

    @property
    def subject_count(self) -> int:
        """The number of subjects, at no cost."""
        with self._reading() as (_, state):
            return state.subjects

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Everything that this thread reads inside sees the same committed state."""
        with self._connections.reading():
            yield

    def subjects(self) -> list[Subject]:
        """All subjects, sorted by name. Reads and checks every row."""
        counts: Counter[tuple[str, str]] = Counter()
        with self._reading() as (connection, state):
            for row in rows.read_all(connection, state, self.path):
                counts[row.name, row.subject_added] += 1
        return [Subject(name, templates, added) for (name, added), templates in sorted(counts.items())]

    def names(self) -> list[str]:
        """The names of all subjects, sorted, without looking at their templates."""
        with self._reading() as (connection, _):
            return sorted(name for _, name, _ in subject_rows(connection, self.path))

    def templates(self, subject: str | None = None) -> list[TemplateInfo]:
        """The templates of one subject or of all, sorted by subject and order of enrollment.

        Raises GalleryError when the subject is not in the gallery.
        """
        with self._reading() as (connection, state):
            if subject is None:
                its_rows = list(rows.read_all(connection, state, self.path))
            else:
                number = subject_number(connection, self.path, subject)
                its_rows = list(rows.read_where_in(connection, state, self.path, "t.subject", [number]))
        with well_formed(self.path):
            return sorted((row.info() for row in its_rows), key=lambda info: (info.subject, info.id))

    def contents(self) -> Iterator[NewTemplate]:
        """All templates with their vectors, in the order of enrollment. One committed state of the gallery,
        held until the iteration is over: as long, what is removed cannot be erased.
        """
        with self._reading(shared=False) as (connection, state):
            for row in rows.read_all(connection, state, self.path):
                with well_formed(self.path):
                    template = row.template()
                unit_vectors([template.vector], state.settings.dimension, f"{self.path}: template {row.id}")
                yield template

    def stored(self, subject: str) -> list[NewTemplate]:
        """The subject's templates with their vectors; none of one who is not in the gallery."""
        with self._reading() as (connection, state), well_formed(self.path):
            return [row.template() for row in self._rows_of(subject, connection, state)]

    def vectors(self, subject: str) -> FloatArray:
        """The subject's vectors, float32 (n, dimension); none of one who is not in the gallery."""
        with self._reading() as (connection, state):
            return stacked(self._rows_of(subject, connection, state), state.settings.dimension, self.path)

    def known(self, sha256s: Sequence[str]) -> dict[str, list[TemplateInfo]]:
        """Of these pictures those that are in the gallery, with the templates enrolled from them, by name."""
        found: dict[str, list[TemplateInfo]] = {}
        digests = [picture_digest(value) for value in texts_of(sha256s, "the SHA-256 of pictures")]
        with self._reading() as (connection, state), well_formed(self.path):
            for row in rows.read_where_in(connection, state, self.path, "t.sha256", digests):
                found.setdefault(row.sha256, []).append(row.info())
        return {digest: sorted(infos, key=lambda info: info.subject) for digest, infos in found.items()}

    def tombstones(self) -> Tombstones:
        """What is kept of pictures that were removed or renamed."""
        with self._reading() as (connection, state):
            return read_tombstones(connection, state, self.path)

    def search(self, probes: ArrayLike, k: int = 5) -> list[list[Candidate]]:
        """For each probe, a unit vector of (n, dimension), its k best subjects, best first.

        Exact; a subject's score is that of its best template; equal scores stand by name. Nobody
        for an empty gallery. Raises GalleryError for NaN, zero or not-unit vectors.
        """
        k = integer_of(k, "k", least=1)
        checked = unit_vectors(probes, self.settings.dimension, "search")
        with self._reading() as (connection, state):
            return self._index_of(connection, state).search(checked, k)

    def matrix(self) -> Index:
        """The search index of the present content, usable while the gallery is open. It does not see
        who is added later.
        """
        with self._reading() as (connection, state):
            return self._index_of(connection, state)

    def _rows_of(self, subject: str, connection: sqlite3.Connection, state: State) -> list[rows.Row]:
        number = find_subject(connection, subject)
        numbers = [] if number is None else [number]
        return list(rows.read_where_in(connection, state, self.path, "t.subject", numbers))

    def _index_of(self, connection: sqlite3.Connection, state: State) -> Index:
        with self._indexing:
            if self._index is None or self._indexed != state.digest:
                self._index = read_index(connection, state, self.path, self._connections.reading)
                self._indexed = state.digest
            return self._index

    @contextmanager
    def _reading(self, *, shared: bool = True) -> Iterator[tuple[sqlite3.Connection, State]]:
        """One committed state: a connection in a read transaction, and the state in it."""
        with self._connections.reading(shared=shared) as connection, in_words(self.path):
            self._state = state = State.read(connection, self.path)
            yield connection, state
