"""The report of an evaluation: one page in plain words with plots."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from facekit.errors import UsageError
from facekit.files import outputs, writing

if TYPE_CHECKING:
    from facekit.evaluation.comparisons import Comparisons
    from facekit.evaluation.scores import AnyScores
    from facekit.faces.reading import Options
    from facekit.plots import report

PAGE = Path("report.html")


class Report:
    """In which folder it is written, and whether with the faces of the worst mistakes."""

    def __init__(self, out: Path | None, *, mistakes: bool) -> None:
        if out is None:
            raise UsageError("--mistakes is for the report: give --report DIR")
        self.mistakes = mistakes
        self._out = out
        self._images: Path | None = None

    def prepare(self, images: Path | None) -> None:
        """What must be there in the end is missed before the measuring, not after it."""
        from facekit.plots import style

        with style.styled():
            outputs.make_folder(self._out, [images] if images else [])
            writing.prepare(self._out / "any")
        if self.mistakes and images is None:
            raise UsageError("--mistakes needs the pictures: give --images FOLDER")
        self._images = images if self.mistakes else None

    def write(self, scores: AnyScores | Comparisons, made: report.Report, options: Options) -> Path:
        """Draw, and write the plots and the page; where it is."""
        from facekit.plots import report, style

        with style.styled():
            section = report.section("", scores, made, self._images, options)
            for plot in section.plots:
                style.save(plot.figure, self._out, plot.name)
            return write_page([section], self._out)


def write_page(sections: Sequence[report.Section], out: Path) -> Path:
    """Write the report; where it is."""
    from facekit.plots import report, style

    made = report.Made.on(datetime.now(UTC).date().isoformat())
    out.mkdir(parents=True, exist_ok=True)
    [place] = style.free(out, PAGE.stem, (PAGE.suffix,))
    writing.write_text(place, report.page(sections, made))
    return place
