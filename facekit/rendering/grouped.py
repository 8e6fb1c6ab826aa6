"""Groups of faces: as a table or rows of CSV, and as a folder for each group."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from facekit import hints
from facekit.errors import PictureError, UsageError
from facekit.files import outputs, writing
from facekit.people.clustering import Group, Grouping, Sighting
from facekit.people.placeholders import SINGLE, folder_name
from facekit.pictures import images
from facekit.pictures.folders import mark_unnamed
from facekit.pictures.left_out import UNNAMED
from facekit.pictures.remote import is_remote
from facekit.rendering.files import CropFolder, Names
from facekit.rendering.rows import Records
from facekit.text.counting import counted
from facekit.text.escaping import file_stem
from facekit.text.subject_names import name_of_folder
from facekit.text.tables import Column

CSV_COLUMNS = (
    *("group", "subject", "group_score", "contenders"),
    *("source", "face", "x0", "y0", "x1", "y1", "detector_score"),
)
_COLUMNS = {
    "group": Column("group", right=True),
    "subject": Column("subject", flexible=True),
    "faces": Column("faces", right=True),
    "photos": Column("photos", right=True),
    "likeness": Column("likeness", right=True),
    "first photo": Column("first photo", flexible=True),
}


class Grouped(Records[Group]):
    """A line for each group, and how many faces are single; a row of CSV for each face."""

    def __init__(
        self,
        grouping: Grouping,
        out: Path | None,
        copied: str,
        review: Path | None = None,
        *,
        writes_json: bool = True,
    ) -> None:
        """`writes_json` says whether the groups are printed as enrolling by them needs it."""
        super().__init__(_COLUMNS)
        self.columns = CSV_COLUMNS
        self._found = grouping
        self._out = out
        self._copied = copied
        self._review = review
        self._writes_json = writes_json

    def rows(self, result: Group) -> Iterator[Sequence[object]]:
        score = None if result.score is None else round(result.score, 4)
        who = (result.number, result.subject, score, "; ".join(result.contenders))
        for face in result.faces:
            values = face.to_dict()
            yield [*who, values["source"], values["face"], *values["box"], values["detector_score"]]

    def text(self, result: Group) -> Iterable[str]:
        return () if result.number is None else super().text(result)

    def record(self, result: Group) -> dict[str, Any]:
        return {
            "group": result.number,
            "subject": (result.subject or " or ".join(result.contenders)) + "?" * bool(result.contenders),
            "faces": len(result.faces),
            "photos": len(result.photos),
            "likeness": f"{result.likeness:.2f}",
            "first photo": result.photos[0],
        }

    def ending(self) -> Iterator[str]:
        alone = len(self._found.single)
        if self._found.groups:
            yield from super().ending()
        elif not alone:
            yield from () if self._found.ignored else ("no face",)
            return
        yield f"{alone} {'face is' if alone == 1 else 'faces are'} single: like no other here."

    def summary(self, *, stopped: bool = False) -> Iterator[str]:
        found = self._found
        if self._out is not None:
            of = counted(len(found.groups), "group") if found.groups else "single people"
            nothing = f"nothing written to {self._out}"
            written = f"{self._copied} of {of} written to {self._out}"
            yield written if found.groups or found.single else nothing
        if self._review is not None:
            yield f"page written to {self._review}: open it in a browser"
            if not self._writes_json:
                groups = f"{hints.name_groups()} > groups.json"
                yield f"to enroll whom you name there, the groups are needed too: {groups}"
        if found.ignored:
            of = counted(len(found.ignored), "face")
            yield f"{of} left out, which you had ignored"
        if found.pictures > 1:
            faces = sum(len(each.faces) for each in found.results()) + len(found.ignored)
            yield f"{counted(faces, 'face')} in {found.pictures} pictures"

    @property
    def without_face(self) -> bool:
        return not self._found.groups and not self._found.single and not self._found.ignored


def folder_names(grouping: Grouping) -> list[str]:
    """The folder of each group: its subject's name, or `group-03`; no two alike where case is ignored."""
    digits = max(2, len(str(len(grouping.groups))))
    names = [folder_name(number, digits) for number in range(1, len(grouping.groups) + 1)]
    taken = {SINGLE, *names}
    for place, group in enumerate(grouping.groups):
        if group.subject is None:
            continue
        name = stem = file_stem(group.subject)
        further = 2
        while name.casefold() in taken:
            name, further = f"{stem}~{further}", further + 1
        taken.add(name.casefold())
        names[place] = name
    return names


