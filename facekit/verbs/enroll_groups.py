"""Enroll whom a user has named in the page of `facekit cluster --review`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from facekit.errors import GalleryError
from facekit.faces.reading import Options
from facekit.library import erasure
from facekit.people import enrollment, face_facts
from facekit.people.enroll_report import EnrollReport
from facekit.people.marked_faces import CHUNK, MarkedPhoto, enroll_marked
from facekit.people.named_groups import Answers, GroupFace, read_answers
from facekit.people.outcomes import Outcome
from facekit.text.counting import counted
from facekit.verbs.camera import camera_hint
from facekit.verbs.galleries import AnyGallery, to_write
from facekit.verbs.listeners import OnNote, OnProgress

if TYPE_CHECKING:
    from facekit.faces.pipeline import Pipeline
    from facekit.gallery.base import Gallery

Listeners = tuple[Callable[[Outcome], None], OnNote, OnProgress]


def enroll_groups(
    groups: Path,
    table: Path,
    gallery: AnyGallery | None,
    rules: enrollment.Rules,
    options: Options,
    pipeline: Pipeline | None,
    listeners: Listeners,
) -> EnrollReport:
    """Enroll the faces that have names, and record what was said of the others."""
    on_result, on_note, on_progress = listeners
    answers = read_answers(groups, table)
    if answers.blank:
        on_note(f"{table}: {counted(answers.blank, 'row')} without a name passed over")
    pipeline = options.pipeline_or(pipeline)
    photos = [MarkedPhoto(source, tuple(marks)) for source, marks in answers.named.items()]
    outcomes: list[Outcome] = []
    with to_write(gallery, pipeline, None, on_note) as opened:
        on_progress(0, len(photos))
        done = 0
        try:
            for start in range(0, len(photos), CHUNK):
                part = photos[start : start + CHUNK]
                for outcome in enroll_marked(opened, part, rules=rules, options=options, pipeline=pipeline):
                    outcomes.append(outcome)
                    on_result(outcome)
                done = start + len(part)
                on_progress(done, len(photos))
        except KeyboardInterrupt:
            on_note(f"stopped after {done} of {len(photos)} pictures; run it again to go on")
            raise
        finally:
            erasure.finish_moves(opened, outcomes, on_note)
        problems = _record(opened, answers, options, pipeline, on_note)
        return EnrollReport(
            tuple(outcomes),
            gallery=opened.place,
            templates=len(opened),
            camera=camera_hint(opened, options.embedder),
            problems=tuple(problems),
        )


def _record(
    gallery: Gallery, answers: Answers, options: Options, pipeline: Pipeline, on_note: OnNote
) -> list[str]:
    """Record what is no enrollment; what could not be, in lines."""
    people = set(gallery.names())
    # If the person is not enrolled, there is nobody for whom a face could be taken.
    said: list[tuple[GroupFace, str | None]] = [
        *((face, name) for name, face in answers.not_subject if name in people),
        *((face, None) for face in answers.ignored),
    ]
    problems: list[str] = []
    counts, named = Counter[str](), Counter[str]()
    for fact in face_facts.group_facts(said, options, pipeline, problems):
        if fact.kind == "ignored" and (holder := face_facts.taken_for(gallery, fact)):
            named[holder] += 1
            continue
        try:
            [recorded] = gallery.record([fact])
            counts[recorded.kind] += recorded.status == "recorded"
        except GalleryError as error:
            problems.append(f"{fact.source}: {error}")
    if count := counts["not_subject"]:
        on_note(f"{counted(count, 'face')} recorded as not of the group's person")
    if count := counts["ignored"]:
        on_note(f"{counted(count, 'face')} recorded as to be ignored")
    if named:
        on_note(face_facts.keeps_names(named))
    return problems
