"""Is anything written over anything else, or out of the picture?"""

from itertools import combinations

from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox


def texts(figure: Figure) -> list[Text]:
    """All that is written in a figure and can be seen."""
    figure.draw_without_rendering()
    found = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]
    # Labels of ticks outside the axes' range are there, but never drawn.
    hidden = set()
    for axes in figure.axes:
        for axis, place in ((axes.xaxis, 0), (axes.yaxis, 1)):
            low, high = sorted(axis.get_view_interval())
            for tick in [*axis.get_major_ticks(), *axis.get_minor_ticks()]:
                if (
                    not low * (1 - 1e-9) - 1e-9
                    <= tick.label1.get_position()[place]
                    <= high * (1 + 1e-9) + 1e-9
                ):
                    hidden |= {id(tick.label1), id(tick.label2)}
        if not axes.axison:
            hidden |= {id(text) for axis in (axes.xaxis, axes.yaxis) for text in axis.findobj(Text)}
    return [text for text in found if id(text) not in hidden]


def box(text: Text) -> Bbox:
    """Where a text is, turned as it is: for a slanted one the box around it is too large."""
    return text.get_window_extent()


def collisions(figure: Figure) -> list[tuple[str, str]]:
    """Pairs of texts that touch. Slanted ones, which only touch in their boxes, are left out."""
    upright = [text for text in texts(figure) if text.get_rotation() % 90 == 0]
    return [
        (one.get_text(), other.get_text())
        for one, other in combinations(upright, 2)
        if box(one).padded(-1).overlaps(box(other).padded(-1))
    ]


def outside(figure: Figure) -> list[str]:
    """Texts that reach out of the picture."""
    whole = figure.bbox.padded(1)
    return [
        text.get_text()
        for text in texts(figure)
        if not (whole.contains(*box(text).min) and whole.contains(*box(text).max))
    ]
