"""`facekit register`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from facekit.cli import DONE, FAILED, paths
from facekit.cli import options as shared

if TYPE_CHECKING:
    from facekit.cli.console import Console
    from facekit.faces.reading import Options


@shared.command("register")
@click.argument("name", shell_complete=shared.complete_subject)
@click.argument("source", type=paths.INPUT, required=False)
@click.option(
    "--from-folder",
    type=paths.FOLDER,
    metavar="DIR",
    help="Take the pictures of a folder instead of a source.",
)
@click.option(
    "--frames",
    type=click.IntRange(1, 12),
    default=3,
    show_default=True,
    metavar="N",
    help="Frames to enroll of each pose.",
)
@click.option(
    "--accept-poor",
    is_flag=True,
    help="Enroll also frames so poor that strangers would be taken for the person; they name nobody alone.",
)
@click.option(
    "--view/--no-view",
    default=None,
    help="Show a window; by default for a camera where there is a display.",
)
@shared.rehearsal_option
@shared.users_gallery_option
@shared.max_pixels_option
@shared.pipeline_options
@click.pass_obj
def register(console: Console, /, name: str, max_pixels: int, options: Options, **wanted: Any) -> int:
    """Enroll a person in front of a camera or in a video.

    SOURCE is the number of a camera (0 by default), a video file, an address, or a folder of frames. The
    person NAME is asked to look into the camera, to the left, to the right, up and down; the sharpest
    frames of each pose are enrolled when all are there, when the source ends, or when Q is pressed.
    Nothing is stored before, and nothing at all on Ctrl-C.

    Frames with a second face near, and faces that are too small, dark, blurred or poor (see facekit enroll
    --help), are not taken. Whoever takes the last person's place before a camera is asked for all poses anew;
    of a recording with two people nobody is enrolled. Who looks like another enrolled person is enrolled with
    a warning.

    \b
    Examples:
      facekit register "Ada Lovelace"
      facekit register "Ada Lovelace" ada.mp4 --frames 5
      facekit register "Ada Lovelace" --from-folder photos/ada/
    """
    from facekit.cli.keys import Keys
    from facekit.rendering.registered import lines, notes
    from facekit.verbs.register import register

    wanted |= {"options": replace(options, max_pixels=max_pixels)}
    wanted |= {"on_note": console.note, "on_status": console.status}
    with Keys() as keys:
        done = register(name, stop=lambda: keys.pressed() in ("q", "\x1b"), **wanted)
    for error in done.errors():
        console.error(error)
    for line in lines(name, done, dry_run=wanted["dry_run"]):
        console.emit(line)
    for note in notes(done, options.embedder):
        console.note(note)
    return FAILED if console.failed else DONE
