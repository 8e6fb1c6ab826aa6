"""`facekit gallery not-same` and the like: what is so about people and faces, whatever their scores say."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from facekit.cli import numbers, paths
from facekit.cli import options as shared

if TYPE_CHECKING:
    from collections.abc import Sequence

    from facekit.cli.console import Console
    from facekit.gallery.facts import Fact
    from facekit.gallery.places import Place

_holder_option = click.option(
    "--from",
    "holder",
    metavar="NAME",
    shell_complete=shared.complete_subject,
    help="Whose face is meant, in a photo that is enrolled.",
)
_face_option = click.option(
    "--face",
    type=click.IntRange(1),
    metavar="NUMBER",
    help="Which face of the one picture: its number as facekit identify --verbose and annotated pictures "
    "show it.",
)
_box_option = click.option(
    "--box",
    type=numbers.BOX,
    metavar="X,Y,W,H",
    help="Where the face is in the one picture: left, top, width and height in pixels.",
)


def _of_faces(command: Callable[..., Any]) -> Callable[..., Any]:
    """Which faces are meant, in which gallery; the command gets the options of reading pictures as one."""
    for decorate in (
        *(click.pass_obj, shared.format_option(), shared.picture_options, shared.users_gallery_option),
        *(shared.dry_run_option, _holder_option, _box_option, _face_option),
    ):
        command = decorate(command)
    return click.argument("pictures", nargs=-1, required=True, type=paths.INPUT, metavar="PHOTO...")(command)


@shared.command("not-same", short_help="Say that people who look alike are not the same.")
@click.argument("names", nargs=-1, required=True, shell_complete=shared.complete_subject)
@shared.dry_run_option
@shared.users_gallery_option
@shared.format_option()
@click.pass_obj
def not_same(console: Console, /, style: str, **wanted: Any) -> int:
    """Say that the people NAMES, two or more, are not the same, however alike they are: twins, for one.

    facekit gallery check proposes no two of them as one any more, and facekit gallery merge refuses them.

    \b
    Example:
      facekit gallery not-same "Ann Lee" "Amy Lee"
    """
    from facekit.verbs.facts import gallery_not_same

    return _facts(console, style, gallery_not_same(**wanted, on_note=console.note))


@shared.command("not-subject", short_help="Say that a face is not the person whom it is taken for.")
@click.option(
    "--subject",
    required=True,
    metavar="NAME",
    shell_complete=shared.complete_subject,
    help="The person who it is not.",
)
@_of_faces
def not_subject(console: Console, /, style: str, **wanted: Any) -> int:
    """Say that the face in PHOTO is not the person NAME. It does not get that name any more, nor do faces
    that are more like it than like the person: others of whoever it really is, and copies of the photo.

    Of several faces it is the one that is taken for the person, or the one of --face or --box. PHOTO is the
    file, or the name or the first 8 or more digits of the SHA-256 of a photo that is enrolled.

    \b
    Example:
      facekit gallery not-subject party.jpg --subject "Ann Lee"
    """
    from facekit.verbs.facts import gallery_not_subject

    return _facts(console, style, gallery_not_subject(**wanted, on_note=console.note))


@shared.command("ignore", short_help="Say that nobody wants to know whose a face is.")
@click.option(
    "--group",
    type=click.IntRange(1),
    multiple=True,
    metavar="NUMBER",
    help="PHOTO is what facekit cluster --format json wrote: all faces of the group of this number. Can be "
    "given several times.",
)
@_of_faces
def ignore(console: Console, /, style: str, **wanted: Any) -> int:
    """Say that nobody wants to know whose the faces in PHOTO are: people in the background, statues, pictures
    on a wall.

    facekit cluster proposes neither these faces nor groups of the same person any more, and facekit gallery
    check has no doubts about them. Without --face or --box, all faces of PHOTO are meant that nobody in the
    gallery has.

    \b
    Example:
      facekit gallery ignore museum.jpg --face 2
      facekit gallery ignore groups.json --group 3 --group 7
    """
    from facekit.verbs.facts import gallery_ignore

    return _facts(console, style, gallery_ignore(**wanted, on_note=console.note))


@shared.command("facts", short_help="List what was said of people and faces.")
@shared.gallery_option
@shared.format_option()
@click.pass_obj
def facts(console: Console, /, gallery: Place | None, style: str) -> int:
    """List what was said with facekit gallery not-same, not-subject and ignore, each with the number by which
    facekit gallery take-back takes it back.
    """
    from facekit.verbs.facts import gallery_facts

    return _facts(console, style, gallery_facts(gallery, on_note=console.note))


@shared.command("take-back", short_help="Take back what was said of people and faces.")
@click.argument("facts", nargs=-1, required=True, type=click.IntRange(1), metavar="FACT...")
@shared.dry_run_option
@shared.users_gallery_option
@shared.format_option()
@click.pass_obj
def take_back(console: Console, /, style: str, **wanted: Any) -> int:
    """Take back what was said, and erase it: each FACT is a number as facekit gallery facts has it. All are
    taken back, or none.
    """
    from facekit.verbs.facts import gallery_take_back

    taken_back = gallery_take_back(**wanted, on_note=console.note)
    return _facts(console, style, taken_back, planned="would be taken back")


def _facts(console: Console, style: str, found: Sequence[Fact], *, planned: str = "would be recorded") -> int:
    from facekit.cli.results import Writer
    from facekit.rendering.stated import Facts

    return Writer(console, style, Facts(planned)).write(found)


COMMANDS = (not_same, not_subject, ignore, facts, take_back)
