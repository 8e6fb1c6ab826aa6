"""What the library's functions take, said in a sentence where they are given something else."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from math import inf, isfinite, isinf
from operator import index
from os import PathLike, fsencode, fspath
from typing import SupportsFloat, SupportsIndex

from facekit.errors import UsageError

MOST_SECONDS = 1_000_000


def path_of(value: object, what: str) -> str:
    """A path as text. Raises UsageError for anything that is none."""
    if isinstance(value, (str, PathLike)) and isinstance(path := fspath(value), str):
        return nameable(path, what)
    raise UsageError(f"{what} is {kind_of(value)}: give a path, a str or os.PathLike")


def nameable(path: str, what: str) -> str:
    """The path. Raises UsageError where no file can be called so: a half of a letter (a lone surrogate)."""
    try:
        fsencode(path)
    except UnicodeEncodeError:
        raise UsageError(f"{what} is {path!a:.100}: no file can have this name") from None
    return path


def paths_of(value: object, what: str) -> list[str]:
    """One path or several. Raises UsageError for anything else: bytes, arrays, open files."""
    if isinstance(value, (str, PathLike)):
        return [path_of(value, what)]
    if isinstance(value, (bytes, bytearray, memoryview)) or not isinstance(value, Iterable):
        raise UsageError(f"{what} is {kind_of(value)}: give the path of a picture or folder, or several")
    return [path_of(item, f"one of {what}") for item in value]


def score_of(value: object, what: str) -> float | None:
    """A score, or None. Raises UsageError for what is no number, or one that no score can be, a NaN too."""
    return None if value is None else number_of(value, what, least=-1, most=1, otherwise=", or None")


def number_of(
    value: object, what: str, *, least: float = -inf, most: float = inf, otherwise: str = ""
) -> float:
    """A finite number, one of NumPy's too. Raises UsageError for anything else, or one out of range."""
    number = None
    if isinstance(value, SupportsFloat) and not isinstance(value, bool):
        with suppress(TypeError, ValueError, OverflowError):  # an array is a number where it is one alone
            number = float(value)
    if number is None or not isfinite(number) or not least <= number <= most:
        bounds = "" if isinf(least) or isinf(most) else f" from {least:g} to {most:g}"
        raise UsageError(f"{what} is {_shown(value)}: give a number{bounds}{otherwise}")
    return number


def integer_of(value: object, what: str, *, least: int, most: int | None = None) -> int:
    """A whole number, one of NumPy's too. Raises UsageError for anything else, or one out of range."""
    number = None
    if isinstance(value, SupportsIndex) and not isinstance(value, bool):
        with suppress(TypeError):  # an array has an index only where it is one whole number
            number = index(value)
    if number is None or number < least or (most is not None and number > most):
        bounds = f"from {least} on" if most is None else f"from {least} to {most}"
        raise UsageError(f"{what} is {_shown(value)}: give a whole number {bounds}")
    return number


def integers_of(value: object, what: str, *, least: int) -> list[int]:
    """One whole number or several. Raises UsageError for anything else."""
    if isinstance(value, (SupportsIndex, str, bytes)) or not isinstance(value, Iterable):
        return [integer_of(value, what, least=least)]
    return [integer_of(item, f"one of {what}", least=least) for item in value]


def seconds_of(value: object, what: str) -> float:
    """A time. Raises UsageError for what is no number, not above 0, or longer than can be waited for."""
    seconds = None
    if isinstance(value, SupportsFloat) and not isinstance(value, bool):
        with suppress(TypeError, ValueError, OverflowError):
            seconds = float(value)
    if seconds is None or not 0 < seconds <= MOST_SECONDS:
        raise UsageError(f"{what} is {_shown(value)}: give a number of seconds above 0, up to {MOST_SECONDS}")
    return seconds


def texts_of(value: object, what: str) -> list[str]:
    """One text, not taken letter by letter, or several. Raises UsageError for anything else."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, (bytes, bytearray, memoryview)) or not isinstance(value, Iterable):
        raise UsageError(f"{what} are {kind_of(value)}: give a str, or several")
    return [text_of(item, f"one of {what}") for item in value]


def text_of(value: object, what: str) -> str:
    """A text. Raises UsageError for anything else."""
    if not isinstance(value, str):
        raise UsageError(f"{what} is {kind_of(value)}: give a str")
    return value


def short_text(value: object, what: str, longest: int) -> str:
    """A text that can be stored. Raises UsageError when it is none, too long or no valid Unicode."""
    value = text_of(value, what)
    if len(value) > longest:
        raise UsageError(f"{what} has {len(value)} characters: at most {longest} are stored")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise UsageError(f"{what} is not valid Unicode text") from error
    return value


def switch(value: object, what: str) -> bool:
    """True or False. Raises UsageError for anything else."""
    if not isinstance(value, bool):
        raise UsageError(f"{what} is {_shown(value)}: give True or False")
    return value


def _shown(value: object) -> str:
    # Python does not write out a number of thousands of digits.
    short = isinstance(value, (str, float)) or (isinstance(value, int) and abs(value) <= 10**30)
    return repr(value) if short else kind_of(value)


def kind_of(value: object) -> str:
    """What somebody gave instead: `None`, `of type float`."""
    kind = type(value)
    return (
        "None" if value is None else f"of type {kind.__module__}.{kind.__qualname__}".replace("builtins.", "")
    )
