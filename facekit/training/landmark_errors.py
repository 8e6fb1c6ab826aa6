"""How far predicted points are from where they should be, side by side with dlib's own predictors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import dlib
import numpy as np
from numpy.typing import NDArray

from facekit.errors import UsageError, WeightsError
from facekit.faces.alignment import Landmarks
from facekit.files import untrusted
from facekit.results import Detection
from facekit.text.tables import Column, table
from facekit.training.landmarks import Example, Points, Square, rectangle

Predictor = Callable[[Example], Points]
"""Points of a face from its picture and box: all five, or only the two eyes."""

FAR = 0.1


@dataclass(frozen=True)
class PredictorErrors:
    """Errors of one predictor over `count` faces: of each face the mean distance of its `points` from
    those called `truth`, in units of the eye distance; then mean, median and 95th percentile of the
    faces, and the share of them over FAR.
    """

    predictor: str
    points: str
    truth: str
    count: int
    mean: float
    median: float
    p95: float
    far: float


def distances(predicted: Sequence[Points], truth: Sequence[Points]) -> NDArray[np.float64]:
    """(n, points): how far each point is off, in units of the true distance of the first two, the eyes."""
    wanted = np.array(truth, np.float64)
    eyes = np.linalg.norm(wanted[:, 0] - wanted[:, 1], axis=1)
    off = np.linalg.norm(np.array(predicted, np.float64) - wanted, axis=2)
    return np.asarray(off / eyes[:, None], np.float64)


def compare(
    ours: Path, others: Sequence[Path], truths: Mapping[str, Sequence[Example]]
) -> list[PredictorErrors]:
    """Measure our predictor, as the pipeline uses it, and files of dlib's, on the same boxes.

    `truths` holds the same faces once for each kind of true points. Beside dlib's predictors, ours is
    measured on the eyes alone as well, which is all that dlib's 5 points share with it.
    """
    predictors = {ours.name: our_predictor(ours)} | {path.name: dlib_predictor(path) for path in others}
    rows = []
    for name, predict in predictors.items():
        predicted = [predict(example) for example in next(iter(truths.values()))]
        for count in sorted({len(predicted[0]), 2} if others else {len(predicted[0])}, reverse=True):
            for truth, examples in truths.items():
                off = distances([p[:count] for p in predicted], [e.points[:count] for e in examples])
                rows.append(_row(name, "two eyes" if count == 2 else "all five", truth, off.mean(axis=1)))
    return sorted(rows, key=lambda row: (row.points, row.truth))


def _row(predictor: str, points: str, truth: str, faces: NDArray[np.float64]) -> PredictorErrors:
    p95, far = float(np.quantile(faces, 0.95)), float((faces > FAR).mean())
    return PredictorErrors(
        predictor, points, truth, len(faces), float(faces.mean()), float(np.median(faces)), p95, far
    )


def our_predictor(path: Path) -> Predictor:
    """A file with the five points of `arcface5`, used as the pipeline uses it."""
    predict = Landmarks(path, "arcface5")
    return lambda example: predict(example.pixels, Detection(_box(example).corners(), 1.0)).astype(np.float64)


def dlib_predictor(path: Path) -> Predictor:
    """A file of dlib's with 5 or 68 points, used as dlib's examples do."""
    untrusted.require(path, error=WeightsError)
    try:
        predict = dlib.shape_predictor(str(path))
    except (RuntimeError, MemoryError):
        raise WeightsError(f"{path}: not a dlib shape predictor") from None

    def points(example: Example) -> Points:
        parts = predict(example.pixels, rectangle(_box(example))).parts()
        return shared(np.array([[part.x, part.y] for part in parts], np.float64))

    return points


def shared(parts: Points) -> Points:
    """What dlib's layouts have in common with `arcface5`.

    Of 68 points the means about the eyes, the tip of the nose and the corners of the mouth; of 5 only
    the middles of the eyes.
    """
    if len(parts) == 68:
        eyes = parts[36:42].mean(axis=0), parts[42:48].mean(axis=0)
        return np.array([*eyes, parts[30], parts[48], parts[54]])
    if len(parts) == 5:
        return np.array([parts[2:4].mean(axis=0), parts[0:2].mean(axis=0)])
    raise UsageError(f"a predictor of {len(parts)} points is neither dlib's of 5 nor that of 68")


def _box(example: Example) -> Square:
    if example.box is None:
        raise UsageError(f"{example.name}: has no box yet")
    return example.box


def lines(rows: Sequence[PredictorErrors]) -> Iterator[str]:
    """The rows as a table for people."""
    columns = [Column(field.name, right=field.type != "str") for field in fields(PredictorErrors)]
    yield from table(columns, [[_cell(value) for value in astuple(row)] for row in rows], total=100)


def _cell(value: str | float) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)
