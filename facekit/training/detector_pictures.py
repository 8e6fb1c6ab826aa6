"""Photographs with all their faces, to train a detector on: from a table, or as two detectors agree on them.

A place where only one of the detectors sees something is neither a face nor none: it is ignored.
"""

from __future__ import annotations

import csv
import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facekit.detection.geometry import overlap, scaled
from facekit.errors import UsageError
from facekit.files import untrusted
from facekit.files.writing import replacing
from facekit.results import Detection, Pixels
from facekit.training import picture_files

Floats = NDArray[np.float32]

FACE, IGNORED, NO_FACE = "face", "ignore", "none"
BOX = ("x0", "y0", "x1", "y1")
COLUMNS = (*BOX, *(f"p{point}{axis}" for point in range(5) for axis in "xy"))
SECOND = "scrfd"
SERIES = 10
"""Neighbors in a sorted list are often of one series; so many of them are always in the same part."""
_LOOKED_AT = 640
"""The longer side to which smaller photos are enlarged before they are labeled."""
_SAME = 0.4
_NEARLY_THE_SAME = 6


@dataclass(frozen=True, eq=False)
class Labels:
    """Places: `boxes` (n, 4) and `points` (n, 5, 2). They are faces where `certain` (n,); where `denied` (n,)
    they look like one and are none; what is neither should be ignored."""

    boxes: Floats
    points: Floats
    certain: NDArray[np.bool_]
    denied: NDArray[np.bool_]

    @staticmethod
    def of(rows: Iterable[tuple[Sequence[float], str]]) -> Labels:
        """From rows of 14 numbers, as COLUMNS names them, and FACE, IGNORED or NO_FACE."""
        rows = list(rows)
        numbers = np.array([row for row, _ in rows], np.float32).reshape(-1, 14)
        kinds = np.array([kind for _, kind in rows], str)
        return Labels(numbers[:, :4], numbers[:, 4:].reshape(-1, 5, 2), kinds == FACE, kinds == NO_FACE)

    def moved(self, boxes: Floats, points: Floats) -> Labels:
        """The same places at other ones."""
        return replace(self, boxes=boxes, points=points)

    def only(self, chosen: NDArray[np.bool_]) -> Labels:
        """Those places which are chosen, (n,)."""
        return Labels(self.boxes[chosen], self.points[chosen], self.certain[chosen], self.denied[chosen])

    def countable(self) -> tuple[Floats, NDArray[np.bool_]]:
        """The boxes of faces and of what should be ignored, and which of them are faces: what is denied is
        background for `evaluation.detection.outcome`."""
        left = self.only(~self.denied)
        return left.boxes, left.certain


@dataclass(frozen=True, eq=False)
class Photo:
    """A picture uint8 (height, width, 3) RGB with what is in it."""

    name: str
    pixels: Pixels
    labels: Labels


@dataclass
class Parts:
    """What to learn from, what to watch the training by, and what is kept for the end."""

    training: list[Photo] = field(default_factory=list)
    validation: list[Photo] = field(default_factory=list)
    held_out: list[Photo] = field(default_factory=list)


class Finds(Protocol):
    def detect(self, pixels: Pixels, *, min_face: int) -> list[Detection]: ...


def read(pictures: Path, table: Path, *, least: float = 0.0) -> list[Photo]:
    """Photos of a folder or ZIP file, and what the CSV `table` says of them.

    Its columns are `picture`, `kind`, x0, y0, x1, y1, and p0x, p0y … p4y, the points of `arcface5`. The kind
    is `face`, `ignore` for what may be one, or `none`: with a box where something looks like a face and is
    none, without for a picture with no face. Where it has a column SECOND, the score of a second detector,
    faces of a lower score than `least` are uncertain: some of them are dogs and balls.
    """
    listed = untrusted.table(table)
    listed.require("picture", "kind", *COLUMNS, what="it has a row a face, with its box and five points")
    rows: dict[str, list[tuple[list[float], str]]] = defaultdict(list)
    for row, line in zip(listed.dicts(), listed.lines, strict=True):
        known = rows[row["picture"]]
        if row["kind"] in (FACE, IGNORED) or (row["kind"] == NO_FACE and row[BOX[0]]):
            numbers, score = _numbers(row, f"{table}: line {line}")
            known.append((numbers, IGNORED if row["kind"] == FACE and score < least else row["kind"]))
    if not rows:
        raise UsageError(f"{table}: has no rows")
    photos = picture_files.decoded(pictures, sorted(rows), table)
    return [Photo(name, pixels, Labels.of(rows[name])) for name, pixels in photos]


