"""The formats in which results are written, by the names that `--format` takes.

A format is one class in one file, and one line here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib import import_module
from typing import Any

from facekit.output.view import Format, View

FORMATS = {
    "table": "facekit.output.table:Table",
    "json": "facekit.output.document:Document",
    "jsonl": "facekit.output.lines:Lines",
    "csv": "facekit.output.separated:Separated",
}
"""Each class is imported when it is used."""


def opened(name: str, view: View[Any]) -> Format[Any]:
    """The format of this name, for results that are shown as `view` has it."""
    place, _, kind = FORMATS[name].partition(":")
    made: Format[Any] = getattr(import_module(place), kind)(view)
    return made


def written(results: Iterable[Any], name: str, view: View[Any]) -> Iterator[str]:
    """All results in the format of this name."""
    made = opened(name, view)
    yield from made.begin()
    for result in results:
        yield from made.one(result)
    yield from made.end()
