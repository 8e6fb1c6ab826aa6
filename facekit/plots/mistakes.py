"""The worst mistakes: the pictures of pairs and searches that were most surely judged wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from facekit import images
from facekit.errors import PictureError
from facekit.evaluation.pairs import paths
from facekit.evaluation.scores import AnyScores, IdentificationScores, VerificationScores
from facekit.plots import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST = 6
SIDE = 224
_PAIRS_A_ROW = 2


@dataclass(frozen=True)
class Mistake:
    """Two pictures with their score: of two people who look alike, or (`mated`) of one person who does not.

    `a` and `b` are the names in the score file; `b` is None for a search whose candidate has no picture
    there, `title` says what the second picture, or the candidate, is.
    """

    a: str
    b: str | None
    score: float
    mated: bool
    title: str = ""


def worst(scores: AnyScores, folder: Path, most: int = MOST) -> tuple[list[Mistake], list[Mistake]]:
    """The highest non-mated and the lowest mated, at most `most` each, each picture once in either list.
    Failures to acquire are left out: there is no score to judge.
    """
    if isinstance(scores, VerificationScores):
        return _of_pairs(scores, most)
    return _of_searches(scores, folder, most)


def _of_pairs(scores: VerificationScores, most: int) -> tuple[list[Mistake], list[Mistake]]:
    finite = np.isfinite(scores.scores)
    found = []
    for mated, sign in ((False, -1.0), (True, 1.0)):
        rows = np.flatnonzero(finite & (scores.mated == mated))
        ordered = rows[np.argsort(sign * scores.scores[rows], kind="stable")]
        listed: list[Mistake] = []
        seen: set[str] = set()
        for row in ordered.tolist():
            a, b = scores.a[row], scores.b[row]
            if len(listed) < most and not seen & {a, b}:
                seen |= {a, b}
                listed.append(Mistake(a, b, float(scores.scores[row]), mated))
        found.append(listed)
    return found[0], found[1]


def _of_searches(scores: IdentificationScores, folder: Path, most: int) -> tuple[list[Mistake], list[Mistake]]:
    finite, mated = np.isfinite(scores.top_scores), scores.mated
    missed = mated & finite & (scores.mate_ranks != 1)
    found = []
    for rows in (np.flatnonzero(finite & ~mated), np.flatnonzero(missed)):
        listed: dict[str, Mistake] = {}
        for row in rows[np.argsort(-scores.top_scores[rows], kind="stable")].tolist():
            probe, name = scores.probes[row], scores.top_subjects[row]
            if probe not in listed and len(listed) < most:
                shown = next(_pictures_of(name, probe, folder), None)
                score = float(scores.top_scores[row])
                listed[probe] = Mistake(probe, shown, score, bool(mated[row]), name)
        found.append(list(listed.values()))
    return found[0], found[1]


def _pictures_of(name: str, but: str, folder: Path) -> Iterator[str]:
    """Pictures in the sub-folder of that name, as the score file would name them."""
    place = folder / name
    if name in ("", ".", "..") or Path(name).name != name or not place.is_dir():
        return
    for path in images.find([str(place)]):
        shown = str(Path(path).relative_to(folder))
        if shown != but:
            yield shown


def draw(found: Sequence[Mistake], folder: Path, title: str) -> Figure:
    """The pictures of the mistakes, in pairs, with names and scores. A picture that is not there is a grey
    field that says so."""
    rows = max(1, -(-len(found) // _PAIRS_A_ROW))
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10.0, 0.6 + 2.9 * rows), layout="constrained")
    axes = figure.subplots(rows, 2 * _PAIRS_A_ROW, squeeze=False)
    for each in axes.flat:
        each.axis("off")
    places = axes.reshape(-1, 2)
    for (left, right), mistake in zip(places, found, strict=False):
        _show(left, mistake.a, folder)
        _show(right, mistake.b, folder, mistake.title)
        left.set_title(f"score {mistake.score:.3f}", loc="left", fontsize=9, fontweight="bold")
    figure.suptitle(title)
    return figure


def _show(axes: Axes, name: str | None, folder: Path, instead: str = "") -> None:
    axes.imshow(_thumbnail(name, folder))
    shown = instead if name is None else name
    axes.text(0.5, -0.03, style.short(shown, 26), transform=axes.transAxes, ha="center", va="top", fontsize=8)


def _thumbnail(name: str | None, folder: Path) -> NDArray[np.uint8]:
    """A square of the whole picture, on white; grey where it cannot be read."""
    blank = np.full((SIDE, SIDE, 3), 200, np.uint8)
    if name is None:
        return blank
    try:
        [path] = paths(folder, [name])
        pixels = images.read(str(path)).pixels
    except (PictureError, OSError):
        return blank
    fitted = ImageOps.contain(Image.fromarray(pixels), (SIDE, SIDE))
    return np.asarray(ImageOps.pad(fitted, (SIDE, SIDE), color="white"))
