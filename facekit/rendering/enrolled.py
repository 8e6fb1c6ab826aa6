"""What became of the pictures that were enrolled: a line for each person, or a row for each picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from facekit import hints
from facekit.output.view import View
from facekit.people.enroll_report import EnrollReport
from facekit.people.outcomes import ENROLLED_AS, Outcome, decisive
from facekit.text.counting import counted, listed
from facekit.text.tables import WIDTH, cell, fit

_COUNTS = ("enrolled", "moved", "already there", "removed earlier", "refused")
_NAME = WIDTH - sum(len(title) + 2 for title in _COUNTS)


class Enrolled(View[Outcome]):
    """`report` is there at the end, unless the user interrupted. In a `dry_run` nothing was stored."""

    columns = ("source", "subject", "status", "problems", "notes")

    def __init__(self, embedder: Path | None = None, *, dry_run: bool = False) -> None:
        self._would = "would be " if dry_run else ""
        self.report: EnrollReport | None = None
        self._embedder = embedder
        self._outcomes: list[Outcome] = []
        self._of_subject: list[Outcome] = []
        self._began = False
        self._folder = _FolderNotes()
        self._folder_errors: set[tuple[str, str]] = set()

    def text(self, result: Outcome) -> Iterator[str]:
        """The line of a person, when the next one's pictures begin."""
        if self._of_subject and self._of_subject[0].subject != result.subject:
            yield from self.ending()
        self._of_subject.append(result)

    def ending(self) -> Iterator[str]:
        if self._of_subject:
            # Not before: what is said of the pictures comes first, and may be all.
            if not self._began:
                yield fit("subject", _NAME) + "".join(f"  {title}" for title in _COUNTS)
            self._began = True
            counts = Counter[str](outcome.status for outcome in self._of_subject)
            cells = (f"  {counts[title]:>{len(title)}}" for title in _COUNTS)
            yield cell(self._of_subject[0].subject, _NAME) + "".join(cells)
            self._of_subject = []

    def rows(self, result: Outcome) -> Iterator[Sequence[object]]:
        lists = ("; ".join(result.problems), "; ".join(result.notes))
        yield [result.source, result.subject, result.status, *lists]

    def count(self, result: Outcome) -> None:
        self._outcomes.append(result)

    def errors(self, result: Outcome) -> Iterator[str]:
        """What stopped a picture; what stopped its whole folder, once."""
        if result.status != "refused":
            return
        of_folder = [problem for problem in result.problems if problem in result.of_folder]
        if of_folder:
            reason = (result.subject, of_folder[0])
            if reason not in self._folder_errors:
                none = "none of the folder enrolled" if result.mixed else "not enrolled"
                yield f"{result.subject}: {of_folder[0]}; {none}"
            self._folder_errors.add(reason)
            return
        problems = "; ".join(decisive(result.problems))
        lead = "" if problems.startswith(result.source) else f"{result.source}: "
        yield f"{lead}{problems}; not enrolled"

    def notes(self, result: Outcome) -> Iterator[str]:
        yield from self._folder.before(result)
        yield from (f"{result.source}: {note}" for note in result.notes if note not in result.of_folder)
        if result.problems and result.status != "refused":
            problems = "; ".join(result.problems)
            yield f"{result.source}: {problems}; enrolled all the same (--strict refuses)"

    def summary(self, *, stopped: bool = False) -> Iterator[str]:
        yield from self._folder.lines()
        report = self.report or EnrollReport(tuple(self._outcomes))
        enrolled, of = report.count("enrolled"), counted(len(report.subjects), "person", "people")
        yield listed(
            f"{enrolled} {self._would}enrolled of {of}" if enrolled else "nothing enrolled",
            (report.count("already there"), "already there"),
            (report.count("refused"), "refused"),
        )
        told = {name for name, _ in self._folder_errors}
        missing = (name for name in report.missing if name not in told)
        yield from (f"{name}: no picture of theirs could be enrolled" for name in missing)
        if moved := report.count("moved"):
            yield f"  {moved} {self._would}moved from another name"
        removed = report.count("removed earlier")
        elsewhere = sum(
            outcome.status == "removed earlier"
            and any(note.startswith(ENROLLED_AS) for note in outcome.notes)
            for outcome in report.outcomes
        )
        if elsewhere:
            yield f"  removed earlier, and enrolled under another name now: {elsewhere}"
        if removed > elsewhere:
            yield f"  removed earlier: {removed - elsewhere} (--again takes them)"
        if report.gallery and (doubtful := sum(outcome.doubtful for outcome in report.outcomes)):
            check = hints.check_people(report.gallery)
            yield f"  {doubtful} enrolled that may be of somebody else; look at them: {check}"
        yield from (f"  {count} refused: {reason}" for reason, count in report.refusals())
        if report.camera:
            yield report.camera
        if report.gallery and report.subjects:
            yield f"use it: {hints.identify(report.gallery, self._embedder)}"

    def failed(self, error_printed: bool) -> bool:
        """A picture without a face is told as an error, and is none of the command."""
        return self.report is not None and self.report.failed

    @property
    def without_face(self) -> bool:
        return self.report is not None and self.report.without_face


class EnrolledByMarks(Enrolled):
    """The same of people who are marked in photos: a photo may be of several, who are told apart."""

    def text(self, result: Outcome) -> Iterator[str]:
        """Nothing until the end: everybody may be in every photo."""
        return iter(())

    def ending(self) -> Iterator[str]:
        for subject in sorted({outcome.subject for outcome in self._outcomes}):
            self._of_subject = [outcome for outcome in self._outcomes if outcome.subject == subject]
            yield from super().ending()

    def errors(self, result: Outcome) -> Iterator[str]:
        yield from (f"{result.subject} in {error}" for error in super().errors(result))

    def notes(self, result: Outcome) -> Iterator[str]:
        for note in super().notes(result):
            yield f"{result.subject} in {note}" if note.startswith(f"{result.source}: ") else note


class _FolderNotes:
    """Notes that a person's pictures share: a line for all of them, once the next person's begin."""

    def __init__(self) -> None:
        self._subject = ""
        self._sources: dict[str, list[str]] = {}
        self._more: dict[str, str] = {}

    def before(self, outcome: Outcome) -> Iterator[str]:
        """The lines of the person before, if there was one; and the outcome's notes are taken."""
        if outcome.subject != self._subject:
            yield from self.lines()
            self._subject = outcome.subject
        for note in outcome.notes:
            if note in outcome.of_folder:
                shared, _, more = note.partition("; ")
                self._sources.setdefault(shared, []).append(outcome.source)
                self._more[shared] = more or self._more.get(shared, "")

    def lines(self) -> Iterator[str]:
        """The lines of the person so far."""
        for note, sources in self._sources.items():
            more = f"; {self._more[note]}" if self._more[note] else ""
            if len(sources) == 1:
                yield f"{sources[0]}: {note}{more}"
            else:
                yield f"{self._subject}: {counted(len(sources), 'picture')} {note}{more}"
        self._sources, self._more = {}, {}
