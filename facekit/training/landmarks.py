"""Training of the landmark predictor: five points from a face's box, by regression trees.

The method is dlib's `train_shape_predictor` (Kazemi and Sullivan, One Millisecond Face Alignment with
an Ensemble of Regression Trees, CVPR 2014). What is added is what the trees see: boxes as a detector
gives them, shifted and scaled so that any detector's boxes will do; every face and its mirror image;
and points that are the mean of several looks, because one look of a detector is off by about a
sixteenth of the eye distance.
"""

from __future__ import annotations

import ctypes
import errno
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, TypeVar

import dlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facekit.detection import Detector
from facekit.errors import UsageError
from facekit.files import untrusted
from facekit.files.writing import replacing
from facekit.results import Box, Pixels
from facekit.training import picture_files

Points = NDArray[np.float64]

SCHEME = ("left_eye", "right_eye", "nose", "left_mouth", "right_mouth")
MIRRORED = (1, 0, 2, 4, 3)
"""Where each point of a mirrored face stands in the scheme."""
BOX_SIDE = 160.0
"""Pictures are brought to the size in which the box has this side: dlib's points are whole pixels."""
_LOOKS = (0.75, 1.0, 1.4)
_T = TypeVar("_T")


class Square(NamedTuple):
    """A face's box as dlib wants it: middle and side, in pixels."""

    x: float
    y: float
    side: float

    @classmethod
    def of(cls, box: Box) -> Square:
        x0, y0, x1, y1 = box
        return cls((x0 + x1) / 2, (y0 + y1) / 2, (x1 - x0 + y1 - y0) / 2)

    def corners(self) -> Box:
        half = self.side / 2
        return self.x - half, self.y - half, self.x + half, self.y + half

    def scaled(self, scale: float) -> Square:
        return Square(self.x * scale, self.y * scale, self.side * scale)


@dataclass(frozen=True, eq=False)
class Example:
    """A picture uint8 (height, width, 3) RGB and the five points (5, 2) of one face in it, in pixels.

    `box` is None until a detector was asked for it.
    """

    name: str
    pixels: Pixels
    points: Points
    box: Square | None = None


@dataclass(frozen=True)
class LandmarkRecipe:
    """What the trees are grown with; the names are dlib's where dlib has them.

    `jitters` boxes a face, each moved by `shift` and scaled by `stretch` (standard deviations, in parts
    of the box's side, cut at 2.5). `nu` is the learning rate, `oversampling` the number of first guesses
    a box, `pool` the pixels a split may compare. The same `seed` and `threads` give the same file.
    """

    jitters: int = 10
    shift: float = 0.06
    stretch: float = 0.08
    cascade: int = 10
    trees: int = 500
    depth: int = 4
    nu: float = 0.1
    oversampling: int = 2
    pool: int = 400
    splits: int = 20
    seed: int = 1
    threads: int = 2

    def __post_init__(self) -> None:
        if not 0 < self.nu <= 1:  # also where it is NaN
            raise UsageError(f"a learning rate of {self.nu} grows no trees: --nu is above 0, at most 1")


def read_examples(pictures: Path, table: Path) -> list[Example]:
    """Pictures of a folder or ZIP file, and their points from a CSV with a row a face.

    Its columns are `name` and `left_eye_x`, `left_eye_y` … for each point of `arcface5`.
    """
    listed = untrusted.table(table)
    needed = ["name", *(f"{point}_{axis}" for point in SCHEME for axis in "xy")]
    listed.require(*needed, what="it has a row a face, with the places of five points")
    rows = listed.dicts()
    if not rows:
        raise UsageError(f"{table}: needs a row a face and the columns {', '.join(needed)}")
    names = [row["name"] for row in rows]
    if not all(names):
        raise UsageError(f"{table}: row {names.index('') + 2} has no name of a picture")
    points = [_points(row, table) for row in rows]
    return [
        Example(name, pixels, where)
        for (name, pixels), where in zip(picture_files.decoded(pictures, names, table), points, strict=True)
    ]


