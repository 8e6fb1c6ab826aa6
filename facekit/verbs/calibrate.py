"""Set a gallery's threshold from data, and record how it was shown."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from os import PathLike
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from facekit import hints
from facekit.arguments import number_of
from facekit.calibration.poorness import is_poor
from facekit.calibration.probability import Probability
from facekit.errors import DependencyError, UsageError
from facekit.evaluation import calibration_data, pictures, scores, shift, thresholds
from facekit.evaluation.calibration_data import CalibrationData
from facekit.evaluation.comparisons import affordable
from facekit.evaluation.metrics import Rate
from facekit.evaluation.protocols import Vectorizer
from facekit.evaluation.searches import Enrolled
from facekit.evaluation.thresholds import ChosenThreshold
from facekit.faces.reading import Options
from facekit.gallery.base import Gallery
from facekit.gallery.places import Place
from facekit.gallery.templates import STRANGER_RATE
from facekit.results import SCHEMA
from facekit.verbs.galleries import AnyGallery, as_place, is_open, open_gallery
from facekit.verbs.listeners import OnNote, OnProgress, OnStage, no_note, no_progress, no_stage
from facekit.verbs.pictures import folder_of

AnyPath = str | PathLike[str]

# A threshold that misses all of so many mated searches is a mistake in the data, not a choice.
_FEWEST_MISSED = 10


@dataclass(frozen=True)
class Calibrated:
    """The threshold that was `chosen` for a gallery, and the one `before`; the rate of mated searches that
    are `missed` at it; the curve of probabilities with its Brier score. `problems` are pictures that could
    not be read, a line each."""

    gallery: Place
    chosen: ChosenThreshold
    before: float
    sentence: str
    subjects: int
    missed: Rate
    probability: Probability | None = None
    brier: float | None = None
    problems: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        chosen = self.chosen
        return {
            "schema": SCHEMA,
            "gallery": str(self.gallery),
            "kind": chosen.kind,
            "rate": chosen.rate,
            "threshold": chosen.threshold,
            "before": self.before,
            "gallery_subjects": chosen.subjects or self.subjects,
            "measured_subjects": chosen.measured_subjects,
            "counted": chosen.counted.to_dict(),
            "limit": chosen.limit,
            "people": chosen.people,
            "tail": chosen.tail,
            "missed": self.missed.to_dict() if self.missed.total else None,
            "probability": self.probability and {**vars(self.probability), "brier": self.brier},
            "calibration": self.sentence,
        }


def calibrate(
    gallery: AnyGallery | None = None,
    *,
    fpir: float | None = None,
    fmr: float | None = None,
    images: AnyPath | None = None,
    aligned: bool = False,
    scores: AnyPath | None = None,
    probability: Literal["logistic", "isotonic", "none"] = "logistic",
    data: str | None = None,
    accept_difference: bool = False,
    dry_run: bool = False,
    options: Options | None = None,
    on_note: OnNote = no_note,
    on_progress: OnProgress = no_progress,
    on_stage: OnStage = no_stage,
) -> Calibrated:
    """Set the gallery's threshold to the lowest whose rate is at most `fpir` (strangers who get a name, of
    searches) or `fmr` (two people who pass for one, of comparisons) with 95 % confidence.

    It is chosen on the photos of `images`, with a sub-folder for each person, on a file of `scores` that
    `evaluate_…` wrote, or else on the gallery's own templates. `data` is what the gallery's record calls
    them. Photos of quite another quality than the gallery's are refused unless with `accept_difference`.
    Raises UsageError where too few searches are there to show the rate; nothing is changed then, nor in a
    `dry_run`.
    """
    if (fpir is None) == (fmr is None):
        raise UsageError("give one of --fpir and --fmr")
    rate = number_of(fpir if fmr is None else fmr, "the rate", least=0, most=1)
    if images is not None and scores is not None:
        raise UsageError("give one of --images and --scores")
    run = _Run(
        gallery,
        "FPIR" if fmr is None else "FMR",
        rate,
        dry_run=dry_run,
        on_note=on_note,
        on_stage=on_stage,
    )
    file, folder = folder_of(scores, "the scores"), folder_of(images, "the images")
    if file is not None:
        found, source = run.of_scores(file), file.name
    elif folder is not None:
        reading = Vectorizer(Options.of(options), aligned, report=on_progress)
        found, source = run.of_photos(folder, reading, accept_difference=accept_difference), folder.name
    else:
        found, source = run.of_templates(Options.of(options)), "own templates"
    on_stage("choosing the threshold")
    return run.set(found, data or source, probability)


class _Run:
    """Which gallery, and what it is to hold: `kind` FPIR or FMR, and its rate."""

    def __init__(
        self,
        gallery: AnyGallery | None,
        kind: Literal["FPIR", "FMR"],
        rate: float,
        *,
        dry_run: bool,
        on_note: OnNote,
        on_stage: OnStage,
    ) -> None:
        self._gallery, self._kind, self._rate, self._dry_run = gallery, kind, rate, dry_run
        self._on_note, self._on_stage = on_note, on_stage
        self._problems: tuple[str, ...] = ()

    def _opened(self, fingerprint: str | None = None) -> AbstractContextManager[Gallery]:
        if is_open(self._gallery):
            if fingerprint is not None:
                self._gallery.require(fingerprint)
            return nullcontext(self._gallery)
        return open_gallery(as_place(self._gallery), write=not self._dry_run, fingerprint=fingerprint)

    def of_scores(self, file: Path) -> CalibrationData:
        data = calibration_data.of_scores(scores.read(file))
        if self._kind == "FMR" and data.non_mated.subjects > 1:
            raise UsageError(f"{file}: holds searches; --fmr takes scores of comparisons (1:1)")
        return data

    def of_templates(self, options: Options) -> CalibrationData:
        with self._opened() as gallery:
            enrolled, _, _ = _enrolled(gallery, options.embedder)
        self._on_stage("comparing the templates with each other")
        if self._kind == "FMR":
            return calibration_data.of_comparisons(enrolled.vectors, enrolled.subjects)
        return calibration_data.of_templates(enrolled)

    def of_photos(self, images: Path, source: Vectorizer, *, accept_difference: bool) -> CalibrationData:
        pipeline = source.options.pipeline()
        with self._opened(pipeline.fingerprint) as gallery:
            enrolled, digests, rates = _enrolled(gallery, source.options.embedder)
        paths, people = pictures.people(images, note=self._on_note)
        if self._kind == "FMR":
            affordable(len(paths))
        self._on_stage("reading the pictures")
        templates = source.templates(paths, pipeline)
        self._problems = templates.problems
        if templates.stranger_rates is not None:
            self._compare(rates, templates.stranger_rates, accept=accept_difference)
        if self._kind == "FMR":
            numbers = np.unique(np.array(people, np.str_), return_inverse=True)[1]
            return calibration_data.of_comparisons(templates.vectors, numbers, templates.rows)
        return calibration_data.of_photos(enrolled, templates, people, left_out=digests)

    def _compare(self, gallery: NDArray[np.float64], strangers: NDArray[np.float64], *, accept: bool) -> None:
        """Refuse, or tell, that the strangers' photos are of another quality than the gallery's."""
        words = shift.difference(gallery, strangers)
        if words and not accept:
            raise UsageError(
                f"{words}: no promise can be made from them; give strangers' photos taken like those of the "
                "gallery, or --accept-difference; nothing was changed"
            )
        if words:
            self._on_note(words)

    def set(self, data: CalibrationData, source: str, curve: str) -> Calibrated:
        """Choose the threshold and store it."""
        with self._opened() as gallery:
            before, subjects = gallery.threshold, gallery.subject_count
            chosen = thresholds.choose(data.non_mated, self._rate, kind=self._kind, subjects=subjects)
            if _names_nobody(chosen, data):
                raise UsageError(
                    f"{gallery.place}: nobody would have a name any more (threshold {chosen.threshold:.3f}): "
                    "faces of two people are too alike; probably one person has two names, or is among the "
                    f"strangers too: {hints.check_people(gallery.place)}; nothing was changed"
                )
            sentence = chosen.sentence(source, datetime.now(UTC).date().isoformat())
            fitted = self._fitted(data, curve)
            if not self._dry_run:
                each = len(gallery) / max(1, subjects)
                text = fitted.text() if fitted else ""
                gallery.set_calibration(chosen.stored(sentence, text, templates=each))
            return Calibrated(
                gallery.place,
                chosen,
                before,
                sentence,
                gallery.subject_count,
                data.missed(chosen.threshold),
                fitted,
                None if fitted is None else thresholds.brier(fitted, data.top, data.right),
                self._problems,
            )

    def _fitted(self, data: CalibrationData, curve: str) -> Probability | None:
        if curve == "none" or self._kind == "FMR" or data.non_mated.subjects == 1:
            return None
        try:
            return thresholds.fit(data.top, data.right, curve)
        except (DependencyError, UsageError) as error:
            self._on_note(f"no probabilities: {error}")
            return None


def _names_nobody(chosen: ChosenThreshold, data: CalibrationData) -> bool:
    """Whether no score reaches the threshold, or none of enough mated ones did."""
    missed = data.missed(chosen.threshold)
    return chosen.threshold > 1 or missed.count == missed.total >= _FEWEST_MISSED


def _enrolled(gallery: Gallery, embedder: Path | None) -> tuple[Enrolled, set[str], NDArray[np.float64]]:
    """Who can be named and by which templates, which pictures are enrolled, and the templates' rates of
    strangers, NaN where they are not known."""
    contents = list(gallery.contents())
    if not contents:
        raise UsageError(f"{gallery.place}: nobody is enrolled: run {hints.enroll(gallery.place, embedder)}")
    rates = [item.quality.get(STRANGER_RATE, np.nan) for item in contents]
    poor_from = gallery.settings.poor_from
    # Poor templates are never enough for a name, and so decide no search.
    good = [item for item, rate in zip(contents, rates, strict=True) if not is_poor(rate, poor_from)]
    if not good:
        raise UsageError(f"{gallery.place}: only poor pictures are enrolled, for which nobody is named")
    vectors = np.stack([item.vector for item in good])
    enrolled = Enrolled.of(vectors, [item.subject for item in good])
    return enrolled, {item.sha256 for item in contents}, np.array(rates, np.float64)
