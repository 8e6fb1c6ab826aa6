"""How often is it wrong? Error rates on the user's own pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from facekit.arguments import number_of, paths_of
from facekit.errors import FacekitError, UsageError
from facekit.evaluation import (
    groups,
    identification_report,
    people_table,
    pictures,
    protocols,
    verification_report,
)
from facekit.evaluation import pairs as lists
from facekit.evaluation import scores as score_files
from facekit.evaluation.comparisons import Comparisons
from facekit.evaluation.evaluations import Evaluation, identification_groups, verification_groups
from facekit.evaluation.protocols import Measured, Splits, Vectorizer
from facekit.evaluation.scores import IdentificationScores, VerificationScores
from facekit.faces.reading import Options
from facekit.gallery.places import AnyPlace, Place, is_address, place_of
from facekit.text.counting import counted
from facekit.verbs.listeners import OnNote, OnProgress, OnStage, no_note, no_progress, no_stage
from facekit.verbs.pictures import folder_of
from facekit.verbs.reports import Report

if TYPE_CHECKING:
    from facekit.evaluation.identification_report import IdentificationReport
    from facekit.evaluation.verification_report import VerificationReport

AnyPath = str | PathLike[str]

_READING = "reading the pictures"
_COUNTING = "counting errors and drawing their intervals"


def evaluate_verification(
    images: AnyPath | None = None,
    *,
    vectors: AnyPath | Sequence[AnyPath] = (),
    pairs: AnyPath | None = None,
    aligned: bool = False,
    flip: bool = False,
    threshold: float | None = None,
    group_by: str | None = None,
    scores: AnyPath | None = None,
    from_scores: AnyPath | None = None,
    report: AnyPath | None = None,
    mistakes: bool = False,
    options: Options | None = None,
    on_note: OnNote = no_note,
    on_progress: OnProgress = no_progress,
    on_stage: OnStage = no_stage,
) -> Evaluation[VerificationReport]:
    """Error rates of 1:1 comparisons: the pairs of a list (LFW's `pairs.txt`, a CSV with a, b and mated, an
    InsightFace .bin) of pictures in the folder `images`, or without a list every picture against every other
    of a folder with a sub-folder for each person.

    `vectors` are the files of all shards that `embed` wrote of the photos, which are then not read again.
    `aligned` takes the pictures for crops, `flip` averages each vector with its mirror image's. Every score
    is written to the file `scores`; `from_scores` measures from such a file again. `group_by` is a column of
    the list. A page in plain words with plots is written into the folder `report`, with `mistakes` the faces
    of the worst ones too. Raises UsageError for lists and folders that do not fit.
    """
    files = [Path(path) for path in paths_of(vectors, "the vectors")]
    source = Vectorizer(Options.of(options), aligned, flip, on_progress, on_note, files)
    run = _Run(source, threshold, group_by, scores, report, mistakes, on_note, on_stage)
    folder, listed, file = _places(images=images, pairs=pairs, from_scores=from_scores)
    run.prepare(folder, listed, file, *files)
    if file is not None:
        _alone(file, vectors=files or None, pairs=listed, images=None if mistakes else folder)
        measured = Measured(score_files.read_verification(file), {"scores": str(file)})
    else:
        on_stage(_READING)
        measured = run.compare(listed, folder)
    found = measured.scores
    assert isinstance(found, VerificationScores | Comparisons)
    run.save(found)
    on_stage(_COUNTING)
    made = run.verification_report(found, measured)
    grouped = None
    if group_by:
        assert isinstance(found, VerificationScores)
        grouped = verification_groups(found, group_by, run.threshold, made)
    run.write(found, made)
    return Evaluation(made, grouped, measured.problems)


def evaluate_identification(
    images: AnyPath | None = None,
    *,
    vectors: AnyPath | Sequence[AnyPath] = (),
    gallery: AnyPlace | None = None,
    gallery_photos: int = 1,
    strangers: float | None = None,
    splits: int = 5,
    seed: int = 0,
    people: AnyPath | None = None,
    aligned: bool = False,
    flip: bool = False,
    threshold: float | None = None,
    group_by: str | None = None,
    scores: AnyPath | None = None,
    from_scores: AnyPath | None = None,
    report: AnyPath | None = None,
    mistakes: bool = False,
    options: Options | None = None,
    on_note: OnNote = no_note,
    on_progress: OnProgress = no_progress,
    on_stage: OnStage = no_stage,
) -> Evaluation[IdentificationReport]:
    """Error rates of 1:N searches for the people of a folder with a sub-folder for each person.

    In each of `splits` random divisions `strangers` (a share below 1, or a number; half of a folder's people,
    none of a gallery's) are left out of the gallery, `gallery_photos` photos of each other are enrolled, and
    the rest is searched for; or the photos are searched for in `gallery`, a gallery or a folder of people.
    `people` is a CSV with a column subject and others to `group_by`; the rest is as for
    `evaluate_verification`. Raises UsageError for a folder that does not fit.
    """
    files = [Path(path) for path in paths_of(vectors, "the vectors")]
    source = Vectorizer(Options.of(options), aligned, flip, on_progress, on_note, files)
    share = strangers if strangers is not None else 0.0 if gallery else 0.5
    plan = Splits(gallery_photos, share, splits if share else 1, seed)
    run = _Run(source, threshold, group_by, scores, report, mistakes, on_note, on_stage)
    folder, table, file = _places(images=images, people=people, from_scores=from_scores)
    known = _enrolled_at(gallery)
    run.prepare(folder, known if isinstance(known, Path) else None, table, file, *files)
    columns = None if table is None else people_table.read_people(table)
    if file is not None:
        _alone(file, vectors=files or None, gallery=gallery, images=None if mistakes else folder)
        measured = Measured(score_files.read_identification(file), {"scores": str(file)})
    else:
        if group_by:
            groups.require(group_by, ["person", *(people_table.columns_of(columns) if columns else [])])
        on_stage(_READING)
        measured = run.search(folder, known, plan)
    found = measured.scores
    assert isinstance(found, IdentificationScores)
    if columns is not None:
        found = people_table.with_people(found, columns)
    run.save(found)
    on_stage(_COUNTING)
    made = run.identification_report(found, measured)
    grouped = identification_groups(found, group_by, run.threshold, made) if group_by else None
    run.write(found, made)
    return Evaluation(made, grouped, (*run.problems, *measured.problems))


class _Run:
    """What both kinds of measuring have in common."""

    def __init__(
        self,
        source: Vectorizer,
        threshold: float | None,
        group_by: str | None,
        scores: AnyPath | None,
        report: AnyPath | None,
        mistakes: bool,
        on_note: OnNote,
        on_stage: OnStage,
    ) -> None:
        self.source = source
        self.threshold = None if threshold is None else number_of(threshold, "the threshold")
        self.problems: tuple[str, ...] = ()
        self._group_by = group_by
        self._file = folder_of(scores, "the scores")
        self._on_note, self._on_stage = on_note, on_stage
        self._report: Report | None = None
        if report is not None or mistakes:
            self._report = Report(folder_of(report, "the report"), mistakes=mistakes)

    def prepare(self, images: Path | None, *others: Path | None) -> None:
        """Miss what the output needs before the measuring; it is none of the inputs."""
        if self._file is not None:
            inputs = [path for path in (images, *others) if path is not None]
            score_files.prepare(self._file, inputs)
        if self._report:
            self._report.prepare(images)

    def compare(self, pairs: Path | None, images: Path | None) -> Measured:
        pipeline = self.source.options.pipeline()
        if pairs is not None:
            if self._group_by:
                groups.require(self._group_by, _columns_of(pairs))
            return protocols.compare_pairs(pairs, images, self.source, pipeline)
        if images is None:
            raise UsageError("say what to compare: --pairs FILE, --images FOLDER, or --from-scores FILE")
        if self._group_by:
            raise UsageError("--group-by takes a column of a list: give --pairs FILE.csv or --from-scores")
        listed = self._file is not None or (self._report is not None and self._report.mistakes)
        return protocols.compare_all(images, self.source, pipeline, listed=listed)

    def search(self, images: Path | None, gallery: Place | Path | None, plan: Splits) -> Measured:
        if images is None:
            raise UsageError("say whom to search for: --images FOLDER, or --from-scores FILE")
        pipeline = self.source.options.pipeline()
        if gallery is None:
            alone = self.threshold is not None or self._file is not None
            plan = replace(plan, strangers_alone=alone)
            return protocols.search_within(images, plan, self.source, pipeline)
        pictures.people(images)  # a folder that is not there is missed before another is read
        enrolled, digests, names, problems = protocols.open_enrolled(gallery, self.source, pipeline)
        self.problems = problems
        return protocols.search_gallery(
            enrolled, digests, images, plan, self.source, pipeline, enrolled=names
        )

    def verification_report(
        self, scores: VerificationScores | Comparisons, measured: Measured
    ) -> VerificationReport:
        if isinstance(scores, Comparisons):
            return verification_report.of_comparisons(scores, threshold=self.threshold, notes=measured.notes)
        if scores.mated.all() or not scores.mated.any():
            place = f"{measured.notes['scores']}: " if "scores" in measured.notes else ""
            raise UsageError(f"{place}mated and non-mated comparisons are needed, there is only one kind")
        return verification_report.report(scores, threshold=self.threshold, notes=measured.notes)

    def identification_report(self, scores: IdentificationScores, measured: Measured) -> IdentificationReport:
        made = identification_report.report(scores, threshold=self.threshold, notes=measured.notes)
        if not made.shows:
            raise FacekitError(
                f"{made.non_mated} searches, and none for anybody who is enrolled: nothing can be measured; "
                "search for more photos of them, or give a --threshold"
            )
        return made

    def save(self, found: IdentificationScores | VerificationScores | Comparisons) -> None:
        if self._file is not None and not isinstance(found, Comparisons):
            score_files.write(self._file, found)
            self._on_note(f"{counted(len(found), 'score')} written to {self._file}")

    def write(
        self,
        scores: IdentificationScores | VerificationScores | Comparisons,
        made: VerificationReport | IdentificationReport,
    ) -> None:
        if self._report:
            self._on_stage("drawing")
            place = self._report.write(scores, made, self.source.options)
            self._on_note(f"report written to {place}")


def _places(**given: AnyPath | None) -> tuple[Path | None, ...]:
    return tuple(folder_of(value, f"the {name.replace('_', ' ')}") for name, value in given.items())


def _enrolled_at(gallery: AnyPlace | None) -> Place | Path | None:
    """The place of a gallery, or a path at which a gallery or a folder of people is."""
    if gallery is None or isinstance(gallery, PathLike):
        return folder_of(gallery, "the gallery")
    if isinstance(gallery, str) and not is_address(gallery):
        return folder_of(gallery, "the gallery")
    return place_of(gallery)


def _columns_of(pairs: Path) -> list[str]:
    """By what the pairs of a list can be grouped."""
    return [] if pairs.suffix.lower() == ".bin" else list(lists.read(pairs).groups)


def _alone(file: Path, **others: object) -> None:
    """A score file is measured by itself."""
    given = [name for name, value in others.items() if value is not None]
    if given:
        what = f"--{given[0]}" if given[0] != "vectors" else "files of vectors"
        raise UsageError(f"--from-scores {file} takes no {what}: the scores are there already")
