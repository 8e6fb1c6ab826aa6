"""Making a gallery what folders are: what that changes, and changing it.

A template belongs to a folder if its photo was enrolled from there: only those are moved and removed. What
the user removed, renamed or moved by hand stays as it is.
"""

from __future__ import annotations

import functools
import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from facekit import hints
from facekit.gallery.tombstones import Tombstones
from facekit.people import enrollment, moving, photos_to_enroll
from facekit.people.moved_folders import MovedFolders, below, folders_of
from facekit.people.moving import Move
from facekit.people.outcomes import Outcome, Photo
from facekit.people.stored_photos import digest_of
from facekit.pictures import folders
from facekit.results import SCHEMA
from facekit.text.counting import counted

if TYPE_CHECKING:
    from facekit.faces.pipeline import Pipeline
    from facekit.faces.reading import Options
    from facekit.gallery.base import Gallery
    from facekit.gallery.templates import TemplateInfo

Action = Literal["add", "move", "rename", "remove", "follow"]


@dataclass(frozen=True)
class SyncChange:
    """A change of the gallery that a photo asks for: it is added to `subject`, moved to them from `holder`,
    goes along as `holder` is renamed to them, is removed from them, or, enrolled from elsewhere, followed
    from now on. `status` is `planned`, then what became of it: of an added photo as `enroll` has it, else
    `moved`, `renamed`, `removed`, `kept` or `followed`. `problems` are why it was not added, `notes` what
    else a user should know.
    """

    action: Action
    source: str
    subject: str
    holder: str | None = None
    status: str = "planned"
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        lists = {"problems": list(self.problems), "notes": list(self.notes)}
        return {"schema": SCHEMA, **vars(self), **lists}


@dataclass(frozen=True)
class Plan:
    """What has to change. `photos` are all of the folders that are to be enrolled or are so already, `held`
    the words about photos of others, `blocked` how many stay out because a user removed, renamed or moved
    them by hand, and `renamed` are those who get another name, all that was said of them included: every
    photo that they still have goes to one person, who is new or has another name from then on too.
    `followed` have the SHA-256 of photos that their person has from no folder of theirs, as from the groups
    of `facekit cluster`, or from one that was moved."""

    photos: tuple[Photo, ...]
    added: tuple[Photo, ...]
    moves: tuple[Move, ...]
    removed: tuple[TemplateInfo, ...]
    held: tuple[str, ...] = ()
    blocked: int = 0
    renamed: tuple[tuple[str, str], ...] = ()
    followed: tuple[tuple[Photo, str], ...] = ()

    @property
    def changes(self) -> list[SyncChange]:
        """All of them, in the order in which they are made."""
        return [
            *(self.change_of(move) for move in self._moves_by_name()),
            *(SyncChange("add", photo.source, photo.subject) for photo in self.added),
            *(SyncChange("remove", info.source, info.subject) for info in self.removed),
            *(SyncChange("follow", photo.source, photo.subject) for photo, _ in self.followed),
        ]

    def change_of(self, move: Move) -> SyncChange:
        action: Action = "rename" if (move.holder, move.subject) in self.renamed else "move"
        return SyncChange(action, move.source, move.subject, move.holder)

    def _moves_by_name(self) -> list[Move]:
        """Renames first, for a name that is given up may be taken by somebody else."""
        return sorted(self.moves, key=lambda move: (move.holder, move.subject) not in self.renamed)


def plan(
    gallery: Gallery, listing: photos_to_enroll.Plan, paths: Sequence[str], *, again: bool = False
) -> Plan:
    """What has to change for the gallery to be what the folders are, of which `listing` has the photos. With
    `again` photos come back that a user removed, renamed or moved by hand.
    """
    return _Planning(gallery, paths, listing, Tombstones() if again else gallery.tombstones()).plan()


def carry_out(
    gallery: Gallery,
    planned: Plan,
    *,
    rules: enrollment.Rules,
    options: Options,
    pipeline: Pipeline | None = None,
) -> Iterator[SyncChange]:
    """Make the changes, and tell each once it is stored: interrupted at any time, the gallery is whole, and
    the next run makes the rest.
    """
    yield from _rename(gallery, planned)
    moves = [move for move in planned.moves if planned.change_of(move).action == "move"]
    for move in moving.carry_out(gallery, moves, remember=False):
        yield SyncChange("move", move.source, move.subject, move.holder, move.status, notes=_gone(move))
    unread = set[str]()
    if planned.added:
        wanted = {(photo.subject, photo.source) for photo in planned.added}
        # Of a picture into which names were written the file that was enrolled is gone: it takes its place.
        rules = replace(rules, leaving=frozenset(info.sha256 for info in planned.removed))
        enrolled = enrollment.enroll(gallery, planned.photos, rules=rules, options=options, pipeline=pipeline)
        for outcome in enrolled:
            if outcome.unread:
                unread |= _both(outcome.source)
            if (outcome.subject, outcome.source) in wanted or outcome.status != "already there":
                yield _added(outcome)
    yield from _remove(gallery, planned, _Unread(planned, unread))
    # Last, for a folder is known to have moved as long as most of its photos are not followed elsewhere yet.
    yield from _follow(gallery, planned)


