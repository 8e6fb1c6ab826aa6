"""InsightFace's verification sets (`lfw.bin`, `cfp_fp.bin`, `agedb_30.bin`) without running what is in them.

Such a file is a Python pickle of `(pictures, same)`: 2 n encoded crops and n truth values, the crops 2 i and
2 i + 1 being pair i. Loading a pickle can run any program. Here its opcodes are only read, by pickletools,
and a small machine builds the few kinds of values that real files hold; nothing is imported or called.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from facekit import untrusted
from facekit.errors import UsageError
from facekit.evaluation.pairs import FOLDS, Pairs

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


@dataclass(frozen=True)
class _Name:
    """A global that the file speaks of; never looked up."""

    text: str


@dataclass
class _Built:
    """What a call in the file would make: the name that it calls, its arguments, and its state."""

    of: str
    arguments: tuple[Any, ...]
    state: Any = None


class _Mark:
    """Where a sequence begins on the stack."""


class _RefusedError(ValueError):
    """The file holds something else than pictures and truth values."""


def read(path: Path) -> tuple[list[bytes], Pairs]:
    """The encoded crops and the pairs, named `lfw.bin:0`, `lfw.bin:1`, …, of an InsightFace .bin file.

    Raises UsageError for every other content, without running any of it.
    """
    try:
        data = untrusted.content(path, most=untrusted.NETWORK)
        pictures, same = _machine(data)
        crops = [_bytes(value) for value in pictures]
        mated = [_truth(value) for value in same]
    except _RefusedError as error:
        raise UsageError(
            f"{path}: refused: holds {error}, where an InsightFace .bin has pictures and truth values only"
        ) from None
    except (ValueError, IndexError, KeyError, TypeError, RecursionError, MemoryError) as error:
        reason = untrusted.reason(error)
        raise UsageError(f"{path}: is no InsightFace .bin file, or cut off ({reason})") from None
    if len(crops) != 2 * len(mated) or not crops:
        raise UsageError(f"{path}: holds {len(crops)} pictures for {len(mated)} pairs, not two for each")
    names = tuple(f"{path.name}:{number}" for number in range(len(crops)))
    # Tenths in order, as InsightFace takes them.
    folds = np.arange(len(mated)) * FOLDS // len(mated)
    return crops, Pairs(names[::2], names[1::2], np.array(mated), folds)


@dataclass
class _State:
    stack: list[Any] = field(default_factory=list)
    memo: dict[int, Any] = field(default_factory=dict)

    def to_mark(self) -> list[Any]:
        """Take everything above the last mark, and the mark."""
        place = max(
            (number for number, value in enumerate(self.stack) if isinstance(value, _Mark)), default=-1
        )
        if place < 0:
            raise IndexError("an opcode without its mark")
        values = self.stack[place + 1 :]
        del self.stack[place:]
        return values


def _machine(data: bytes) -> tuple[Iterable[Any], Iterable[Any]]:
    state = _State()
    for opcode, argument, _ in pickletools.genops(data):
        if opcode.name == "STOP":
            break
        step = _STEPS.get(opcode.name)
        if step is None:
            raise _RefusedError(f"the instruction {opcode.name}")
        step(state, argument)
    value = state.stack.pop()
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise _RefusedError(f"a {type(value).__name__}")
    pictures, same = value
    if not isinstance(pictures, list | tuple) or not isinstance(same, list | tuple | _Built):
        raise _RefusedError(f"a {type(pictures).__name__} and a {type(same).__name__}")
    return pictures, _flags(same) if isinstance(same, _Built) else same


def _push(state: _State, value: Any) -> None:
    state.stack.append(value)


def _text(state: _State, value: str) -> None:
    """Python 2 wrote bytes as text of the same codes."""
    state.stack.append(value.encode("latin-1") if isinstance(value, str) else value)


def _tuple_of(count: int) -> Callable[[_State, Any], None]:
    def step(state: _State, _: Any) -> None:
        values = state.stack[-count:]
        if len(values) < count:
            raise ValueError("a value is missing")
        state.stack[-count:] = [tuple(values)]

    return step


def _append(state: _State, _: Any) -> None:
    value = state.stack.pop()
    _list(state.stack[-1]).append(value)


def _appends(state: _State, _: Any) -> None:
    values = state.to_mark()
    _list(state.stack[-1]).extend(values)


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise _RefusedError(f"an addition to a {type(value).__name__}")
    return value


def _global(state: _State, name: str) -> None:
    if name not in _KNOWN:
        raise _RefusedError(f"the name {name.replace(' ', '.')}")
    state.stack.append(_Name(name.split(" ")[1]))


def _stack_global(state: _State, _: Any) -> None:
    name, module = state.stack.pop(), state.stack.pop()
    _global(state, f"{module} {name}")


def _reduce(state: _State, _: Any) -> None:
    arguments, name = state.stack.pop(), state.stack.pop()
    if not isinstance(name, _Name) or not isinstance(arguments, tuple):
        raise _RefusedError("a call of something that has no name")
    state.stack.append(_Built(name.text, arguments))


def _build(state: _State, _: Any) -> None:
    value = state.stack.pop()
    if not isinstance(state.stack[-1], _Built):
        raise _RefusedError("a state for something that has none")
    state.stack[-1].state = value


def _memoize(state: _State, _: Any) -> None:
    state.memo[len(state.memo)] = state.stack[-1]


def _put(state: _State, place: int) -> None:
    state.memo[place] = state.stack[-1]


_STEPS: dict[str, Callable[[_State, Any], None]] = {
    **dict.fromkeys(("PROTO", "FRAME"), lambda state, _: None),
    **dict.fromkeys(
        ("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8", "INT", "BININT", "BININT1", "BININT2"),
        _push,
    ),
    **dict.fromkeys(("LONG", "LONG1", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE"), _push),
    **dict.fromkeys(("STRING", "BINSTRING", "SHORT_BINSTRING"), _text),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), _put),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), lambda state, place: _push(state, state.memo[place])),
    "NEWTRUE": lambda state, _: _push(state, True),
    "NEWFALSE": lambda state, _: _push(state, False),
    "NONE": lambda state, _: _push(state, None),
    "MARK": lambda state, _: _push(state, _Mark()),
    "EMPTY_LIST": lambda state, _: _push(state, []),
    "EMPTY_TUPLE": lambda state, _: _push(state, ()),
    "LIST": lambda state, _: _push(state, state.to_mark()),
    "TUPLE": lambda state, _: _push(state, tuple(state.to_mark())),
    "TUPLE1": _tuple_of(1),
    "TUPLE2": _tuple_of(2),
    "TUPLE3": _tuple_of(3),
    "APPEND": _append,
    "APPENDS": _appends,
    "MEMOIZE": _memoize,
    "GLOBAL": _global,
    "STACK_GLOBAL": _stack_global,
    "REDUCE": _reduce,
    "BUILD": _build,
}


def _bytes(value: Any) -> bytes:
    """A picture: bytes, an array of bytes, or text that stands for bytes."""
    match value:
        case bytes() | bytearray():
            return bytes(value)
        case _Built("encode", (str() as text, "latin1" | b"latin1" | "latin-1")):
            return text.encode("latin-1")
        case _Built("bytes" | "bytearray", ()):
            return b""
        case _Built("bytes" | "bytearray", (inner,)):
            return _bytes(inner)
        case _Built("_reconstruct", _, (_, _, _Built("dtype", (kind, *_)), _, content)):
            if kind in ("u1", b"u1"):
                return _bytes(content)
        case _Built("_frombuffer", (content, _Built("dtype", ("u1", *_)), *_)):
            return _bytes(content)
    raise _RefusedError(f"a {type(value).__name__} as a picture")


def _truth(value: Any) -> bool:
    match value:
        case bool():
            return value
        case 0 | 1:
            return bool(value)
        case _Built("scalar", (_Built("dtype", (kind, *_)), content)) if kind in ("b1", b"b1"):
            return _bytes(content) == b"\x01"
    raise _RefusedError(f"a {type(value).__name__} as a truth value")


def _flags(value: _Built) -> list[bool]:
    """The truth values of a NumPy array of them."""
    match value:
        case _Built("_reconstruct", _, (_, _, _Built("dtype", (kind, *_)), _, content)):
            if kind in ("b1", b"b1"):
                return [bool(each) for each in _bytes(content)]
        case _Built("_frombuffer", (content, _Built("dtype", ("b1", *_)), *_)):
            return [bool(each) for each in _bytes(content)]
    raise _RefusedError("no list of truth values")
