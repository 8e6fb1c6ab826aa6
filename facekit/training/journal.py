"""What a run leaves to look at: metrics as CSV, for TensorBoard, and as a curve."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from facekit import settings
from facekit.errors import UsageError

Row = dict[str, float]

METRICS, CURVE, EVENTS, LOCK = "metrics.csv", "curve.png", "events", ".lock"


class Journal:
    """Rows of a run in its folder `out`; `rows` are those of the part before a resume.

    The folder is this run's until `close`: raises UsageError where another training writes there.
    """

    def __init__(self, out: Path, rows: Sequence[Row] = ()) -> None:
        from filelock import FileLock, Timeout

        self.out = out
        out.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(out / LOCK)
        try:
            self._lock.acquire(blocking=False)
        except Timeout:
            raise UsageError(
                f"{out}: another training writes here; wait until it has ended, or name another folder"
            ) from None
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
        self._lock.release()


def write_csv(path: Path, rows: Sequence[Row]) -> None:
    """All rows; a column that a row does not have is empty."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, columns, restval="", lineterminator="\n")
        table.writeheader()
        table.writerows(rows)


def draw(path: Path, rows: Sequence[Row]) -> None:
    """Losses above, validation rates below, over steps."""
    from facekit.plots import style, training

    with style.styled():
        path.write_bytes(style.png(training.draw(rows)))


def read_csv(path: Path) -> list[Row]:
    """The rows that `write_csv` wrote. Raises UsageError for another file."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = [
                {name: float(value) for name, value in row.items() if value}
                for row in csv.DictReader(file, strict=True)
            ]
    except (OSError, ValueError, TypeError, AttributeError, csv.Error) as error:
        raise UsageError(f"{path}: cannot be read as the metrics of a run ({error})") from None
    if not rows or not all("step" in row for row in rows):
        raise UsageError(f"{path}: has no rows with a step, as the {METRICS} of a run has")
    return rows