def _rename(gallery: Gallery, planned: Plan) -> Iterator[SyncChange]:
    waiting = dict(planned.renamed)
    while waiting:
        free = next((old for old, new in waiting.items() if new not in waiting), None)
        if free is not None:
            done = {free: waiting[free]}
            gallery.rename(free, waiting[free], remember=False)
        else:
            done = _circle(waiting)
            gallery.exchange(done)
        for old, new in done.items():
            del waiting[old]
            for move in planned.moves:
                if (move.holder, move.subject) == (old, new):
                    yield SyncChange("rename", move.source, new, old, "renamed")


def _circle(names: dict[str, str]) -> dict[str, str]:
    """Some of the new names, by the old ones, which are these in another order. Everybody's new name is
    somebody's old one."""
    old = next(iter(names))
    circle: dict[str, str] = {}
    while old not in circle:
        circle[old] = names[old]
        old = names[old]
    return circle


class _Unread:
    """What turned out to be no picture that can be read: nobody knows that it is not what was enrolled from
    there, damaged since, or in a cloud."""

    def __init__(self, planned: Plan, paths: set[str]) -> None:
        self._paths = paths
        states = defaultdict[str, set[bool]](set)
        for photo in planned.photos if paths else ():
            for path in _both(photo.source):
                states[os.path.dirname(path)].add(path in paths)
        self._folders = {folder for folder, unread in states.items() if unread == {True}}

    def may_have(self, info: TemplateInfo) -> bool:
        """Whether it may be the photo: at its place, or in a folder of which nothing could be read."""
        return any(
            path in self._paths or os.path.dirname(path) in self._folders for path in _both(info.source)
        )


def _both(path: str) -> set[str]:
    """A path as it was given, and without links."""
    return {os.path.abspath(path), os.path.realpath(path)}


def _remove(gallery: Gallery, planned: Plan, unread: _Unread) -> Iterator[SyncChange]:
    by_subject: defaultdict[str, list[TemplateInfo]] = defaultdict(list)
    names = dict(planned.renamed)
    for info in planned.removed:
        if unread.may_have(info):
            what = "may be what could not be read at its place: kept, until that can be read or is gone"
            yield SyncChange("remove", info.source, info.subject, status="kept", notes=(what,))
            continue
        by_subject[names.get(info.subject, info.subject)].append(info)
    for subject, infos in by_subject.items():
        gone = gallery.remove_photos(subject, [info.sha256 for info in infos], remember=False)
        for info in infos:
            last = gone and info is infos[-1]
            notes = (f"{subject} had no other picture and is gone",) if last else ()
            yield SyncChange("remove", info.source, info.subject, status="removed", notes=notes)


def _follow(gallery: Gallery, planned: Plan) -> Iterator[SyncChange]:
    places: defaultdict[str, dict[str, str]] = defaultdict(dict)
    followed: defaultdict[str, list[str]] = defaultdict(list)
    for move in planned.moves:
        places[move.subject][move.sha256] = os.path.abspath(move.source)
    for photo, digest in planned.followed:
        places[photo.subject][digest] = os.path.abspath(photo.source)
        followed[photo.subject].append(photo.source)
    for subject in places:
        gallery.relocate(subject, places[subject])
        for source in followed[subject]:
            yield SyncChange("follow", source, subject, status="followed")


def _added(outcome: Outcome) -> SyncChange:
    return SyncChange(
        "add",
        outcome.source,
        outcome.subject,
        status=outcome.status,
        problems=outcome.problems,
        notes=outcome.notes,
    )


def _gone(move: Move) -> tuple[str, ...]:
    return (f"{move.holder} had no other picture and is gone",) if move.emptied else ()


