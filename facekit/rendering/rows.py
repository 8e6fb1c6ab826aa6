"""Rows of CSV, and records as a table."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from facekit.output.view import Kind, View
from facekit.text.escaping import csv_cell
from facekit.text.tables import Column, table


def csv_line(cells: Sequence[object]) -> str:
    """One row, without the end of the line."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow([csv_cell(cell) for cell in cells])
    return line.getvalue()


class Records(View[Kind]):
    """Results as rows of a table: `columns` chooses and orders the keys of their dicts; JSON has them all."""

    def __init__(self, columns: Mapping[str, Column]) -> None:
        self.columns = tuple(columns)
        self._columns = columns
        self._records: list[dict[str, Any]] = []

    def record(self, result: Kind) -> dict[str, Any]:
        """The values of a row by their keys."""
        return result.to_dict()

    def rows(self, result: Kind) -> Iterable[Sequence[object]]:
        record = self.record(result)
        yield [record[key] for key in self.columns]

    def text(self, result: Kind) -> Iterable[str]:
        self._records.append(self.record(result))
        return ()

    def ending(self) -> Iterator[str]:
        rows = [[_text(record[key]) for key in self._columns] for record in self._records]
        yield from table(list(self._columns.values()), rows)


def _text(value: object) -> str:
    return "" if value is None else str(value)
