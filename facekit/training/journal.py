"""What a run leaves to look at: metrics as CSV, for TensorBoard, and as a curve."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from facekit import settings

Row = dict[str, float]

METRICS, CURVE, EVENTS = "metrics.csv", "curve.png", "events"
_RATES = ("accuracy", "tar_")
_LOSSES = ("labels", "distance", "relational")


class Journal:
    """Rows of a run in its folder `out`; `rows` are those of the part before a resume."""

    def __init__(self, out: Path, rows: Sequence[Row] = ()) -> None:
        self.out = out
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
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, columns, restval="", lineterminator="\n")
        table.writeheader()
        table.writerows(rows)


def draw(path: Path, rows: Sequence[Row]) -> None:
    """Losses above, validation rates below, over steps."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 6), layout="constrained")
    above, below = figure.subplots(2, sharex=True)
    names = list(dict.fromkeys(name for row in rows for name in row))
    for name in names:
        axes = above if name in _LOSSES else below if name.startswith(_RATES) else None
        if axes is not None:
            points = [(row["step"], row[name]) for row in rows if name in row]
            axes.plot(*zip(*points, strict=True), label=name, marker=".")
    above.set_ylabel("loss")
    below.set_ylabel("validation")
    below.set_xlabel("step")
    for axes in (above, below):
        axes.grid(alpha=0.3)
        if axes.lines:
            axes.legend()
    figure.savefig(path, dpi=120)
