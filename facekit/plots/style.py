"""How every plot looks, and how it is saved: PNG and SVG, the same bytes from the same numbers."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from itertools import count
from pathlib import Path
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facekit import extras
from facekit.errors import DependencyError
from facekit.files.writing import write_bytes
from facekit.text.escaping import printable
from facekit.text.tables import fit, width

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, VERMILION, PURPLE = "#F0E442", "#0072B2", "#D55E00", "#CC79A7"
LINES = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK)
"""Okabe and Ito 2008, "Color universal design": told apart by people of every kind of color vision; the
yellow is left out, it is too pale for a line."""
DASHES = ("-", "--", "-.", ":")
MARKERS = "osD^vPX*<>ph"
GRAY = "#666666"

MARK = "facekit"
GENERATOR = f'<meta name="generator" content="{MARK}">'
"""By these a plot or a page is known as facekit's, and may be replaced."""

SIZE = (7.0, 4.8)
LONGEST_NAME = 32
_STYLE: dict[str, Any] = {
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.dpi": 100,
    "font.family": ["DejaVu Sans"],
    "font.size": 10,
    "grid.alpha": 0.25,
    "legend.frameon": False,
    "path.simplify": True,
    "savefig.dpi": 150,
    "svg.fonttype": "path",
    "svg.hashsalt": "facekit",
    "text.parse_math": False,  # a name may hold a dollar
}


@contextmanager
def styled() -> Iterator[None]:
    """Everything drawn and saved inside looks alike. Raises DependencyError without Matplotlib."""
    try:
        import matplotlib
    except ImportError:
        raise DependencyError(f"plots need Matplotlib: {extras.install('plot')}") from None
    # What the user's own matplotlibrc says must not change the plots.
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        for name, value in _STYLE.items():
            matplotlib.rcParams[name] = value  # type: ignore[index]
        yield


def new_figure(
    size: tuple[float, float] = SIZE, rows: int = 1, **more: Any
) -> tuple[Figure, NDArray[np.object_]]:
    """A figure with `rows` axes below each other."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    return figure, np.atleast_1d(figure.subplots(rows, squeeze=True, **more))


def png(figure: Figure) -> bytes:
    """The figure as PNG, with our mark and without the version of the program that made it."""
    file = BytesIO()
    figure.savefig(file, format="png", metadata={"Software": MARK})
    return file.getvalue()


def jpeg(figure: Figure) -> bytes:
    """The figure as JPEG: a tenth of the bytes, for one that shows photos."""
    file = BytesIO()
    figure.savefig(file, format="jpeg", pil_kwargs={"quality": 85})
    return file.getvalue()


def svg(figure: Figure) -> bytes:
    """The figure as SVG, letters as shapes, without a date."""
    file = BytesIO()
    figure.savefig(file, format="svg", metadata={"Date": None, "Creator": MARK})
    return file.getvalue()


def save(figure: Figure, folder: Path, name: str) -> list[Path]:
    """Write `name.png` and `name.svg`, or `name~2` … where another file has such a name; their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = free(folder, name, (".png", ".svg"))
    for path, content in zip(paths, (png(figure), svg(figure)), strict=True):
        write_bytes(path, content)
    return paths


def free(folder: Path, name: str, endings: Sequence[str]) -> list[Path]:
    """The paths of these endings for the first of `name`, `name~2`, … of which no file is another's."""
    for number in count(1):
        stem = f"{name}~{number}" if number > 1 else name
        paths = [folder / f"{stem}{ending}" for ending in endings]
        if all(not os.path.lexists(path) or is_ours(path) for path in paths):
            return paths
    raise AssertionError("there is always a further name")


def is_ours(path: Path) -> bool:
    """Whether facekit drew the plot or wrote the page: both bear its mark near their beginning."""
    if path.is_symlink() or not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            start = file.read(4096)
    except OSError:
        return False
    marks = {".png": b"Software\0" + MARK.encode(), ".svg": f"<dc:title>{MARK}</dc:title>".encode()}
    return marks.get(path.suffix, GENERATOR.encode()) in start


def line_styles(count: int) -> list[dict[str, Any]]:
    """For each of so many lines a color and a dash; no two alike up to 28."""
    return [{"color": LINES[number % 7], "linestyle": DASHES[number % 4]} for number in range(count)]


def short(name: str, longest: int = LONGEST_NAME) -> str:
    """A name as it is written in a plot: escaped, and cut with `…`."""
    return fit(name, min(longest, width(printable(name)))).strip()


def percent(rate: float) -> str:
    """`0.1 %`; no more digits than it needs."""
    return f"{100 * rate:.6g} %"


def log_rate_axis(axes: Axes, least: float) -> None:
    """x from `least` to 1 in steps of ten, in percent."""
    axes.set_xscale("log")
    lowest = int(np.floor(np.log10(least)))
    ticks = [10.0**power for power in range(lowest, 1) if 10.0**power >= least * 0.999]
    axes.set_xticks(ticks, [percent(tick) for tick in ticks])
    axes.set_xticks([], minor=True)
    axes.set_xlim(least, 1)


def probit(rates: ArrayLike) -> NDArray[np.float64]:
    """The normal deviate of each rate, as on the axes of a DET curve; ±inf for 0 and 1."""
    normal = NormalDist()
    flat = [
        normal.inv_cdf(rate) if 0 < rate < 1 else np.inf * (1 if rate >= 1 else -1)
        for rate in np.ravel(rates).tolist()
    ]
    return np.array(flat, np.float64).reshape(np.shape(rates))


PROBIT_TICKS = (1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95, 0.99)
