"""What somebody may have meant who mistyped a name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


def similar(name: str, known: Iterable[str]) -> list[str]:
    """The known names that are like this one, the most like first, whatever the case of their letters."""
    import difflib

    by_letters: dict[str, list[str]] = {}
    for other in known:
        by_letters.setdefault(other.casefold(), []).append(other)
    alike = difflib.get_close_matches(name.casefold(), by_letters)
    return [other for letters in alike for other in by_letters[letters]]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A question that can end a message, with the space before it; nothing where no known name is similar. A
    mapping of names says what to write for each."""
    alike = similar(name, known)
    if isinstance(known, Mapping):
        alike = [str(known[key]) for key in alike]
    return f" Did you mean {' or '.join(map(repr, alike))}?" if alike else ""
