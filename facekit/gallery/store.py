"""The gallery: people and their templates in one SQLite file."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from numpy.typing import ArrayLike

from facekit.errors import GalleryError, UsageError
from facekit.gallery import cache, database, migrations, rows
from facekit.gallery.changes import Change, find_subject, subject_number
from facekit.gallery.index import read_index, stacked
from facekit.gallery.records import (
    AddReport,
    NewTemplate,
    Subject,
    TemplateInfo,
    finite,
    now,
    picture_digest,
    subject_name,
    unit_vectors,
)
from facekit.gallery.search import FloatArray, Index
from facekit.gallery.settings import Settings
from facekit.results import Candidate


class Gallery:
    """An open gallery. Made by `Gallery.create` or `Gallery.open`; a context manager.

    Every method sees the file as one committed state. A method that changes it does so in one
    transaction, waits for other writers, and has stored all or nothing when it returns or raises.
    All methods raise GalleryError for a damaged file, a full disk, or a gallery held by others.
    """

    def __init__(
        self, path: Path, connection: sqlite3.Connection, settings: Settings, *, write: bool
    ) -> None:
        self.path = path
        self._write = write
        self._connection = connection
        self._settings = settings
        self._index: Index | None = None
        self._indexed = -1

    @classmethod
    def create(
        cls,
        path: Path | str,
        *,
        fingerprint: str,
        dimension: int,
        embedder_name: str,
        threshold: float,
        calibration: str,
        calibrated_subjects: int = 0,
        tail: float = 0.0,
        probability: str = "",
    ) -> Gallery:
        """Make an empty gallery, open for writing. `threshold` is a cosine, `calibration` says how
        it was chosen; the rest is as in `set_threshold`. Raises GalleryError when something is there already.
        """
        if not fingerprint or dimension < 1:
            raise UsageError("a gallery needs its embedder's fingerprint and dimension")
        date = now()
        settings = Settings(
            *(embedder_name, fingerprint, dimension, finite(threshold, "the threshold"), calibration),
            *(date, date),
            calibrated_subjects=calibrated_subjects,
            tail=finite(tail, "the tail"),
            probability=probability,
        )
        with database.create(Path(path)) as connection:
            settings.write(connection)
        return cls.open(path, write=True)

    @classmethod
    def open(cls, path: Path | str, *, write: bool = False, fingerprint: str | None = None) -> Gallery:
        """Open an existing gallery. With `fingerprint`, only one made by that embedder.

        Raises GalleryError (what, which file, what to do) when it is missing, empty, no gallery,
        newer than this facekit, damaged, or of another embedder. Never creates or overwrites.
        """
        path = Path(path)
        connection = database.connect(path, write=write)
        try:
            with database.in_words(path):
                oldest = len(migrations.MIGRATIONS) if write else migrations.READABLE
                if migrations.version(connection) < oldest:
                    _upgrade(path)
                settings = Settings.read(connection, path)
            gallery = cls(path, connection, settings, write=write)
            if fingerprint is not None:
                gallery.require(fingerprint)
            if write and settings.erasing:
                gallery._erase()
        except BaseException:
            connection.close()
            raise
        return gallery

    def require(self, fingerprint: str) -> None:
        """Raise GalleryError unless its vectors are of the embedder of this fingerprint."""
        settings = self._settings
        if fingerprint != settings.fingerprint:
            raise GalleryError(
                f"{self.path}: the gallery was made with the embedder {settings.embedder!r} "
                f"({settings.fingerprint[:12]}), not this one ({fingerprint[:12]}): choose that embedder "
                "with --embedder, or enroll the pictures again into another file"
            )

    def close(self) -> None:
        """Close the file. The last process to close folds the log into it."""
        self._index = None
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def embedder_name(self) -> str:
        return self._settings.embedder

    @property
    def fingerprint(self) -> str:
        return self._settings.fingerprint

    @property
    def dimension(self) -> int:
        return self._settings.dimension

    @property
    def threshold(self) -> float:
        """The lowest score at which a face is given a name: as it was set, carried over to as many people
        as there are now (never lowered).
        """
        return self._settings.threshold_for(self._settings.subjects)

    @property
    def settings(self) -> Settings:
        """All settings as they were last read, among them the threshold as it was set."""
        return self._settings

    @property
    def calibration(self) -> str:
        """How the threshold was chosen."""
        return self._settings.calibration

    @property
    def calibrated(self) -> str:
        """When the threshold was set (ISO 8601, UTC)."""
        return self._settings.calibrated

    @property
    def version(self) -> int:
        """The format of the file."""
        with self._reading():
            return migrations.version(self._connection)

    def __len__(self) -> int:
        """The number of templates, at no cost."""
        with self._reading() as settings:
            return settings.templates

    @property
    def subject_count(self) -> int:
        """The number of subjects, at no cost."""
        with self._reading() as settings:
            return settings.subjects

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Everything read inside sees the same committed state."""
        with self._reading():
            yield

    def subjects(self) -> list[Subject]:
        """All subjects, sorted by name. Reads and checks every row."""
        counts: Counter[tuple[str, str]] = Counter()
        with self._reading() as settings:
            for row in rows.read_all(self._connection, settings, self.path):
                counts[row.name, row.subject_added] += 1
        return [Subject(name, templates, added) for (name, added), templates in sorted(counts.items())]

    def templates(self, subject: str | None = None) -> list[TemplateInfo]:
        """The templates of one subject or of all, sorted by subject and order of enrolment.

        Raises GalleryError when the subject is not in the gallery.
        """
        with self._reading() as settings:
            if subject is None:
                found = list(rows.read_all(self._connection, settings, self.path))
            else:
                number = subject_number(self._connection, self.path, subject)
                found = list(self._rows_where("t.subject", [number]))
        return sorted((row.info() for row in found), key=lambda info: (info.subject, info.id))

    def contents(self) -> Iterator[NewTemplate]:
        """All templates with their vectors, in the order of enrolment. One committed state of the
        gallery, which cannot be changed through this object until the iteration is over.
        """
        with self._reading() as settings:
            for row in rows.read_all(self._connection, settings, self.path):
                yield row.template()

    def vectors(self, subject: str) -> FloatArray:
        """The subject's vectors, float32 (n, dimension); none of one who is not in the gallery."""
        with self._reading() as settings:
            number = find_subject(self._connection, subject)
            found = [] if number is None else list(self._rows_where("t.subject", [number]))
        return stacked(found, settings.dimension)

    def known(self, sha256s: Sequence[str]) -> dict[str, list[str]]:
        """Of these pictures those that are in the gallery, with the subjects enrolled from them."""
        found: dict[str, list[str]] = {}
        with self._reading():
            for row in self._rows_where("t.sha256", [picture_digest(value) for value in sha256s]):
                found.setdefault(row.sha256, []).append(row.name)
        return {digest: sorted(names) for digest, names in found.items()}

    def search(self, probes: ArrayLike, k: int = 5) -> list[list[Candidate]]:
        """For each probe, a unit vector of (n, dimension), its k best subjects, best first.

        Exact; a subject's score is that of its best template; equal scores stand by name. Nobody
        for an empty gallery. Raises GalleryError for NaN, zero or not-unit vectors.
        """
        checked = unit_vectors(probes, self.dimension, "search")
        with self._reading() as settings:
            return self._index_of(settings).search(checked, k)

    def matrix(self) -> Index:
        """The search index of the present content, usable while the gallery is open. It does not see
        who is added later.
        """
        with self._reading() as settings:
            return self._index_of(settings)

    def add(self, templates: Sequence[NewTemplate]) -> AddReport:
        """Store the templates, all or none. One whose subject already has a template of the same
        picture (`sha256`) is left out and counted as present.
        """
        names = [subject_name(item.subject) for item in templates]
        described = [_described(item) for item in templates]
        vectors = [unit_vectors([item.vector], self.dimension, repr(item.source)) for item in templates]
        with self._changing() as change:
            for name, fields, vector in zip(names, described, vectors, strict=True):
                change.add(name, fields, vector.astype("<f4").tobytes())
        return AddReport(change.added, len(templates) - change.added, tuple(change.new))

    def remove(self, names: Sequence[str]) -> int:
        """Remove subjects with all their templates, and erase their bytes from every file of the
        gallery; return the number of templates. Raises GalleryError, and removes nobody, when one
        is not in the gallery.
        """
        with self._changing(forget=True) as change:
            for name in dict.fromkeys(map(subject_name, names)):
                change.drop(change.number(name))
        return change.removed

    def remove_photos(self, subject: str, photos: Sequence[str]) -> bool:
        """Remove the templates of some pictures of a subject, and erase their bytes from every file of the
        gallery; the subject goes with its last template. Returns whether it went.

        A picture is given by its name, as `templates` has it, or by the first eight or more digits of its
        SHA-256. Raises GalleryError, and removes nothing, when one is not the subject's or is not
        the only one of that name.
        """
        stored = [_storable(photo) for photo in photos]
        with self._changing(forget=True) as change:
            return change.drop_photos(change.number(subject), subject, stored)

    def rename(self, old: str, new: str) -> None:
        """Give a subject another name and erase the old one. Raises GalleryError when `old` is not
        in the gallery or `new` is.
        """
        new = subject_name(new)
        if subject_name(old) == new:
            return
        with self._changing(forget=True) as change:
            change.rename(change.number(old), new)

    def merge(self, into: str, others: Sequence[str]) -> int:
        """Give the templates of other subjects to `into` and erase the others; return how many came.
        A picture that both have is kept once. Raises GalleryError when one is not in the gallery.
        """
        with self._changing(forget=True) as change:
            target = change.number(into)
            for number in dict.fromkeys(change.number(name) for name in others):
                if number != target:
                    change.move(number, target)
        return change.moved

    def set_threshold(
        self,
        value: float,
        calibration: str,
        *,
        calibrated_subjects: int = 0,
        tail: float = 0.0,
        probability: str = "",
    ) -> None:
        """Set the score from which a face has a name, and say how it was chosen.

        It was chosen for `calibrated_subjects` people, and rises by `tail` when there are e times as many
        (`Settings.threshold_for`); `probability` is a curve of facekit.probability.
        """
        value = finite(value, "the threshold")
        with self._writing() as settings:
            new = replace(
                settings,
                threshold=value,
                calibration=calibration,
                calibrated=now(),
                calibrated_subjects=calibrated_subjects,
                tail=finite(tail, "the tail"),
                probability=probability,
            )
            new.write(self._connection)
        self._settings = new

    def _rows_where(self, column: str, values: Sequence[object]) -> Iterator[rows.Row]:
        return rows.read_where_in(self._connection, self._settings, self.path, column, values)

    def _index_of(self, settings: Settings) -> Index:
        if self._index is None or self._indexed != settings.digest:
            self._index = read_index(self._connection, settings, self.path)
            self._indexed = settings.digest
        return self._index

    @contextmanager
    def _reading(self) -> Iterator[Settings]:
        """One committed state: a read transaction, and the settings in it."""
        with database.in_words(self.path), database.transaction(self._connection, "DEFERRED"):
            self._settings = Settings.read(self._connection, self.path)
            yield self._settings

    @contextmanager
    def _writing(self) -> Iterator[Settings]:
        """A transaction that waits for other writers, and the settings in it."""
        if not self._write:
            raise GalleryError(f"{self.path}: opened for reading: open it with write=True to change it")
        with database.in_words(self.path), database.transaction(self._connection, "IMMEDIATE"):
            yield Settings.read(self._connection, self.path)

    @contextmanager
    def _changing(self, *, forget: bool = False) -> Iterator[Change]:
        """A transaction that changes rows; with `forget`, what they held is erased after it."""
        with self._writing() as settings:
            change = Change(self._connection, settings, self.path)
            yield change
            new = change.settings()
            if new != settings:
                if forget:
                    # Under the write lock nobody can write a cache of the old content again.
                    _discard_cache(self.path)
                    new = replace(new, erasing=1)
                new.write(self._connection)
        self._settings = new
        if new.erasing:
            self._erase()

    def _erase(self) -> None:
        """Rewrite the file from its living rows and empty the log: `secure_delete` alone leaves
        copies where pages were split. Killed on the way, the next writer to open it does it again.
        """
        with database.in_words(self.path):
            self._connection.execute("VACUUM")
            self._empty_log()
        with self._writing() as settings:
            self._settings = replace(settings, erasing=0)
            self._settings.write(self._connection)
        with database.in_words(self.path):
            self._empty_log()

    def _empty_log(self) -> None:
        busy, *_ = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise GalleryError(
                f"{self.path}: done, but another process is reading, and its log still holds what was "
                "removed: close that process; the next command that writes finishes it"
            )


def _discard_cache(path: Path) -> None:
    try:
        cache.discard(path)
    except OSError as error:
        raise GalleryError(f"{path}: the search cache beside it cannot be removed: {error}") from error


def _described(template: NewTemplate) -> tuple[str, str, str, str, str]:
    """Picture, source, box, quality and date as they are stored."""
    source = _storable(template.source)
    box = [finite(value, "a corner of the box") for value in template.box]
    quality = {name: finite(value, name) for name, value in sorted(template.quality.items())}
    date = template.added or now()
    return picture_digest(template.sha256), source, json.dumps(box), json.dumps(quality), date


def _storable(source: str) -> str:
    # File names that are not UTF-8 reach Python as lone surrogates, which SQLite does not take.
    return source.encode("utf-8", "backslashreplace").decode()


def _upgrade(path: Path) -> None:
    with closing(database.connect(path, write=True)) as connection:
        migrations.migrate(connection)
