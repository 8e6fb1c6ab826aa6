"""The run of `facekit evaluate`: measure or read scores, write them, report."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from facekit.cli import DONE, FAILED
from facekit.cli.plotting import Reporting
from facekit.cli.waiting import Waiting
from facekit.errors import FacekitError, UsageError
from facekit.evaluation import groups, identification, pictures, protocols, verification
from facekit.evaluation import pairs as lists
from facekit.evaluation import scores as score_files
from facekit.evaluation.comparisons import Comparisons, of_scores
from facekit.evaluation.identification import IdentificationReport, Searches
from facekit.evaluation.metrics import Rate
from facekit.evaluation.protocols import Measured, Source, Splits
from facekit.evaluation.scores import IdentificationScores, VerificationScores
from facekit.evaluation.verification import VerificationReport
from facekit.rendering import evaluated
from facekit.rendering.counting import counted

if TYPE_CHECKING:
    from facekit.cli.console import Console

_READING = "reading the pictures"
_COUNTING = "counting errors and drawing their intervals"


class Evaluating:
    """Where the figures go, and what else is asked of them."""

    def __init__(
        self,
        console: Console,
        *,
        style: str,
        threshold: float | None = None,
        group_by: str | None = None,
        scores: Path | None = None,
        report: Path | None = None,
        mistakes: bool = False,
    ) -> None:
        self.console = console
        self.style = style
        self.threshold = threshold
        self.group_by = group_by
        self.file = scores
        self.reporting = Reporting(console, report, mistakes=mistakes) if report or mistakes else None
        self.waiting = Waiting(console)

    def verification(
        self, pairs: Path | None, images: Path | None, source: Source, from_scores: Path | None
    ) -> int:
        """`facekit evaluate verification`; the exit status."""
        self._prepare(images, pairs, from_scores)
        if from_scores is not None:
            _alone(from_scores, pairs=pairs, images=None if self._shows_pictures else images)
            measured = Measured(score_files.read_verification(from_scores), {"scores": str(from_scores)})
        else:
            with self.waiting.busy(_READING):
                measured = self._compare(pairs, images, source)
        self._finish(measured)
        found = measured.scores
        assert isinstance(found, VerificationScores | Comparisons)
        with self.waiting.busy(_COUNTING):
            made = self._verification_report(found, measured)
            grouped = self._verification_groups(found, made) if self.group_by else None
        self._print(made, grouped)
        if self.reporting:
            self.reporting.write(found, made, source.options)
        return FAILED if self.console.failed else DONE

    def _prepare(self, images: Path | None, *others: Path | None) -> None:
        """Miss what the output needs before the measuring; it is none of the inputs."""
        if self.file is not None:
            score_files.prepare(self.file, [path for path in (images, *others) if path is not None])
        if self.reporting:
            self.reporting.prepare(images)

    @property
    def _shows_pictures(self) -> bool:
        return self.reporting is not None and self.reporting.mistakes

    @property
    def _listed(self) -> bool:
        """Whether it matters which pictures were compared."""
        return self.file is not None or self._shows_pictures

    def _compare(self, pairs: Path | None, images: Path | None, source: Source) -> Measured:
        pipeline = source.options.pipeline()
        if pairs is not None:
            if self.group_by:
                groups.require(self.group_by, _columns_of(pairs))
            return protocols.compare_pairs(pairs, images, source, pipeline)
        if images is None:
            raise UsageError("say what to compare: --pairs FILE, --images FOLDER, or --from-scores FILE")
        if self.group_by:
            raise UsageError("--group-by takes a column of a list: give --pairs FILE.csv or --from-scores")
        return protocols.compare_all(images, source, pipeline, listed=self._listed)

    def _verification_report(
        self, found: VerificationScores | Comparisons, measured: Measured
    ) -> VerificationReport:
        if isinstance(found, Comparisons):
            return verification.of_comparisons(found, threshold=self.threshold, notes=measured.notes)
        if found.mated.all() or not found.mated.any():
            place = f"{measured.notes['scores']}: " if "scores" in measured.notes else ""
            raise UsageError(f"{place}mated and non-mated comparisons are needed, there is only one kind")
        return verification.report(found, threshold=self.threshold, notes=measured.notes)

    def _verification_groups(
        self, found: VerificationScores | Comparisons, made: VerificationReport
    ) -> groups.Groups:
        assert isinstance(found, VerificationScores)
        assert self.group_by
        threshold = self.threshold
        if threshold is None:
            lowest = min(made.points, default=None)
            threshold = made.eer.threshold if lowest is None else made.points[lowest].threshold

        def rates(part: VerificationScores) -> dict[str, Rate]:
            point = verification.at(of_scores(part), threshold)
            return {"FMR": point.fmr, "FNMR": point.fnmr}

        def report(part: VerificationScores) -> dict[str, object] | None:
            one_kind = part.mated.all() or not part.mated.any()
            return None if one_kind else verification.report(part, threshold=threshold).to_dict()

        return groups.by(found, self.group_by, threshold, rates, report)

    def identification(
        self,
        images: Path | None,
        gallery: Path | None,
        plan: Splits,
        people: Path | None,
        source: Source,
        from_scores: Path | None,
    ) -> int:
        """`facekit evaluate identification`; the exit status."""
        self._prepare(images, gallery, people, from_scores)
        table = None if people is None else protocols.read_people(people)
        if from_scores is not None:
            _alone(from_scores, gallery=gallery, images=None if self._shows_pictures else images)
            measured = Measured(score_files.read_identification(from_scores), {"scores": str(from_scores)})
        else:
            if self.group_by:
                groups.require(self.group_by, ["person", *(protocols.columns_of(table) if table else [])])
            with self.waiting.busy(_READING):
                measured = self._search(images, gallery, plan, source)
        found = measured.scores
        assert isinstance(found, IdentificationScores)
        if table is not None:
            found = protocols.with_people(found, table)
        self._finish(Measured(found, measured.notes, measured.problems))
        with self.waiting.busy(_COUNTING):
            made = identification.report(found, threshold=self.threshold, notes=measured.notes)
        if not made.shows:
            raise FacekitError(
                f"{made.non_mated} searches, and none for anybody who is enrolled: nothing can be measured; "
                "search for more photos of them, or give a --threshold"
            )
        grouped = self._identification_groups(found, made) if self.group_by else None
        self._print(made, grouped)
        if self.reporting:
            self.reporting.write(found, made, source.options)
        return FAILED if self.console.failed else DONE

    def _search(self, images: Path | None, gallery: Path | None, plan: Splits, source: Source) -> Measured:
        if images is None:
            raise UsageError("say whom to search for: --images FOLDER, or --from-scores FILE")
        pipeline = source.options.pipeline()
        if gallery is None:
            alone = self.threshold is not None or self.file is not None
            plan = replace(plan, strangers_alone=alone)
            return protocols.search_within(images, plan, source, pipeline)
        pictures.people(images)  # a folder that is not there is missed before another is read
        enrolled, digests, names, problems = protocols.open_enrolled(gallery, source, pipeline)
        for problem in problems:
            self.console.error(problem)
        return protocols.search_gallery(enrolled, digests, images, plan, source, pipeline, enrolled=names)

    def _identification_groups(
        self, found: IdentificationScores, made: IdentificationReport
    ) -> groups.Groups:
        assert self.group_by
        lowest = min(made.points, default=None)
        threshold = self.threshold
        if threshold is None and lowest is None:
            raise UsageError("--group-by needs --threshold SCORE here: no FPIR can be shown to set one by")
        if threshold is None:
            assert lowest is not None
            threshold = made.points[lowest].threshold

        def rates(part: IdentificationScores) -> dict[str, Rate]:
            searches = Searches(part)
            point = searches.at(threshold)
            missed = searches.rate(~searches.found, mated=True)
            return {"missed at rank 1": missed, "FPIR": point.fpir, "FNIR": point.fnir}

        return groups.by(
            found,
            self.group_by,
            threshold,
            rates,
            lambda part: identification.report(part, threshold=threshold).to_dict(),
        )

    def _finish(self, measured: Measured) -> None:
        for problem in measured.problems:
            self.console.error(problem)
        found = measured.scores
        if self.file is not None and not isinstance(found, Comparisons):
            score_files.write(self.file, found)
            self.console.note(f"{counted(len(found), 'score')} written to {self.file}")

    def _print(self, made: evaluated.Report, grouped: groups.Groups | None) -> None:
        for line in evaluated.lines(made, grouped, self.style):
            self.console.emit(line)


def _columns_of(pairs: Path) -> list[str]:
    """By what the pairs of a list can be grouped."""
    return [] if pairs.suffix.lower() == ".bin" else list(lists.read(pairs).groups)


def _alone(file: Path, **others: Path | None) -> None:
    """A score file is measured by itself."""
    given = [name for name, value in others.items() if value is not None]
    if given:
        raise UsageError(f"--from-scores {file} takes no --{given[0]}: the scores are there already")
