"""The keys of a server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from facekit.rendering.rows import Records
from facekit.text.tables import Column

if TYPE_CHECKING:
    from facekit.serving.keys import Key


def keyed() -> Records[Key]:
    """A line for each key."""
    return Records({"name": Column("name", flexible=True), "role": Column("role"), "added": Column("added")})
