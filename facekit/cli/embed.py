"""`facekit embed`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from facekit.cli import options as shared
from facekit.cli import paths

if TYPE_CHECKING:
    from facekit.cli.console import Console
    from facekit.faces.reading import Options


@shared.command("embed")
@click.argument("inputs", nargs=-1, required=True, type=paths.INPUT, metavar="INPUT...")
@click.option(
    "--output",
    "-o",
    type=paths.FILE,
    metavar="FILE",
    help="Write to FILE (.npz, .csv or .jsonl) instead of standard output.",
)
@shared.shard_option
@shared.unordered_option
@shared.picture_options
@shared.format_option("jsonl", without=["table"])
@click.pass_obj
def embed(
    console: Console,
    /,
    inputs: tuple[str, ...],
    output: Path | None,
    options: Options,
    style: str,
    **wanted: Any,
) -> int:
    """Write the unit vectors of all faces of all pictures, for programs of your own.

    Each face has its place in its picture, its quality and its vector; the cosine of two faces is the dot
    product of their vectors. Vectors are biometric data: whoever has them can recognize these
    people.

    facekit cluster and facekit evaluate take files of the form .npz, of one run or of all its shards, in the
    place of the photos.

    The feature norm of a face is the length of the network's vector before it was scaled to 1. With an
    embedder trained by the losses magface or adaface it tells the quality of the face (higher is better);
    with any other, the shipped one too, it is no measure of quality.

    \b
    Examples:
      facekit embed photos/ -o faces.npz
      facekit embed photos/ --format csv > faces.csv
    """
    from facekit.cli.results import Writer
    from facekit.rendering.embedded import Embedded
    from facekit.verbs.pictures import embed

    pipeline = options.pipeline()
    writer = Writer(console, None if output else style, Embedded(pipeline.dimension))
    wanted |= {"output": output, "options": options, "pipeline": pipeline}
    return writer.write(embed(inputs, **wanted, **writer.listeners))
