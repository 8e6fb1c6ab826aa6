"""What a sync changes: a line for all photos of one kind, or a row for each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from facekit.gallery.templates import file_name
from facekit.output.view import View
from facekit.people.enroll_report import by_reason
from facekit.people.outcomes import decisive
from facekit.people.syncing import SyncChange
from facekit.text.counting import counted, listed
from facekit.text.escaping import isolated
from facekit.text.tables import WIDTH, cell

_FEW = 3


class Synced(View[SyncChange]):
    """At the end a line for each kind of change and person."""

    columns = ("action", "source", "subject", "holder", "status", "problems", "notes")

    def __init__(self, *, dry_run: bool = False) -> None:
        self._changes: list[SyncChange] = []
        self._dry_run = dry_run
        self.agreed = True
        self.refused = False

    def ending(self) -> Iterator[str]:
        yield from lines(self._changes)

    def rows(self, result: SyncChange) -> Iterator[Sequence[object]]:
        lists = ("; ".join(result.problems), "; ".join(result.notes))
        yield [result.action, result.source, result.subject, result.holder, result.status, *lists]

    def count(self, result: SyncChange) -> None:
        self._changes.append(result)

    def errors(self, result: SyncChange) -> Iterator[str]:
        if result.status == "refused":
            problems = "; ".join(decisive(result.problems))
            lead = "" if problems.startswith(result.source) else f"{result.source}: "
            yield f"{lead}{problems}; not enrolled"

    def notes(self, result: SyncChange) -> Iterator[str]:
        yield from (f"{result.source}: {note}" for note in result.notes)
        if result.problems and result.status != "refused":
            yield f"{result.source}: {'; '.join(result.problems)}; enrolled all the same (--strict refuses)"

    def summary(self, *, stopped: bool = False) -> Iterator[str]:
        if not self.agreed:
            yield "nothing was changed"
            return
        statuses = Counter(change.status for change in self._changes)
        kept = {
            status: statuses[status] for status in ("already there", "removed earlier", "kept", "refused")
        }
        made = len(self._changes) - sum(kept.values())
        if not self._changes:
            yield "nothing to do: nothing has changed in what the gallery follows"
        else:
            changes = counted(made, "change") if made else "no change"
            done = "would be made" if self._dry_run else "made"
            yield listed(f"{changes} {done}", *((count, status) for status, count in kept.items()))
        refused = (change for change in self._changes if change.status == "refused")
        for reason, count in by_reason((change.source, change.problems) for change in refused):
            yield f"  {count} refused: {reason}"

    def failed(self, error_printed: bool) -> bool:
        return self.refused


def lines(changes: Iterable[SyncChange]) -> Iterator[str]:
    """`added  3 photos of Ada: 1.jpg, 2.jpg, 3.jpg`, for each kind of change."""
    groups: dict[tuple[str, str, str | None, str], list[SyncChange]] = {}
    for change in changes:
        groups.setdefault((change.action, change.subject, change.holder, change.status), []).append(change)
    for (action, subject, holder, status), group in groups.items():
        what = action if status == "planned" else status
        if action == "rename" and holder:
            photos = counted(len(group), "photo")
            line = f"{what:8}  {isolated(holder)} to {isolated(subject)}, with {photos}"
            yield cell(line, WIDTH).rstrip()
            continue
        names = ", ".join(isolated(file_name(change.source)) for change in group[:_FEW])
        more = ", …" if len(group) > _FEW else ""
        whose = f"of {isolated(holder)} to" if action == "move" and holder else "of"
        line = f"{what:8}  {counted(len(group), 'photo')} {whose} {isolated(subject)}: {names}{more}"
        yield cell(line, WIDTH).rstrip()
