"""A map of a gallery: templates that are alike stand near each other (t-SNE, van der Maaten and Hinton
2008)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from facekit import extras
from facekit.errors import DependencyError, GalleryError
from facekit.plots import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from facekit.gallery.base import Gallery

Floats = NDArray[np.float32]

MOST = 5000
FEWEST = 4
NEIGHBORS = 10
_AXIS = "t-SNE of the vectors: directions and distances have no unit"


def draw(gallery: Gallery, *, seed: int = 0) -> Figure:
    """The templates of a gallery, colored by subject; of more than 5,000 a seeded part.

    Raises GalleryError for fewer than four templates, DependencyError without scikit-learn.
    """
    templates = list(gallery.contents())
    if len(templates) < FEWEST:
        raise GalleryError(f"{gallery.place}: a map needs {FEWEST} templates, here are {len(templates)}")
    total = len(templates)
    if total > MOST:
        drawn = np.random.default_rng(seed).choice(total, MOST, replace=False)
        templates = [templates[place] for place in np.sort(drawn)]
    subjects = [template.subject for template in templates]
    places = flattened(np.stack([template.vector for template in templates]), seed=seed)
    part = f"{len(templates):,} of {total:,}" if total > MOST else f"{total:,}"
    return draw_places(places, subjects, f"{part} templates of {len(set(subjects)):,} subjects")


def flattened(vectors: Floats, *, seed: int = 0) -> Floats:
    """Places (n, 2) of unit `vectors` (n, d)."""
    try:
        from sklearn.manifold import TSNE
    except ImportError:
        raise DependencyError(f"the map needs scikit-learn: {extras.install('evaluate')}") from None
    perplexity = min(float(NEIGHBORS), (len(vectors) - 1) / 3)
    plan = TSNE(2, perplexity=perplexity, metric="cosine", init="random", random_state=seed)
    return np.asarray(plan.fit_transform(vectors.astype(np.float64)), np.float32)


def draw_places(places: Floats, subjects: Sequence[str], title: str) -> Figure:
    """Dots at `places` (n, 2); each of the subjects has a color and a shape, and its name beside its dots
    where there is room."""
    figure, [axes] = style.new_figure((8.0, 7.0))
    names = sorted(set(subjects))
    rows = {name: [place for place, subject in enumerate(subjects) if subject == name] for name in names}
    for number, name in enumerate(names):
        color, marker = style.LINES[number % 7], style.MARKERS[number % len(style.MARKERS)]
        x, y = places[rows[name]].T
        axes.scatter(x, y, s=22, color=color, marker=marker, alpha=0.75, linewidths=0)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.margins(0.06)
    axes.set_title(f"{title}: near means alike")
    axes.set_xlabel(_AXIS)
    left_out = _write_names(axes, {name: np.median(places[rows[name]], axis=0) for name in names})
    if left_out:
        axes.set_xlabel(f"{_AXIS}; no room for {left_out} names")
    return figure


def _write_names(axes: Axes, middles: dict[str, Floats]) -> int:
    """Write each name where it hides no other, tried beside its dots and further off; how many found no
    place."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    figure.draw_without_rendering()
    inside = axes.get_window_extent()
    taken: list[NDArray[np.float64]] = []
    left_out = 0
    for name, (x, y) in middles.items():
        text = axes.annotate(
            style.short(name, 24),
            (float(x), float(y)),
            xytext=(0, 0),
            textcoords="offset points",
            fontsize=7,
            ha="center",
            bbox={"facecolor": "white", "alpha": 0.6, "pad": 0.4, "linewidth": 0},
        )
        for dx, dy in ((0, 6), (0, -11), (0, 14), (0, -19), (26, 0), (-26, 0), (30, 12), (-30, -12)):
            text.set_position((dx, dy))
            box = text.get_window_extent().padded(1)
            area = np.array([box.x0, box.y0, box.x1, box.y1])
            fits = inside.x0 <= box.x0 and box.x1 <= inside.x1 and inside.y0 <= box.y0 and box.y1 <= inside.y1
            if fits and not any(_overlap(area, other) for other in taken):
                taken.append(area)
                break
        else:
            text.remove()
            left_out += 1
    return left_out


def _overlap(one: NDArray[np.float64], other: NDArray[np.float64]) -> bool:
    return bool((one[:2] < other[2:]).all() and (other[:2] < one[2:]).all())
