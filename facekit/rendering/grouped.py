"""Groups of faces: as a table, JSON lines or CSV, and as a folder for each group."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from facekit import outputs
from facekit.clustering import Group, Grouping, Sighting
from facekit.errors import UsageError
from facekit.folders import UNNAMED, mark_unnamed
from facekit.gallery.subject_names import name_of_folder
from facekit.rendering.escaping import file_stem, json_line
from facekit.rendering.files import CropFolder, Names
from facekit.rendering.identified import csv_line
from facekit.rendering.tables import Column, table
from facekit.results import SCHEMA

CSV_COLUMNS = (
    *("group", "subject", "group_score", "contenders"),
    *("source", "face", "x0", "y0", "x1", "y1", "detector_score"),
)
SINGLE = "single"
_COLUMNS = (
    Column("group", right=True),
    Column("subject", flexible=True),
    Column("faces", right=True),
    Column("photos", right=True),
    Column("likeness", right=True),
    Column("first photo", flexible=True),
)


def lines(found: Grouping, style: str) -> Iterator[str]:
    """All groups in the format `table`, `json` (a line a group, the last the faces that are alone) or `csv`
    (a line a face)."""
    if style == "json":
        yield from _json(found)
    elif style == "csv":
        yield csv_line(CSV_COLUMNS)
        for number, each in enumerate(found.groups, 1):
            yield from (_csv(number, each, face) for face in each.faces)
        yield from (_csv(None, None, face) for face in found.single)
    else:
        yield from _table(found)


def _json(found: Grouping) -> Iterator[str]:
    for number, each in enumerate(found.groups, 1):
        yield json_line({"schema": SCHEMA, "group": number, **each.to_dict()})
    nobody: dict[str, Any] = {"group": None, "subject": None, "score": None, "likeness": None}
    faces = [face.to_dict() for face in found.single]
    yield json_line({"schema": SCHEMA, **nobody, "contenders": [], "faces": faces})


def _csv(number: int | None, of: Group | None, face: Sighting) -> str:
    subject = of.subject if of else None
    score = round(of.score, 4) if of and of.score is not None else None
    contenders = "; ".join(of.contenders) if of else None
    values = face.to_dict()
    place = (values["source"], values["face"], *values["box"], values["detector_score"])
    return csv_line([number, subject, score, contenders, *place])


def _table(found: Grouping) -> Iterator[str]:
    rows = [_row(number, each) for number, each in enumerate(found.groups, 1)]
    if rows:
        yield from table(_COLUMNS, rows)
    alone = len(found.single)
    if not rows and not alone:
        yield "no face"
        return
    yield f"{alone} {'face is' if alone == 1 else 'faces are'} single: like no other here."


def _row(number: int, each: Group) -> list[str]:
    name = each.subject or " or ".join(each.contenders)
    counts = [str(len(each.faces)), str(len(each.photos))]
    return [str(number), name + "?" * bool(each.contenders), *counts, f"{each.likeness:.2f}", each.photos[0]]


def folder_names(found: Grouping) -> list[str]:
    """The folder of each group: its subject's name, or `group-03`; no two alike where case is ignored."""
    digits = max(2, len(str(len(found.groups))))
    names = [f"group-{number:0{digits}}" for number in range(1, len(found.groups) + 1)]
    taken = {SINGLE, *names}
    for place, each in enumerate(found.groups):
        if each.subject is None:
            continue
        name = stem = file_stem(each.subject)
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


def save_faces(found: Grouping, out: Path) -> None:
    """The aligned faces of each group, `PHOTO-NUMBER.png`, in a folder of its own below `out`."""
    for folder, subject, faces in _folders(found, out):
        with _group_folder(folder, subject):
            crops = CropFolder(folder)
            for face in faces:
                crops.save_face(face, face.number, face.face.crop)


def save_photos(found: Grouping, out: Path) -> None:
    """Copies of the photos of each group, under their own names, in a folder of its own below `out`."""
    for folder, subject, faces in _folders(found, out):
        with _group_folder(folder, subject):
            names = Names(folder)
            for face in {face.source: face for face in faces}.values():
                names.save(face, [(_suffix(face.source), Path(face.source).read_bytes())])


def _suffix(source: str) -> str:
    suffix = Path(source).suffix
    return f".{file_stem(suffix[1:], limit=16)}" if suffix else ""


def _folders(found: Grouping, out: Path) -> Iterator[tuple[Path, str | None, Sequence[Sighting]]]:
    """The folder, the subject and the faces of each group, and of those that are single."""
    for name, each in zip(folder_names(found), found.groups, strict=True):
        yield out / name, each.subject, each.faces
    if found.single:
        yield out / SINGLE, None, found.single


@contextmanager
def _group_folder(folder: Path, subject: str | None) -> Iterator[None]:
    """Make the folder of a group, marked as unnamed unless its name is the subject's: another person's name
    would be enrolled from one that is shortened, or lacks letters that a file name cannot have. After an
    error it is taken away if no picture is in it."""
    folder.mkdir()
    try:
        if subject is None or name_of_folder(folder.name) != subject:
            mark_unnamed(folder)
        yield
    except BaseException:
        with suppress(OSError):
            if {path.name for path in folder.iterdir()} <= {UNNAMED}:
                (folder / UNNAMED).unlink(missing_ok=True)
                folder.rmdir()
        raise
