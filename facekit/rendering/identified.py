"""Who is in each picture: as text for 80 columns, or as rows of CSV."""

from __future__ import annotations

import csv
import io
import textwrap
from collections.abc import Iterator, Sequence

from facekit.lighting import TOO_BRIGHT, TOO_DARK
from facekit.rendering.counting import counted
from facekit.rendering.escaping import csv_cell, isolated, json_line, printable
from facekit.rendering.tables import WIDTH, shown, width
from facekit.results import Detection, Identification, PictureResult

CSV_COLUMNS = (
    *("source", "face", "x0", "y0", "x1", "y1", "detector_score", "subject", "reason"),
    *("rank", "candidate", "score", "notes", "error"),
)
PROBABILITY = "probability"
"""The further last column, where probabilities are asked for."""


def heading(threshold: float, calibration: str, subjects: int, gallery: str, *, given: bool) -> list[str]:
    """What a verdict means: the threshold, how it was chosen, and among how many."""
    how = f"given; the gallery's own: {calibration}" if given else calibration
    people = counted(subjects, "subject")
    text = f"Threshold {threshold:.3f} ({how}). {people} in {gallery}."
    # A path that is broken cannot be copied.
    return textwrap.wrap(printable(text), WIDTH, break_long_words=False, break_on_hyphens=False)


def text(result: PictureResult) -> Iterator[str]:
    """A picture's faces, each with its verdict, place and candidates; nothing for a picture that
    could not be read, which is told elsewhere.
    """
    if result.error:
        return
    yield picture_line(result.source, len(result.faces), result.notes)
    for number, face in enumerate(result.faces, 1):
        yield from _face(number, face)


def picture_line(source: str, faces: int, notes: Sequence[str] = ()) -> str:
    """`party.jpg: 2 faces`."""
    what = counted(faces, "face") + ("" if faces else _light(notes))
    return f"{_name_of(source, WIDTH - len(what) - 2)}: {what}"


def names_line(result: PictureResult) -> str:
    """`party.jpg: Ada, unknown, Ben`, the faces from left to right."""
    faces = sorted(result.faces, key=lambda each: each.face.detection.box[0])
    names = ", ".join(_name(each) for each in faces)
    return f"{isolated(result.source)}: {names or 'no face' + _light(result.notes)}"


def _light(notes: Sequence[str]) -> str:
    """Where no face could be found: by which light."""
    return next((f" ({note})" for note in notes if note in (TOO_DARK, TOO_BRIGHT)), "")


def _name(identified: Identification) -> str:
    if identified.subject is not None:
        return isolated(identified.subject)
    contenders = [isolated(name) for name in identified.contenders]
    if identified.reason == "ambiguous":
        return f"unknown ({' or '.join(contenders)}: equal)"
    if identified.reason == "already_in_picture":
        return f"unknown (already in this picture: {', '.join(contenders)})"
    if identified.reason == "too_poor":
        return f"unknown (like poor pictures of {', '.join(contenders)})"
    if identified.reason in (None, "below_threshold"):
        return "unknown"
    return f"unknown ({identified.reason.replace('_', ' ')})"


def _name_of(source: str, room: int) -> str:
    return shown(source, min(room, width(printable(source))))


def place(detection: Detection) -> str:
    """Where a face is, and how sure the detector was."""
    x0, y0, x1, y1 = (round(value) for value in detection.box)
    return f"{x0},{y0} – {x1},{y1}  detector {detection.score:.2f}"


def _face(number: int, identified: Identification) -> Iterator[str]:
    where = place(identified.face.detection)
    start = f"{number:4d}  "
    verdict = shown(identified.subject or "unknown", WIDTH - len(start) - 2 - len(where))
    yield f"{start}{verdict}  {where}"
    if reason := why_unknown(identified):
        yield f"{'':6}{shown(reason, WIDTH - 6).rstrip()}"
    for candidate in identified.candidates:
        likely = "" if candidate.probability is None else f"{100 * candidate.probability:5.1f} %  "
        start = f"{candidate.rank:8d}  {candidate.score:7.4f}  {likely}"
        yield start + shown(candidate.subject, WIDTH - len(start)).rstrip()


def why_unknown(identified: Identification) -> str | None:
    """Why a face with a score that is good enough has no name, in words."""
    names = " and ".join(map(isolated, identified.contenders))
    if identified.reason == "ambiguous":
        return f"equally like {names}"
    if identified.reason == "too_dark":
        return "too dark to tell who it is"
    if identified.reason == "already_in_picture":
        return f"{names} is another face here, and named once a picture (--allow-repeats)"
    if identified.reason == "too_poor":
        return f"like {names}, of whom only poor pictures are enrolled: enroll better ones"
    return None


def csv_lines(result: PictureResult, *, probability: bool = False) -> Iterator[str]:
    """A row for each candidate of each face; one row for a picture without faces, or with an error."""
    more = [None] if probability else []
    notes = "; ".join(result.notes) or None
    if not result.faces:
        yield csv_line([result.source, *[None] * 11, notes, result.error, *more])
    for number, each in enumerate(result.faces, 1):
        box = (round(value, 1) for value in each.face.detection.box)
        start = [result.source, number, *box, round(each.face.detection.score, 4), each.subject, each.reason]
        for candidate in each.candidates:
            row = [*start, candidate.rank, candidate.subject, round(candidate.score, 4), notes, None]
            likely = candidate.probability
            yield csv_line([*row, *([None if likely is None else round(likely, 4)] if probability else [])])
        if not each.candidates:
            yield csv_line([*start, *[None] * 3, notes, None, *more])


def csv_line(cells: Sequence[object]) -> str:
    """One row, without the end of the line."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow([csv_cell(cell) for cell in cells])
    return line.getvalue()


def lines(
    result: PictureResult, style: str, *, probability: bool = False, brief: bool = False
) -> Iterator[str]:
    """The picture in the format `table`, `json` or `csv`; with `probability` CSV has that column, and a
    `brief` table has a line for each picture."""
    if style == "json":
        yield json_line(result.to_dict())
    elif style == "csv":
        yield from csv_lines(result, probability=probability)
    elif brief:
        if not result.error:
            yield names_line(result)
    else:
        yield from text(result)
