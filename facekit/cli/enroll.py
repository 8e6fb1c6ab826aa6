"""`facekit enroll`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from facekit.cli import numbers, paths
from facekit.cli import options as shared

if TYPE_CHECKING:
    from facekit.cli.console import Console
    from facekit.faces.reading import Options


@shared.command("enroll")
@click.argument("paths", nargs=-1, required=True, type=paths.INPUT, metavar="PATH...")
@click.option(
    "--subject",
    metavar="NAME",
    shell_complete=shared.complete_subject,
    help="Whose pictures these are, when there is no folder for each person.",
)
@click.option(
    "--from-xmp",
    is_flag=True,
    help="Enroll whom other programs have marked in the photos of PATH: in sidecars, in the photos, or in "
    ".picasa.ini.",
)
@click.option(
    "--face",
    type=click.IntRange(1),
    metavar="NUMBER",
    help="Which face of the one picture is the person's: its number as facekit identify --verbose and "
    "annotated pictures show it.",
)
@click.option(
    "--box",
    type=numbers.BOX,
    metavar="X,Y,W,H",
    help="Where the person's face is in the one picture, if it was not found: left, top, width and height "
    "in pixels.",
)
@click.option(
    "--groups",
    type=paths.FILE,
    metavar="FILE",
    help="PATH is names.csv, the table that the page of facekit cluster --review saved, and FILE what "
    "facekit cluster --format json wrote in the same run.",
)
@click.option(
    "--again",
    is_flag=True,
    default=None,
    help="Also enroll what was removed or renamed earlier; otherwise it stays out.",
)
@shared.enrollment_options
@shared.rehearsal_option
@click.option(
    "--gallery",
    "-g",
    type=paths.GALLERY,
    metavar="FILE",
    help="The gallery: a file, or the folder of a gallery.db. Without it: FACEKIT_GALLERY, ./gallery.db if "
    "it is there, gallery.db in PATH if it is there or PATH is called gallery, ./gallery/gallery.db if it is "
    "there, or else your own (~/.local/share/facekit/gallery.db).",
)
@shared.picture_options
@shared.format_option()
@click.pass_obj
def enroll(console: Console, /, options: Options, style: str, **wanted: Any) -> int:
    """Add people to a gallery from their pictures.

    PATH is a folder with a sub-folder for each person, named like the person; or pictures and folders
    of one person, with --subject; or photos in which other programs have marked people, with --from-xmp; or
    the table of names that was saved in the page of facekit cluster --review, with --groups.
    A picture that is in the gallery already is left alone, so that running again goes on where it was
    stopped.

    Of several faces in a picture, the one is taken that agrees with the person's other pictures, or
    else the largest. Pictures that are small, blurred, dark, turned away, or like somebody else are
    reported, and refused with --strict.

    Pictures so blurred, noisy or compressed that strangers in pictures as poor would be taken for the person
    are refused; --accept-poor takes them. Then they count only for a person who has no better ones, and are
    never enough for a name.

    A folder where half of the faces or more are not of one person ("Camera Roll", "Italy 2021") is refused.

    A face of a picture belongs to one person: enrolled under another name, because the picture was moved or
    its folder renamed, it moves, but not to a name that differs in the case of letters only. Copies of it in
    two people's folders are refused. What was removed from the gallery stays removed.

    \b
    Examples:
      facekit enroll people/
      facekit enroll people/ --dry-run            what would be enrolled, and what refused
      facekit enroll --subject "Ada Lovelace" ada1.jpg ada2.jpg
      facekit enroll --subject "Ada Lovelace" --face 3 party.jpg
      facekit enroll --from-xmp photos/           people tagged in digiKam, Lightroom, Picasa …
      facekit enroll --groups groups.json names.csv
    """
    from facekit.cli.results import Writer
    from facekit.rendering.enrolled import Enrolled, EnrolledByMarks
    from facekit.verbs.enroll import enroll

    by_marks = wanted["from_xmp"] or wanted["groups"]
    kind = EnrolledByMarks if by_marks else Enrolled
    view = kind(options.embedder, dry_run=wanted["dry_run"])
    with Writer(console, style, view) as writer:
        view.report = enroll(**wanted, options=options, on_result=writer.one, **writer.listeners)
    return writer.status