@contextmanager
def empty_folder(folder: Path, inputs: Sequence[str]) -> Iterator[None]:
    """A folder for groups, made if it is not there; if nothing is in it at the end, what was made is taken
    away. Raises UsageError when something is in it, as the groups of two runs would be mixed, or when it lies
    in what is read."""
    if folder.is_dir() and any(folder.iterdir()):
        raise UsageError(f"{folder}: is not empty: give a folder that is, or remove it")
    missing = [place for place in (folder, *folder.parents) if not os.path.lexists(place)]
    try:
        outputs.make_folder(folder, inputs)
        yield
    finally:
        with suppress(OSError):  # something is in it
            for place in missing:
                place.rmdir()


def save_faces(grouping: Grouping, out: Path) -> None:
    """The aligned faces of each group, `PHOTO-NUMBER.png`, in a folder of its own below `out`."""
    for folder, subject, faces in _folders(grouping, out):
        with _group_folder(folder, subject):
            crops = CropFolder(folder)
            for face in faces:
                crops.save_face(face, face.number, face.face.crop)


def save_photos(grouping: Grouping, out: Path) -> None:
    """Copies of the photos of each group, under their own names, in a folder of its own below `out`. Raises
    PictureError for a photo that is another file than the one in which the faces were seen."""
    for folder, subject, faces in _folders(grouping, out):
        with _group_folder(folder, subject):
            names = Names(folder)
            for face in {face.source: face for face in faces}.values():
                names.save(face, [(_suffix(face.source), _photo(face))])


def _photo(face: Sighting) -> bytes:
    """What is to be copied: where its photo lies may come from a file of vectors, which anybody can have
    made."""
    if is_remote(face.source):
        raise PictureError(f"{face.source}: is not on this machine, and is not copied: copy it here first")
    content = images.content(face.source)
    if hashlib.sha256(content).hexdigest() != face.sha256:
        raise PictureError(
            f"{face.source}: is another file than when its faces were looked for, and is not copied: look at "
            "it again"
        )
    return content


def _suffix(source: str) -> str:
    suffix = Path(source).suffix
    return f".{file_stem(suffix[1:], limit=16)}" if suffix else ""


def _folders(grouping: Grouping, out: Path) -> Iterator[tuple[Path, str | None, Sequence[Sighting]]]:
    """The folder, the subject and the faces of each group, and of those that are single."""
    for name, group in zip(folder_names(grouping), grouping.groups, strict=True):
        yield out / name, group.subject, group.faces
    if grouping.single:
        yield out / SINGLE, None, grouping.single


@contextmanager
def _group_folder(folder: Path, subject: str | None) -> Iterator[None]:
    """Make the folder of a group, marked as unnamed unless its name is the subject's: another person's name
    would be enrolled from one that is shortened, or lacks letters that a file name cannot have. After an
    error it is taken away if no picture is in it."""
    try:
        folder.mkdir()
    except FileExistsError:
        raise UsageError(
            f"{folder}: another process has made it meanwhile, and the groups of two runs would be mixed: "
            "give another folder"
        ) from None
    try:
        if subject is None or name_of_folder(folder.name) != subject:
            with writing.naming(folder / UNNAMED):
                mark_unnamed(folder)
        yield
    except BaseException:
        with suppress(OSError):
            if {path.name for path in folder.iterdir()} <= {UNNAMED}:
                (folder / UNNAMED).unlink(missing_ok=True)
                folder.rmdir()
        raise
