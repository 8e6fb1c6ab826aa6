"""Text for people, on a terminal of 80 columns."""

from __future__ import annotations

from collections.abc import Iterator

from facekit.output.view import Format, Kind


class Table(Format[Kind]):
    def begin(self) -> Iterator[str]:
        yield from self.view.heading()

    def one(self, result: Kind) -> Iterator[str]:
        yield from self.view.text(result)

    def end(self) -> Iterator[str]:
        yield from self.view.ending()
