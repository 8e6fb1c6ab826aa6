"""`facekit doctor`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from facekit.cli import options as shared

if TYPE_CHECKING:
    from facekit.cli.console import Console
    from facekit.gallery.places import Place


@shared.command("doctor")
@shared.gallery_option
@shared.format_option()
@click.pass_obj
def doctor(console: Console, /, gallery: Place | None, style: str) -> int:
    """Look whether everything is in order, and say what to do where it is not.

    A line for each subject: ok; absent, which facekit does without unless you want what it is for; warning;
    or failed. The exit status is 1 if anything failed. Nothing is changed.
    """
    from facekit.cli.results import Writer
    from facekit.rendering.examined import Examined
    from facekit.verbs.doctor import doctor

    return Writer(console, style, Examined()).write(doctor(gallery))
