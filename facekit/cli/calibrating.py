"""The run of `facekit calibrate`: gather scores, choose the threshold, record it."""

from __future__ import annotations

import textwrap
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from facekit import hints
from facekit.calibration import Calibration as StoredCalibration
from facekit.cli import DONE, FAILED
from facekit.cli import options as shared
from facekit.cli.waiting import Waiting
from facekit.errors import DependencyError, UsageError
from facekit.evaluation import calibration, evidence, pictures, scores, shift
from facekit.evaluation.calibration import Calibration
from facekit.evaluation.comparisons import affordable
from facekit.evaluation.evidence import Evidence
from facekit.evaluation.protocols import Source
from facekit.evaluation.searches import Enrolled
from facekit.gallery.templates import STRANGER_RATE
from facekit.poorness import is_poor
from facekit.probability import Probability
from facekit.rendering.escaping import json_line, printable
from facekit.rendering.tables import WIDTH
from facekit.results import SCHEMA

if TYPE_CHECKING:
    from facekit.cli.console import Console
    from facekit.gallery.sqlite.gallery import Gallery
    from facekit.reading import Options

# A threshold that misses all of so many mated searches is a mistake in the data, not a choice.
_FEWEST_MISSED = 10


class Calibrating:
    """Which gallery, and what it is to hold: `kind` FPIR or FMR, and its rate."""

    def __init__(
        self, console: Console, gallery: Path | None, style: str, kind: str, rate: float, *, dry_run: bool
    ) -> None:
        self.console = console
        self.path = gallery
        self.style = style
        self.kind = kind
        self.rate = rate
        self.dry_run = dry_run
        self.waiting = Waiting(console)

    def evidence(
        self,
        images: Path | None,
        file: Path | None,
        options: Options,
        *,
        aligned: bool,
        accept_difference: bool = False,
    ) -> tuple[Evidence, str]:
        """The scores to choose from, and what to call where they are from. Raises UsageError where the photos
        are of another quality than the gallery's, unless with `accept_difference`."""
        if file is not None:
            found = evidence.of_scores(scores.read(file))
            if self.kind == "FMR" and found.non_mated.subjects > 1:
                raise UsageError(f"{file}: holds searches; --fmr takes scores of comparisons (1:1)")
            return found, file.name
        pipeline = options.pipeline() if images is not None else None
        fingerprint = None if pipeline is None else pipeline.fingerprint
        with shared.open_gallery(self.path, write=not self.dry_run, fingerprint=fingerprint) as gallery:
            enrolled, digests, rates = _enrolled(gallery, options.embedder)
        if images is None or pipeline is None:
            with self.waiting.busy("comparing the templates with each other"):
                if self.kind == "FMR":
                    return evidence.of_comparisons(enrolled.vectors, enrolled.subjects), "own templates"
                return evidence.of_templates(enrolled), "own templates"
        paths, people = pictures.people(images, note=self.console.note)
        if self.kind == "FMR":
            affordable(len(paths))
        source = Source(options, aligned, report=self.waiting.progress)
        with self.waiting.busy("reading the pictures"):
            templates = source.templates(paths, pipeline)
        for problem in templates.problems:
            self.console.error(problem)
        if templates.stranger_rates is not None:
            self._compare(rates, templates.stranger_rates, accept=accept_difference)
        if self.kind == "FMR":
            numbers = np.unique(np.array(people, np.str_), return_inverse=True)[1]
            return evidence.of_comparisons(templates.vectors, numbers, templates.rows), images.name
        return evidence.of_photos(enrolled, templates, people, left_out=digests), images.name

    def _compare(self, gallery: NDArray[np.float64], strangers: NDArray[np.float64], *, accept: bool) -> None:
        """Refuse, or tell, that the strangers' photos are of another quality than the gallery's."""
        words = shift.difference(gallery, strangers)
        if words and not accept:
            raise UsageError(
                f"{words}: no promise can be made from them; give strangers' photos taken like those of the "
                "gallery, or --accept-difference; nothing was changed"
            )
        if words:
            self.console.note(words)

    def set(self, found: Evidence, source: str, curve: str) -> int:
        """Choose the threshold and store it; the exit status."""
        with self.waiting.busy("choosing the threshold"):
            return self._set(found, source, curve)

    def _set(self, found: Evidence, source: str, curve: str) -> int:
        with shared.open_gallery(self.path, console=self.console, write=not self.dry_run) as gallery:
            before = gallery.threshold
            subjects = gallery.subject_count
            chosen = calibration.choose(found.non_mated, self.rate, kind=self.kind, subjects=subjects)
            if _names_nobody(chosen, found):
                raise UsageError(
                    f"{gallery.path}: nobody would have a name any more (threshold {chosen.threshold:.3f}): "
                    "faces of two people are too alike; probably one person has two names, or is among the "
                    f"strangers too: {hints.check_people(gallery.path)}; nothing was changed"
                )
            sentence = chosen.sentence(source, datetime.now(UTC).date().isoformat())
            fitted = self._fitted(found, curve)
            if not self.dry_run:
                curve = fitted.text() if fitted else ""
                gallery.set_calibration(
                    StoredCalibration(chosen.threshold, sentence, chosen.subjects, chosen.tail, curve)
                )
            self._tell(chosen, sentence, found, fitted, before, gallery)
        return FAILED if self.console.failed else DONE

    def _fitted(self, found: Evidence, curve: str) -> Probability | None:
        if curve == "none" or self.kind == "FMR" or found.non_mated.subjects == 1:
            return None
        try:
            return calibration.fit(found.top, found.right, curve)
        except (DependencyError, UsageError) as error:
            self.console.note(f"no probabilities: {error}")
            return None

    def _tell(
        self,
        chosen: Calibration,
        sentence: str,
        found: Evidence,
        fitted: Probability | None,
        before: float,
        gallery: Gallery,
    ) -> None:
        missed = found.missed(chosen.threshold)
        value = None if fitted is None else calibration.brier(fitted, found.top, found.right)
        if self.style == "json":
            made: dict[str, Any] = {
                "schema": SCHEMA,
                "gallery": str(gallery.path),
                "kind": chosen.kind,
                "rate": chosen.rate,
                "threshold": chosen.threshold,
                "before": before,
                "gallery_subjects": chosen.subjects or gallery.subject_count,
                "measured_subjects": chosen.measured_subjects,
                "counted": chosen.counted.to_dict(),
                "limit": chosen.limit,
                "people": chosen.people,
                "tail": chosen.tail,
                "missed": missed.to_dict() if missed.total else None,
                "probability": fitted and {**vars(fitted), "brier": value},
                "calibration": sentence,
            }
            self.console.emit(json_line(made))
            return
        text = [f"Threshold {chosen.threshold:.3f}, was {before:.3f} ({sentence})."]
        if missed.total:
            low, high = missed.interval
            text.append(
                f"At it {missed.count} of {missed.total} mated {_what(chosen)} are missed "
                f"({100 * missed.value:.1f} %, 95 % interval {100 * low:.1f} … {100 * high:.1f})."
            )
        if chosen.tail:
            text.append(f"For twice as many people it rises by {chosen.tail * np.log(2):.3f}.")
        if fitted is not None:
            text.append(f"Probabilities: {fitted.kind}, Brier score {value:.4f}.")
        for line in textwrap.wrap(printable(" ".join(text)), WIDTH):
            self.console.emit(line)


