"""`facekit info`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from facekit.cli import options as shared

if TYPE_CHECKING:
    from facekit.cli.console import Console
    from facekit.gallery.places import Place


@shared.command("info")
@shared.gallery_option
@shared.format_option()
@click.pass_obj
def info(console: Console, /, gallery: Place | None, style: str) -> int:
    """Print what to paste into a bug report: versions, processor, networks, and the gallery's size.

    No names and no folders of yours are in it.
    """
    from facekit.cli.results import Writer
    from facekit.rendering.about import Diagnosed
    from facekit.verbs.about import info

    return Writer(console, style, Diagnosed()).write([info(gallery)])
