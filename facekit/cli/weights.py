"""`facekit weights`: the network files that ship with facekit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from facekit.cli import DONE
from facekit.cli import options as shared

if TYPE_CHECKING:
    from facekit.cli.console import Console


@click.group("weights", short_help="List or check the network files.")
def weights() -> None:
    """List or check the network files that ship with facekit."""


@shared.command("list", short_help="List the files.")
@shared.format_option()
@click.pass_obj
def list_(console: Console, /, style: str) -> int:
    """List the files, what they are for, and their SHA-256."""
    from facekit.cli.results import Writer
    from facekit.rendering.about import network_files
    from facekit.verbs.about import weights_list

    return Writer(console, style, network_files()).write(weights_list())


@shared.command("verify", short_help="Check that the files are the released ones.")
@click.pass_obj
def verify(console: Console, /) -> int:
    """Check that every file is the one that was released, by its SHA-256."""
    from facekit.verbs.about import weights_verify

    for each in weights_verify():
        console.emit(f"{each.file}: as released")
    return DONE


for _command in (list_, verify):
    weights.add_command(_command)