def _names_nobody(chosen: Calibration, found: Evidence) -> bool:
    """Whether no score reaches the threshold, or none of enough mated ones did."""
    missed = found.missed(chosen.threshold)
    return chosen.threshold > 1 or missed.count == missed.total >= _FEWEST_MISSED


def _what(chosen: Calibration) -> str:
    return "comparisons" if chosen.kind == "FMR" else "searches"


def _enrolled(gallery: Gallery, embedder: Path | None) -> tuple[Enrolled, set[str], NDArray[np.float64]]:
    """Who can be named and by which templates, which pictures are enrolled, and the templates' rates of
    strangers, NaN where they are not known."""
    contents = list(gallery.contents())
    if not contents:
        raise UsageError(f"{gallery.path}: nobody is enrolled: run {hints.enroll(gallery.path, embedder)}")
    rates = [item.quality.get(STRANGER_RATE, np.nan) for item in contents]
    poor_from = gallery.settings.poor_from
    # Poor templates are never enough for a name, and so decide no search.
    good = [item for item, rate in zip(contents, rates, strict=True) if not is_poor(rate, poor_from)]
    if not good:
        raise UsageError(f"{gallery.path}: only poor pictures are enrolled, for which nobody is named")
    vectors = np.stack([item.vector for item in good])
    enrolled = Enrolled.of(vectors, [item.subject for item in good])
    return enrolled, {item.sha256 for item in contents}, np.array(rates, np.float64)
