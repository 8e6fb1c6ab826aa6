"""Numbers of things in words."""

from __future__ import annotations


def counted(count: int, one: str, many: str = "") -> str:
    """`1 face`, `2 faces`, `0 faces`; `many` where it is not `one` with an s."""
    return f"{count} {one if count == 1 else many or one + 's'}"
