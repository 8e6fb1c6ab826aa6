"""Who is in each picture: a line a picture, each face with its candidates, or rows of CSV."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from facekit.metadata.metadata_change import MetadataChange
from facekit.rendering.pictures import PictureView, light, picture_line, place
from facekit.results import Identification, PictureResult
from facekit.text.counting import counted, listed, part_of
from facekit.text.escaping import isolated
from facekit.text.tables import WIDTH, cell

COLUMNS = (
    *("source", "face", "x0", "y0", "x1", "y1", "detector_score", "subject", "reason"),
    *("rank", "candidate", "score", "notes", "error", "width", "height"),
)
PROBABILITY = "probability"
"""The further last column, where probabilities are asked for."""

_RATE = re.compile(r"FPIR at most (0\.\d+) ")


class Identified(PictureView[PictureResult]):
    """A line for each picture with the names from left to right; `detailed`, each face with its candidates.

    The first line is `heading`.
    """

    def __init__(
        self, heading: str, *, detailed: bool = False, probability: bool = False, in_place: bool = False
    ) -> None:
        super().__init__()
        self._heading = heading
        self._detailed = detailed
        self._probability = probability
        self.columns = (*COLUMNS, PROBABILITY) if probability else COLUMNS
        self.named = 0
        self._sidecars = Counter[str]()
        self._in_place = in_place

    def heading(self) -> Iterator[str]:
        yield self._heading

    def text(self, result: PictureResult) -> Iterator[str]:
        """Nothing for a picture that could not be read, which is told elsewhere."""
        if result.error:
            return
        if not self._detailed:
            yield names_line(result)
        else:
            yield picture_line(result.source, len(result.faces), result.notes)
            for number, face in enumerate(result.faces, 1):
                yield from _face(number, face)
        if result.xmp:
            yield from sidecar_lines(result.xmp)

    def errors(self, result: PictureResult) -> Iterator[str]:
        yield from super().errors(result)
        for change in changes_of(result.xmp):
            if change.error:
                yield change.error

    def summary(self, *, stopped: bool = False) -> Iterator[str]:
        yield from super().summary(stopped=stopped)
        if counts := self._sidecars:
            planned, what = counts["planned"], "photo" if self._in_place else "sidecar"
            write = "change" if self._in_place else "write"
            first = counted(planned or counts["written"], what)
            first += f" to {write}" if planned else f" {'changed' if self._in_place else 'written'}"
            # A photo with nothing to write may have no sidecar at all.
            same = counts["unchanged"]
            photos = "photo with nothing to write" if same == 1 else "photos with nothing to write"
            yield listed(
                first, (same, "unchanged" if self._in_place else photos), (counts["refused"], "refused")
            )

    def rows(self, result: PictureResult) -> Iterator[Sequence[object]]:
        """A row for each candidate of each face; one row for a picture without faces, or with an error."""
        notes = "; ".join(result.notes) or None
        size = [side or None for side in result.size]
        more = [None] if self._probability else []
        if not result.faces:
            yield [result.source, *[None] * 11, notes, result.error, *size, *more]
        for number, identified_face in enumerate(result.faces, 1):
            values = identified_face.to_dict()
            face = [
                result.source,
                number,
                *values["box"],
                values["detector_score"],
                identified_face.subject,
                identified_face.reason,
            ]
            for candidate in values["candidates"]:
                likely = [candidate.get(PROBABILITY)] if self._probability else []
                shown = (candidate[key] for key in ("rank", "subject", "score"))
                yield [*face, *shown, notes, None, *size, *likely]
            if not identified_face.candidates:
                yield [*face, *[None] * 3, notes, None, *size, *more]

    def count(self, result: PictureResult) -> None:
        super().count(result)
        self.named += sum(face.subject is not None for face in result.faces)
        for change in changes_of(result.xmp):
            # A photo of whose two sidecars one is written is none with nothing to write.
            if change is result.xmp or change.status != "unchanged":
                self._sidecars[change.status] += 1

    def what_was_done(self) -> str:
        return f"{part_of(self.named, self.faces, 'face', 'named')}, in"


def name_needs(
    threshold: float, calibration: str, chosen: float | None = None, *, exact: bool = False
) -> str:
    """What a verdict means: the threshold and how often a stranger reaches it, as far as the `calibration`
    tells; or the threshold that was `chosen`. `exact`: with as many digits as scores have."""
    digits = 4 if exact else 2
    if chosen is not None:
        return f"A name needs {chosen:.{digits}f}, as you asked."
    known = _RATE.match(calibration)
    often = f"; about 1 stranger in {1 / float(known[1]):.0f} gets one" if known else ""
    return f"A name needs {threshold:.{digits}f}{often}."


def names_line(result: PictureResult) -> str:
    """`party.jpg: Ada, unknown, Ben`, the faces from left to right."""
    faces = sorted(result.faces, key=lambda face: face.face.detection.box[0])
    names = ", ".join(_name(face) for face in faces)
    return f"{isolated(result.source)}: {names or 'no face' + light(result.notes)}"


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
    if identified.reason == "like_many":
        return f"unknown (like {', '.join(contenders)} and others)"
    if identified.reason == "denied":
        return f"unknown (not {' or '.join(contenders)}, as was said)"
    if identified.reason in (None, "below_threshold"):
        return "unknown"
    return f"unknown ({identified.reason.replace('_', ' ')})"


def _face(number: int, identified: Identification) -> Iterator[str]:
    where = place(identified.face.detection)
    start = f"{number:4d}  "
    verdict = cell(identified.subject or "unknown", WIDTH - len(start) - 2 - len(where))
    yield f"{start}{verdict}  {where}"
    if reason := why_unknown(identified):
        yield f"{'':6}{cell(reason, WIDTH - 6).rstrip()}"
    for candidate in identified.candidates:
        likely = "" if candidate.probability is None else f"{100 * candidate.probability:5.1f} %  "
        start = f"{candidate.rank:8d}  {candidate.score:7.4f}  {likely}"
        yield start + cell(candidate.subject, WIDTH - len(start)).rstrip()


def changes_of(written: MetadataChange | None) -> Iterator[MetadataChange]:
    """What became of each of a photo's sidecars."""
    while written:
        yield written
        written = written.also


def sidecar_lines(written: MetadataChange) -> Iterator[str]:
    """`  party.jpg.xmp: adds Ada, unknown; Ben instead of Bob; erases Eve`, where something is changed."""
    for change in changes_of(written):
        yield from _sidecar_line(change)


def _sidecar_line(written: MetadataChange) -> Iterator[str]:
    changes = []
    if written.added:
        changes.append("adds " + ", ".join(isolated(name or "unknown") for name in written.added))
    changes += [
        f"{isolated(name)} instead of {isolated(before or 'no name')}" for before, name in written.named
    ]
    if written.status != "unchanged" and written.listed and not changes:
        changes.append("lists " + ", ".join(map(isolated, written.listed)))
    if written.erased:
        changes.append("erases " + ", ".join(map(isolated, written.erased)))
    if changes:
        yield f"  {isolated(written.file)}: {'; '.join(changes)}"


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
    if identified.reason == "like_many":
        return f"like {names}, and nearly as like others: too poor a picture to tell"
    if identified.reason == "denied":
        return f"like {names}, who it is not, as was said"
    return None
