"""How the folders of `facekit cluster` are called until they have a person's name."""

from __future__ import annotations

import re

SINGLE = "single"
_PLACEHOLDER = re.compile(rf"(?i)group[-_ ]?\d+|{SINGLE}")


def folder_name(number: int, digits: int) -> str:
    """Of the group of this number: `group-03`."""
    return f"group-{number:0{digits}}"


def is_placeholder(name: str) -> bool:
    """Whether a name says only that nobody has given one yet."""
    return _PLACEHOLDER.fullmatch(name) is not None
