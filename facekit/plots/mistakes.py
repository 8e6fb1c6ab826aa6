"""The worst mistakes: the pictures of pairs and searches that were most surely judged wrong."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps

from facekit.errors import FacekitError
from facekit.evaluation.pairs import paths
from facekit.evaluation.pictures import main_face
from facekit.evaluation.scores import AnyScores, IdentificationScores, VerificationScores
from facekit.faces.reading import Options, Reading, read_faces
from facekit.pictures import folders
from facekit.pictures.inputs import name_of
from facekit.plots import style
from facekit.results import Pixels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST = 6
SIDE = 224
_PAIRS_A_ROW = 2
# So much of the picture around a face is shown, in widths of the face.
_AROUND = 2.0


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
    lists = []
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
        lists.append(listed)
    return lists[0], lists[1]


def _of_searches(
    scores: IdentificationScores, folder: Path, most: int
) -> tuple[list[Mistake], list[Mistake]]:
    finite, mated = np.isfinite(scores.top_scores), scores.mated
    missed = mated & finite & (scores.mate_ranks != 1)
    lists = []
    for rows in (np.flatnonzero(finite & ~mated), np.flatnonzero(missed)):
        listed: dict[str, Mistake] = {}
        for row in rows[np.argsort(-scores.top_scores[rows], kind="stable")].tolist():
            probe, name = scores.probes[row], scores.top_subjects[row]
            if probe not in listed and len(listed) < most:
                shown = next(_pictures_of(name, probe, folder), None)
                score = float(scores.top_scores[row])
                listed[probe] = Mistake(probe, shown, score, bool(mated[row]), name)
        lists.append(list(listed.values()))
    return lists[0], lists[1]


def _pictures_of(name: str, but: str, folder: Path) -> Iterator[str]:
    """Pictures in the sub-folder of that name, as the score file would name them."""
    place = folder / name
    if name in ("", ".", "..") or Path(name).name != name or not place.is_dir():
        return
    for path in map(name_of, folders.list_pictures([str(place)]).pictures):
        shown = str(Path(path).relative_to(folder))
        if shown != but:
            yield shown


def draw(mistakes: Sequence[Mistake], folder: Path, title: str, options: Options | None = None) -> Figure:
    """The faces of the mistakes, in pairs, with names and scores. A picture that is not there, or
    cannot be read, is a gray field that says so."""
    from matplotlib.figure import Figure

    rows = max(1, -(-len(mistakes) // _PAIRS_A_ROW))
    figure = Figure(figsize=(10.0, 0.6 + 2.9 * rows), layout="constrained")
    axes = figure.subplots(rows, 2 * _PAIRS_A_ROW, squeeze=False)
    for field in axes.flat:
        field.axis("off")
    names = [name for mistake in mistakes for name in (mistake.a, mistake.b) if name is not None]
    shown = _thumbnails(list(dict.fromkeys(names)), folder, Options.of(options))
    for (left, right), mistake in zip(axes.reshape(-1, 2), mistakes, strict=False):
        _show(left, shown[mistake.a], mistake.a)
        _show(right, shown[mistake.b] if mistake.b else "no photo", mistake.b or mistake.title)
        score = f"score {mistake.score:.3f}".replace("-", "−")
        left.set_title(score, loc="left", fontsize=9, fontweight="bold")
    figure.suptitle(title)
    return figure


def _show(axes: Axes, thumbnail: Pixels | str, name: str) -> None:
    """A face, or in words why there is none, below it the name."""
    if isinstance(thumbnail, str):
        axes.imshow(np.full((SIDE, SIDE, 3), 200, np.uint8))
        axes.text(0.5, 0.5, thumbnail, transform=axes.transAxes, ha="center", va="center", fontsize=9)
    else:
        axes.imshow(thumbnail)
    axes.text(0.5, -0.03, style.short(name, 26), transform=axes.transAxes, ha="center", va="top", fontsize=8)


def _thumbnails(names: Sequence[str], folder: Path, options: Options) -> dict[str, Pixels | str]:
    """The face that was measured in each picture, or all of a picture in which none is found: a square. In
    words what is wrong where there is no picture to show."""
    try:
        places = dict(zip(names, paths(folder, names), strict=True))
    except FacekitError:
        return dict.fromkeys(names, "not found")
    # A score file may come from anybody: it must not bring pictures from elsewhere into a report.
    inside = os.path.realpath(folder)
    real = {name: Path(os.path.realpath(path)) for name, path in places.items()}
    outside = [name for name in places if not real[name].is_relative_to(inside)]
    missing = [name for name in places if name not in outside and not os.path.exists(real[name])]
    places = {name: path for name, path in places.items() if name not in {*outside, *missing}}
    plan = replace(options, jobs=1, keep_pictures=True)
    readings = zip(places, read_faces(list(places.values()), plan), strict=True)
    return {
        **dict.fromkeys(outside, "outside the folder"),
        **dict.fromkeys(missing, "not found"),
        **{name: _square(reading) if reading.picture else "cannot be read" for name, reading in readings},
    }


def _square(reading: Reading) -> Pixels:
    assert reading.picture is not None
    image = Image.fromarray(reading.picture.pixels)
    if reading.faces:
        x0, y0, x1, y1 = main_face(reading).detection.box
        half = min(_AROUND * max(x1 - x0, y1 - y0) / 2, min(image.size) / 2)
        x, y = (
            min(max(middle, half), length - half)
            for middle, length in zip(((x0 + x1) / 2, (y0 + y1) / 2), image.size, strict=True)
        )
        image = image.crop((round(x - half), round(y - half), round(x + half), round(y + half)))
    fitted = ImageOps.contain(image, (SIDE, SIDE))
    return np.asarray(ImageOps.pad(fitted, (SIDE, SIDE), color="white"))
