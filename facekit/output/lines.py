"""JSON Lines: an object a line, one for each result."""

from __future__ import annotations

from collections.abc import Iterator

from facekit.output.view import Format, Kind
from facekit.text.escaping import json_line


class Lines(Format[Kind]):
    def one(self, result: Kind) -> Iterator[str]:
        yield json_line(result.to_dict())
