"""CSV, with a row of titles."""

from __future__ import annotations

from collections.abc import Iterator

from facekit.output.view import Format, Kind
from facekit.rendering.rows import csv_line


class Separated(Format[Kind]):
    def begin(self) -> Iterator[str]:
        yield csv_line(self.view.columns)

    def one(self, result: Kind) -> Iterator[str]:
        for row in self.view.rows(result):
            yield csv_line(row)
