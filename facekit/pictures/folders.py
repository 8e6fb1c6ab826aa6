"""The pictures inside folders, and what is left out there, with its reason.

A folder is searched with all folders below it, each once. Links to folders are followed, after everything
that lies there by itself, but never to a folder above: a person's folder that links to `..` would give
everybody that person's name.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from facekit.errors import UsageError
from facekit.pictures import images, raw
from facekit.pictures.ignoring import NAME, Ignored
from facekit.pictures.inputs import Inputs, NamedPicture, Source, listed
from facekit.pictures.left_out import (
    BESIDE,
    CATALOGS,
    FOREIGN,
    HIDDEN,
    NOT_NAMED,
    OF_OTHERS,
    UNNAMED,
    LeftOut,
    ending_of,
)
from facekit.pictures.remote import is_remote
from facekit.text.subject_names import name_of_folder

NOWHERE = "linked to nowhere"
RAW_BESIDE = "RAW beside a JPEG"
IGNORED = f"by {NAME}"
_MOST_KINDS = 6
_MOST_NAMES = 3
_LONGEST_MARK = 100


@dataclass(frozen=True)
class Listing:
    """The `pictures` that inputs stand for, in their order; what was `left_out`; and the inputs that are
    `empty` folders: without any picture."""

    pictures: tuple[Source, ...]
    left_out: tuple[LeftOut, ...] = ()
    empty: tuple[str, ...] = ()

    def remarks(self) -> list[str]:
        """What was left out, counted by reason: a line for files and one for folders."""
        return remarks(self.left_out)


@dataclass(frozen=True)
class People:
    """The pictures of folders with a sub-folder for each person, who is called like it: `photos` are
    (person, picture), sorted by folder and picture; `without` are the people of whom there is none. Folders
    whose names a user cannot tell apart are one person's.
    """

    photos: tuple[tuple[str, str], ...]
    left_out: tuple[LeftOut, ...] = ()
    without: tuple[str, ...] = ()

    def by_subject(self) -> dict[str, list[str]]:
        """The pictures of each person."""
        pictures: dict[str, list[str]] = {}
        for subject, picture in self.photos:
            pictures.setdefault(subject, []).append(picture)
        return pictures

    def remarks(self) -> list[str]:
        """A line for each person without a picture, and what was left out as `Listing` tells it."""
        return [*(f"{name}: no picture in this folder" for name in self.without), *remarks(self.left_out)]


def list_pictures(inputs: Inputs) -> Listing:
    """The pictures that the inputs stand for, in the order of the inputs. Raises UsageError for what is no
    input.

    An address (`s3://…`, `https://…`) is that of a picture, a folder or a list (facekit.pictures.remote). A
    folder gives the pictures in it and below it, sorted: files with an ending of a known format, and those
    with another that begin like a picture. Hidden pictures and folders, the folders that photo programs keep
    for themselves, and what a .facekitignore names, are left out. Whatever else is named is passed on as it
    is, `-` too, and so is a folder that cannot be listed: reading it tells the user why.
    """
    search = _Search()
    pictures: list[Source] = []
    empty = []
    for source in listed(inputs):
        if is_remote(source):
            found = _at_address(str(source), search.left_out)
            pictures += found
            empty += [] if found else [str(source)]
            continue
        if isinstance(source, NamedPicture) or not os.path.isdir(source):
            pictures.append(source)
            continue
        inside = search.tree(source)
        if not inside and not search.knows(source):
            empty.append(source)
        search.done(source)
        pictures += inside
    return Listing(tuple(pictures), tuple(search.left_out), tuple(empty))


def _at_address(address: str, left_out: list[LeftOut]) -> list[str]:
    from facekit.pictures.remote_folders import pictures_at

    found = pictures_at(address, left_out)
    return [address] if found is None else found


def people(folders: Sequence[str]) -> People:
    """The pictures of each sub-folder of `folders`, whose names are people's. Raises UsageError for a name
    that no person can have.
    """
    photos: list[tuple[str, str]] = []
    without: list[str] = []
    search = _Search()
    for folder in folders:
        if is_remote(folder):
            from facekit.pictures.remote_folders import people_at

            photos += people_at(folder, search.left_out)
            continue
        sub_folders = search.sub_folders(folder)
        ignored = Ignored.above(folder).within(folder)
        trees = {
            name: _Tree(os.path.join(folder, name), ignored) for name, linked in sub_folders if not linked
        }
        for tree in trees.values():
            search.walk(tree)
        # What is linked comes last: what lies in a person's folder is that person's, whoever links to it.
        for name, linked in sub_folders:
            tree = trees.setdefault(name, _Tree(os.path.join(folder, name), ignored))
            if linked:
                tree.links.append((tree.top, ignored))
            search.follow(tree)
        for name in sorted(trees):
            pictures, subject = sorted(trees[name].pictures), name_of_folder(name)
            photos += ((subject, picture) for picture in pictures)
            if not pictures:
                without.append(subject)
    shown = {subject for subject, _ in photos}
    nobody = tuple(subject for subject in dict.fromkeys(without) if subject not in shown)
    return People(tuple(photos), tuple(search.left_out), nobody)


def remarks(left_out: Iterable[LeftOut]) -> list[str]:
    """The lines that count what was left out, and name the first: `4 files left out: 2 .psd, 1 .mov, 1 hidden
    (a.psd, b.psd, c.mov, …)`."""
    lines = []
    left_out = list(left_out)
    for folder, one, several in ((False, "file", "files"), (True, "folder", "folders")):
        items = [item for item in left_out if item.folder == folder]
        if items:
            kinds = _counted(Counter(item.reason for item in items))
            names = [os.path.basename(item.path) for item in items[:_MOST_NAMES]]
            names += ["…"] if len(items) > _MOST_NAMES else []
            total = f"{len(items)} {one if len(items) == 1 else several}"
            lines.append(f"{total} left out: {kinds} ({', '.join(names)})")
    return lines


def _counted(reasons: Counter[str]) -> str:
    kinds = sorted(reasons.items(), key=lambda kind: (-kind[1], kind[0]))
    shown = [f"{count} {reason}" for reason, count in kinds[:_MOST_KINDS]]
    rest = sum(count for _, count in kinds[_MOST_KINDS:])
    return ", ".join([*shown, f"{rest} of other kinds"] if rest else shown)


class _Tree:
    """A folder being searched: its pictures so far, and its links to other folders, not followed yet, with
    what is ignored there. `ignored` is what the folders above leave out of it."""

    def __init__(self, top: str, ignored: Ignored) -> None:
        self.top = top
        self.ignored = ignored
        self.pictures: list[str] = []
        self.links: list[tuple[str, Ignored]] = []


class _Search:
    """One search: every folder is visited once, however many ways lead to it."""

    def __init__(self) -> None:
        self.left_out: list[LeftOut] = []
        self._visited: set[tuple[int, int] | None] = set()
        self._given: set[tuple[int, int] | None] = set()

    def tree(self, folder: str) -> list[str]:
        """The pictures in and below a folder, sorted."""
        tree = _Tree(folder, Ignored.above(folder))
        self.walk(tree)
        self.follow(tree)
        return sorted(tree.pictures)

    def knows(self, folder: str) -> bool:
        """Whether an earlier input was the same folder, or one around it."""
        return _identity(folder) in self._given

    def done(self, folder: str) -> None:
        self._given |= self._visited

    def sub_folders(self, folder: str) -> list[tuple[str, bool]]:
        """Names of the folders in a folder, sorted, and whether each is a link. Pictures beside them are
        left out, and so are folders that still wait for a person's name."""
        try:
            self._visited.add(_identity(folder))
            with os.scandir(folder) as scanned:
                entries = sorted(scanned, key=lambda entry: entry.name)
        except OSError as error:
            raise UsageError(f"{folder}: cannot be listed ({error.strerror})") from None
        ignored = Ignored.above(folder).within(folder)
        names = []
        for entry in entries:
            kind = _kind(entry)
            if self._ignores(entry, kind, ignored):
                continue
            if kind in ("folder", "link") and _is_unnamed(entry):
                self._leave(entry.path, NOT_NAMED)
            elif kind in ("folder", "link") and self._ours(entry):
                names.append((entry.name, kind == "link"))
            elif kind == "file" and _is_picture(entry.path):
                reason = HIDDEN if entry.name.startswith(".") else BESIDE
                self.left_out.append(LeftOut(entry.path, reason))
            elif kind == NOWHERE:
                self.left_out.append(LeftOut(entry.path, NOWHERE))
        return names

    def walk(self, tree: _Tree, link: tuple[str, Ignored] | None = None) -> None:
        """Add what lies in the tree by itself, or behind a link of it."""
        waiting = [link or (tree.top, tree.ignored)]
        while waiting:
            here, above = waiting.pop()
            identity = _identity(here)
            if identity is not None and identity in self._visited:
                continue
            self._visited.add(identity)
            try:
                with os.scandir(here) as entries:
                    ordered = sorted(entries, key=lambda entry: entry.name)
            except OSError:
                tree.pictures.append(here)  # reading it tells the user why
                continue
            ignored = above.within(here)
            stems = {
                stem.lower()
                for stem, ending in (os.path.splitext(entry.name) for entry in ordered)
                if ending.lower() in images.SUFFIXES
            }
            for entry in ordered:
                kind = _kind(entry)
                if self._ignores(entry, kind, ignored):
                    continue
                if kind == "folder":
                    waiting += [(entry.path, ignored)] if self._ours(entry) else []
                elif kind == "link":
                    tree.links += [(entry.path, ignored)] if self._ours(entry) else []
                else:
                    tree.pictures += self._file(entry, kind, stems)

    def follow(self, tree: _Tree) -> None:
        """Add what the tree links to."""
        while tree.links:
            link, ignored = tree.links.pop(0)
            target, identity = os.path.realpath(link), _identity(link)
            above = {os.path.dirname(os.path.abspath(place)) for place in (link, tree.top)}
            if any(_holds(target, os.path.realpath(place)) for place in above):
                self._leave(link, "linked to a folder above")
            elif identity is not None and identity in self._visited:
                self._leave(link, "linked to a folder searched already")
            else:
                self.walk(tree, (link, ignored))

    def _ignores(self, entry: os.DirEntry[str], kind: str, ignored: Ignored) -> bool:
        """Whether the user wants it left out."""
        is_folder = kind in ("folder", "link")
        if not ignored.leaves_out(entry.path, is_folder=is_folder):
            return False
        self.left_out.append(LeftOut(entry.path, IGNORED, is_folder))
        return True

    def _ours(self, entry: os.DirEntry[str]) -> bool:
        if entry.name.startswith("."):
            self._leave(entry.path, HIDDEN)
            return False
        if FOREIGN.fullmatch(entry.name):
            self._leave(entry.path, OF_OTHERS)
            return False
        return True

    def _leave(self, folder: str, reason: str) -> None:
        self.left_out.append(LeftOut(folder, reason, folder=True))

    def _raw(self, entry: os.DirEntry[str], stems: set[str]) -> Iterator[str]:
        """A camera's RAW picture, unless its JPEG lies beside it, or nothing here reads it."""
        if os.path.splitext(entry.name)[0].lower() in stems:
            self.left_out.append(LeftOut(entry.path, RAW_BESIDE))
        elif not raw.installed():
            self.left_out.append(LeftOut(entry.path, f"RAW ({raw.hint()})"))
        else:
            yield entry.path

    def _file(self, entry: os.DirEntry[str], kind: str, stems: set[str]) -> Iterator[str]:
        if entry.name.startswith("."):
            if kind == "file" and _is_picture(entry.path):
                self.left_out.append(LeftOut(entry.path, HIDDEN))
        elif CATALOGS.fullmatch(entry.name):
            return
        elif kind != "file":
            self.left_out.append(LeftOut(entry.path, kind))
        elif os.path.splitext(entry.name)[1].lower() in raw.SUFFIXES:
            yield from self._raw(entry, stems)
        elif _is_picture(entry.path):
            yield entry.path
        else:
            self.left_out.append(LeftOut(entry.path, ending_of(entry.name)))


