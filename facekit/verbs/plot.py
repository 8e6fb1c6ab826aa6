"""Draw what is in files: scores, training runs, galleries."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count
from os import PathLike
from pathlib import Path
from typing import TypeVar

from facekit.arguments import paths_of, score_of
from facekit.errors import FacekitError, UsageError
from facekit.evaluation import identification_report, scores, verification_report
from facekit.evaluation.comparisons import has_scores, of_scores
from facekit.evaluation.scores import AnyScores, IdentificationScores, VerificationScores
from facekit.files import outputs, untrusted
from facekit.plots import album, style
from facekit.plots import report as pages
from facekit.plots.album import Plot
from facekit.text.escaping import file_stem
from facekit.verbs.listeners import OnStage, no_stage
from facekit.verbs.pictures import folder_of, place_of
from facekit.verbs.reports import write_page

_HEADER = 10_000

Drawable = TypeVar("Drawable")


def plot(
    files: str | PathLike[str] | Sequence[str | PathLike[str]],
    *,
    out: str | PathLike[str],
    threshold: float | None = None,
    images: str | PathLike[str] | None = None,
    report: bool = False,
    on_result: Callable[[Path], None] = lambda path: None,
    on_stage: OnStage = no_stage,
) -> list[Path]:
    """Draw score files that `evaluate_…` wrote, the metrics.csv of training runs, and maps of galleries (.db)
    into the folder `out`; the files written, which `on_result` has as they come.

    What the `threshold` decides is marked; with `images`, the folder that the scores were measured on, the
    faces of the worst mistakes are drawn; with `report`, a page in plain words is written. Raises UsageError,
    DependencyError where the extra `plot` is not installed.
    """
    drawing = _Drawing(
        place_of(out, "the output"),
        score_of(threshold, "the threshold"),
        folder_of(images, "the images"),
        on_result,
    )
    drawing.run([Path(path) for path in paths_of(files, "the files")], report=report, on_stage=on_stage)
    return drawing.written


class _Drawing:
    """Where plots go, and what is marked in them."""

    def __init__(
        self, out: Path, threshold: float | None, images: Path | None, on_result: Callable[[Path], None]
    ) -> None:
        self.out = out
        self.threshold = threshold
        self.images = images
        self.written: list[Path] = []
        self._on_result = on_result
        self._saved: set[str] = set()

    def run(self, files: Sequence[Path], *, report: bool, on_stage: OnStage) -> None:
        """Draw all files."""
        outputs.require_apart(self.out, [self.images] if self.images else [])
        galleries = [path for path in files if path.suffix == ".db"]
        runs = [path for path in files if path not in galleries and _is_run(path)]
        scored = {
            name: _readable(path, scores.read(path))
            for name, path in _named([each for each in files if each not in (*galleries, *runs)]).items()
        }
        if report and not scored:
            raise UsageError("--report is for score files, as facekit evaluate --scores writes them")
        on_stage("drawing")
        with style.styled():
            for name, path in _named(galleries).items():
                self.save(self._map(path, f"gallery-map{_more(name, galleries)}"))
            # A run's file is always called metrics.csv: its folder says which it is.
            folders = [Path(os.path.realpath(path)).parent for path in runs]
            for name, path in zip(_ends(folders), runs, strict=True):
                self.save(self._training(path, f"training{_more(name, runs)}"))
            if report:
                self._report(scored)
            else:
                self.save(self._of_scores(scored))

    def _report(self, scored: dict[str, AnyScores]) -> None:
        sections = [self._section(name, found) for name, found in scored.items()]
        self.save(sections[0].plots if len(sections) == 1 else self._of_scores(scored))
        self._tell(write_page(sections, self.out))

    def _section(self, name: str, scores: AnyScores) -> pages.Section:
        made: pages.Report
        notes = {"scores": name}
        if isinstance(scores, VerificationScores):
            made = verification_report.report(scores, threshold=self.threshold, notes=notes)
        else:
            made = identification_report.report(scores, threshold=self.threshold, notes=notes)
        return pages.section(name, scores, made, self.images)

    def save(self, plots: Iterable[Plot]) -> None:
        """Draw plots and tell where they are; none is written over by another."""
        for plot in plots:
            names = (f"{plot.name}~{number}" if number > 1 else plot.name for number in count(1))
            name = next(name for name in names if name not in self._saved)
            self._saved.add(name)
            for path in style.save(plot.figure, self.out, name):
                self._tell(path)

    def _tell(self, path: Path) -> None:
        self.written.append(path)
        self._on_result(path)

    def _of_scores(self, scored: dict[str, AnyScores]) -> Iterator[Plot]:
        pairs = {name: each for name, each in scored.items() if isinstance(each, VerificationScores)}
        searches = {name: each for name, each in scored.items() if isinstance(each, IdentificationScores)}
        if pairs:
            found = {name: of_scores(each) for name, each in pairs.items()}
            yield from album.of_comparisons(_unnamed(found), self.threshold)
        if searches:
            yield from album.of_searches(_unnamed(searches), self.threshold)
        for name, each in scored.items():
            prefix = "" if len(scored) == 1 else f"{file_stem(name)}-"
            yield from album.of_probability(each, prefix)
            if self.images is not None:
                yield from album.of_mistakes(each, self.images, prefix)

    def _map(self, path: Path, name: str) -> Iterator[Plot]:
        from facekit.gallery.places import open_gallery
        from facekit.plots import gallery_map

        with open_gallery(path) as gallery:
            yield Plot(name, "Map", "", lambda: gallery_map.draw(gallery))

    def _training(self, path: Path, name: str) -> Iterator[Plot]:
        from facekit.plots import training_plots
        from facekit.training import journal

        rows = journal.read_csv(path)
        yield Plot(name, "Training", "", lambda: training_plots.draw(rows))


def _is_run(path: Path) -> bool:
    """Whether it is the metrics of a training run: a CSV with a column `step`."""
    if path.suffix.lower() != ".csv":
        return False
    with untrusted.opened(path, most=untrusted.TABLE) as file:
        first = file.readline(_HEADER).decode("utf-8-sig", "replace")
    return "step" in first.strip().split(",")


def _readable(path: Path, scores: AnyScores) -> AnyScores:
    """Scores that something can be drawn of. Raises UsageError for others."""
    if not len(scores):
        raise UsageError(f"{path}: has no scores")
    if not has_scores(scores):
        raise FacekitError(f"{path}: nothing in it has a score: nothing can be drawn")
    if isinstance(scores, VerificationScores) and (scores.mated.all() or not scores.mated.any()):
        raise UsageError(f"{path}: mated and non-mated comparisons are needed, there is only one kind")
    return scores


def _named(files: Sequence[Path]) -> dict[str, Path]:
    """The files by the shortest ends of their paths that tell them apart."""
    whole = [path.absolute() for path in files]
    plain = [path.with_suffix("") for path in whole]
    ends = _ends(plain if len(set(plain)) == len(set(whole)) else whole)
    return dict(zip(ends, files, strict=True))


def _ends(paths: Sequence[Path]) -> Iterator[str]:
    for path in paths:
        lengths = range(1, len(path.parts))
        unlike = (n for n in lengths if [each.parts[-n:] for each in paths].count(path.parts[-n:]) == 1)
        yield "/".join(path.parts[-next(unlike, len(path.parts)) :])


def _more(name: str, files: Sequence[Path]) -> str:
    """What the name of a plot has more, where there are several."""
    return "" if len(files) == 1 else f"-{file_stem(name)}"


def _unnamed(found: dict[str, Drawable]) -> dict[str, Drawable]:
    """One list needs no name in a plot."""
    return {"": next(iter(found.values()))} if len(found) == 1 else found