class _Planning:
    """The folders' photos, held against what is stored."""

    def __init__(
        self, gallery: Gallery, paths: Sequence[str], listing: photos_to_enroll.Plan, stones: Tombstones
    ) -> None:
        self._gallery, self._stones, self._listing, self._paths = gallery, stones, listing, paths
        self._empty = [
            path for path in paths if not any(below(photo.source, path) for photo in listing.photos)
        ]
        self._tops = {os.path.abspath(path) for path in paths} | {os.path.realpath(path) for path in paths}
        self._digests = {photo: digest_of(photo.source) for photo in listing.photos}
        self._claims: defaultdict[str, set[str]] = defaultdict(set)
        for photo, digest in self._digests.items():
            if digest:
                self._claims[digest].add(photo.subject)
        self._stored = gallery.templates()
        self._moved = MovedFolders(self._stored, self._places(), [os.path.abspath(path) for path in paths])
        self._holders: defaultdict[str, dict[str, TemplateInfo]] = defaultdict(dict)
        for info in self._stored:
            self._holders[info.sha256][info.subject] = info
        self._added: list[Photo] = []
        self._followed: dict[tuple[str, str], Photo] = {}
        self._moves: dict[tuple[str, str], Move] = {}
        self._held: list[str] = []
        self._apart: set[Photo] = set()
        self._kept_out: set[str] = set()
        self._seen: set[tuple[str, str]] = set()

    def plan(self) -> Plan:
        self._held += (f"{path}: no picture in this folder: nothing of it is removed" for path in self._empty)
        for photo, digest in self._digests.items():
            if digest is None:
                self._added.append(photo)  # reading it tells the user why it cannot be
            elif photo.subject not in self._holders[digest]:
                self._settle(photo, digest)
            elif self._is_to_follow(self._holders[digest][photo.subject]):
                self._followed.setdefault((photo.subject, digest), photo)
        photos = tuple(photo for photo in self._listing.photos if photo not in self._apart)
        removed = self._removed()
        self._held += [*self._moved_folders(), *self._gone_folders(), *self._doubts(removed)]
        return Plan(
            photos,
            tuple(self._added),
            tuple(self._moves.values()),
            removed,
            tuple(self._held),
            len(self._kept_out),
            tuple(self._renamed(removed)),
            tuple((photo, digest) for (_, digest), photo in self._followed.items()),
        )

    def _doubts(self, removed: Sequence[TemplateInfo]) -> Iterator[str]:
        """Words about photos that are moved, and are more like the person they are taken from."""
        renamed = set(self._renamed(removed))
        stored = functools.cache(self._gallery.stored)
        leaving = {digest for digest, _ in self._moves}
        for move in self._moves.values():
            vectors = [item.vector for item in stored(move.holder) if item.sha256 == move.sha256]
            if (move.holder, move.subject) in renamed or not vectors:
                continue
            before, after = (
                max(
                    (float(item.vector @ vectors[0]) for item in stored(name) if item.sha256 not in leaving),
                    default=None,
                )
                for name in (move.holder, move.subject)
            )
            threshold = self._gallery.threshold
            if before is not None and after is not None and before >= threshold > after:
                yield (
                    f"{move.source}: more like {move.holder}'s other pictures (score {before:.2f}) than like "
                    f"{move.subject}'s ({after:.2f}): look whether it lies in the right folder"
                )

    def _removed(self) -> tuple[TemplateInfo, ...]:
        """The photos that are gone; of a person whose folder is empty nothing is."""
        removed, kept = [], Counter[tuple[str, str]]()
        for info in filter(self._is_gone, self._stored):
            if folder := self._emptied_folder(info):
                kept[folder, info.subject] += 1
            else:
                removed.append(info)
        self._held += (
            f"{folder}: no picture in this folder, which may not be mounted: {subject} keeps "
            f"{counted(count, 'photo')}; remove the folder too, if they are to go"
            for (folder, subject), count in kept.items()
        )
        return tuple(removed)

    def _emptied_folder(self, info: TemplateInfo) -> str | None:
        nobody = info.subject in self._listing.without
        for folder in self._emptied:
            if below(self._place_now(info), os.path.abspath(folder)) or (
                nobody and info.subject in _names_of_folders(os.path.join(os.path.basename(folder), ""))
            ):
                return folder
        return None

    @functools.cached_property
    def _emptied(self) -> list[str]:
        """The people's folders without any picture, but for those where the user wants it so."""
        photos = {photo.source for photo in self._listing.photos}
        ignored = {item.path for item in self._listing.left_out if item.reason == folders.IGNORED}
        filled = {above for path in photos | ignored for above in (path, *map(str, Path(path).parents))}
        return [folder for path in self._paths for folder in _folders_in(path) if folder not in filled]

    def _renamed(self, removed: Sequence[TemplateInfo]) -> Iterator[tuple[str, str]]:
        """Those whose photos all go to one person, who is new or gives up the name in the same way."""
        left = Counter(info.subject for info in self._stored)
        taken = set(left)
        left.subtract(info.subject for info in removed)
        to: defaultdict[str, list[str]] = defaultdict(list)
        for move in self._moves.values():
            to[move.holder].append(move.subject)
        by_name: dict[str, str] = {}
        for old, names in sorted(to.items(), key=lambda pair: -len(pair[1])):
            if len(names) == left[old] and len(set(names)) == 1:
                by_name.setdefault(names[0], old)
        while blocked := [name for name in by_name if name in taken and name not in by_name.values()]:
            for name in blocked:
                del by_name[name]
        yield from ((old, name) for name, old in by_name.items())

    def _add(self, photo: Photo, digest: str) -> None:
        if (photo.subject, digest) not in self._seen:
            self._seen.add((photo.subject, digest))
            self._added.append(photo)

    def _settle(self, photo: Photo, digest: str) -> None:
        """What becomes of a photo that its person does not have."""
        if any(self._stones.has_picture(kind, digest, photo.subject) for kind in ("named", "renamed")):
            self._kept_out.add(digest)
            self._apart.add(photo)
            return
        # Whoever has the photo in a folder too keeps their face of it.
        others = [info for name, info in self._holders[digest].items() if name not in self._claims[digest]]
        foreign = [info for info in others if not self._is_ours(info)]
        if foreign:
            move = hints.move_photo(self._gallery.place, photo.source, photo.subject)
            self._held.append(
                f"{photo.source}: is {foreign[0].subject}'s, who was not enrolled from this folder: left "
                f"alone; if it is {photo.subject}'s: {move}"
            )
            self._apart.add(photo)
        elif len(others) == 1 and len(self._claims[digest]) == 1:
            move_of = Move(photo.source, digest, photo.subject, others[0].subject)
            self._moves.setdefault((digest, others[0].subject), move_of)
        else:
            self._add(photo, digest)

    def _places(self) -> dict[str, list[str]]:
        places: defaultdict[str, list[str]] = defaultdict(list)
        for photo, digest in self._digests.items():
            if digest:
                places[digest].append(os.path.abspath(photo.source))
        return places

    def _moved_folders(self) -> Iterator[str]:
        for folder in self._moved.moved:
            yield f"{folder.old} was moved to {folder.new}: what is gone from it since is removed"

    def _gone_folders(self) -> Iterator[str]:
        gone = Counter(
            folder
            for info in self._stored
            if not self._is_ours(info) and (folder := self._moved.missing_above(info))
        )
        for folder, count in gone.items():
            yield (
                f"{counted(count, 'template')} {'is' if count == 1 else 'are'} followed at {folder}, which "
                f"is gone: nothing of it is removed, for it may not be mounted; if somebody is to go: "
                f"{hints.remove_person(self._gallery.place)}"
            )

    def _is_ours(self, info: TemplateInfo) -> bool:
        """Whether it was enrolled from one of the folders, wherever they were then."""
        if not os.path.isabs(info.source):
            return False
        moved = info.sha256 in self._claims and not os.path.lexists(info.source)
        return moved or self._is_inside(info) or self._moved.place_of(info.source) is not None

    def _is_inside(self, info: TemplateInfo) -> bool:
        folder = os.path.realpath(os.path.dirname(info.source))
        return any(below(place, top) for place in (info.source, folder) for top in self._tops)

    def _is_to_follow(self, info: TemplateInfo) -> bool:
        """Whether it was enrolled from elsewhere than a folder of its person's, of these or other ones, or
        is no longer there."""
        if not os.path.isabs(info.source):
            return info.subject not in _names_of_folders(info.source)
        if self._is_inside(info):
            return False
        return not os.path.lexists(info.source) or info.subject not in _names_of_folders(info.source)

    def _place_now(self, info: TemplateInfo) -> str:
        return self._moved.place_of(info.source) or info.source

    def _is_gone(self, info: TemplateInfo) -> bool:
        """Whether the photo is no longer its person's, in folders that were read."""
        claims = self._claims.get(info.sha256, set())
        if info.subject in claims or info.sha256 in self._kept_out or not self._is_ours(info):
            return False
        if not claims <= set(self._holders[info.sha256]):
            return False  # it moves, or is looked at first
        return not any(below(self._place_now(info), place) for place in self._unread)

    @functools.cached_property
    def _unread(self) -> list[str]:
        """What is there and could not be read: nobody knows whether a photo is in it, or still a person's. A
        folder without any picture may not be mounted; what is left out only because a package is missing is
        there. What the user wants left out is not."""
        failed = [photo.source for photo, digest in self._digests.items() if digest is None]
        left_out = [
            item.path for item in self._listing.left_out if not item.folder and item.reason != folders.IGNORED
        ]
        empty = [place for path in self._empty for place in (path, os.path.realpath(path))]
        return [os.path.abspath(place) for place in (*failed, *left_out, *empty)]


def _names_of_folders(path: str) -> set[str]:
    """The people whose folder one of those above a photo may be."""
    return {name for _, name in folders_of(path)}


def _folders_in(path: str) -> list[str]:
    with suppress(OSError), os.scandir(path) as entries:
        return sorted(os.path.normpath(entry.path) for entry in entries if entry.is_dir())
    return []
