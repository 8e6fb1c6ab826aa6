"""JSON: one document, whatever the number of results."""

from __future__ import annotations

from collections.abc import Iterator

from facekit.output.view import Format, Kind, View
from facekit.results import SCHEMA
from facekit.text.escaping import json_line


class Document(Format[Kind]):
    """`{"schema": 1, "results": […]}`, written as the results come; the result itself where there is one by
    nature, as of `verify`. An interrupted one is closed, and the exit status says that it is not whole."""

    def __init__(self, view: View[Kind]) -> None:
        super().__init__(view)
        self._waiting: str | None = None

    def begin(self) -> Iterator[str]:
        if not self.view.alone:
            yield f'{{"schema": {SCHEMA}, "results": ['

    def one(self, result: Kind) -> Iterator[str]:
        if self._waiting is not None:
            yield f"{self._waiting},"
        self._waiting = json_line(result.to_dict())

    def end(self) -> Iterator[str]:
        if self._waiting is not None:
            yield self._waiting
        if not self.view.alone:
            yield f"]{self._left_out()}}}"

    def _left_out(self) -> str:
        if not self.view.left_out:
            return ""
        return f', "left_out": {json_line([item.to_dict() for item in self.view.left_out])}'
