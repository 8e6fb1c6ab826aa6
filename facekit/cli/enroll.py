"""`facekit enroll`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from facekit.cli import DONE, FAILED, NO_FACE, paths
from facekit.cli import options as shared

if TYPE_CHECKING:
    from facekit.cli.console import Console
    from facekit.reading import Options


@shared.command("enroll")
@click.argument("paths", nargs=-1, required=True, type=paths.INPUT, metavar="PATH...")
@click.option(
    "--subject",
    metavar="NAME",
    shell_complete=shared.complete_subject,
    help="Whose pictures these are, when there is no folder for each person.",
)
@click.option(
    "--again",
    is_flag=True,
    help="Also enroll what was removed or renamed earlier; otherwise it stays out.",
)
@click.option(
    "--accept-mixed",
    is_flag=True,
    help="Enroll a folder although half of its faces or more are not of one person.",
)
@click.option(
    "--accept-poor",
    is_flag=True,
    help="Enroll also pictures so poor that strangers would be taken for the person; they name nobody alone.",
)
@click.option("--strict", is_flag=True, help="Refuse pictures of poor quality or doubtful identity.")
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
def enroll(
    console: Console,
    /,
    paths: tuple[str, ...],
    subject: str | None,
    again: bool,
    accept_mixed: bool,
    accept_poor: bool,
    strict: bool,
    gallery: Path | None,
    options: Options,
    style: str,
) -> int:
    """Add people to a gallery from their pictures.

    PATH is a folder with a sub-folder for each person, named like the person; or pictures and folders
    of one person, with --subject. A picture that is in the gallery already is left alone, so that
    running again goes on where it was stopped.

    Of several faces in a picture, the one is taken that agrees with the person's other pictures, or
    else the largest. Pictures that are small, blurred, dark, turned away, or like somebody else are
    reported, and refused with --strict.

    Pictures so blurred, noisy or compressed that strangers in pictures as poor would be taken for the person
    are refused; --accept-poor takes them. Then they count only for a person who has no better ones, and are
    never enough for a name.

    A folder where half of the faces or more are not of one person ("Camera Roll", "Italy 2021") is refused.

    A face of a picture belongs to one person: enrolled under another name, because the picture was moved or
    its folder renamed, it moves. Copies of it in two people's folders are refused. What was removed from the
    gallery stays removed.

    \b
    Examples:
      facekit enroll people/
      facekit enroll --subject "Ada Lovelace" ada1.jpg ada2.jpg
    """
    from facekit import enrolment, settings, verbs
    from facekit.cli.enrolling import Enrolling

    plan = enrolment.plan(paths, subject)
    for remark in plan.remarks():
        console.note(remark)
    pipeline = options.pipeline()
    place = settings.gallery_to_write(gallery, None if subject else enrolment.home(paths))
    rules = enrolment.Rules(strict, again, accept_mixed, accept_poor)
    with verbs.gallery_for_enrolment(place, pipeline) as opened:
        shared.tell_gallery(console, gallery, place)
        outcomes = enrolment.enroll(opened, plan.photos, rules=rules, options=options, pipeline=pipeline)
        report = Enrolling(console, style, opened, options.embedder).run(plan.photos, outcomes)
    if report.failed:
        return FAILED
    return NO_FACE if report.without_face else DONE
