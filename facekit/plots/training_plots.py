"""The curves of a training run: losses above, validation rates below, over steps."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from facekit.plots import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LOSSES = ("labels", "distance", "relational")
RATES = ("accuracy", "tar_")


def draw(rows: Sequence[Mapping[str, float]]) -> Figure:
    """Rows of a run, each with its `step`; a row need not have every column."""
    figure, [above, below] = style.new_figure((7.0, 6.0), 2, sharex=True)
    names = list(dict.fromkeys(name for row in rows for name in row))
    shown = [name for name in names if name in LOSSES or name.startswith(RATES)]
    for name, look in zip(shown, style.line_styles(len(shown)), strict=True):
        points = [(row["step"], row[name]) for row in rows if name in row]
        axes = above if name in LOSSES else below
        label = re.sub(r"^tar_", "TAR at FMR ", name)
        axes.plot(*zip(*points, strict=True), label=label, marker=".", **look)
    above.set_ylabel("loss")
    above.set_title("Training")
    below.set_ylabel("validation rate (0 … 1)")
    below.set_xlabel("step")
    for axes in (above, below):
        if axes.lines:
            axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return figure
