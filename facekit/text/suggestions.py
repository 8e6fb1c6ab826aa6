"""What somebody may have meant who mistyped a name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A question that can end a message, with the space before it; nothing where no known name is similar. A
    mapping of names says what to write for each."""
    import difflib

    similar = difflib.get_close_matches(name, list(known))
    if isinstance(known, Mapping):
        similar = [str(known[key]) for key in similar]
    return f" Did you mean {' or '.join(map(repr, similar))}?" if similar else ""
