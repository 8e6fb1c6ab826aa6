"""Score files: every figure and plot can be made again from one, without pictures and without a network.

Two kinds, each as CSV or (with the extra `evaluate`) as Parquet, told by the file's name and its columns:

verification     one row a comparison: `a`, `b`, `mated` (1 or 0), `score`; perhaps `fold`
identification   one row a search: `split`, `probe`, `subject` (empty: nobody of the gallery), `top_subject`,
                 `top_score`, `mate_score`, `mate_rank`, `gallery_subjects`

An empty score is a failure to acquire: no usable face, so the comparison or search finds nobody. Columns of
other names are kept as text, to group by. `subject_a` and `subject_b` (verification) and `person`
(identification) say whose picture it is; where they are there, intervals take into account that scores share
subjects.
"""

from __future__ import annotations

import csv
import math
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from facekit import extras
from facekit.errors import DependencyError, UsageError
from facekit.files import outputs, untrusted, writing
from facekit.files.writing import replacing
from facekit.text.escaping import csv_cell, csv_text

Texts = tuple[str, ...]
Columns = dict[str, Sequence[Any]]
Value = TypeVar("Value")

# Bytes and rows of a Parquet file when it is unpacked.
_UNPACKED, _MOST_ROWS = 4 << 30, 50_000_000

_VERIFICATION = ("a", "b", "mated", "score")
IDENTIFICATION = (
    *("split", "probe", "subject", "top_subject", "top_score"),
    *("mate_score", "mate_rank", "gallery_subjects"),
)


@dataclass(frozen=True, eq=False)
class VerificationScores:
    """Comparisons, one entry each in every field.

    `a` and `b` name the pictures; `mated` bool (n,); `scores` float64 (n,), −inf for a failure to acquire;
    `folds` int64 (n,) or None; `groups` further columns by name.
    """

    a: Texts
    b: Texts
    mated: NDArray[np.bool_]
    scores: NDArray[np.float64]
    folds: NDArray[np.int64] | None = None
    groups: Mapping[str, Texts] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.scores)

    @property
    def failed(self) -> int:
        """Comparisons without a score."""
        return int(np.count_nonzero(np.isneginf(self.scores)))

    def where(self, rows: NDArray[np.bool_]) -> VerificationScores:
        """The comparisons at the rows that are true."""
        numbers = np.flatnonzero(rows)
        return VerificationScores(
            _taken(self.a, numbers),
            _taken(self.b, numbers),
            self.mated[numbers],
            self.scores[numbers],
            None if self.folds is None else self.folds[numbers],
            {name: _taken(values, numbers) for name, values in self.groups.items()},
        )


@dataclass(frozen=True, eq=False)
class IdentificationScores:
    """Searches, one entry each in every field.

    `splits` int64 (n,) numbers the galleries; `subjects` is who is on the probe, "" when nobody of the
    gallery is (a non-mated search); `top_subjects` and `top_scores` the best candidate; `mate_scores`
    float64 and `mate_ranks` int64 those of the right subject, −inf and 0 where there is none; a failure to
    acquire has only −inf and 0. `gallery_subjects` int64 is N of the split.
    """

    splits: NDArray[np.int64]
    probes: Texts
    subjects: Texts
    top_subjects: Texts
    top_scores: NDArray[np.float64]
    mate_scores: NDArray[np.float64]
    mate_ranks: NDArray[np.int64]
    gallery_subjects: NDArray[np.int64]
    groups: Mapping[str, Texts] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.top_scores)

    @property
    def mated(self) -> NDArray[np.bool_]:
        """Whether the person on the probe is in the gallery, (n,)."""
        return np.array([bool(name) for name in self.subjects], np.bool_)

    @property
    def failed(self) -> int:
        """Searches without a face."""
        return int(np.count_nonzero(np.isneginf(self.top_scores)))

    def where(self, rows: NDArray[np.bool_]) -> IdentificationScores:
        """The searches at the rows that are true."""
        numbers = np.flatnonzero(rows)
        return IdentificationScores(
            self.splits[numbers],
            _taken(self.probes, numbers),
            _taken(self.subjects, numbers),
            _taken(self.top_subjects, numbers),
            self.top_scores[numbers],
            self.mate_scores[numbers],
            self.mate_ranks[numbers],
            self.gallery_subjects[numbers],
            {name: _taken(values, numbers) for name, values in self.groups.items()},
        )


AnyScores = VerificationScores | IdentificationScores


