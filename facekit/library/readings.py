"""Looking through photos with an index: what it knows is not read again."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from facekit import settings
from facekit.errors import PictureError
from facekit.faces.reading import Options, Reading, read_faces
from facekit.library.entries import Entry
from facekit.library.index import AT_ONCE, File, PhotoIndex, Stamp, damaged
from facekit.pictures import images
from facekit.pictures.inputs import Source

if TYPE_CHECKING:
    from facekit.faces.pipeline import Pipeline

BATCH = 64
"""So many pictures are stored at once: what is interrupted goes on from there."""
_MARGIN = 1e-3
"""More than float32 can be off in a product of two unit vectors."""


def look_of(options: Options, pipeline: Pipeline) -> str:
    """How pictures are looked through: what was looked through otherwise is not the same."""
    manifest = settings.weights_folder() / "manifest.toml"
    kind, sign, file = options.detector.partition("=")
    stamp = Stamp.of(file) if sign else None
    detector = (kind, sign, os.path.abspath(file) if sign else "", stamp[:2] if stamp else None)
    parts = (
        pipeline.fingerprint,
        hashlib.sha256(manifest.read_bytes()).hexdigest(),
        *detector,
        options.min_face,
        options.accept_truncated,
    )
    return hashlib.sha256(ascii(parts).encode()).hexdigest()


@dataclass(eq=False)
class IndexedReader:
    """Pictures through an index. It learns what it reads of the folders that the user had indexed, unless the
    index is only read; `whole` wants every face with its vector, also those that were erased."""

    index: PhotoIndex
    look: str
    whole: bool = False
    learns: bool = False
    known: dict[str, str] = field(default_factory=dict)
    moved: list[File] = field(default_factory=list)
    _stamps: dict[str, Stamp | None] = field(default_factory=dict)

    def prepare(self, sources: Sequence[Source]) -> None:
        """See which of the pictures are known, by their files or else by their bytes."""
        paths = [os.path.abspath(source) for source in sources if isinstance(source, str)]
        files = self.index.files(paths if len(paths) < AT_ONCE else None)
        there = self.index.known(self.look, whole=self.whole)
        for source in sources:
            if not isinstance(source, str) or source == "-":
                continue
            # Before it is read: what is changed meanwhile is read again the next time.
            path, stamp = os.path.abspath(source), Stamp.of(source)
            self._stamps[source] = stamp
            if not there:
                continue
            file = files.get(path)
            same = file is not None and stamp is not None and file.stamp == stamp
            digest = file.sha256 if file is not None and same else _digest(source)
            if digest in there and stamp is not None:
                self.known[source] = digest
                if not same:
                    self.moved.append(File(path, stamp, digest))
        if self.learns and self.moved:
            folders = self.index.folders()
            mine = [file for file in self.moved if _inside(file.path, folders)]
            self.index.store(self.look, mine, ())

    def relevant(self, vectors: NDArray[np.float32], threshold: float) -> set[str]:
        """Those of the known pictures in which a face may have a score of at least `threshold` with one of
        the vectors, (n, dimension)."""
        wanted, found = set(self.known.values()), set()
        missing = set(wanted)
        for entry in self.index.entries(self.look):
            missing.discard(entry.sha256)
            if entry.sha256 not in wanted or not len(entry.vectors):
                continue
            if entry.vectors.shape[1] != vectors.shape[1]:
                raise damaged(self.index.path, "vectors of another length")
            if (entry.vectors @ vectors.T).max() >= threshold - _MARGIN:
                found.add(entry.sha256)
        if missing:
            raise damaged(self.index.path, "pictures are missing")
        return found

    def read_all(
        self, sources: Sequence[Source], options: Options, pipeline: Pipeline | None
    ) -> Iterator[Reading]:
        """All pictures in order, after seeing which are known."""
        self.prepare(sources)
        return (reading for reading in self.read(sources, options, pipeline) if reading is not None)

    def read(
        self,
        sources: Sequence[Source],
        options: Options,
        pipeline: Pipeline | None,
        relevant: set[str] | None = None,
    ) -> Iterator[Reading | None]:
        """All pictures in order; None for one that is known and not `relevant`."""

        def is_passed_over(source: Source) -> bool:
            digest = self.known.get(str(source))
            return digest is not None and relevant is not None and digest not in relevant

        fresh = read_faces(
            [source for source in sources if source not in self.known], options, pipeline=pipeline
        )
        needed = iter([self.known[str(source)] for source in sources if source in self.known])
        ahead: dict[str, Entry] = {}
        learned: list[tuple[File, Entry]] = []
        folders = self.index.folders() if self.learns else []
        try:
            for source in sources:
                if source not in self.known:
                    reading = next(fresh)
                    learned += self._learned(reading, folders)
                    if len(learned) >= BATCH:
                        self._store(learned)
                    yield reading
                elif is_passed_over(source):
                    yield None
                else:
                    digest = self.known[str(source)]
                    if digest not in ahead:
                        ahead = self._ahead(digest, needed, relevant)
                    if digest not in ahead:
                        raise damaged(self.index.path, "a picture is not where it should be")
                    yield self._reading(ahead[digest], str(source))
        finally:
            self._store(learned)

    def _ahead(self, digest: str, needed: Iterator[str], relevant: set[str] | None) -> dict[str, Entry]:
        """The entry of this picture, and of some that come next."""
        wanted = (item for item in needed if relevant is None or item in relevant)
        digests = [digest, *islice(wanted, 4 * BATCH)]
        return {entry.sha256: entry for entry in self.index.entries(self.look, list(dict.fromkeys(digests)))}

    def _reading(self, entry: Entry, source: str) -> Reading:
        try:
            return entry.reading(source)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise damaged(self.index.path, str(error)) from None

    def _learned(self, reading: Reading, folders: Sequence[str]) -> Iterator[tuple[File, Entry]]:
        path, stamp = os.path.abspath(reading.source), self._stamps.get(reading.source)
        if self.learns and not reading.error and reading.sha256 and stamp and _inside(path, folders):
            yield File(path, stamp, reading.sha256), Entry.of(reading)

    def _store(self, learned: list[tuple[File, Entry]]) -> None:
        if learned:
            self.index.store(self.look, [file for file, _ in learned], [entry for _, entry in learned])
            learned.clear()


def _digest(source: str) -> str | None:
    try:
        return hashlib.sha256(images.content(source)).hexdigest() if os.path.isfile(source) else None
    except PictureError:
        return None  # reading it tells the user why


def _inside(path: str, folders: Sequence[str]) -> bool:
    return any(path == top or path.startswith(os.path.join(top, "")) for top in folders)
