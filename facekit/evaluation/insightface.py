"""InsightFace's verification sets (`lfw.bin`, `cfp_fp.bin`, `agedb_30.bin`) without running what is in them.

Such a file is a Python pickle of `(pictures, same)`: 2 n encoded crops and n truth values, the crops 2 i and
2 i + 1 being pair i. Loading a pickle can run any program. Here every name that the file speaks of is looked
up in a short list, and stands for a record of what it is called with: nothing is imported or called.
"""

from __future__ import annotations

import io
import pickle
import pickletools
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from facekit.errors import UsageError
from facekit.evaluation.pairs import FOLDS, Pairs
from facekit.files import untrusted

# Names that stand for plain values: NumPy truth values and arrays of bytes, and bytes as Python 2 wrote them.
_KNOWN = frozenset(
    f"{module} {name}"
    for module, names in {
        "numpy": ("dtype", "ndarray"),
        "numpy.core.multiarray": ("scalar", "_reconstruct"),
        "numpy._core.multiarray": ("scalar", "_reconstruct"),
        "numpy.core.numeric": ("_frombuffer",),
        "numpy._core.numeric": ("_frombuffer",),
        "_codecs": ("encode",),
        "__builtin__": ("bytes", "bytearray"),
        "builtins": ("bytes", "bytearray"),
    }.items()
    for name in names
)


class _Record:
    """What a call in the file would make: the name that it calls, its arguments, and its state."""

    __match_args__ = ("of", "arguments", "state")

    def __init__(self, of: str, arguments: tuple[Any, ...]) -> None:
        self.of, self.arguments, self.state = of, arguments, None

    def __setstate__(self, state: Any) -> None:
        self.state = state


@dataclass(frozen=True)
class _Name:
    """A global that the file speaks of; never looked up."""

    text: str

    def __call__(self, *arguments: Any) -> _Record:
        return _Record(self.text, arguments)


_DAMAGE = (
    *(AttributeError, EOFError, IndexError, KeyError, MemoryError, OverflowError, RecursionError, TypeError),
    *(ValueError, pickle.UnpicklingError),
)
"""What a pickle that is cut off or changed raises."""


class _RefusedError(ValueError):
    """The file holds something else than pictures and truth values."""


def read(path: Path) -> tuple[list[bytes], Pairs]:
    """The encoded crops and the pairs, named `lfw.bin:0`, `lfw.bin:1`, …, of an InsightFace .bin file.

    Raises UsageError for every other content, without running any of it.
    """
    try:
        data = untrusted.content(path, most=untrusted.NETWORK)
        pictures, same = _contents(data)
        crops = [_bytes(value) for value in pictures]
        mated = [_truth(value) for value in same]
    except _RefusedError as error:
        raise UsageError(
            f"{path}: refused: holds {error}, where an InsightFace .bin has pictures and truth values only"
        ) from None
    except _DAMAGE as error:
        reason = untrusted.reason(error)
        raise UsageError(f"{path}: is no InsightFace .bin file, or cut off ({reason})") from None
    if len(crops) != 2 * len(mated) or not crops:
        raise UsageError(f"{path}: holds {len(crops)} pictures for {len(mated)} pairs, not two for each")
    names = tuple(f"{path.name}:{number}" for number in range(len(crops)))
    # Tenths in order, as InsightFace takes them.
    folds = np.arange(len(mated)) * FOLDS // len(mated)
    return crops, Pairs(names[::2], names[1::2], np.array(mated), folds)


class _Unpickler(pickle.Unpickler):
    """Builds plain values and records of calls."""

    def find_class(self, module: str, name: str) -> _Name:
        if f"{module} {name}" not in _KNOWN:
            raise _RefusedError(f"the name {module}.{name}")
        return _Name(name)


def _contents(data: bytes) -> tuple[Iterable[Any], Iterable[Any]]:
    _require_memo_in_order(data)
    # Python 2 wrote bytes as text.
    value = _Unpickler(io.BytesIO(data), fix_imports=False, encoding="bytes").load()
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise _RefusedError(f"a {type(value).__name__}")
    pictures, same = value
    if not isinstance(pictures, list | tuple) or not isinstance(same, list | tuple | _Record):
        raise _RefusedError(f"a {type(pictures).__name__} and a {type(same).__name__}")
    return pictures, _flags(same) if isinstance(same, _Record) else same


def _require_memo_in_order(data: bytes) -> None:
    """Values are noted in places numbered from 0 on. Python makes room for all places up to the highest: one
    number of four bytes can ask for 64 GB."""
    places = 0
    for opcode, argument, _ in pickletools.genops(data):
        if opcode.name in ("PUT", "BINPUT", "LONG_BINPUT") and isinstance(argument, int):
            # Python 2 counts from 1.
            if argument > places + 1:
                raise _RefusedError(f"a value noted in place {argument} after {places} others")
            places += 1


def _bytes(value: Any) -> bytes:
    """A picture: bytes, an array of bytes, or text that stands for bytes."""
    match value:
        case bytes() | bytearray():
            return bytes(value)
        case _Record("encode", (str() as text, "latin1" | b"latin1" | "latin-1")):
            return text.encode("latin-1")
        case _Record("bytes" | "bytearray", ()):
            return b""
        case _Record("bytes" | "bytearray", (inner,)):
            return _bytes(inner)
        case _Record("_reconstruct", _, (_, _, _Record("dtype", (kind, *_)), _, content)):
            if kind in ("u1", b"u1"):
                return _bytes(content)
        case _Record("_frombuffer", (content, _Record("dtype", ("u1", *_)), *_)):
            return _bytes(content)
    raise _RefusedError(f"a {type(value).__name__} as a picture")


def _truth(value: Any) -> bool:
    match value:
        case bool():
            return value
        case 0 | 1:
            return bool(value)
        case _Record("scalar", (_Record("dtype", (kind, *_)), content)) if kind in ("b1", b"b1"):
            return _bytes(content) == b"\x01"
    raise _RefusedError(f"a {type(value).__name__} as a truth value")


def _flags(value: _Record) -> list[bool]:
    """The truth values of a NumPy array of them."""
    match value:
        case _Record("_reconstruct", _, (_, _, _Record("dtype", (kind, *_)), _, content)):
            if kind in ("b1", b"b1"):
                return [bool(flag) for flag in _bytes(content)]
        case _Record("_frombuffer", (content, _Record("dtype", ("b1", *_)), *_)):
            return [bool(flag) for flag in _bytes(content)]
    raise _RefusedError("no list of truth values")