def _points(row: dict[str, str], table: Path) -> Points:
    try:
        points = np.array([[float(row[f"{point}_{axis}"]) for axis in "xy"] for point in SCHEME])
    except (TypeError, ValueError):
        raise UsageError(f"{table}: the points of {row['name']} are not ten numbers") from None
    if not np.isfinite(points).all() or np.linalg.norm(points[0] - points[1]) < 1:
        raise UsageError(
            f"{table}: the points of {row['name']} are not those of a face: "
            "ten numbers in pixels, and two eyes apart"
        )
    return points


def held_out(examples: Sequence[_T]) -> tuple[list[_T], list[_T]]:
    """Four fifths to train on, and every fifth to measure with. UsageError where there is no fifth."""
    if len(examples) < 5:
        raise UsageError(
            f"{len(examples)} pictures with points are too few: every fifth is kept back to measure with"
        )
    return [e for n, e in enumerate(examples) if n % 5 != 4], list(examples[4::5])


def steady(examples: Sequence[Example], teacher: Detector) -> list[Example]:
    """The same faces, each point the mean of the given one and of up to six looks of `teacher`.

    The teacher is a detector with points of its own; it sees each picture in three sizes, each also mirrored.
    """
    return [replace(e, points=np.mean([e.points, *_looks(e, teacher)], axis=0)) for e in examples]


def _looks(example: Example, teacher: Detector) -> Iterator[Points]:
    picture = Image.fromarray(example.pixels)
    tolerance = 0.25 * spread(example.points)
    for scale in _LOOKS:
        size = (round(picture.width * scale), round(picture.height * scale))
        view = picture.resize(size, Image.Resampling.BILINEAR)
        for mirrored in (False, True):
            shown = view.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if mirrored else view
            for face in teacher.detect(np.asarray(shown), min_face=16):
                if face.points is None:
                    continue
                points = mirror(face.points, view.width) if mirrored else face.points.astype(np.float64)
                points = resized(points, picture.width / view.width)
                if np.linalg.norm(points - example.points, axis=1).mean() < tolerance:
                    yield points
                    break


def boxed(examples: Sequence[Example], detector: Detector) -> list[Example]:
    """The same faces with the detector's boxes.

    Where it finds no face at the points, the box is put where it usually is about such points.
    """
    detected = [_found(example, detector) for example in examples]
    places = [_place(b, e.points) for e, b in zip(examples, detected, strict=True) if b]
    if not places:
        raise UsageError(f"the detector {detector.name} finds none of the faces: are the points right?")
    usual = np.median(places, axis=0)
    return [replace(e, box=b or _placed(usual, e.points)) for e, b in zip(examples, detected, strict=True)]


def _found(example: Example, detector: Detector) -> Square | None:
    middle = example.points.mean(axis=0)
    for face in detector.detect(example.pixels):
        square = Square.of(face.box)
        off = np.abs(middle - square[:2]).max() / square.side
        if face.tilt == 0 and off < 0.35 and 2.5 < square.side / spread(example.points) < 6:
            return square
    return None


def _place(box: Square, points: Points) -> Points:
    """Middle and side of a box, seen from the middle of the points in units of their spread."""
    return np.array([*(box[:2] - points.mean(axis=0)), box.side]) / spread(points)


def _placed(usual: Points, points: Points) -> Square:
    x, y, side = usual * spread(points)
    middle_x, middle_y = points.mean(axis=0)
    return Square(middle_x + x, middle_y + y, side)


def spread(points: Points) -> float:
    """Root mean square distance of points to their middle: a size that turning the head changes little."""
    return float(np.sqrt(((points - points.mean(axis=0)) ** 2).sum(axis=1).mean()))


def resized(points: Points, scale: float) -> Points:
    """The points in a picture `scale` times as large; they count from the middle of the first pixel."""
    return (points + 0.5) * scale - 0.5


