"""`facekit plot`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from facekit.cli import DONE, numbers, paths
from facekit.cli import options as shared

if TYPE_CHECKING:
    from facekit.cli.console import Console


@shared.command("plot")
@click.argument(
    "files",
    nargs=-1,
    required=True,
    metavar="FILE...",
    type=paths.EXISTING_FILE,
)
@click.option(
    "--out",
    "-o",
    type=paths.FOLDER,
    required=True,
    metavar="DIR",
    help="Where to write the plots, each as PNG and SVG.",
)
@click.option("--threshold", type=numbers.SCORE, metavar="SCORE", help="Mark what this threshold decides.")
@click.option(
    "--images",
    type=paths.EXISTING_FOLDER,
    metavar="FOLDER",
    help="Show the faces of the worst mistakes, from the folder that the scores were measured on.",
)
@click.option("--report", is_flag=True, help="Write report.html too: everything in one page, in plain words.")
@click.pass_obj
def plot(console: Console, /, **wanted: Any) -> int:
    """Draw what is in FILE: scores, a training run, or a gallery.

    Of a score file that facekit evaluate --scores wrote: ROC, DET, reliability and scores (1:1), or CMC, FNIR
    over FPIR and scores (1:N); several files of one kind are compared in one plot. Of the metrics.csv of a
    training run: its curves. Of a gallery (.db): a map where those who look alike stand together, with their
    names. Prints the files it writes; plots of these names in DIR are replaced, other files never.

    \b
    Examples:
      facekit plot scores.csv -o plots/
      facekit plot before.csv after.csv -o plots/ --threshold 0.4
      facekit plot scores.csv -o plots/ --report --images people/
      facekit plot people/gallery.db runs/1/metrics.csv -o plots/
    """
    from facekit.cli.waiting import Waiting
    from facekit.text.escaping import printable
    from facekit.verbs.plot import plot

    with Waiting(console) as waiting:
        plot(**wanted, on_stage=waiting.stage, on_result=lambda path: console.emit(printable(str(path))))
    return DONE
