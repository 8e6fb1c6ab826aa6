"""Faces to train on: crops or a bank of views, and who is on them."""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facekit.errors import PictureError, UsageError
from facekit.files import untrusted
from facekit.pictures import images
from facekit.results import CROP_SIDE

MOST_OF_ONE = 20
"""So many crops of a subject are validated on at most: their pairs grow with the square."""

DRAWS = 20
"""How often people are drawn who are to be held out, until two are of different families."""
UNREADABLE = (OSError, EOFError, KeyError, ValueError, RuntimeError, zlib.error, zipfile.BadZipFile)
"""What zipfile raises for a damaged archive, a missing member, an encrypted or a strangely packed one."""


@dataclass(frozen=True, eq=False)
class Faces:
    """Aligned crops with their labels.

    `crops` uint8 (views * n, side, side, 3) RGB, view after view; `labels` int64 (n,), −1 where the
    subject is unknown, else 0 … classes − 1; `families` int64 (n,), −1 where unknown; `teacher` unit
    vectors (views * n, d) or None; `use` the crop numbers that are trained on, None for all.
    """

    crops: NDArray[np.uint8]
    labels: NDArray[np.int64]
    families: NDArray[np.int64]
    teacher: NDArray[np.float16] | None = None
    use: NDArray[np.int64] | None = None

    @property
    def views(self) -> int:
        return len(self.crops) // len(self.labels)

    @property
    def classes(self) -> int:
        return int(self.labels.max(initial=-1)) + 1

    @property
    def rows(self) -> NDArray[np.int64]:
        return np.arange(len(self.labels)) if self.use is None else self.use


def numbered(names: list[str]) -> NDArray[np.int64]:
    """Numbers for names in sorted order; −1 for the empty name."""
    known = {name: number for number, name in enumerate(sorted(set(names) - {""}))}
    return np.array([known.get(name, -1) for name in names], np.int64)


def read_table(path: Path) -> untrusted.Rows:
    """A CSV with a column `subject`, and perhaps `family` and `name`, one row a crop."""
    if not path.exists():
        raise UsageError(f"{path}: missing; an array of crops needs this table beside it")
    table = untrusted.table(path)
    table.require("subject", what="it says who is on each crop")
    return table


def read_array(crops: Path) -> Faces:
    """Crops with the table NAME.csv beside them: one uint8 array NAME.npy, or pictures in NAME.zip.

    Row i of the table is entry i of the array, or the picture that its column `name` says.
    """
    table = read_table(crops.with_suffix(".csv"))
    count = len(table.rows)
    if not count:
        raise UsageError(f"{table.path}: has no rows, one for each crop")
    pixels = _zipped(crops, table.column("name")) if crops.suffix == ".zip" else read_crops(crops)
    if len(pixels) != count:
        raise UsageError(f"{crops}: holds {len(pixels)} crops, its table {count} rows")
    return Faces(pixels, numbered(table.column("subject")), numbered(table.column("family")))


def read_validation(crops: Path) -> Faces:
    """The labeled ones of the crops that `read_array` reads, to measure a network on.

    UsageError unless they have mated and non-mated pairs.
    """
    faces = read_array(crops)
    known = faces.labels >= 0
    if not known.all():
        faces = Faces(faces.crops[known], faces.labels[known], faces.families[known])
    if not all(pairs(faces)):
        raise UsageError(
            f"{crops}: {len(faces.labels)} labeled crops of {faces.classes} subjects are too few to "
            "validate on: it takes two crops of one subject, and crops of two who are not of one family"
        )
    return faces


def pairs(faces: Faces) -> tuple[int, int]:
    """How many mated and non-mated pairs metrics.split_scores makes of labeled faces."""
    kin = faces.families >= 0
    mated = _alike(faces.labels)
    # Of one family, and not of one subject besides.
    related = _alike(faces.families[kin]) - _alike(np.stack([faces.families, faces.labels], axis=1)[kin])
    count = len(faces.labels)
    return mated, count * (count - 1) // 2 - mated - related


