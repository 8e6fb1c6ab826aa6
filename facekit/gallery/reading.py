"""What can be asked of a gallery, whatever keeps it: every question sees one committed state."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

from numpy.typing import ArrayLike

from facekit.arguments import integer_of, text_of, texts_of
from facekit.errors import GalleryError
from facekit.gallery.damage import well_formed
from facekit.gallery.facts import Denials, Fact
from facekit.gallery.gallery_settings import GallerySettings
from facekit.gallery.places import Place
from facekit.gallery.records import Row, stacked
from facekit.gallery.search.exact import FloatArray
from facekit.gallery.search.index import NO_DENIALS, Index
from facekit.gallery.state import State
from facekit.gallery.tables import Tables
from facekit.gallery.templates import NewTemplate, Subject, TemplateInfo
from facekit.gallery.tombstones import Tombstones
from facekit.gallery.values import picture_digest, unit_vectors
from facekit.results import Candidate
from facekit.text.subject_names import subject_name


class ReadableGallery(ABC):
    """The questions of facekit.gallery.base.Gallery, of an open gallery at `place`."""

    def __init__(self, place: Place, state: State) -> None:
        self.place = place
        self._state = state
        self._index: Index | None = None
        self._indexed = -1
        self._denials = (-1, -1), NO_DENIALS
        self._indexing = threading.Lock()
        self._divided: Callable[[Index], Index] | None = None

    @abstractmethod
    def _reading(self, *, shared: bool = True) -> AbstractContextManager[Tables]:
        """The rows of one committed state, which is read and becomes `_state`. If it is `shared`, all
        reading of this thread inside sees the same one.
        """

    @abstractmethod
    def _read_index(self, tables: Tables) -> Index:
        """The search index of the rows."""

    def require(self, fingerprint: str) -> None:
        """Raise GalleryError unless its vectors are of the embedder of this fingerprint."""
        settings = self.settings
        if text_of(fingerprint, "the fingerprint") != settings.fingerprint:
            raise GalleryError(
                f"{self.place}: the gallery was made with the embedder {settings.embedder!r} "
                f"({settings.fingerprint[:12]}), not this one ({fingerprint[:12]}): choose that embedder "
                "with --embedder, or enroll the pictures again into another gallery"
            )

    @property
    def settings(self) -> GallerySettings:
        """As they were last read, the threshold in them as it was set."""
        return self._state.settings

    @property
    def threshold(self) -> float:
        """The lowest score at which a face is given a name: as it was set, carried over to as many
        templates as there are now (`Calibration.threshold_for`).
        """
        return self._state.threshold

    @property
    def cohort(self) -> float:
        """The score with its fifth-best candidate above which a face needs more than the threshold
        (facekit.people.identification.rise); infinite where none does.
        """
        return self._state.cohort

    @property
    def state(self) -> State:
        """What was last read of the gallery's own bookkeeping."""
        return self._state

    @property
    def change_number(self) -> int:
        """How many changes the state has that was read last."""
        return self._state.changes

    @property
    def may_remove(self) -> bool:
        """Whether who opened it may also take away what is stored."""
        return True

    @property
    def untouched(self) -> bool:
        """Whether nothing was stored in it, nor set, since it was made."""
        return not self._state.changes and not self._state.templates

    def __len__(self) -> int:
        """The number of templates, at no cost."""
        with self._reading() as tables:
            return tables.state.templates

    @property
    def subject_count(self) -> int:
        """The number of subjects, at no cost."""
        with self._reading() as tables:
            return tables.state.subjects

    def tables(self) -> AbstractContextManager[Tables]:
        """The rows of one committed state, to be copied or checked."""
        return self._reading()

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Everything that this thread reads inside sees the same committed state."""
        with self._reading():
            yield

    def subjects(self) -> list[Subject]:
        """All subjects, sorted by name. Reads and checks every row."""
        counts: Counter[tuple[str, str]] = Counter()
        with self._reading() as tables:
            for row in tables.all():
                counts[row.name, row.subject_added] += 1
        return [Subject(name, templates, added) for (name, added), templates in sorted(counts.items())]

    def names(self) -> list[str]:
        """The names of all subjects, sorted, without looking at their templates."""
        with self._reading() as tables:
            return sorted(name for _, name, _, _ in tables.subjects())

    def templates(self, subject: str | None = None) -> list[TemplateInfo]:
        """The templates of one subject or of all, sorted by subject and order of enrollment.

        Raises GalleryError when the subject is not in the gallery.
        """
        with self._reading() as tables:
            rows = tables.all() if subject is None else tables.of_subject(tables.number(subject))
            with well_formed(self.place):
                infos = [row.info() for row in rows]
        return sorted(infos, key=lambda info: (info.subject, info.id))

    def contents(self) -> Iterator[NewTemplate]:
        """All templates with their vectors, in the order of enrollment. One committed state of the gallery,
        held until the iteration is over: as long, what is removed cannot be erased.
        """
        with self._reading(shared=False) as tables:
            for row in tables.all():
                with well_formed(self.place):
                    template = row.template()
                dimension = tables.state.settings.dimension
                unit_vectors([template.vector], dimension, f"{self.place}: template {row.id}")
                yield template

    def stored(self, subject: str) -> list[NewTemplate]:
        """The subject's templates with their vectors; none of one who is not in the gallery."""
        with self._reading() as tables, well_formed(self.place):
            return [row.template() for row in _rows_of(subject, tables)]

    def vectors(self, subject: str) -> FloatArray:
        """The subject's vectors, float32 (n, dimension); none of one who is not in the gallery."""
        with self._reading() as tables:
            return stacked(_rows_of(subject, tables), tables.state.settings.dimension, self.place)

    def known(self, sha256s: Sequence[str]) -> dict[str, list[TemplateInfo]]:
        """Of these pictures those that are in the gallery, with the templates enrolled from them, by name."""
        found: dict[str, list[TemplateInfo]] = {}
        digests = [picture_digest(value) for value in texts_of(sha256s, "the SHA-256 of pictures")]
        with self._reading() as tables, well_formed(self.place):
            for row in tables.of_pictures(digests):
                found.setdefault(row.sha256, []).append(row.info())
        return {digest: sorted(infos, key=lambda info: info.subject) for digest, infos in found.items()}

    def tombstones(self) -> Tombstones:
        """What is kept of pictures that were removed or renamed."""
        with self._reading() as tables:
            return tables.tombstones()

    def facts(self) -> list[Fact]:
        """What was said of people and faces, in the order in which it was recorded."""
        with self._reading() as tables:
            return _facts_of(tables)

    def search(self, probes: ArrayLike, k: int = 5) -> list[list[Candidate]]:
        """For each probe, a unit vector of (n, dimension), its k best subjects, best first.

        Exact; a subject's score is that of its best template; equal scores stand by name. Those who a face
        was said not to be are marked (`facts.Denials`). Nobody for an empty gallery. Raises GalleryError for
        NaN, zero or not-unit vectors.
        """
        k = integer_of(k, "k", least=1)
        checked = unit_vectors(probes, self.settings.dimension, "search")
        with self._reading() as tables:
            return self._index_of(tables).search(checked, k)

    def matrix(self) -> Index:
        """The search index of the present content, usable while the gallery is open. It does not see
        who is added later.
        """
        with self._reading() as tables:
            return self._index_of(tables)

    def _index_of(self, tables: Tables) -> Index:
        with self._indexing:
            denials = self._denials_in(tables)
            if self._index is None or self._indexed != tables.state.digest:
                index = self._read_index(tables)
                self._index = self._divided(index) if self._divided else index
                self._indexed = tables.state.digest
            if self._index.denials is not denials:
                self._index = self._index.with_denials(denials)
            return self._index

    @contextmanager
    def searched_by(self, divided: Callable[[Index], Index]) -> Iterator[None]:
        """While inside, searches go by what `divided` makes of each index of the content."""
        with self._indexing:
            self._divided, self._index = divided, None
        try:
            yield
        finally:
            with self._indexing:
                self._divided = self._index = None

    def _denials_in(self, tables: Tables) -> Denials:
        """The same object as long as the facts, and the names in them, are the same."""
        state = tables.state
        of, denials = self._denials
        if of != (present := (state.digest if state.facts else 0, state.fact_digest)):
            denials = Denials(_facts_of(tables)) if state.facts else NO_DENIALS
            self._denials = present, denials
        return denials


def _facts_of(tables: Tables) -> list[Fact]:
    rows = tables.facts()
    numbers = dict.fromkeys(number for row in rows for number in row.people)
    names = {number: tables.subject(number)[1] for number in numbers}
    return [row.fact(names) for row in rows]


def _rows_of(subject: str, tables: Tables) -> list[Row]:
    number = tables.find(subject_name(subject))
    return [] if number is None else tables.of_subject(number)
