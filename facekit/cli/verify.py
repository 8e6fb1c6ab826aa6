"""`facekit verify`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from facekit.cli import DIFFERENT, numbers, paths
from facekit.cli import options as shared

if TYPE_CHECKING:
    from facekit.cli.console import Console
    from facekit.faces.reading import Options


@shared.command("verify")
@click.argument("first", type=paths.INPUT, metavar="A")
@click.argument("second", type=paths.INPUT, metavar="B")
@click.option(
    "--threshold",
    type=numbers.SCORE,
    metavar="SCORE",
    help="The score from which it is the same person.",
)
@shared.picture_options
@shared.format_option()
@click.pass_obj
def verify(
    console: Console, /, first: str, second: str, threshold: float | None, options: Options, style: str
) -> int:
    """Say whether the pictures A and B show the same person, by the largest face of each.

    The exit status is 0 when they do and 4 when they do not, or when both faces are so poor that strangers in
    such pictures would pass for each other. Without --threshold, the threshold is the embedder's, as in a
    gallery of very few people.

    \b
    Example:
      facekit verify passport.jpg selfie.jpg
    """
    from facekit.cli.results import Writer
    from facekit.rendering.verified import Verified
    from facekit.verbs.verify import verify

    result = verify(first, second, threshold=threshold, options=options)
    status = Writer(console, style, Verified()).write([result])
    return status if result.same else DIFFERENT
