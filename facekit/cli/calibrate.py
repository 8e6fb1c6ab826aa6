"""`facekit calibrate`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from facekit.cli import numbers, paths
from facekit.cli import options as shared

if TYPE_CHECKING:
    from facekit.cli.console import Console


@shared.command("calibrate")
@click.option(
    "--fpir",
    type=numbers.FloatRange(0, 1, min_open=True, max_open=True),
    metavar="RATE",
    help="Give a name to a stranger in at most this share of searches (FPIR).",
)
@click.option(
    "--fmr",
    type=numbers.FloatRange(0, 1, min_open=True, max_open=True),
    metavar="RATE",
    help="Take two people for one in at most this share of comparisons (FMR), instead of --fpir.",
)
@click.option(
    "--images",
    type=paths.FOLDER,
    metavar="FOLDER",
    help="Choose the threshold on these photos, which have a sub-folder for each person.",
)
@click.option("--aligned", is_flag=True, help="The pictures of --images are aligned crops, not photos.")
@click.option(
    "--scores",
    type=paths.FILE,
    metavar="FILE",
    help="Choose the threshold on a file that facekit evaluate --scores wrote.",
)
@click.option(
    "--probability",
    type=click.Choice(["logistic", "isotonic", "none"]),
    default="logistic",
    show_default=True,
    help="The curve by which identify --probability turns scores into probabilities.",
)
@click.option("--data", metavar="NAME", help="What to call the photos in the gallery's record.")
@click.option(
    "--accept-difference",
    is_flag=True,
    help="Go on although the photos of --images are of another quality than the gallery's.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be set, and change nothing.")
@shared.users_gallery_option
@shared.picture_options
@shared.format_option()
@click.pass_obj
def calibrate(console: Console, /, style: str, **wanted: Any) -> int:
    """Set a gallery's threshold so that strangers seldom get a name, and record how that was shown.

    Chosen is the lowest threshold whose rate is at most RATE with 95 % confidence. Without --images or
    --scores each template of the gallery is searched for among all other people's. Photos are best of
    people who are not enrolled, taken like those to be searched for; of enrolled people they count as
    strangers' with the person taken out. Where they are much poorer than the gallery's photos, or much
    better, nothing is promised (--accept-difference). RATE takes 3/RATE searches at least; fewer are refused.

    \b
    Examples:
      facekit calibrate --fpir 0.01
      facekit calibrate --fpir 0.01 --images strangers/
      facekit calibrate --fmr 0.0001 --scores scores.csv --dry-run
    """
    from facekit.cli.results import Writer
    from facekit.cli.waiting import Waiting
    from facekit.rendering.calibrated import CalibratedView
    from facekit.verbs.calibrate import calibrate

    with Waiting(console) as waiting:
        found = calibrate(**wanted, **waiting.listeners)
    shared.tell_gallery(console, wanted["gallery"], found.gallery)
    return Writer(console, style, CalibratedView()).write([found])
