"""What a run leaves to look at: metrics as CSV, for TensorBoard, and as a curve."""

from __future__ import annotations

import contextlib
import csv
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from facekit import settings
from facekit.errors import UsageError
from facekit.files import outputs, untrusted
from facekit.files.writing import replacing, write_bytes

Row = dict[str, float]

METRICS, CURVE, EVENTS, LOCK = "metrics.csv", "curve.png", "events", ".lock"


@contextlib.contextmanager
def claimed(out: Path) -> Iterator[None]:
    """While inside, the folder `out`, made if it is not there, is this training's alone.

    Raises UsageError where another training writes there. A folder that was made is removed again after an
    error, if nothing was put in it.
    """
    from filelock import FileLock, Timeout

    made = [folder for folder in (out, *out.parents) if not folder.exists()]
    out.mkdir(parents=True, exist_ok=True)
    lock = FileLock(out / LOCK)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise UsageError(
            f"{out}: another training writes here; wait until it has ended, or name another folder"
        ) from None
    try:
        yield
    except BaseException:
        _remove(made)
        raise
    finally:
        lock.release()


def _remove(made: Sequence[Path]) -> None:
    """Folders, the innermost first, as far as they hold nothing but the lock."""
    with contextlib.suppress(OSError):
        if made and [path.name for path in made[0].iterdir()] == [LOCK]:
            (made[0] / LOCK).unlink()
            for folder in made:
                folder.rmdir()


class Journal:
    """Rows of a run in its folder `out`; `rows` are those of the part before a resume."""

    def __init__(self, out: Path, rows: Sequence[Row] = ()) -> None:
        self.out = out
        out.mkdir(parents=True, exist_ok=True)
        self.rows = list(rows)
        self._events = None
        if settings.has_package("tensorboard"):
            from torch.utils.tensorboard import SummaryWriter

            self._events = SummaryWriter(
                out / EVENTS, purge_step=int(self.rows[-1]["step"]) + 1 if rows else None
            )

    def add(self, row: Row) -> None:
        self.rows.append(row)
        write_csv(self.out / METRICS, self.rows)
        if self._events is not None:
            for name, value in row.items():
                self._events.add_scalar(name, value, int(row["step"]))
            self._events.flush()

    def close(self) -> None:
        """Draw the curve, where matplotlib is installed, and close the files."""
        if self._events is not None:
            self._events.close()
        if self.rows and settings.has_package("matplotlib"):
            draw(self.out / CURVE, self.rows)


def write_csv(path: Path, rows: Sequence[Row]) -> None:
    """All rows; a column that a row does not have is empty."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with replacing(path) as unfinished, unfinished.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, columns, restval="", lineterminator="\n")
        table.writeheader()
        table.writerows(rows)


def require_room(out: Path, others: Sequence[str], inputs: Sequence[Path]) -> None:
    """UsageError where a new run in `out` would take the place of a file that no run wrote; `others` are the
    names of its files beside metrics and curve."""
    from facekit.plots import style

    for name in others:
        outputs.require_replaceable(out / name, inputs)
    outputs.require_replaceable(out / METRICS, inputs, is_metrics)
    outputs.require_replaceable(out / CURVE, inputs, style.is_ours)


def is_metrics(path: Path) -> bool:
    """Whether `write_csv` wrote the file."""
    try:
        return bool(read_csv(path))
    except UsageError:
        return False


def draw(path: Path, rows: Sequence[Row]) -> None:
    """Losses above, validation rates below, over steps."""
    from facekit.plots import style, training_plots

    with style.styled():
        write_bytes(path, style.png(training_plots.draw(rows)))


def read_csv(path: Path) -> list[Row]:
    """The rows that `write_csv` wrote. Raises UsageError for another file."""
    table = untrusted.table(path)
    table.require("step", what=f"the {METRICS} of a run has one")
    rows = []
    for line, row in zip(table.lines, table.dicts(), strict=True):
        try:
            rows.append({name: float(value) for name, value in row.items() if value})
        except ValueError as error:
            raise UsageError(f"{path}: line {line}: {untrusted.reason(error)}") from None
        if not all(map(math.isfinite, rows[-1].values())):
            raise UsageError(f"{path}: line {line} has a value that is not finite")
        if "step" not in rows[-1]:
            raise UsageError(f"{path}: line {line} has no step")
    if not rows:
        raise UsageError(f"{path}: has no rows: the run was not validated yet")
    return rows
