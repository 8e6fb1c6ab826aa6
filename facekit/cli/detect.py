"""`facekit detect`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from facekit.cli import options as shared
from facekit.cli import paths

if TYPE_CHECKING:
    from facekit.cli.console import Console
    from facekit.faces.reading import Options


@shared.command("detect")
@click.argument("inputs", nargs=-1, required=True, type=paths.INPUT, metavar="INPUT...")
@click.option(
    "--annotate",
    type=paths.FOLDER,
    metavar="DIR",
    help="Save each picture with its faces numbered, as PHOTO-faces.jpg, in DIR.",
)
@shared.shard_option
@shared.unordered_option
@shared.picture_options
@shared.format_option()
@click.pass_obj
def detect(
    console: Console,
    /,
    inputs: tuple[str, ...],
    options: Options,
    style: str,
    **wanted: Any,
) -> int:
    """Find the faces in pictures: box, score, five points, and quality.

    INPUT is a picture, a folder (with the folders in it), or - for a picture on standard input. Boxes
    are x0,y0 – x1,y1 in pixels of the upright picture; the points are the eyes, the nose and the
    corners of the mouth, left ones first as seen in the picture.
    """
    from facekit.cli.results import Writer
    from facekit.rendering.detected import Detected
    from facekit.verbs.pictures import detect

    writer = Writer(console, style, Detected())
    return writer.write(detect(inputs, options=options, **wanted, **writer.listeners))
