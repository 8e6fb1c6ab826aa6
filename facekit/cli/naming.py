"""The run of `facekit identify`: name the faces of one picture after the other, print, save, count."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from facekit import hints, identification, settings
from facekit.cli.reporting import pictures_in
from facekit.reading import Options, Reading, read_faces
from facekit.rendering import identified
from facekit.rendering.counting import part_of
from facekit.results import PictureResult

if TYPE_CHECKING:
    from facekit.cli.console import Console
    from facekit.gallery.sqlite.gallery import Gallery
    from facekit.pipeline import Pipeline
    from facekit.rendering.files import AnnotatedFolder, CropFolder


class Naming:
    """Where the results go, and how many there were. `decision` is what `of_reading` takes."""

    def __init__(
        self,
        console: Console,
        gallery: Gallery,
        style: str,
        decision: dict[str, Any],
        crops: Path | None = None,
        annotate: Path | None = None,
        inputs: Sequence[str] = (),
        *,
        detailed: bool = False,
    ) -> None:
        self.console = console
        self.gallery = gallery
        self.style = style
        self.decision = decision
        self._brief = not detailed
        self.crops: CropFolder | None = None
        self.annotated: AnnotatedFolder | None = None
        if crops or annotate:
            from facekit.rendering import files

            self.crops = files.CropFolder(crops, inputs) if crops else None
            self.annotated = files.AnnotatedFolder(annotate, inputs) if annotate else None
        self.pictures = self.faces = self.named = 0

    def run(self, inputs: Sequence[str], options: Options, pipeline: Pipeline) -> None:
        identification.require_subjects(self.gallery, options.embedder)
        sources = pictures_in(self.console, inputs)
        self._warn_of_growth(options.embedder)
        self._brief = self._brief and len(sources) > 1
        self._heading()
        try:
            for reading in read_faces(sources, options, pipeline=pipeline):
                self._one(reading)
                self.console.progress(self.pictures, len(sources))
        except KeyboardInterrupt:
            self.console.note(f"stopped: {self._found()}, in {self.pictures} of {len(sources)} pictures")
            raise
        if len(sources) > 1:
            self.console.note(f"{self._found()}, in {self.pictures} pictures")

    def _warn_of_growth(self, embedder: Path | None) -> None:
        """Say so when the threshold was set for a gallery a tenth smaller, or more."""
        calibration = self.gallery.settings.calibration
        set_for, people = calibration.subjects, self.gallery.subject_count
        if self.decision.get("threshold") is None and 0 < set_for * 1.1 < people:
            again = hints.calibrate(
                self.gallery.path, len(self.gallery), embedder, calibration=calibration.description
            )
            self.console.note(
                f"the threshold was set for {set_for} people and there are {people} now: it is raised by "
                f"{self.gallery.threshold - calibration.threshold:.3f} for them; to be sure, run "
                f"{again}"
            )

    def _heading(self) -> None:
        if self.style == "csv":
            more = (identified.PROBABILITY,) if "curve" in self.decision else ()
            self.console.emit(identified.csv_line((*identified.CSV_COLUMNS, *more)))
        if self.style != "table":
            return
        given = self.decision.get("threshold")
        threshold = self.gallery.threshold if given is None else given
        people = self.gallery.subject_count
        shipped = settings.is_reference(self.gallery.path)
        place = "the shipped gallery" if shipped else str(self.gallery.path)
        for line in identified.heading(
            threshold, self.gallery.settings.calibration.description, people, place, given=given is not None
        ):
            self.console.emit(line)

    def _one(self, reading: Reading) -> None:
        result = identification.of_reading(self.gallery, reading, **self.decision)
        self.pictures += 1
        self.faces += len(result.faces)
        self.named += sum(face.subject is not None for face in result.faces)
        probability = "curve" in self.decision
        for line in identified.lines(result, self.style, probability=probability, brief=self._brief):
            self.console.emit(line)
        if result.error:
            self.console.error(result.error)
        for note in result.notes:
            self.console.note(f"{result.source}: {note}")
        self._save(reading, result)

    def _save(self, reading: Reading, result: PictureResult) -> None:
        if self.crops and reading.faces:
            self.crops.save(reading)
        if self.annotated and reading.picture:
            from facekit.rendering.annotated import annotated, marks_of

            image, notes = annotated(reading.picture.pixels, marks_of(result.faces))
            self.annotated.save(reading, image)
            for note in notes:
                self.console.note(f"{reading.source}: {note}")

    def _found(self) -> str:
        return part_of(self.named, self.faces, "face", "named")
