"""Which plots there are of what, each with its name, its title and how to read it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from facekit import settings
from facekit.evaluation.comparisons import Comparisons
from facekit.evaluation.scores import AnyScores, IdentificationScores, VerificationScores
from facekit.plots import comparison_plots, mistakes, reliability, search_plots

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from facekit.faces.reading import Options


@dataclass(frozen=True, eq=False)
class Plot:
    """A plot that can be drawn: `name` is that of its files, `caption` says in plain words how to read it.
    `photos` when it shows pictures.
    """

    name: str
    title: str
    caption: str
    draw: Callable[[], Figure]
    photos: bool = False

    @cached_property
    def figure(self) -> Figure:
        """The plot, drawn once."""
        return self.draw()


def of_comparisons(
    comparisons_by_name: Mapping[str, Comparisons], threshold: float | None = None
) -> Iterator[Plot]:
    """Plots of 1:1 comparisons, several lists in one where that can be read."""
    points = {} if threshold is None else dict.fromkeys(comparisons_by_name, threshold)
    yield Plot(
        "roc",
        "Recognized and mistaken",
        "Each threshold is a point: further left, fewer pairs of two people are taken for one; further up, "
        "more pairs of one person are recognized. The line cannot go further left than three such mistakes. "
        "The band is where the line would lie for other people like these, 95 times in 100.",
        lambda: comparison_plots.draw_roc(comparisons_by_name, points),
    )
    yield Plot(
        "det",
        "The two kinds of mistakes",
        "The same on axes that spread out rare mistakes; further down and further left is better. On the "
        "dotted line both mistakes are equally frequent.",
        lambda: comparison_plots.draw_det(comparisons_by_name),
    )
    for name, comparisons in comparisons_by_name.items():
        yield Plot(
            _name("scores", name, comparisons_by_name),
            f"Scores{_of(name)}",
            "Where the two heaps overlap, no threshold is right for all pairs.",
            lambda drawn=comparisons: comparison_plots.draw_scores(drawn, threshold),  # type: ignore[misc]
        )


def of_searches(
    scores_by_name: Mapping[str, IdentificationScores], threshold: float | None = None
) -> Iterator[Plot]:
    """Plots of 1:N searches, several lists in one where that can be read."""
    if all(scores.mated.any() for scores in scores_by_name.values()):
        yield Plot(
            "cmc",
            "Finding the right person",
            "How often the right person is the first of the candidates, among the first two, and so on.",
            lambda: search_plots.draw_cmc(scores_by_name),
        )
    if all(scores.mated.any() and not scores.mated.all() for scores in scores_by_name.values()):
        points = {} if threshold is None else dict.fromkeys(scores_by_name, threshold)
        yield Plot(
            "fnir-fpir",
            "Strangers named, known people missed",
            "Each threshold is a point: further left, fewer strangers are given a name; further down, fewer "
            "enrolled people are missed. Thin lines are the random divisions into enrolled people and "
            "strangers.",
            lambda: search_plots.draw_fnir_fpir(scores_by_name, points),
        )
    for name, scores in scores_by_name.items():
        yield Plot(
            _name("search-scores", name, scores_by_name),
            f"Scores of searches{_of(name)}",
            "Where the two heaps overlap, no threshold is right for all searches.",
            lambda drawn=scores: search_plots.draw_scores(drawn, threshold),  # type: ignore[misc]
        )


def of_probability(scores: AnyScores, prefix: str = "") -> Iterator[Plot]:
    """The reliability of the probability that facekit calibrate makes of such scores; nothing without
    scikit-learn, or where there are too few."""
    if isinstance(scores, VerificationScores):
        values, right, of = scores.scores, scores.mated, "pairs"
    else:
        values, right, of = scores.top_scores, scores.mated & (scores.mate_ranks == 1), "searches"
    usable = np.isfinite(values)
    values, right = values[usable], right[usable]
    if settings.has_package("sklearn") and reliability.enough(right):
        yield Plot(
            f"{prefix}reliability",
            "Can the probability be believed?",
            "A score is turned into a probability by a curve fitted to nine tenths of the scores, and judged "
            "on the tenth. On the dotted line it says what happens. It is meant for as many right as wrong "
            "candidates; where strangers are more frequent, a name is less sure than it says.",
            lambda: reliability.draw(reliability.probabilities(values, right), right, of),
        )


def of_mistakes(
    scores: AnyScores, folder: Path, prefix: str = "", options: Options | None = None
) -> Iterator[Plot]:
    """The pictures of the worst mistakes, from the folder they were measured on."""
    pairs = isinstance(scores, VerificationScores)
    false, missed = mistakes.worst(scores, folder)
    wrong = "Two people taken for one" if pairs else "Strangers taken for somebody"
    unseen = "One person taken for two" if pairs else "Enrolled people taken for somebody else"
    for name, title, worst in (("mistakes-false", wrong, false), ("mistakes-missed", unseen, missed)):
        if worst:
            yield Plot(
                f"{prefix}{name}",
                title,
                "The most certain mistakes of this kind, each picture once. Look here for wrong names in the "
                "data too.",
                lambda drawn=worst, heading=title: mistakes.draw(drawn, folder, heading, options),  # type: ignore[misc]
                photos=True,
            )


def _name(plot: str, name: str, by_name: Mapping[str, object]) -> str:
    from facekit.text.escaping import file_stem

    return plot if len(by_name) == 1 else f"{plot}-{file_stem(name)}"


def _of(name: str) -> str:
    return f" of {name}" if name else ""
