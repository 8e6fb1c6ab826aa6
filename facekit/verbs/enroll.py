"""Add people to a gallery from their pictures."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import chain
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from facekit.errors import UsageError
from facekit.faces.reading import Options, Reading
from facekit.library import erasure
from facekit.people import enrollment, photos_to_enroll
from facekit.people.chosen_face import enroll_chosen, enroll_face, face_or_box
from facekit.people.enroll_report import EnrollReport
from facekit.people.outcomes import Outcome
from facekit.pictures import folders
from facekit.pictures.inputs import Inputs, NamedPicture, Source, listed, name_of
from facekit.text.counting import counted
from facekit.text.subject_names import subject_name
from facekit.verbs.camera import camera_hint
from facekit.verbs.enroll_groups import enroll_groups
from facekit.verbs.galleries import AnyGallery, place_to_write, to_write
from facekit.verbs.listeners import OnLeftOut, OnNote, OnProgress, no_note, no_progress, nothing_left_out
from facekit.verbs.pictures import place_of
from facekit.verbs.rehearsal import rehearsal

if TYPE_CHECKING:
    from facekit.faces.pipeline import Pipeline
    from facekit.gallery.base import Gallery
    from facekit.people.clustering import Sighting


def enroll(
    paths: Inputs,
    gallery: AnyGallery | None = None,
    *,
    subject: str | None = None,
    from_xmp: bool = False,
    face: int | None = None,
    box: tuple[float, float, float, float] | None = None,
    groups: str | PathLike[str] | None = None,
    strict: bool = False,
    again: bool | None = None,
    accept_mixed: bool = False,
    accept_poor: bool = False,
    only_add: bool = False,
    dry_run: bool = False,
    options: Options | None = None,
    pipeline: Pipeline | None = None,
    on_result: Callable[[Outcome], None] = lambda outcome: None,
    on_note: OnNote = no_note,
    on_progress: OnProgress = no_progress,
    on_left_out: OnLeftOut = nothing_left_out,
) -> EnrollReport:
    """Enroll folders with a sub-folder for each person, or pictures of one `subject`.

    Without `gallery`: `FACEKIT_GALLERY`, else `./gallery.db` if it is there, else the gallery in the folder
    if it is called `gallery` or holds one, else `./gallery/gallery.db` if it is there, else the user's own.
    With `from_xmp` the paths are photos and folders of any kind, and who is where in them is what other
    programs wrote into their metadata: into sidecars, the photos, or `.picasa.ini`.
    With `face`, the number that tables and annotated pictures show, or `box` (x, y, width and height in
    pixels of the upright picture), that face of the one picture is the person's, whatever else is in it.
    With `groups`, the JSON that `facekit cluster` wrote, the one path is the table (CSV) that the page of its
    `review` saved: whose the faces of each group are, which do not belong to it, and whom nobody wants to
    know. The last two become facts of the gallery (`gallery_facts`), so that they are not proposed again.
    What cannot be enrolled is in the report with its reasons; `strict` refuses pictures of poor quality or
    doubtful identity, `again` takes what was removed earlier (without a word about it, only a face that is
    pointed at by `face` or `box`), `accept_mixed` a folder whose faces are not one person's, `accept_poor`
    pictures so poor that strangers would be taken for the person. With `only_add` nothing that is stored
    gives way: a face that somebody else has stays theirs. `on_result` has each outcome once it is stored.
    With `dry_run` all is done on a copy of the gallery, which is gone afterwards: nothing is stored, and the
    report says what would be.
    """
    inputs, options = listed(paths), Options.of(options)
    if dry_run:
        pipeline = options.pipeline_or(pipeline)
        place = place_to_write(gallery, None if subject else photos_to_enroll.home(inputs))
        with rehearsal(place, on_note, named=gallery, fingerprint=pipeline.fingerprint) as tried:
            report = enroll(
                [*inputs],
                tried.copy,
                subject=subject,
                from_xmp=from_xmp,
                groups=groups,
                face=face,
                box=box,
                strict=strict,
                again=again,
                accept_mixed=accept_mixed,
                accept_poor=accept_poor,
                only_add=only_add,
                options=options,
                pipeline=pipeline,
                on_result=lambda outcome: on_result(tried.outcome(outcome)),
                on_note=tried.note,
                on_progress=on_progress,
                on_left_out=on_left_out,
            )
            tried_outcomes = tuple(map(tried.outcome, report.outcomes))
        return replace(report, outcomes=tried_outcomes, gallery=None, templates=0, camera=None)
    pointed_at = face is not None or box is not None
    again = pointed_at if again is None else again
    rules = enrollment.Rules(strict, again, accept_mixed, accept_poor, only_add=only_add)
    if groups is not None:
        if from_xmp or subject is not None or face is not None or box is not None:
            raise UsageError("groups: the table says whose faces they are: give no subject, face, box or xmp")
        table = _one_table(inputs)
        listeners = (on_result, on_note, on_progress)
        return enroll_groups(place_of(groups, "groups"), table, gallery, rules, options, pipeline, listeners)
    if from_xmp:
        if subject is not None or face is not None or box is not None:
            raise UsageError("from xmp: the metadata says whose faces they are: give no subject, face or box")
        return _enroll_marked(inputs, gallery, rules, options, pipeline, on_result, on_note, on_progress)
    plan = photos_to_enroll.plan(inputs, subject)
    one = subject is not None and len(plan.photos) == 1
    chosen = face_or_box(face, box, one=one, needs="give one, and --subject NAME")
    for remark in plan.remarks():
        on_note(remark)
    if plan.left_out:
        on_left_out(plan.left_out)
    pipeline = options.pipeline_or(pipeline)
    outcomes: list[Outcome] = []
    with to_write(gallery, pipeline, None if subject else photos_to_enroll.home(inputs), on_note) as opened:
        on_progress(0, len(plan.photos))
        try:
            found: Iterable[Outcome]
            if chosen is None:
                found = enrollment.enroll(
                    opened, plan.photos, rules=rules, options=options, pipeline=pipeline
                )
            else:
                found = [enroll_face(opened, plan.photos[0], chosen, rules, options, pipeline)]
            for outcome in found:
                outcomes.append(outcome)
                on_result(outcome)
                on_progress(len(outcomes), len(plan.photos))
        except KeyboardInterrupt:
            on_note(f"stopped after {len(outcomes)} of {len(plan.photos)} pictures; run it again to go on")
            raise
        finally:
            if chosen is not None:  # it may have taken the place of another face
                erasure.finish(opened, on_note)
            erasure.finish_moves(opened, outcomes, on_note)
        return EnrollReport(
            tuple(outcomes),
            plan.left_out,
            plan.without,
            gallery=opened.place,
            templates=len(opened),
            camera=camera_hint(opened, options.embedder),
        )


def enroll_faces(
    faces: Sequence[Sighting],
    gallery: Gallery,
    *,
    subject: str,
    again: bool = False,
    accept_mixed: bool = False,
    accept_poor: bool = False,
    only_add: bool = False,
) -> list[Outcome]:
    """`enroll` for faces that somebody has looked at and says are the subject's: judged together, and stored
    in one transaction. Raises UsageError for two faces of one photo."""
    rules = enrollment.Rules(
        again=again, accept_mixed=accept_mixed, accept_poor=accept_poor, only_add=only_add
    )
    readings = [
        Reading(sighting.source, (sighting.face,), sighting.sha256, in_memory=True) for sighting in faces
    ]
    outcomes = enroll_chosen(gallery, subject_name(subject), readings, rules)
    erasure.finish(gallery)
    return outcomes


def _enroll_marked(
    inputs: Sequence[Source],
    gallery: AnyGallery | None,
    rules: enrollment.Rules,
    options: Options,
    pipeline: Pipeline | None,
    on_result: Callable[[Outcome], None],
    on_note: OnNote,
    on_progress: OnProgress,
) -> EnrollReport:
    """Enroll whom the photos' metadata has."""
    from facekit.metadata.marks import MarkReader
    from facekit.metadata.sidecars import require_photos
    from facekit.people.marked_faces import enroll_marked, marked_photos

    require_photos(inputs)
    paths = [name_of(source) for source in inputs]
    if missing := [path for path in paths if not os.path.lexists(path)]:
        raise UsageError(f"{missing[0]}: no such file or folder")
    listing = folders.list_pictures(inputs)
    for remark in listing.remarks():
        on_note(remark)
    sources = [name_of(source) for source in listing.pictures]
    reader = MarkReader(on_note)
    parts = marked_photos(sources, reader)
    # No gallery is made where nobody is marked.
    first = next((part for part in parts if part[1]), None)
    if first is None:
        raise UsageError(
            f"{', '.join(map(name_of, inputs))}: {counted(len(sources), 'picture')}, and nobody is marked by "
            "name in their metadata (sidecars, XMP in the photos, .picasa.ini)"
        )
    pipeline = options.pipeline_or(pipeline)
    outcomes: list[Outcome] = []
    marks = photos = 0
    with to_write(gallery, pipeline, photos_to_enroll.home(inputs), on_note) as opened:
        on_progress(0, len(sources))
        done = 0
        try:
            for looked_at, part in chain([first], parts):
                marks, photos = marks + sum(len(photo.marks) for photo in part), photos + len(part)
                for outcome in enroll_marked(opened, part, rules=rules, options=options, pipeline=pipeline):
                    outcomes.append(outcome)
                    on_result(outcome)
                done = looked_at
                on_progress(done, len(sources))
        except KeyboardInterrupt:
            on_note(f"stopped after {done} of {len(sources)} pictures; run it again to go on")
            raise
        finally:
            erasure.finish_moves(opened, outcomes, on_note)
        on_note(f"{counted(marks, 'marked face')} in {counted(photos, 'photo')} of {len(sources)}")
        return EnrollReport(
            tuple(outcomes),
            listing.left_out,
            gallery=opened.place,
            templates=len(opened),
            camera=camera_hint(opened, options.embedder),
            problems=tuple(reader.problems),
        )


def _one_table(inputs: Sequence[Source]) -> Path:
    """The table that is the only input. Raises UsageError for anything else."""
    if len(inputs) != 1 or isinstance(inputs[0], NamedPicture) or inputs[0] == "-":
        raise UsageError("groups: give one table, names.csv, beside the groups")
    return Path(inputs[0])