def read(path: Path) -> AnyScores:
    """The scores in a file of either kind. Raises UsageError, naming file and column, for anything else."""
    table = _read_parquet(path) if _is_parquet(path) else _read_csv(path)
    return _identification(table) if "probe" in table.columns else _verification(table)


def read_verification(path: Path) -> VerificationScores:
    """The comparisons in a file; UsageError where it holds searches."""
    scores = read(path)
    if not isinstance(scores, VerificationScores):
        raise UsageError(f"{path}: holds the scores of searches (1:N), not of comparisons (1:1)")
    return scores


def read_identification(path: Path) -> IdentificationScores:
    """The searches in a file; UsageError where it holds comparisons."""
    scores = read(path)
    if not isinstance(scores, IdentificationScores):
        raise UsageError(f"{path}: holds the scores of comparisons (1:1), not of searches (1:N)")
    return scores


def prepare(path: Path, inputs: Iterable[Path] = ()) -> None:
    """What writing a score file needs is missed before the measuring, not after it. Raises UsageError, also
    where the file is one of the inputs or holds no scores; DependencyError for Parquet without PyArrow."""
    if _is_parquet(path):
        _pyarrow(path)
    outputs.require_replaceable(path, inputs, _is_scores)
    if not path.absolute().parent.is_dir():
        raise UsageError(f"{path}: there is no folder {path.parent}")
    writing.prepare(path)


def _is_scores(path: Path) -> bool:
    try:
        read(path)
    except (UsageError, OSError):
        return False
    return True


def write(path: Path, scores: AnyScores) -> None:
    """Write a score file, CSV or Parquet by its name. Raises UsageError for another ending."""
    columns = _columns(scores)
    if _is_parquet(path):
        arrow = _pyarrow(path)
        texts = {name: [_unicode(value) for value in values] for name, values in columns.items()}
        with replacing(path) as unfinished, unfinished.open("wb") as binary:
            arrow.parquet.write_table(arrow.table(texts), binary)
        return
    with replacing(path) as unfinished, unfinished.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow([csv_cell(name) for name in columns])
        table.writerows([csv_cell(value) for value in row] for row in zip(*columns.values(), strict=True))


def _columns(scores: AnyScores) -> Columns:
    if isinstance(scores, VerificationScores):
        fixed: Columns = {
            "a": scores.a,
            "b": scores.b,
            "mated": scores.mated.astype(int).tolist(),
            "score": _optional(scores.scores),
        }
        if scores.folds is not None:
            fixed["fold"] = scores.folds.tolist()
    else:
        fixed = {
            "split": scores.splits.tolist(),
            "probe": scores.probes,
            "subject": scores.subjects,
            "top_subject": scores.top_subjects,
            "top_score": _optional(scores.top_scores),
            "mate_score": _optional(scores.mate_scores),
            "mate_rank": [rank or None for rank in scores.mate_ranks.tolist()],
            "gallery_subjects": scores.gallery_subjects.tolist(),
        }
    return {**fixed, **{name: values for name, values in scores.groups.items() if name not in fixed}}


class _Table(NamedTuple):
    """What a file holds; `lines` are those on which its rows begin, in Parquet the numbers of its rows."""

    path: Path
    columns: Columns
    lines: Sequence[int]


def _verification(table: _Table) -> VerificationScores:
    _require(table, _VERIFICATION)
    columns = table.columns
    folds = _parsed(table, "fold", _whole, np.int64) if "fold" in columns else None
    return VerificationScores(
        _texts(columns["a"]),
        _texts(columns["b"]),
        _parsed(table, "mated", _flag, np.bool_),
        _parsed(table, "score", _score, np.float64),
        folds,
        _others(columns, (*_VERIFICATION, "fold")),
    )


def _identification(table: _Table) -> IdentificationScores:
    _require(table, IDENTIFICATION)
    columns = table.columns
    return IdentificationScores(
        _parsed(table, "split", _whole, np.int64),
        _texts(columns["probe"]),
        _texts(columns["subject"]),
        _texts(columns["top_subject"]),
        _parsed(table, "top_score", _score, np.float64),
        _parsed(table, "mate_score", _score, np.float64),
        _parsed(table, "mate_rank", _rank, np.int64),
        _parsed(table, "gallery_subjects", _positive, np.int64),
        _others(columns, IDENTIFICATION),
    )


def _read_csv(path: Path) -> _Table:
    table = untrusted.table(path)
    columns: Columns = {csv_text(name): list(map(csv_text, table.column(name))) for name in table.columns}
    return _Table(path, columns, table.lines)


