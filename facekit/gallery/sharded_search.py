"""Searches of a very large gallery by the workers that a command reads with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from facekit.faces.reading import Options
    from facekit.gallery.base import Gallery
    from facekit.gallery.search.index import Index
    from facekit.gallery.search.sharding import ScanWorkers, ShardedFinder

FROM = 1_000_000
"""Up to so many templates a search takes some ten milliseconds, and workers would take longer to be given
their parts."""


@contextmanager
def by_workers(gallery: Gallery, options: Options) -> Iterator[None]:
    """While inside, the workers that the options name search the gallery, if it is so large."""
    if not options.workers:
        yield
        return
    from facekit.gallery.reading import ReadableGallery

    division = _Division(options)
    try:
        assert isinstance(gallery, ReadableGallery)
        with gallery.searched_by(division.divided):
            yield
    finally:
        division.close()


class _Division:
    """The workers, started for the first index that is large enough."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._workers: ScanWorkers[Any] | None = None
        self._finder: ShardedFinder[Any] | None = None

    def divided(self, index: Index) -> Index:
        """The index, searched by workers if it is large."""
        from facekit.gallery.search.codes import CodeScan
        from facekit.gallery.search.finalists import ScanFinder
        from facekit.gallery.search.sharding import ShardedFinder

        whole = index.finder
        if len(index) < FROM or not isinstance(whole, ScanFinder) or not isinstance(whole.scan, CodeScan):
            return index
        if self._finder:
            self._finder.close()
        if self._workers is None:
            self._workers = _workers(self._options)
        self._finder = ShardedFinder(whole, whole.scan, self._workers)
        return index.by(self._finder)

    def close(self) -> None:
        if self._workers is not None:
            self._workers.close()


def _workers(options: Options) -> ScanWorkers[Any]:
    if options.workers and options.on_ray:
        from facekit.gallery.search.ray_scan import RayScan

        return RayScan(options.workers, options.jobs)
    from facekit.gallery.search.scan_processes import ScanProcesses

    return ScanProcesses(options.jobs)