def _numbers(row: Mapping[str, str], where: str) -> tuple[list[float], float]:
    """The places of a row, points of what is no face 0, and the score of the second detector."""
    needed = BOX if row["kind"] == NO_FACE else COLUMNS
    try:
        numbers, score = [float(row[column]) for column in needed], float(row.get(SECOND) or 1)
    except ValueError as error:
        raise UsageError(f"{where}: {untrusted.reason(error)}") from None
    if not np.isfinite([*numbers, score]).all():
        raise UsageError(f"{where}: has places that are no numbers")
    return [*numbers, *[0.0] * (len(COLUMNS) - len(needed))], score


def labeled(
    pictures: Path, detectors: tuple[Finds, Finds], report: Callable[[int, int], None] = lambda n, of: None
) -> list[Photo]:
    """Photos of a folder or ZIP file, with the faces that two detectors see at half of their certainty."""
    photos = []
    names = picture_files.names_in(pictures)
    decoded = picture_files.decoded(pictures, names)
    for number, (name, pixels) in enumerate(decoded, 1):
        scale = max(1.0, _LOOKED_AT / max(pixels.shape[:2]))
        large = np.asarray(scaled(Image.fromarray(pixels), scale))
        labels = agreed(*(detector.detect(large, min_face=8) for detector in detectors))
        labels = labels.moved(labels.boxes / np.float32(scale), labels.points / np.float32(scale))
        photos.append(Photo(name, pixels, labels))
        report(number, len(names))
    return photos


def faceless(pictures: Path) -> list[Photo]:
    """Pictures of a folder or ZIP file in which there is no face."""
    decoded = picture_files.decoded(pictures, picture_files.names_in(pictures))
    return [Photo(name, pixels, Labels.of([])) for name, pixels in decoded]


def write(photos: Sequence[Photo], table: Path) -> None:
    """The CSV that `read` reads."""
    with replacing(table) as unfinished, unfinished.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["picture", "kind", *COLUMNS])
        for photo in photos:
            labels = photo.labels
            for box, points, certain in zip(labels.boxes, labels.points, labels.certain, strict=True):
                numbers = [f"{value:.1f}" for value in (*box, *points.ravel())]
                rows.writerow([photo.name, FACE if certain else IGNORED, *numbers])
            if not len(labels.boxes):
                rows.writerow([photo.name, NO_FACE, *[""] * len(COLUMNS)])


def agreed(first: Sequence[Detection], second: Sequence[Detection]) -> Labels:
    """Means of what both see; what one sees alone is uncertain."""
    left, right = _rows(first), _rows(second)
    rows: list[tuple[Sequence[float], str]] = []
    free = np.ones(len(right), bool)
    for row in left:
        shares = np.where(free, overlap(row[:4], right[:, :4]), 0) if len(right) else np.zeros(0)
        if len(right) and shares.max() > _SAME:
            best = int(shares.argmax())
            free[best] = False
            rows.append(((row + right[best]) / 2, FACE))
        else:
            rows.append((row, IGNORED))
    rows += [(row, IGNORED) for row in right[free]]
    return Labels.of(rows)


def _rows(faces: Sequence[Detection]) -> Floats:
    rows = [np.concatenate([face.box, np.ravel(face.points)]) for face in faces if face.points is not None]
    return np.array(rows, np.float32).reshape(-1, 14)


def split(photos: Sequence[Photo], *, held_out: float = 0.22, validation: float = 0.08) -> Parts:
    """Three parts of photos sorted by name, by a rule that gives the same parts every time.

    Neighbors stay together, ten by ten, and what looks like a photo that is not trained on is left out.
    """
    parts = Parts()
    for first in range(0, len(photos), SERIES):
        series = photos[first : first + SERIES]
        place = hashlib.sha256(series[0].name.encode()).digest()[0] / 256
        at = (
            parts.held_out
            if place < held_out
            else parts.validation
            if place < held_out + validation
            else parts.training
        )
        at.extend(series)
    others = np.array([sketch(photo.pixels) for photo in parts.held_out + parts.validation])
    if len(others):
        parts.training = [
            photo
            for photo in parts.training
            if (others != sketch(photo.pixels)).sum(axis=1).min() > _NEARLY_THE_SAME
        ]
    return parts


def sketch(pixels: Pixels) -> NDArray[np.bool_]:
    """Where a picture shrunk to 9×8 gets brighter from left to right: 64 bits, alike for photos alike."""
    small = Image.fromarray(pixels).convert("L").resize((9, 8), Image.Resampling.BOX)
    return np.ravel(np.diff(np.asarray(small, np.int16), axis=1) > 0)