def _kind(entry: os.DirEntry[str]) -> str:
    """`folder`, `link` (to a folder), `file`, or what else it is, in words."""
    try:
        if entry.is_dir():
            return "link" if entry.is_symlink() else "folder"
        if entry.is_file():
            return "file"
    except OSError:  # a loop of links
        return NOWHERE
    return "not regular" if os.path.exists(entry.path) else NOWHERE


def mark_unnamed(folder: Path) -> None:
    """Mark a folder whose name is not a person's: it stays out of `people` until it is renamed."""
    (folder / UNNAMED).write_text(folder.name, encoding="utf-8")


def _is_unnamed(entry: os.DirEntry[str]) -> bool:
    path = os.path.join(entry.path, UNNAMED)
    if not os.path.isfile(path):  # a pipe would be waited for
        return False
    try:
        with open(path, encoding="utf-8", errors="replace") as mark:
            return mark.read(_LONGEST_MARK) == entry.name
    except OSError:
        return False


def _is_picture(path: str) -> bool:
    ending = os.path.splitext(path)[1].lower()
    return ending in raw.SUFFIXES or ending in images.SUFFIXES or images.begins_like_a_picture(path)


def _identity(folder: str) -> tuple[int, int] | None:
    """What tells a folder from others; None where it cannot be reached, or no longer."""
    try:
        status = os.stat(folder)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _holds(folder: str, other: str) -> bool:
    """Whether `other` is the folder or lies below it; both are real paths."""
    return other == folder or other.startswith(os.path.join(folder, ""))
