"""`facekit find`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from facekit.cli import numbers, paths
from facekit.cli import options as shared

if TYPE_CHECKING:
    from facekit.cli.console import Console
    from facekit.faces.reading import Options


@shared.command("find")
@click.argument("name", shell_complete=shared.complete_subject)
@click.argument("inputs", nargs=-1, type=paths.INPUT, metavar="INPUT...")
@click.option(
    "--like",
    type=paths.INPUT,
    metavar="PHOTO",
    help="Find the largest face of this photo, instead of a NAME.",
)
@click.option(
    "--with",
    "with_",
    multiple=True,
    metavar="NAME",
    shell_complete=shared.complete_subject,
    help="Who has to be in the photo too. Can be given several times.",
)
@click.option(
    "--without",
    multiple=True,
    metavar="NAME",
    shell_complete=shared.complete_subject,
    help="Who must not be in the photo. Can be given several times.",
)
@click.option("--only", is_flag=True, help="Leave out photos in which anybody else is.")
@click.option(
    "--after",
    metavar="DATE",
    help="Only photos taken on this day or later, by EXIF: 2019, 2019-07 or 2019-07-24.",
)
@click.option("--before", metavar="DATE", help="Only photos taken before this day, by EXIF.")
@click.option(
    "--threshold",
    type=numbers.SCORE,
    metavar="SCORE",
    help="The score from which a face is the person's, instead of the gallery's.",
)
@click.option("--copy", type=paths.FOLDER, metavar="DIR", help="Copy the photos into this folder.")
@click.option("--link", type=paths.FOLDER, metavar="DIR", help="Make links to the photos in this folder.")
@shared.dry_run_option
@shared.gallery_option
@shared.picture_options
@shared.format_option()
@click.pass_obj
def find(
    console: Console, /, name: str, inputs: tuple[str, ...], options: Options, style: str, **wanted: Any
) -> int:
    """Find the photos with a person, best first.

    INPUT is pictures and folders, NAME somebody in the gallery. A photo is found if facekit identify gives
    one of its faces that name.

    \b
    Examples:
      facekit find "Ada Lovelace" photos/
      facekit find "Ada Lovelace" photos/ --with Ben --after 2019-07 --copy album/
      facekit find --like face.jpg photos/
    """
    from facekit.cli.results import Writer
    from facekit.rendering.matches import PhotoMatches
    from facekit.verbs.find import find

    if wanted["like"] is not None:
        who, where = None, (paths.INPUT.convert(name, None, None), *inputs)
    else:
        who, where = name, inputs
    report = find(who, where, **wanted, options=options, **console.listeners)
    for problem in report.problems:
        console.error(problem)
    out: Path | None = wanted["copy"] or wanted["link"]
    view = PhotoMatches(report.pictures, out, dry_run=wanted["dry_run"])
    return Writer(console, style, view).write(report.matches)
