"""What the library's functions take, said in a sentence where they are given something else."""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike, fspath

from facekit.errors import UsageError


def path_of(value: object, what: str) -> str:
    """A path as text. Raises UsageError for anything that is none."""
    if isinstance(value, (str, PathLike)) and isinstance(path := fspath(value), str):
        return path
    raise UsageError(f"{what} is {_kind(value)}: give a path, a str or os.PathLike")


def paths_of(value: object, what: str) -> list[str]:
    """One path or several. Raises UsageError for anything else: bytes, arrays, open files."""
    if isinstance(value, (str, PathLike)):
        return [path_of(value, what)]
    if isinstance(value, (bytes, bytearray, memoryview)) or not isinstance(value, Iterable):
        raise UsageError(f"{what} is {_kind(value)}: give the path of a picture or folder, or several")
    return [path_of(each, f"one of {what}") for each in value]


def score_of(value: object, what: str) -> float | None:
    """A score, or None. Raises UsageError for what is no number, or one that no score can be, a NaN too."""
    if value is None:
        return None
    if isinstance(value, (str, bytes, bool)) or not hasattr(value, "__float__") or not abs(float(value)) <= 1:
        raise UsageError(f"{what} is {value!r}: give a number from -1 to 1, or None")
    return float(value)


def _kind(value: object) -> str:
    kind = type(value)
    return (
        "None" if value is None else f"of type {kind.__module__}.{kind.__qualname__}".replace("builtins.", "")
    )
