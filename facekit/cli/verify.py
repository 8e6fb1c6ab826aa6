"""`facekit verify`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from facekit.cli import DIFFERENT, numbers, paths
from facekit.cli import options as shared

if TYPE_CHECKING:
    from facekit.cli.console import Console


@shared.command("verify")
@click.argument("first", type=paths.INPUT, metavar="A")
@click.argument("second", type=paths.INPUT, metavar="B")
@click.option(
    "--first-face",
    type=click.IntRange(1),
    metavar="NUMBER",
    help="Compare this face of A instead of the largest: its number as facekit identify --verbose and "
    "annotated pictures show it.",
)
@click.option("--second-face", type=click.IntRange(1), metavar="NUMBER", help="The same of B.")
@click.option(
    "--threshold",
    type=numbers.SCORE,
    metavar="SCORE",
    help="The score from which it is the same person.",
)
@shared.picture_options
@shared.format_option()
@click.pass_obj
def verify(console: Console, /, style: str, **wanted: Any) -> int:
    """Say whether the pictures A and B show the same person, by the largest face of each.

    The exit status is 0 when they do and 4 when they do not, or when both faces are so poor that strangers in
    such pictures would pass for each other. Without --threshold, the threshold is the embedder's, as in a
    gallery of very few people.

    \b
    Examples:
      facekit verify passport.jpg selfie.jpg
      facekit verify passport.jpg party.jpg --second-face 3
    """
    from facekit.cli.results import Writer
    from facekit.rendering.verified import Verified
    from facekit.verbs.verify import verify

    result = verify(**wanted)
    status = Writer(console, style, Verified()).write([result])
    return status if result.same else DIFFERENT
