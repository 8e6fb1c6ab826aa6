"""The files that ship with facekit, and what belongs into a bug report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from facekit.output.view import View
from facekit.rendering.rows import Records
from facekit.results import Diagnosis, NetworkFile
from facekit.text.escaping import printable
from facekit.text.tables import Column


def network_files() -> Records[NetworkFile]:
    """A line for each file."""
    return Records(
        {
            "use": Column("use"),
            "file": Column("file"),
            "bytes": Column("bytes", right=True),
            "sha256": Column("SHA-256", flexible=True),
        }
    )


class Diagnosed(View[Diagnosis]):
    """A line for each subject."""

    alone = True
    columns = ("subject", "value")

    def text(self, result: Diagnosis) -> Iterator[str]:
        yield from (f"{what:12}  {printable(value)}" for what, value in result.lines.items())

    def rows(self, result: Diagnosis) -> Iterator[Sequence[object]]:
        yield from result.lines.items()
