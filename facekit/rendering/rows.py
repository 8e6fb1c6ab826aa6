"""Records as a table, as JSON lines or as CSV."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from facekit.rendering.escaping import json_line
from facekit.rendering.identified import csv_line
from facekit.rendering.tables import Column, table
from facekit.results import SCHEMA


def rows(style: str, columns: Mapping[str, Column], records: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """The lines of `records` in the format `table`, `json` or `csv`.

    `columns` chooses and orders the keys for a table and for CSV; JSON has them all.
    """
    if style == "json":
        yield from (json_line({"schema": SCHEMA, **record}) for record in records)
    elif style == "csv":
        yield csv_line(list(columns))
        yield from (csv_line([record[key] for key in columns]) for record in records)
    else:
        yield from table(list(columns.values()), [_texts(columns, record) for record in records])


def _texts(columns: Iterable[str], record: Mapping[str, Any]) -> Sequence[str]:
    return ["" if record[key] is None else str(record[key]) for key in columns]
