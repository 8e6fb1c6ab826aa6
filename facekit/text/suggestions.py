"""What somebody may have meant who mistyped a name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

_MOST, _SHORTEST = 3, 2
"""So many names are told; of so many letters a word may begin with what was typed."""


def similar(name: str, known: Iterable[str]) -> list[str]:
    """The known names that are like this one, or of which a word is, the most like first, whatever the case
    of their letters."""
    import difflib

    by_letters: dict[str, list[str]] = {}
    by_word: dict[str, list[str]] = {}
    for other in known:
        by_letters.setdefault(other.casefold(), []).append(other)
        for word in other.casefold().split():
            by_word.setdefault(word, []).append(other)
    letters = name.casefold()
    alike = [other for whole in difflib.get_close_matches(letters, by_letters) for other in by_letters[whole]]
    # Somebody's first name alone, or its beginning.
    words = difflib.get_close_matches(letters, by_word, cutoff=0.75)
    words += [word for word in by_word if len(letters) >= _SHORTEST and word.startswith(letters)]
    alike += [other for word in words for other in by_word[word]]
    return list(dict.fromkeys(alike))[:_MOST]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A question that can end a message, with the space before it; nothing where no known name is similar. A
    mapping of names says what to write for each."""
    alike = similar(name, known)
    if isinstance(known, Mapping):
        alike = [str(known[key]) for key in alike]
    return f" Did you mean {' or '.join(map(repr, alike))}?" if alike else ""
