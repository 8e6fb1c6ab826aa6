"""Numbers of things in words: a sentence does not count what is not there."""

from __future__ import annotations


def counted(count: int, one: str, many: str = "") -> str:
    """`1 face`, `2 faces`, `no face`; `many` where it is not `one` with an s."""
    if not count:
        return f"no {one}"
    return f"{count} {one if count == 1 else many or one + 's'}"


def part_of(count: int, total: int, one: str, what: str, many: str = "") -> str:
    """`4 faces, 3 of them named`, `4 faces, none of them named`, `no face`."""
    if not total:
        return counted(total, one, many)
    return f"{counted(total, one, many)}, {count or 'none'} of them {what}"


def listed(first: str, *others: tuple[int, str]) -> str:
    """`2 enrolled, 3 refused`: a sentence, with the counts that are not 0."""
    return ", ".join([first, *(f"{count} {what}" for count, what in others if count)])
