"""Lists of picture pairs: LFW's `pairs.txt`, or a CSV with `a`, `b` and `mated`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from facekit.errors import UsageError
from facekit.evaluation.comparisons import SUBJECTS
from facekit.evaluation.scores import Texts
from facekit.files import untrusted
from facekit.pictures import images
from facekit.text.escaping import csv_text

FOLDS = 10
# What a list says of its pairs itself; of a score file that serves as one the scores are another network's.
_OWN = ("a", "b", "mated", "fold", "score")
_FLAGS = {"1": True, "0": False, "true": True, "false": False}


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of pictures, one entry each in every field: `a` and `b` as they are named, `mated` bool (n,),
    `folds` int64 (n,), and further columns by name."""

    a: Texts
    b: Texts
    mated: NDArray[np.bool_]
    folds: NDArray[np.int64]
    groups: Mapping[str, Texts] = field(default_factory=dict)

    @property
    def pictures(self) -> list[str]:
        """Every picture once, in the order of the list."""
        return list(dict.fromkeys(name for pair in zip(self.a, self.b, strict=True) for name in pair))


def read(path: Path) -> Pairs:
    """Pairs of a .csv, or of LFW's format. Raises UsageError, with the line, for what is neither."""
    pairs = _csv(path) if path.suffix.lower() == ".csv" else _lfw(path, untrusted.text(path))
    if not pairs.mated.any() or pairs.mated.all():
        raise UsageError(f"{path}: needs mated and non-mated pairs, has only one kind")
    return pairs


def _lfw(path: Path, text: str) -> Pairs:
    """Huang et al. 2007: `folds TAB pairs` (10 and 300), or `pairs` alone for one fold; then, for each fold,
    so many lines `name i j` and so many `name i other j`."""
    lines = text.splitlines()
    try:
        header = [int(cell) for cell in lines[0].split()]
        folds, count = header if len(header) == 2 else (1, *header)
        if folds < 1 or count < 1:
            raise ValueError
    except (IndexError, ValueError):
        raise UsageError(f"{path}: line 1 is not the number of folds and pairs of an LFW list") from None
    if len(lines) < 1 + folds * count * 2:
        promised = untrusted.excerpt(folds * count * 2)
        raise UsageError(f"{path}: has {len(lines) - 1} pairs, its first line promises {promised}")
    pairs = [_lfw_line(path, number, lines[number]) for number in range(1, 1 + folds * count * 2)]
    a, b = (tuple(f"{pair[side]}/{pair[side]}_{pair[side + 1]:04d}" for pair in pairs) for side in (0, 2))
    mated = np.array([first == second for first, _, second, _ in pairs])
    return Pairs(
        a,
        b,
        mated,
        np.repeat(np.arange(folds), 2 * count) if folds > 1 else dealt(mated),
        dict(
            zip(SUBJECTS, (tuple(pair[0] for pair in pairs), tuple(pair[2] for pair in pairs)), strict=True)
        ),
    )


def _lfw_line(path: Path, number: int, line: str) -> tuple[str, int, str, int]:
    cells = line.split("\t") if "\t" in line else line.split()
    try:
        name, first, other, second = cells if len(cells) != 3 else (cells[0], cells[1], cells[0], cells[2])
        return name, _picture(first), other, _picture(second)
    except ValueError:
        raise UsageError(
            f"{path}: line {number + 1} is neither `name i j` nor `name i other j`: {untrusted.excerpt(line)}"
        ) from None


def _picture(cell: str) -> int:
    """The number of a person's picture."""
    number = int(cell)
    if not 0 <= number < 10**9:
        raise ValueError
    return number


def _csv(path: Path) -> Pairs:
    table = untrusted.table(path)
    table.require("a", "b", "mated", what="pairs have a, b and mated (1 or 0)")
    if not table.rows:
        raise UsageError(f"{path}: has no pairs")
    columns = {name: tuple(map(csv_text, table.column(name))) for name in table.columns if name}
    mated = np.array([_flag(path, *cell) for cell in zip(table.lines, columns["mated"], strict=True)])
    rest = {name: values for name, values in columns.items() if name not in _OWN}
    subjects = {} if set(SUBJECTS) <= set(rest) else _folders(columns["a"], columns["b"], mated)
    return Pairs(columns["a"], columns["b"], mated, _fold_column(path, columns, mated), {**rest, **subjects})


def _flag(path: Path, number: int, cell: str) -> bool:
    if cell.strip().lower() not in _FLAGS:
        raise UsageError(f"{path}: line {number}, column mated: {untrusted.excerpt(cell)} is not 1 or 0")
    return _FLAGS[cell.strip().lower()]


def _fold_column(path: Path, columns: Mapping[str, Texts], mated: NDArray[np.bool_]) -> NDArray[np.int64]:
    if "fold" not in columns:
        return dealt(mated)
    try:
        return np.array([int(cell) for cell in columns["fold"]], np.int64)
    except (ValueError, OverflowError) as error:
        raise UsageError(f"{path}: column fold: {untrusted.reason(error)}") from None


def dealt(mated: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Ten folds for a list without: each kind of pairs is dealt out like cards, so that all have both."""
    folds = np.zeros(len(mated), np.int64)
    for kind in (mated, ~mated):
        folds[kind] = np.arange(np.count_nonzero(kind)) % FOLDS
    return folds


def _folders(a: Sequence[str], b: Sequence[str], mated: NDArray[np.bool_]) -> dict[str, Texts]:
    """Whose pictures they are, where each is in a folder and folders agree with who is mated."""
    first, second = ([str(PurePosixPath(name).parent) for name in names] for names in (a, b))
    agree = all((x == y) == same for x, y, same in zip(first, second, mated.tolist(), strict=True))
    if not agree or "." in {*first, *second}:
        return {}
    return _subjects(first, second)


def _subjects(first: Sequence[str], second: Sequence[str]) -> dict[str, Texts]:
    return dict(zip(SUBJECTS, (tuple(first), tuple(second)), strict=True))


def paths(folder: Path, names: Sequence[str]) -> Iterator[str]:
    """Where each picture is: `folder/name`, or that with the ending of a picture format. A name that is not
    there is passed on, and reading it tells. Raises UsageError where none is there."""
    files = [_existing(os.path.join(folder, name)) for name in names]
    if not any(files):
        raise UsageError(f"{folder}: none of the {len(names)} pictures is here, for example {names[0]}")
    yield from (path or os.path.join(folder, name) for path, name in zip(files, names, strict=True))


def _existing(path: str) -> str | None:
    endings = ("", *(suffix for known in images.FORMATS.values() for suffix in known.suffixes))
    for ending in endings:
        for candidate in (path + ending, path + ending.upper()):
            if os.path.isfile(candidate):
                return candidate
    return None
