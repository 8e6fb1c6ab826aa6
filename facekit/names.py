"""Names that a reader takes for one: `bob` and `Bob`, `José` and `Jose`, a Cyrillic `а` among Latin letters.

They stay two people, for they may be; but whoever makes the second is told.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path

from facekit import hints

# Letters that look like a Latin one in most fonts (a part of Unicode's confusables.txt, UTS 39).
_CYRILLIC = dict(zip("АВЕЅІЈКМНОРСТХУаеѕіјорсху", "ABESIJKMHOPCTXYaesijopcxy", strict=True))
_GREEK = dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧαορν", "ABEZHIKMNOPTYXaopv", strict=True))
_LATIN = str.maketrans({**_CYRILLIC, **_GREEK})
_MARKS = ("Mn", "Me", "Cf", "Zs", "Pc", "Pd", "Po")
"""Accents, signs without a shape, blanks and punctuation: what is easily overlooked."""

_MOST_SHOWN = 5


def alike(name: str, others: Iterable[str]) -> list[str]:
    """Those of the other names that look like this one."""
    keys = _keys(name)
    return [other for other in others if other != name and keys & _keys(other)]


def warning(name: str, others: Iterable[str], gallery: Path) -> str | None:
    """A line about the other names in the gallery that look like this one, if there are any."""
    return next(warnings([name], others, gallery), None)


def warnings(new: Iterable[str], others: Iterable[str], gallery: Path) -> Iterator[str]:
    """A line about each of the new names that looks like one of the others, or like a new one before it."""
    new = list(dict.fromkeys(new))
    known: dict[str, list[str]] = {}
    for other in sorted(set(others).difference(new)):
        _enter(known, other)
    for name in new:
        found = sorted({other for key in _keys(name) for other in known.get(key, ())})
        _enter(known, name)
        if found:
            listed = ", ".join(map(repr, found))
            merge = hints.merge_people(gallery, found[0], name)
            yield f"the name {name!r} looks like {listed}: if they are one person, {merge}"


def _enter(known: dict[str, list[str]], name: str) -> None:
    for key in _keys(name):
        alike = known.setdefault(key, [])
        if len(alike) < _MOST_SHOWN:
            alike.append(name)


def _keys(name: str) -> set[str]:
    # Both: a translated capital no longer equals its own small letter, which may look like no Latin one.
    return {_folded(name), _folded(name.translate(_LATIN))}


def _folded(name: str) -> str:
    letters = unicodedata.normalize("NFKD", name)
    bare = "".join(each for each in letters if unicodedata.category(each) not in _MARKS)
    return unicodedata.normalize("NFKC", (bare or letters).casefold())
