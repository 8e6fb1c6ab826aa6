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
    from facekit import weights as files
    from facekit.rendering.rows import rows
    from facekit.rendering.tables import Column

    columns = {
        "use": Column("use"),
        "file": Column("file"),
        "bytes": Column("bytes", right=True),
        "sha256": Column("SHA-256", flexible=True),
    }
    records = [
        {"use": use, "file": path.name, "bytes": path.stat().st_size, "sha256": sha256}
        for use, path, sha256 in files.shipped_files()
    ]
    for line in rows(style, columns, records):
        console.emit(line)
    return DONE


@shared.command("verify", short_help="Check that the files are the released ones.")
@click.pass_obj
def verify(console: Console, /) -> int:
    """Check that every file is the one that was released, by its SHA-256."""
    from facekit import weights as files

    for _, path, sha256 in files.shipped_files():
        files.verified(path, sha256)
        console.emit(f"{path.name}: as released")
    return DONE


for _command in (list_, verify):
    weights.add_command(_command)
