"""What an index of photos has, in lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from facekit.library.index_report import IndexReport
from facekit.output.view import View
from facekit.text.counting import counted, listed
from facekit.text.escaping import printable


class Indexed(View[IndexReport]):
    """How many pictures and faces are kept, and where."""

    alone = True
    columns = ("index", "pictures", "faces", "read", "erased", "problems")

    def __init__(self, *, dry_run: bool = False, forget: bool = False) -> None:
        self._dry_run, self._forget = dry_run, forget

    def text(self, result: IndexReport) -> Iterator[str]:
        if self._forget:
            gone = counted(result.erased, "picture")
            yield f"{gone} {'would be ' if self._dry_run else ''}erased from {printable(result.index)}"
        elif self._dry_run:
            yield f"{counted(result.pictures, 'picture')}, {result.read} of them to be read"
        else:
            counts = listed(
                f"{counted(result.pictures, 'picture')}, {result.read} of them read now",
                (result.erased, "erased"),
            )
            yield f"{counts}; {counted(result.faces, 'face')} in {printable(result.index)}"

    def rows(self, result: IndexReport) -> Iterator[Sequence[object]]:
        values = {**result.to_dict(), "problems": "; ".join(result.problems)}
        yield [values[name] for name in self.columns]

    def errors(self, result: IndexReport) -> Iterator[str]:
        yield from result.problems
