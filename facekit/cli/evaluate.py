"""`facekit evaluate`: how often is it wrong?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from facekit.cli import numbers, paths
from facekit.cli import options as shared

if TYPE_CHECKING:
    from collections.abc import Callable

    from facekit.cli.console import Console
    from facekit.evaluation.evaluations import Evaluation


@click.group("evaluate", short_help="Measure error rates on your own pictures.")
def evaluate() -> None:
    """Measure error rates on your own pictures, with their counts and 95 % intervals.

    A picture without a usable face counts as a miss in every rate. A rate that the counts cannot show
    (fewer than 3/rate non-mated scores) is left out.
    """


_vectors = click.argument("vectors", nargs=-1, type=paths.FILE, metavar="[VECTORS]...")
_images = click.option(
    "--images",
    type=paths.FOLDER,
    metavar="FOLDER",
    help="The folder of the pictures.",
)
_aligned = click.option("--aligned", is_flag=True, help="The pictures are aligned crops, not photos.")
_flip = click.option("--flip", is_flag=True, help="Average each face's vector with its mirror image's.")
_threshold = click.option(
    "--threshold", type=numbers.FLOAT, metavar="SCORE", help="Also print the error rates at this threshold."
)
_group_by = click.option(
    "--group-by", metavar="COLUMN", help="Also print the rates for each value of this column."
)
_scores = click.option(
    "--scores",
    type=paths.FILE,
    metavar="FILE",
    help="Write every score to FILE (.csv or .parquet).",
)
_from_scores = click.option(
    "--from-scores",
    type=paths.FILE,
    metavar="FILE",
    help="Measure from a file that --scores wrote, without pictures.",
)
_report = click.option(
    "--report",
    type=paths.FOLDER,
    metavar="DIR",
    help="Write report.html, one page in plain words with plots, into DIR, and each plot as PNG and SVG.",
)
_mistakes = click.option(
    "--mistakes", is_flag=True, help="Show the faces of the worst mistakes in the report as well."
)


@shared.command("verification", short_help="Same person or not? Pairs of pictures (1:1).")
@_vectors
@click.option(
    "--pairs",
    type=paths.FILE,
    metavar="FILE",
    help="LFW's pairs.txt, a CSV with a,b,mated, or an InsightFace .bin.",
)
@_images
@_aligned
@_flip
@_threshold
@_group_by
@_scores
@_from_scores
@_report
@_mistakes
@shared.picture_options
@shared.format_option()
@click.pass_obj
def verification(console: Console, /, style: str, **wanted: Any) -> int:
    """Measure how well pairs of pictures are told to be of the same person or of two (1:1).

    With --pairs, the pairs of a list: LFW's pairs.txt (pictures at NAME/NAME_0001.jpg below the folder),
    a CSV with the columns a, b and mated (1 or 0; perhaps fold, and others to group by), or an InsightFace
    .bin, which holds its crops and whose code is never run. Without, every picture of FOLDER against
    every other; it has a sub-folder for each person. Of a photo with several faces the largest and most
    central is taken.

    VECTORS are files of facekit embed FOLDER -o NAME.npz, those of all its shards: the photos of FOLDER are
    then not read again.

    \b
    Examples:
      facekit evaluate verification --pairs pairs.txt --images lfw/ --format json
      facekit evaluate verification --images people/ --scores scores.csv
      facekit evaluate verification --images people/ --report report/ --mistakes
      facekit evaluate verification --from-scores scores.csv --threshold 0.4
      facekit evaluate verification --pairs cfp_fp.bin
      facekit evaluate verification part1.npz part2.npz --images people/
    """
    from facekit.verbs.evaluate import evaluate_verification

    return _evaluated(console, style, evaluate_verification, wanted)


@shared.command("identification", short_help="Who is it, among N? Searches of a gallery (1:N).")
@_vectors
@_images
@click.option(
    "--gallery",
    "-g",
    type=paths.PATH_OR_ADDRESS,
    metavar="PATH",
    help="Search in this gallery, or enroll this folder of people; not a part of the pictures.",
)
@click.option(
    "--gallery-photos",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    metavar="N",
    help="Photos of each person that are enrolled.",
)
@click.option(
    "--strangers",
    type=numbers.FloatRange(0),
    metavar="N",
    help="People left out of the gallery: a share below 1, or a number. By default half of a folder's, none "
    "of a gallery's.",
)
@click.option(
    "--splits",
    type=click.IntRange(1),
    default=5,
    show_default=True,
    help="How many random divisions into gallery and strangers.",
)
@click.option("--seed", type=numbers.SEED, default=0, show_default=True, help="Random seed of the divisions.")
@click.option(
    "--people",
    type=paths.FILE,
    metavar="FILE",
    help="A CSV with a column subject and others to group by.",
)
@_aligned
@_flip
@_threshold
@_group_by
@_scores
@_from_scores
@_report
@_mistakes
@shared.picture_options
@shared.format_option()
@click.pass_obj
def identification(console: Console, /, style: str, **wanted: Any) -> int:
    """Measure how well people are found in a gallery, and strangers are not (1:N).

    FOLDER has a sub-folder for each person. In each of several random divisions some people are left out
    as strangers, some photos of the others are enrolled, and every other photo is searched for. Given are
    the shares of searches with the right person at rank 1, 5, … and, at thresholds where strangers get a
    name in 1 of 10 … 1000 searches (FPIR), how often an enrolled person is missed (FNIR).

    VECTORS are files of facekit embed FOLDER -o NAME.npz, those of all its shards: the photos of FOLDER are
    then not read again.

    \b
    Examples:
      facekit evaluate identification --images people/ --gallery-photos 6
      facekit evaluate identification --images probes/ --gallery people/gallery.db
      facekit evaluate identification --images people/ --scores scores.csv --format json
    """
    from facekit.verbs.evaluate import evaluate_identification

    return _evaluated(console, style, evaluate_identification, wanted)


def _evaluated(
    console: Console, style: str, verb: Callable[..., Evaluation[Any]], wanted: dict[str, Any]
) -> int:
    from facekit.cli.results import Writer
    from facekit.cli.waiting import Waiting
    from facekit.rendering.evaluated import Evaluated

    with Waiting(console) as waiting:
        found = verb(**wanted, **waiting.listeners)
    return Writer(console, style, Evaluated()).write([found])


for _command in (verification, identification):
    evaluate.add_command(_command)
