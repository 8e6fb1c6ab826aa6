"""`facekit index`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from facekit.cli import options as shared
from facekit.cli import paths

if TYPE_CHECKING:
    from facekit.cli.console import Console
    from facekit.faces.reading import Options


@shared.command("index")
@click.argument("inputs", nargs=-1, required=True, type=paths.INPUT, metavar="FOLDER...")
@click.option("--forget", is_flag=True, help="Erase all that is kept of these folders.")
@shared.dry_run_option
@shared.gallery_option
@shared.picture_options
@shared.format_option()
@click.pass_obj
def index(
    console: Console, /, options: Options, style: str, forget: bool, dry_run: bool, **wanted: Any
) -> int:
    """Keep the faces of folders, so that facekit find and identify need not look through their photos again.

    The faces are kept in a file beside the gallery, GALLERY.photos: vectors and places, no pictures and no
    names. They are as sensitive as the gallery. Run it again when photos were added: only those are read;
    photos that were moved are known by their content, and what is kept of those that are gone is erased.
    facekit gallery remove erases a person's faces here too.

    \b
    Examples:
      facekit index photos/
      facekit find "Ada Lovelace" photos/
      facekit index photos/ --forget
    """
    from facekit.cli.results import Writer
    from facekit.rendering.indexed import Indexed
    from facekit.verbs.index import index

    view = Indexed(dry_run=dry_run, forget=forget)
    report = index(**wanted, forget=forget, dry_run=dry_run, options=options, **console.listeners)
    return Writer(console, style, view).write([report])
