"""A font that has all letters of a name, whatever its script, from what the system has."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from PIL import ImageFont

FOLDERS = (
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    "~/.local/share/fonts",
    "~/.fonts",
    "/System/Library/Fonts",
    "/Library/Fonts",
    "C:/Windows/Fonts",
)
# Plain faces for much text, in this order before all others; each is the usual one of some system.
_PREFERRED = (
    *("DejaVuSans", "NotoSans-Regular", "LiberationSans-Regular", "Arial Unicode", "arial", "segoeui"),
    *("NotoSansCJK-Regular", "PingFang", "Hiragino Sans GB", "msyh", "malgun", "NotoSansDevanagari-Regular"),
)
_UNFIT = (
    "bold",
    "italic",
    "oblique",
    "mono",
    "condensed",
    "black",
    "light",
    "thin",
    "emoji",
    "symbol",
    "math",
)
# A character that no font has: its picture is the font's sign for a missing letter.
_MISSING = "\U0010fffe"


def font_for(text: str, size: int) -> ImageFont.FreeTypeFont | None:
    """A font of `size` pixels with a letter for every character of `text`, or None."""
    for path in _candidates():
        if _covers(path, text):
            return ImageFont.truetype(path, size)
    default = default_font(size)
    return default if _has_letters(default, text) else None


def default_font(size: int) -> ImageFont.FreeTypeFont:
    """For digits and plain Latin: the best of the system, or the one inside Pillow."""
    path = next(iter(_candidates()), None)
    if path and _covers(path, "unknown 0123456789.-"):
        return ImageFont.truetype(path, size)
    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont)
    return font


@lru_cache(maxsize=1)
def _candidates() -> tuple[str, ...]:
    return tuple(sorted(_found(), key=_rank))


def _found() -> Iterator[str]:
    for folder in FOLDERS:
        for here, _, names in os.walk(os.path.expanduser(folder)):
            for name in names:
                if name.lower().endswith((".ttf", ".ttc", ".otf")):
                    yield os.path.join(here, name)


def _rank(path: str) -> tuple[int, bool, str]:
    stem = Path(path).stem
    place = _PREFERRED.index(stem) if stem in _PREFERRED else len(_PREFERRED)
    return place, any(word in stem.lower() for word in _UNFIT), path


@lru_cache(maxsize=4096)
def _covers(path: str, text: str) -> bool:
    try:
        return _has_letters(ImageFont.truetype(path, 16), text)
    except (OSError, ValueError):  # a font that FreeType cannot use
        return False


def _has_letters(font: ImageFont.FreeTypeFont, text: str) -> bool:
    missing = bytes(font.getmask(_MISSING))
    return all(
        bytes(font.getmask(letter)) != missing
        for letter in set(text)
        if letter.isprintable() and letter != " "
    )
