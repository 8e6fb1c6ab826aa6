"""Make a gallery what its folders are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from facekit.errors import UsageError
from facekit.faces.reading import Options
from facekit.gallery.places import Place
from facekit.people import enrollment, photos_to_enroll, syncing
from facekit.people.outcomes import NO_FACE
from facekit.people.syncing import Plan, SyncChange
from facekit.pictures.inputs import Inputs, listed, name_of
from facekit.pictures.remote import refuse
from facekit.verbs.galleries import AnyGallery, place_to_write, to_write
from facekit.verbs.listeners import OnLeftOut, OnNote, OnProgress, no_note, no_progress, nothing_left_out
from facekit.verbs.rehearsal import Rehearsal, rehearsal

if TYPE_CHECKING:
    from facekit.faces.pipeline import Pipeline
    from facekit.gallery.base import Gallery


@dataclass(frozen=True)
class SyncReport:
    """What was changed, or would be; the `gallery`; and whether the user `agreed`."""

    changes: tuple[SyncChange, ...]
    gallery: Place
    agreed: bool = True

    def count(self, status: str) -> int:
        return sum(change.status == status for change in self.changes)

    @property
    def failed(self) -> bool:
        """Whether a photo was refused for anything but having no face."""
        refused = (change for change in self.changes if change.status == "refused")
        return any(change.problems != (NO_FACE,) for change in refused)


def _nobody_asked(plan: Plan) -> bool:
    raise UsageError("sync changes the gallery: --yes makes the changes, --dry-run shows them")


def sync(
    paths: Inputs,
    gallery: AnyGallery | None = None,
    *,
    yes: bool = False,
    dry_run: bool = False,
    again: bool = False,
    strict: bool = False,
    accept_mixed: bool = False,
    accept_poor: bool = False,
    options: Options | None = None,
    pipeline: Pipeline | None = None,
    confirm: Callable[[Plan], bool] = _nobody_asked,
    on_result: Callable[[SyncChange], None] = lambda change: None,
    on_note: OnNote = no_note,
    on_progress: OnProgress = no_progress,
    on_left_out: OnLeftOut = nothing_left_out,
) -> SyncReport:
    """Make the gallery what folders with a sub-folder for each person are: photos that were added there are
    enrolled as by `enroll`, those that lie in another person's folder change their person, and those that are
    gone are removed. A photo that lies there and was enrolled from elsewhere, as from the groups of `cluster`
    or a folder that is gone, is followed from now on; where most of such a folder lies here, it was moved,
    and what is gone from it since is removed. Whoever was not enrolled from these folders is left alone, and
    so is what a user removed, renamed or moved by hand, unless `again`.

    `confirm` is asked about the plan unless `yes`; with `dry_run` all is done on a copy of the gallery, and
    the report says what would be, also which photos would be refused. `on_result` has each change once it is
    stored. Raises UsageError for what is no such folder, or where none has a picture:
    one that is not mounted must not empty a gallery, and of several one without a picture loses nothing, nor
    does a person whose folder has none.
    """
    inputs, options = listed(paths), Options.of(options)
    refuse(inputs, "sync compares a gallery with")
    listing = photos_to_enroll.plan(inputs, single="give the folder around those of the people")
    for remark in listing.remarks():
        on_note(remark)
    if listing.left_out:
        on_left_out(listing.left_out)
    folders, home = [name_of(source) for source in inputs], photos_to_enroll.home(inputs)
    place = place_to_write(gallery, home)
    pipeline = options.pipeline_or(pipeline)
    rules = enrollment.Rules(strict, again, accept_mixed, accept_poor)
    if dry_run:
        with rehearsal(place, on_note, named=gallery, fingerprint=pipeline.fingerprint) as tried:
            expected: list[SyncChange] = []
            with to_write(tried.copy, pipeline) as opened:
                plan = _planned(opened, listing, folders, tried.note, again=again)
                on_progress(0, len(plan.changes))
                for change in syncing.carry_out(
                    opened, plan, rules=rules, options=options, pipeline=pipeline
                ):
                    expected.append(_expected(change, tried))
                    on_result(expected[-1])
                    on_progress(min(len(expected), len(plan.changes)), len(plan.changes))
        return SyncReport(tuple(expected), place)
    from facekit.library import erasure

    with to_write(gallery, pipeline, home, on_note) as opened:
        plan = _planned(opened, listing, folders, on_note, again=again)
        if plan.changes and not yes and not confirm(plan):
            return SyncReport((), place, agreed=False)
        total, done = len(plan.changes), []
        on_progress(0, total)
        try:
            for change in syncing.carry_out(opened, plan, rules=rules, options=options, pipeline=pipeline):
                done.append(change)
                on_result(change)
                on_progress(min(len(done), total), total)
        except KeyboardInterrupt:
            on_note(f"stopped after {len(done)} of {total} changes; run it again to go on")
            raise
        finally:
            erasure.finish(opened, on_note)
        return SyncReport(tuple(done), place)


def _expected(change: SyncChange, tried: Rehearsal) -> SyncChange:
    """A change that was tried on a copy, as one that is planned; or that would not come about."""
    problems, notes = (tuple(map(tried.words, lines)) for lines in (change.problems, change.notes))
    made = change.status not in ("refused", "already there", "removed earlier", "kept")
    return replace(change, status="planned" if made else change.status, problems=problems, notes=notes)


def _planned(
    gallery: Gallery, listing: photos_to_enroll.Plan, folders: list[str], on_note: OnNote, *, again: bool
) -> Plan:
    plan = syncing.plan(gallery, listing, folders, again=again)
    for words in plan.held:
        on_note(words)
    if plan.blocked:
        on_note(f"{plan.blocked} removed, renamed or moved by hand stay as they are (--again takes them)")
    return plan
