"""Names that a reader takes for one: `bob` and `Bob`, `José` and `Jose`, a Cyrillic `а` among Latin letters.

They stay two people, for they may be; but whoever makes the second is told.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from itertools import islice

from facekit import hints
from facekit.gallery.places import AnyPlace

# Letters that look like a Latin one in most fonts (a part of Unicode's confusables.txt, UTS 39).
_CYRILLIC = dict(zip("АВЕЅІЈКМНОРСТХУаеѕіјорсху", "ABESIJKMHOPCTXYaesijopcxy", strict=True))
_GREEK = dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧαορν", "ABEZHIKMNOPTYXaopv", strict=True))
_LATIN = str.maketrans({**_CYRILLIC, **_GREEK})
_MARKS = ("Mn", "Me", "Cf", "Zs", "Pc", "Pd", "Po")
"""Accents, signs without a shape, blanks and punctuation: what is easily overlooked."""

_MOST_SHOWN = 5


class Register:
    """Names by what they look like: each is looked at once, however many are compared with it."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._by_key: dict[str, dict[str, None]] = {}
        for name in names:
            self.enter(name)

    def enter(self, name: str) -> None:
        for key in _keys(name):
            self._by_key.setdefault(key, {})[name] = None

    def discard(self, name: str) -> None:
        for key in _keys(name):
            self._by_key.get(key, {}).pop(name, None)

    def alike(self, name: str) -> list[str]:
        """The other names here that look like this one, sorted; of very many a few."""
        keys = _keys(name)
        names = {other for key in keys for other in islice(self._by_key.get(key, {}), _MOST_SHOWN + 1)}
        return sorted(names - {name})[:_MOST_SHOWN]

    def warning(self, name: str, gallery: AnyPlace) -> str | None:
        """A line about the other names in the gallery that look like this one, if there are any."""
        if not (alike := self.alike(name)):
            return None
        merge = hints.merge_people(gallery, alike[0], name)
        return f"the name {name!r} looks like {', '.join(map(repr, alike))}: if they are one person, {merge}"


def warnings(new: Iterable[str], others: Iterable[str], gallery: AnyPlace) -> Iterator[str]:
    """A line about each of the new names that looks like one of the others, or like a new one before it."""
    new = list(dict.fromkeys(new))
    register = Register(sorted(set(others).difference(new)))
    for name in new:
        if line := register.warning(name, gallery):
            yield line
        register.enter(name)


def _keys(name: str) -> set[str]:
    # Both: a translated capital no longer equals its own small letter, which may look like no Latin one.
    return {_folded(name), _folded(name.translate(_LATIN))}


def _folded(name: str) -> str:
    letters = unicodedata.normalize("NFKD", name)
    bare = "".join(letter for letter in letters if unicodedata.category(letter) not in _MARKS)
    return unicodedata.normalize("NFKC", (bare or letters).casefold())
