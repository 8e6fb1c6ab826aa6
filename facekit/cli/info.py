"""`facekit info`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from facekit.cli import DONE
from facekit.cli import options as shared

if TYPE_CHECKING:
    from facekit.cli.console import Console


@shared.command("info")
@shared.gallery_option
@shared.format_option("table", "json")
@click.pass_obj
def info(console: Console, /, gallery: Path | None, style: str) -> int:
    """Print what to paste into a bug report: versions, processor, networks, and the gallery's size.

    No names and no folders of yours are in it.
    """
    from facekit.diagnosis import diagnose
    from facekit.rendering.escaping import json_line, printable

    found = diagnose(gallery)
    if style == "json":
        console.emit(json_line({"schema": 1, **found}))
    else:
        for what, value in found.items():
            console.emit(f"{what:12}  {printable(value)}")
    return DONE