def _alike(values: NDArray[np.int64]) -> int:
    """How many pairs of entries are the same."""
    counts = np.unique(values, axis=0, return_counts=True)[1]
    return int((counts * (counts - 1) // 2).sum())


def read_crops(path: Path) -> NDArray[np.uint8]:
    """The array NAME.npy, uint8 (n, 112, 112, 3), left on disk. UsageError if it is none."""
    pixels: NDArray[Any] = untrusted.array(path)
    if pixels.dtype != np.uint8 or pixels.ndim != 4 or pixels.shape[1:] != (CROP_SIDE, CROP_SIDE, 3):
        shape = f"(n, {CROP_SIDE}, {CROP_SIDE}, 3)"
        raise UsageError(f"{path}: is {pixels.dtype} {pixels.shape}, not uint8 {shape}")
    if not len(pixels):
        raise UsageError(f"{path}: holds no crops")
    return pixels


def _zipped(path: Path, names: list[str]) -> NDArray[np.uint8]:
    pixels = np.zeros((len(names), CROP_SIDE, CROP_SIDE, 3), np.uint8)
    try:
        with untrusted.opened(path, most=untrusted.ARRAY) as file, zipfile.ZipFile(file) as archive:
            for number, name in enumerate(names):
                crop = images.decode(untrusted.member(archive, name), name).pixels
                if crop.shape != pixels.shape[1:]:
                    height, width, _ = crop.shape
                    raise UsageError(f"{path}: {name} is {width}×{height}, a crop is {CROP_SIDE}×{CROP_SIDE}")
                pixels[number] = crop
    except (*UNREADABLE, PictureError) as error:
        raise UsageError(f"{path}: crops cannot be read ({untrusted.reason(error)})") from None
    return pixels


def hold_out(
    faces: Faces, *, share: float = 0.05, most: int = 200, seed: int = 0
) -> tuple[Faces, Faces | None]:
    """Faces to train on and faces to validate on: of other subjects, `share` of them (2 … `most`).

    Only subjects with two crops or more can be held out; of each at most `MOST_OF_ONE` crops are validated
    on. Where fewer than two subjects could stay, or none are found who are not all of one family, all are
    trained on, and there is nothing to validate on: None.
    """
    known = faces.labels >= 0
    deep = np.flatnonzero(np.bincount(faces.labels[known], minlength=faces.classes) >= 2)
    wanted = min(max(2, round(share * len(deep))), most)
    if faces.classes - wanted < 2 or len(deep) < wanted:
        return faces, None
    for attempt in range(DRAWS):
        random = np.random.default_rng((seed, 6, attempt) if attempt else (seed, 6))
        people = random.choice(deep, wanted, replace=False)
        rows = _few_of_every(faces.labels, people)
        labels = np.unique(faces.labels[rows], return_inverse=True)[1]
        judged = Faces(faces.crops[:0], labels, faces.families[rows])
        if all(pairs(judged)):
            break
    else:
        return faces, None
    renumbered = np.full(faces.classes + 1, -1)
    renumbered[np.setdiff1d(np.arange(faces.classes), people)] = np.arange(faces.classes - wanted)
    use = faces.rows[~np.isin(faces.labels, people)[faces.rows]]
    return (
        replace(faces, labels=renumbered[faces.labels], use=use),
        replace(judged, crops=np.asarray(faces.crops[rows])),
    )


def _few_of_every(labels: NDArray[np.int64], people: NDArray[np.int64]) -> NDArray[np.int64]:
    """The rows of the first `MOST_OF_ONE` crops of each of the people, in order."""
    rows = np.flatnonzero(np.isin(labels, people))
    rows = rows[np.argsort(labels[rows], kind="stable")]
    place = np.arange(len(rows)) - np.searchsorted(labels[rows], labels[rows])
    return np.sort(rows[place < MOST_OF_ONE])
