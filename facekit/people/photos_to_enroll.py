"""Which photos are enrolled, and whose: one person's, or those of a folder with a sub-folder for each."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from facekit.errors import UsageError
from facekit.people.outcomes import Photo
from facekit.pictures import folders
from facekit.pictures.inputs import NamedPicture, Source, name_of
from facekit.pictures.left_out import NOT_NAMED, LeftOut
from facekit.pictures.levels import people_deeper
from facekit.pictures.remote import is_remote
from facekit.text.subject_names import subject_name

_FOR_SINGLE = "to enroll single pictures, say whose they are with --subject NAME"


@dataclass(frozen=True)
class Plan:
    """The photos to enroll, which stand together by subject; what lies beside them and is `left_out`; and
    the people `without` a picture in their folder; and `doubts` about what was named."""

    photos: tuple[Photo, ...]
    left_out: tuple[LeftOut, ...] = ()
    without: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()

    def remarks(self) -> list[str]:
        """What of it a user should know, in lines."""
        return [*self.doubts, *folders.People((), self.left_out, self.without).remarks()]


def plan(paths: Sequence[Source], subject: str | None = None, *, single: str = _FOR_SINGLE) -> Plan:
    """The photos to enroll. All are of `subject`, or else each path is a folder that has a sub-folder
    for each person, named like the person, with the pictures inside or below; `single` is what else can be
    done with single pictures.

    Raises UsageError where it cannot be told whose the pictures are, or there are none.
    """
    if subject is None:
        return _people(paths, single)
    listing = folders.list_pictures(paths)
    photos = tuple(
        Photo(subject_name(subject), name_of(source), source if isinstance(source, NamedPicture) else None)
        for source in listing.pictures
    )
    names = ", ".join(map(name_of, paths))
    if not photos:
        raise UsageError(f"no pictures in {names}")
    _require_there(paths, subject)
    return Plan(photos, listing.left_out)


def _require_there(paths: Sequence[Source], subject: str) -> None:
    """Raise UsageError where a path is not there: after a name without its quotes, the rest of the name is
    taken for one, and the pictures would be enrolled as somebody else's.
    """
    missing = [str(path) for path in paths if not _may_be_there(path)]
    if not missing:
        return
    words = [word for word in missing if os.path.basename(word) == word and not os.path.splitext(word)[1]]
    name = " ".join([subject, *words])
    quotes = f"; if it belongs to the name, put that into quotes: --subject {shlex.quote(name)}"
    raise UsageError(f"no such picture: {', '.join(missing)}: nothing was enrolled{quotes if words else ''}")


def _may_be_there(path: Source) -> bool:
    return isinstance(path, NamedPicture) or path == "-" or is_remote(path) or os.path.lexists(path)


def home(paths: Sequence[Source]) -> Path | None:
    """The folder that a gallery of these paths belongs into: the first that was given."""
    return next((Path(path) for path in paths if isinstance(path, str) and os.path.isdir(path)), None)


def _people(inputs: Sequence[Source], single: str) -> Plan:
    paths = []
    for path in inputs:
        if is_remote(path):
            paths.append(str(path))
            continue
        if not isinstance(path, NamedPicture) and not os.path.lexists(path):
            raise UsageError(f"{name_of(path)}: no such folder")
        if isinstance(path, NamedPicture) or not os.path.isdir(path):
            raise UsageError(f"{name_of(path)}: no folder; {single}")
        paths.append(path)
    people = folders.people(paths)
    if not people.photos and any(left_out.reason == NOT_NAMED for left_out in people.left_out):
        raise UsageError(
            f"{', '.join(paths)}: the folders that facekit cluster made have no names yet: rename each "
            "to the person's name first"
        )
    if not people.photos:
        raise UsageError(
            f"{', '.join(paths)}: no pictures in sub-folders; facekit expects a sub-folder for each person; "
            f"{single}"
        )
    by_subject = people.by_subject().items()
    photos = tuple(Photo(subject, picture) for subject, pictures in by_subject for picture in pictures)
    return Plan(photos, people.left_out, people.without, tuple(_doubts(paths, people)))


def _doubts(paths: Sequence[str], people: folders.People) -> Iterator[str]:
    """A line for each folder that seems to be one around that of the people."""
    for path in paths:
        pictures = [picture for _, picture in people.photos if picture.startswith(os.path.join(path, ""))]
        if deeper := people_deeper(Path(path), pictures):
            yield (
                f"{path}: all pictures are in sub-folders of {deeper}, and are taken for one person's: give "
                f"{deeper}, if those are the people"
            )
