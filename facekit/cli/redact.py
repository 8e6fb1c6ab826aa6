"""`facekit redact`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from facekit.cli import numbers, paths
from facekit.cli import options as shared

if TYPE_CHECKING:
    from facekit.cli.console import Console
    from facekit.faces.reading import Options


@shared.command("redact")
@click.argument("inputs", nargs=-1, required=True, type=paths.INPUT, metavar="INPUT...")
@click.option(
    "--output",
    "-o",
    type=paths.FOLDER,
    metavar="DIR",
    help="Save the redacted copies in DIR, in the same folders as the inputs.",
)
@click.option(
    "--method",
    type=click.Choice(["blur", "pixelate", "cover"]),
    default="blur",
    show_default=True,
    help="What becomes of a face; cover leaves nothing of it.",
)
@click.option(
    "--shape",
    type=click.Choice(["ellipse", "box"]),
    default="ellipse",
    show_default=True,
    help="The shape that is redacted, half as large again as the face.",
)
@click.option(
    "--except",
    "except_",
    multiple=True,
    metavar="NAME",
    shell_complete=shared.complete_subject,
    help="Redact everybody but NAME. Can be given several times.",
)
@click.option(
    "--only",
    multiple=True,
    metavar="NAME",
    shell_complete=shared.complete_subject,
    help="Redact NAME and unknown people, no other known ones. Can be given several times.",
)
@click.option(
    "--leave-unknown",
    is_flag=True,
    help="Leave unknown people visible. Of those who are to be redacted, some are always unknown.",
)
@click.option(
    "--threshold",
    type=numbers.SCORE,
    metavar="SCORE",
    help="The score from which a face has a name, instead of the gallery's own.",
)
@click.option(
    "--keep-metadata",
    is_flag=True,
    help="Keep what the camera wrote: when, where and how a photo was taken. Thumbnails, names (also whose "
    "photo it is), regions and captions are left out all the same.",
)
@click.option(
    "--review",
    type=paths.FILE,
    metavar="FILE",
    help="Write a page (HTML) that shows all results, to be looked through for faces that were missed.",
)
@click.option(
    "--overwrite",
    is_flag=True,
    help="Replace also copies that somebody changed since facekit wrote them.",
)
@shared.dry_run_option
@shared.gallery_option
@shared.picture_options
@shared.format_option()
@click.pass_obj
def redact(
    console: Console,
    /,
    inputs: tuple[str, ...],
    output: Path | None,
    options: Options,
    style: str,
    **wanted: Any,
) -> int:
    """Save copies of photos and videos in which faces cannot be recognized.

    INPUT is a picture, a video, a folder (with the folders in it), or - for a picture on standard input. All
    faces are redacted unless --except, --only or --leave-unknown say otherwise; then a gallery says who is
    who.

    A detector misses faces: look at every result before you give it away. Clothes, hair, places and voices
    are not redacted.

    \b
    Examples:
      facekit redact photos/ -o public/ --review sheet.html
      facekit redact party.jpg -o public/ --except "Ada Lovelace"
      facekit redact photos/ --dry-run
    """
    from facekit.cli.results import Writer
    from facekit.rendering.redacted import Redacted
    from facekit.verbs.redact import redact

    view = Redacted(output, wanted["review"]) if not wanted["dry_run"] else Redacted(None)
    writer = Writer(console, style, view)
    return writer.write(redact(inputs, output=output, options=options, **wanted, **writer.listeners))
