"""`facekit align`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from facekit.cli import options as shared
from facekit.cli import paths

if TYPE_CHECKING:
    from facekit.cli.console import Console
    from facekit.faces.reading import Options


@shared.command("align")
@click.argument("raw", type=paths.EXISTING_FOLDER)
@click.argument("out", type=paths.FOLDER)
@shared.dry_run_option
@shared.shard_option
@shared.unordered_option
@shared.picture_options
@click.pass_obj
def align(console: Console, /, raw: Path, out: Path, options: Options, **wanted: Any) -> int:
    """Cut the largest face out of every picture below RAW into the same tree below OUT.

    RAW has a folder for each person, as for facekit enroll and facekit train. The crops are PNG files
    of 112×112 pixels, aligned by five points; pictures without a face are listed.
    """
    from facekit.cli.results import Writer
    from facekit.rendering.pictures import PictureView
    from facekit.rendering.trees import Crop
    from facekit.verbs.pictures import align

    view: PictureView[Crop] = PictureView()
    writer = Writer(console, None, view)
    return writer.write(align(raw, out, options=options, **wanted, **writer.listeners))
