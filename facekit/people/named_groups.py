"""What a user said of the groups of `facekit cluster`: its JSON has the faces, a table whose they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from facekit import hints
from facekit.errors import FacekitError, UsageError
from facekit.files import untrusted
from facekit.files.untrusted import Fields
from facekit.metadata.areas import Area
from facekit.people.placeholders import is_placeholder
from facekit.pictures.remote import is_remote
from facekit.results import Box
from facekit.text.escaping import csv_text, printable
from facekit.text.subject_names import subject_name

NAMED, NOT_THIS_GROUP, IGNORED = VERDICTS = ("named", "not_this_group", "ignored")
COLUMNS = ("group", "number", "source", "face", "verdict", "name")
"""Of the table: the group's number (blank: the faces that are single), a face's number within it (blank: all
of the group), its picture and its number there, what is said of it, and the name."""
_MOST_BYTES = 2 << 30


@dataclass(frozen=True)
class GroupFace:
    """A face of a group: its picture, and its box there."""

    source: str
    box: Box


@dataclass(frozen=True)
class BoxMark:
    """A person's place in a photo, in pixels of the upright picture."""

    subject: str
    box: Box

    def in_picture(self, photo: str, size: tuple[int, int], orientation: int) -> Area:
        """The area in the picture of this size."""
        return Area.of_box(self.box, size)


@dataclass
class Answers:
    """What was said: whose the faces in each photo are (`named`); which are not a person's (`not_subject`);
    and of which nobody wants to know (`ignored`). `blank` rows say nothing, for they have no name."""

    named: dict[str, list[BoxMark]] = field(default_factory=dict)
    not_subject: list[tuple[str, GroupFace]] = field(default_factory=list)
    ignored: list[GroupFace] = field(default_factory=list)
    blank: int = 0

    def add(self, verdict: str, name: str | None, face: GroupFace) -> None:
        if verdict == IGNORED:
            self.ignored.append(face)
        elif name is not None and verdict == NOT_THIS_GROUP:
            self.not_subject.append((name, face))
        elif name is not None:
            self.named.setdefault(face.source, []).append(BoxMark(name, face.box))


def read_answers(groups: Path, table: Path) -> Answers:
    """What the table says of the groups. Raises UsageError for files that are something else, or that are not
    of one run."""
    faces = read_groups(groups)
    rows = untrusted.table(table)
    rows.require(
        "group", "name", what=f"the page saves such a table that is written by {hints.name_groups()}"
    )
    answers, whole = Answers(), {}
    done: dict[tuple[int | None, int], int] = {}
    for line, row in zip(rows.lines, rows.dicts(), strict=True):
        try:
            group, number, verdict, name = _row(row)
            if group not in faces:
                raise UsageError(f"{groups} has no group {row['group']!r}")
            is_blank = verdict == NAMED and name is None
            answers.blank += is_blank
            if number is None:
                if is_blank:
                    continue
                if group in whole:
                    raise UsageError(f"says again what another line says of group {row['group']}")
                whole[group] = (verdict, name)
                continue
            face = _face(faces[group], number, row, groups)
            if (group, number) in done:
                raise UsageError(f"says again what line {done[group, number]} says of this face")
            # A face whose name was left blank does not get the group's either.
            done[group, number] = line
            answers.add(verdict, name, face)
        except FacekitError as error:
            raise UsageError(f"{table}: line {line}: {error}") from None
    for group, (verdict, name) in whole.items():
        for number, face in enumerate(faces[group], 1):
            if (group, number) not in done:
                answers.add(verdict, name, face)
    if not answers.named and not answers.not_subject and not answers.ignored:
        raise UsageError(f"{table}: says nothing of any group: give them names first")
    return answers


def _row(row: dict[str, str]) -> tuple[int | None, int | None, str, str | None]:
    """The number of the group, of the face in it, what is said, and the name."""
    group, number = (_number(row.get(column, ""), column) for column in ("group", "number"))
    if group is None and number is None:
        raise UsageError("names neither a group nor a face")
    verdict, name = row.get("verdict", "") or NAMED, csv_text(row["name"])
    if verdict not in VERDICTS:
        raise UsageError(f"verdict is {verdict!r}: give {', '.join(VERDICTS)}")
    if verdict == NAMED and is_placeholder(name.strip()):
        raise UsageError(f"{name.strip()!r} is how a folder of a group is called, and nobody's name")
    return group, number, verdict, subject_name(name) if name.strip() else None


def _number(cell: str, column: str) -> int | None:
    if not cell.strip():
        return None
    if not (cell.strip().isascii() and cell.strip().isdigit()) or len(cell) > 9:
        raise UsageError(f"{column} is {untrusted.excerpt(cell)}: give a number")
    return int(cell)


def _face(faces: list[GroupFace], number: int, row: dict[str, str], groups: Path) -> GroupFace:
    face = faces[number - 1] if 1 <= number <= len(faces) else None
    source = csv_text(row.get("source", ""))
    if face is None or (source and source != printable(face.source)):
        raise UsageError(f"{groups} has another face there: the two files are not of one run")
    return face


def read_groups(path: Path) -> dict[int | None, list[GroupFace]]:
    """The faces of each group by its number, those that are single by None. Raises UsageError for a file that
    is something else."""
    document = untrusted.json_value(untrusted.text(path, most=_MOST_BYTES), path)
    what = f"give what is written by {hints.name_groups()}"
    results = document.get("results") if isinstance(document, dict) else None
    if not isinstance(results, list):
        raise UsageError(f"{path}: has no groups: {what}")
    try:
        return dict(_each_group(results))
    except UsageError as error:
        raise UsageError(f"{path}: {error}: {what}") from None


def _each_group(results: list[Any]) -> Iterator[tuple[int | None, list[GroupFace]]]:
    for place, result in enumerate(results, 1):
        group = Fields(result, f"result {place}")
        number = None if group.values.get("group") is None else group.integer("group", least=1)
        faces = group.values.get("faces")
        if not isinstance(faces, list):
            raise UsageError(f"result {place} has no faces")
        yield number, [_group_face(face, f"result {place}") for face in faces]


def _group_face(face: object, place: str) -> GroupFace:
    fields = Fields(face, f"a face of {place}")
    x0, y0, x1, y1 = fields.numbers("box", 4)
    source = fields.text("source", longest=10_000)
    if "\0" in source or any("\ud800" <= letter <= "\udc7f" for letter in source):
        raise UsageError(f"a face of {place} has a source that no file can be called")
    if is_remote(source) or source == "-":
        raise UsageError(
            f"a face of {place} is of {source:.100}, which is not read because a file says so: copy the "
            "photos to this machine, and group them there"
        )
    return GroupFace(source, (x0, y0, x1, y1))