def mirror(points: NDArray[np.floating], width: float) -> Points:
    """The points of the mirror image of a picture of this width, in the order of the scheme."""
    turned = np.array(points, np.float64)
    turned[:, 0] = width - 1 - turned[:, 0]
    return turned[list(MIRRORED)]


def train(examples: Sequence[Example], target: Path, recipe: LandmarkRecipe) -> None:
    """Grow the trees on examples with boxes, and write dlib's file."""
    chance = np.random.default_rng(recipe.seed)
    pictures, faces = [], []
    for example in examples:
        for mirrored in (False, True):
            view, points, box = _view(example, mirrored=mirrored)
            pictures.append(view)
            faces.append([_face(moved(box, chance, recipe), points) for _ in range(recipe.jitters)])
    with _references_kept(np.dtype(np.uint8)), _interruptible():
        predictor = dlib.train_shape_predictor(pictures, faces, _options(recipe))
    target.parent.mkdir(parents=True, exist_ok=True)
    with replacing(target) as unfinished:
        try:
            predictor.save(str(unfinished))
        except RuntimeError:  # what dlib makes of a full disk, in six lines
            raise OSError(errno.EIO, "cannot be written", str(target)) from None


@contextmanager
def _interruptible() -> Iterator[None]:
    """Inside, Ctrl-C ends the program at once: dlib returns to Python only when all trees have grown."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, signal.SIG_DFL) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _references_kept(thing: object) -> Iterator[None]:
    """References to `thing` that were lost inside are put back at the end.

    dlib's threads count the references to numpy's type of pixels all at once, and lose some now and then;
    numpy then complains when the process ends. Some counted too often do no harm.
    """
    before = sys.getrefcount(thing)
    try:
        yield
    finally:
        for _ in range(before - sys.getrefcount(thing)):
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))


def _view(example: Example, *, mirrored: bool) -> tuple[Pixels, Points, Square]:
    """The picture in gray, in the size of BOX_SIDE, perhaps mirrored; its points and its box."""
    if example.box is None:
        raise UsageError(f"{example.name}: has no box yet")
    scale = BOX_SIDE / example.box.side
    gray = Image.fromarray(example.pixels).convert("L")
    size = (max(1, round(gray.width * scale)), max(1, round(gray.height * scale)))
    gray = gray.resize(size, Image.Resampling.BILINEAR)
    points, box = resized(example.points, scale), example.box.scaled(scale)
    if mirrored:
        gray = gray.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        points, box = mirror(points, size[0]), box._replace(x=size[0] - box.x)
    return np.array(gray), points, box


def moved(box: Square, chance: np.random.Generator, recipe: LandmarkRecipe) -> Square:
    """The box as another detector, or the same one at another time, might have put it."""
    x, y, grow = np.clip(chance.standard_normal(3), -2.5, 2.5).tolist()
    shift = recipe.shift * box.side
    return Square(box.x + x * shift, box.y + y * shift, box.side * float(np.exp(grow * recipe.stretch)))


def _face(box: Square, points: Points) -> dlib.full_object_detection:
    where = [dlib.point(round(x), round(y)) for x, y in points.tolist()]
    return dlib.full_object_detection(rectangle(box), where)


def rectangle(box: Square) -> dlib.rectangle:
    """dlib's rectangles include their last row and column."""
    left, top, right, bottom = box.corners()
    return dlib.rectangle(round(left), round(top), round(right) - 1, round(bottom) - 1)


def _options(recipe: LandmarkRecipe) -> dlib.shape_predictor_training_options:
    options = dlib.shape_predictor_training_options()
    options.cascade_depth = recipe.cascade
    options.num_trees_per_cascade_level = recipe.trees
    options.tree_depth = recipe.depth
    options.nu = recipe.nu
    options.oversampling_amount = recipe.oversampling
    options.feature_pool_size = recipe.pool
    options.num_test_splits = recipe.splits
    options.random_seed = str(recipe.seed)
    options.num_threads = recipe.threads
    return options