def _read_parquet(path: Path) -> _Table:
    arrow = _pyarrow(path)
    with untrusted.opened(path, most=untrusted.TABLE) as file:
        try:
            # A small file can stand for a memory full of zeros; it says how much it unpacks to.
            parquet = arrow.parquet.ParquetFile(file)
            groups = range(parquet.metadata.num_row_groups)
            unpacked = sum(parquet.metadata.row_group(number).total_byte_size for number in groups)
            if unpacked > _UNPACKED or parquet.metadata.num_rows > _MOST_ROWS:
                raise UsageError(f"{path}: is too large to be read, {parquet.metadata.num_rows:,} rows")
            table = parquet.read()
            names = table.column_names
            if len(set(names)) < len(names):
                raise UsageError(f"{path}: two columns have the same name")
            columns: Columns = {name: table.column(name).to_pylist() for name in names}
            return _Table(path, columns, range(1, table.num_rows + 1))
        except (OSError, ValueError, OverflowError, arrow.ArrowException) as error:
            raise UsageError(f"{path}: cannot be read as Parquet ({untrusted.reason(error)})") from None


def _parsed(table: _Table, name: str, parse: Callable[[Any], Value], kind: type[Any]) -> NDArray[Any]:
    values: list[Value] = []
    for line, cell in zip(table.lines, table.columns[name], strict=True):
        try:
            values.append(parse("" if cell is None else cell))
        except (KeyError, TypeError, ValueError, OverflowError):
            where = "row" if _is_parquet(table.path) else "line"
            raise UsageError(
                f"{table.path}: {where} {line}, column {name}: {untrusted.excerpt(cell)} is no {_WHAT[name]}"
            ) from None
    return np.array(values, kind)


_WHAT = {
    **dict.fromkeys(("fold", "split"), "whole number"),
    "gallery_subjects": "number of people, 1 or more",
    **dict.fromkeys(("score", "top_score", "mate_score"), "score (a number, or empty without a face)"),
    "mated": "1 or 0",
    "mate_rank": "rank (1, 2, … or empty)",
}


def _flag(cell: Any) -> bool:
    return {"1": True, "0": False, "true": True, "false": False}[str(cell).strip().lower()]


def _score(cell: Any) -> float:
    """Empty is a failure to acquire; a program that wrote -inf or 1_000 meant something that is not known."""
    if cell == "":
        return -math.inf
    if isinstance(cell, bool) or (isinstance(cell, str) and "_" in cell):
        raise ValueError
    value = float(cell)
    if not math.isfinite(value):
        raise ValueError
    return value


def _rank(cell: Any) -> int:
    value = 0 if cell == "" else _whole(cell)
    if value < 0:
        raise ValueError
    return value


def _whole(cell: Any) -> int:
    """Parquet may hold 1.5, or a time, in the place of a number."""
    value = int(cell) if isinstance(cell, str) else operator.index(cell)
    if not -(1 << 60) < value < 1 << 60:
        raise ValueError
    return value


def _positive(cell: Any) -> int:
    value = _whole(cell)
    if value < 1:
        raise ValueError
    return value


def _require(table: _Table, names: Sequence[str]) -> None:
    missing = [name for name in names if name not in table.columns]
    if missing:
        raise UsageError(
            f"{table.path}: has no column {', '.join(missing)}; a score file has {', '.join(names)}"
        )


def _others(columns: Columns, known: Sequence[str]) -> dict[str, Texts]:
    return {name: _texts(values) for name, values in columns.items() if name not in known}


def _texts(values: Sequence[Any]) -> Texts:
    return tuple("" if value is None else str(value) for value in values)


def _taken(values: Texts, numbers: NDArray[np.int64]) -> Texts:
    return tuple(values[number] for number in numbers.tolist())


def _optional(scores: NDArray[np.float64]) -> list[float | None]:
    return [score if math.isfinite(score) else None for score in scores.tolist()]


def _unicode(value: Any) -> Any:
    """File names that are not UTF-8 reach Python as lone surrogates, which Arrow does not take."""
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value


def _is_parquet(path: Path) -> bool:
    if path.suffix.lower() not in (".csv", ".parquet"):
        raise UsageError(f"{path}: name a score file {path.stem}.csv or {path.stem}.parquet, for its format")
    return path.suffix.lower() == ".parquet"


def _pyarrow(path: Path) -> Any:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise DependencyError(
            f"{path}: Parquet needs PyArrow: name the file .csv, or {extras.install('evaluate')}"
        ) from None
    return pyarrow
