"""The run of `facekit enroll`: tell what became of each picture once it is stored, and sum up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from facekit import hints, hygiene
from facekit.enrolment import EnrolReport
from facekit.outcomes import Outcome, Photo
from facekit.rendering.counting import counted, listed
from facekit.rendering.escaping import json_line
from facekit.rendering.identified import csv_line
from facekit.rendering.tables import WIDTH, fit, shown

if TYPE_CHECKING:
    from facekit.cli.console import Console
    from facekit.gallery.sqlite.gallery import Gallery

_CSV_COLUMNS = ("source", "subject", "status", "problems", "notes")
_COUNTS = ("enrolled", "moved", "already there", "removed earlier", "refused")
_NAME = WIDTH - sum(len(title) + 2 for title in _COUNTS)


class Enrolling:
    """Prints outcomes as they come: a line for each person, or a row for each picture."""

    def __init__(self, console: Console, style: str, gallery: Gallery, embedder: Path | None = None) -> None:
        self.console = console
        self.style = style
        self.gallery = gallery
        self.embedder = embedder
        self.outcomes: list[Outcome] = []

    def run(self, photos: Sequence[Photo], outcomes: Iterator[Outcome]) -> EnrolReport:
        """Print all outcomes and the summary; the summary also when the user interrupts."""
        try:
            self._heading()
            told = self._told(outcomes, len(photos))
            for subject, group in groupby(told, key=lambda outcome: outcome.subject):
                self._subject(subject, list(group))
        except KeyboardInterrupt:
            self._summary(
                f"stopped after {len(self.outcomes)} of {len(photos)} pictures; run it again to go on"
            )
            raise
        self._summary()
        return EnrolReport(tuple(self.outcomes))

    def _told(self, outcomes: Iterator[Outcome], total: int) -> Iterator[Outcome]:
        for outcome in outcomes:
            self.outcomes.append(outcome)
            if self.style == "json":
                self.console.emit(json_line(outcome.to_dict()))
            elif self.style == "csv":
                lists = ("; ".join(outcome.problems), "; ".join(outcome.notes))
                self.console.emit(csv_line([outcome.source, outcome.subject, outcome.status, *lists]))
            self._remarks(outcome)
            self.console.progress(len(self.outcomes), total)
            yield outcome

    def _remarks(self, outcome: Outcome) -> None:
        where = outcome.source
        for note in outcome.notes:
            self.console.note(f"{where}: {note}")
        problems = "; ".join(outcome.problems)
        if outcome.mixed:
            if not any(other.mixed and other.subject == outcome.subject for other in self.outcomes[:-1]):
                self.console.error(f"{outcome.subject}: {outcome.problems[0]}; none of the folder enrolled")
        elif outcome.status == "refused":
            lead = "" if problems.startswith(where) else f"{where}: "
            self.console.error(f"{lead}{problems}; not enrolled")
        elif problems:
            self.console.note(f"{where}: {problems}; enrolled all the same (--strict refuses)")

    def _heading(self) -> None:
        if self.style == "csv":
            self.console.emit(csv_line(_CSV_COLUMNS))
        elif self.style == "table":
            self.console.emit(fit("subject", _NAME) + "".join(f"  {title}" for title in _COUNTS))

    def _subject(self, name: str, outcomes: Sequence[Outcome]) -> None:
        if self.style == "table":
            counts = Counter(outcome.status for outcome in outcomes)
            cells = (f"  {counts[title]:>{len(title)}}" for title in _COUNTS)  # type: ignore[index]
            self.console.emit(shown(name, _NAME) + "".join(cells))

    def _summary(self, first: str | None = None) -> None:
        report = EnrolReport(tuple(self.outcomes))
        if first:
            self.console.note(first)
        of = counted(len(report.subjects), "person", "people")
        self.console.note(
            listed(
                f"{report.count('enrolled')} enrolled of {of}" if report.subjects else "nothing enrolled",
                (report.count("already there"), "already there"),
                (report.count("refused"), "refused"),
            )
        )
        for name in report.missing:
            self.console.note(f"{name}: no picture of theirs could be enrolled")
        if moved := report.count("moved"):
            self.console.note(f"  {moved} moved from another name")
        if removed := report.count("removed earlier"):
            self.console.note(f"  removed earlier: {removed} (--again takes them)")
        if doubtful := sum(outcome.doubtful for outcome in self.outcomes):
            check = hints.check_people(self.gallery.path)
            self.console.note(f"  {doubtful} enrolled that may be of somebody else; look at them: {check}")
        for reason, count in report.refusals():
            self.console.note(f"  {count} refused: {reason}")
        tell_poor(self.console, self.gallery, self.embedder)
        if len(self.gallery):
            self.console.note(f"use it: {hints.identify(self.gallery.path, self.embedder)}")


def tell_poor(console: Console, gallery: Gallery, embedder: Path | None) -> None:
    """Say that a gallery is of a poor camera, where strangers would be named."""
    if words := hygiene.camera(gallery):
        of_threshold = hints.calibrate(
            gallery.path, len(gallery), embedder, calibration=gallery.settings.calibration.description
        )
        console.note(f"{gallery.path}: {words}; set it for them: {of_threshold}")
