"""Plain text in columns: for names of any script, on a terminal of 80 columns. What goes to a file or to a
program is as wide as it needs to be: nothing is cut off there."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from facekit import settings
from facekit.text.escaping import isolated, printable

WIDTH = 80


@dataclass(frozen=True)
class Column:
    """A column of a table. Of all columns, the one that is `flexible` gives way when room is short."""

    title: str
    right: bool = False
    flexible: bool = False


def width(text: str) -> int:
    """How many columns of a terminal `text` takes: wide East Asian letters two, combining marks none."""
    return sum(_letter_width(letter) for letter in text)


def fit(text: str, columns: int, *, right: bool = False) -> str:
    """`text`, escaped, cut with `…` or filled with blanks to exactly `columns`."""
    shown = _cut(printable(text), columns)
    blanks = " " * (columns - width(shown))
    return blanks + isolated(shown) if right else isolated(shown) + blanks


def cell(text: str, columns: int) -> str:
    """`fit` for standard output: cut only on a terminal."""
    return fit(text, columns if settings.on_terminal() else max(columns, width(printable(text))))


def table(
    columns: Sequence[Column], rows: Iterable[Sequence[str]], *, total: int | None = None
) -> Iterator[str]:
    """The lines of a table: titles, then rows, two blanks between columns, never over `total` wide; by
    default 80 columns on a terminal, and as wide as need be elsewhere."""
    body = [list(row) for row in rows]
    if total is None:
        total = WIDTH if settings.on_terminal() else sys.maxsize
    widths = _widths(columns, body, total)
    for row in [[column.title for column in columns], *body]:
        cells = (fit(cell, n, right=c.right) for cell, n, c in zip(row, widths, columns, strict=True))
        yield "  ".join(cells).rstrip()


def _widths(columns: Sequence[Column], rows: Sequence[Sequence[str]], total: int) -> list[int]:
    texts = zip(*([column.title for column in columns], *rows), strict=True)
    natural = [max(width(printable(text)) for text in each) for each in texts]
    over = sum(natural) + 2 * (len(columns) - 1) - total
    flexible = [i for i, column in enumerate(columns) if column.flexible]
    while over > 0 and flexible:
        widest = max(flexible, key=lambda i: natural[i])
        if natural[widest] <= 8:
            break
        natural[widest] -= 1
        over -= 1
    return natural


def _cut(text: str, columns: int) -> str:
    if width(text) <= columns:
        return text
    room = columns - 1
    kept: list[str] = []
    for letter in text:
        room -= _letter_width(letter)
        if room < 0:
            break
        kept.append(letter)
    return "".join(kept) + "…"


def _letter_width(letter: str) -> int:
    if unicodedata.combining(letter) or unicodedata.category(letter) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in ("W", "F") else 1
