"""Folders of people that are somewhere else now, and those that are gone.

A folder is taken for moved only where most of what was enrolled from it lies in another one, and nothing
suggests that its disk is only not there.
"""

from __future__ import annotations

import functools
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from facekit.errors import UsageError
from facekit.gallery.templates import TemplateInfo
from facekit.text.subject_names import name_of_folder

_DISKS = ("/Volumes", "/media", "/mnt", "/run/media")
"""In these folders disks are mounted, in the second and last also a folder further down."""


@dataclass(frozen=True)
class MovedFolder:
    """What was `old` is `new` now."""

    old: str
    new: str

    def place_of(self, source: str) -> str | None:
        """Where a photo that was in it would be now."""
        return self.new + source[len(self.old) :] if below(source, self.old) else None


class MovedFolders:
    """`places` are, by SHA-256, the photos of the folders `tops`, which are absolute paths. `moved` are the
    folders that became one of those, `doubtful` those of which photos are in one of those, but which may have
    been something else."""

    def __init__(
        self, stored: Iterable[TemplateInfo], places: Mapping[str, Sequence[str]], tops: Sequence[str]
    ) -> None:
        self._tops = tops
        away = [info for info in stored if os.path.isabs(info.source) and not self._inside(info.source)]
        candidates: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for info in away:
            for place in places.get(info.sha256, ()):
                if pair := self._same_place(info.source, place):
                    candidates[pair[0]][pair[1]] += 1
        gone = [
            MovedFolder(old, news.most_common(1)[0][0])
            for old, news in candidates.items()
            if not os.path.lexists(old)
        ]
        self.moved = [folder for folder in gone if self._has_come(folder, away, places)]
        self.doubtful = [folder.old for folder in gone if folder not in self.moved]

    def place_of(self, source: str) -> str | None:
        """Where a photo that was enrolled from a moved folder would be now."""
        return next((place for folder in self.moved if (place := folder.place_of(source))), None)

    def missing_above(self, info: TemplateInfo) -> str | None:
        """The folder of people, gone now, from which a template was enrolled, if it is known."""
        if not os.path.isabs(info.source) or self._inside(info.source):
            return None
        for old in self.doubtful:
            if below(info.source, old):
                return old
        top = _people_of(os.path.dirname(info.source), info.subject)
        return top if top and not os.path.lexists(top) else None

    def _inside(self, path: str) -> bool:
        return any(below(path, top) for top in self._tops)

    def _same_place(self, source: str, place: str) -> tuple[str, str] | None:
        top = next((top for top in self._tops if below(place, top)), None)
        if top is None or not source.endswith(inside := place[len(top) :]):
            return None
        return (source.removesuffix(inside), top) if source != inside else None

    @staticmethod
    def _has_come(
        folder: MovedFolder, away: Sequence[TemplateInfo], places: Mapping[str, Sequence[str]]
    ) -> bool:
        of_it = [info for info in away if below(info.source, folder.old)]
        come = sum(any(below(place, folder.new) for place in places.get(info.sha256, ())) for info in of_it)
        return 2 * come > len(of_it) and not _may_be_unmounted(folder)


def folders_of(path: str) -> Iterator[tuple[str, str]]:
    """The folders above a photo that may be a person's, each with the person's name."""
    folder = os.path.dirname(path)
    while os.path.basename(folder):
        with suppress(UsageError):  # it is called as nobody can be
            yield folder, name_of_folder(os.path.basename(folder))
        folder = os.path.dirname(folder)


def below(path: str, top: str) -> bool:
    return path == top or path.startswith(os.path.join(top, ""))


@functools.lru_cache
def _people_of(folder: str, subject: str) -> str | None:
    """The folder around that of a person."""
    above = (above for above, name in folders_of(os.path.join(folder, "photo")) if name == subject)
    person = next(above, None)
    return person and os.path.dirname(person)


def _may_be_unmounted(folder: MovedFolder) -> bool:
    """Whether the highest folder that is missing may be a disk, or lies where one is mounted: in a folder
    that is gone too, or empty."""
    old, new = folder.old, folder.new
    while os.path.basename(old) == os.path.basename(new) and not os.path.lexists(os.path.dirname(old)):
        old, new = os.path.dirname(old), os.path.dirname(new)
    above = os.path.dirname(old)
    if os.path.ismount(above) and above not in _DISKS:
        return False
    in_disks = above in _DISKS or os.path.dirname(above) in ("/media", "/run/media")
    return in_disks or not _has_anything(above)


def _has_anything(folder: str) -> bool:
    with suppress(OSError), os.scandir(folder) as entries:
        return any(True for _ in entries)
    return False
