"""Files that anybody may have written: read within limits, and refused in a line that names file and field.

A reader here never waits (a pipe), never fills the memory (a device, a file of many gigabytes), never runs
what is in a file (a pickle), and raises nothing but the error that it was given, a FacekitError.
"""

from __future__ import annotations

import csv
import io
import json
import math
import os
import re
import stat
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from facekit.errors import FacekitError, UsageError

if TYPE_CHECKING:
    import zipfile

    import numpy as np
    from numpy.typing import NDArray

Failure = type[FacekitError]

MIB = 1 << 20
SMALL = 64 << 10
"""Bytes of a description, which people write by hand."""
TABLE = 512 * MIB
"""Bytes of a CSV: some five million comparisons."""
NETWORK = 2048 * MIB
"""Bytes of a network: what the format ONNX can hold."""
ARRAY = 1 << 40

_SHOWN = 60
# tomllib takes quadratic time for a name of many parts.
_DOTS_A_LINE = 200


def reason(error: BaseException) -> str:
    """The first line of what a library says, not too long; the kind of the error where it says nothing."""
    lines = str(error).strip().splitlines()
    return (lines[0].strip() if lines else type(error).__name__)[:200]


def excerpt(value: object) -> str:
    """A value of a file as an error shows it, whatever it is."""
    try:
        text = repr(value) if isinstance(value, str | int | float | bool | None) else f"a {_kind(value)}"
    except ValueError:  # Python does not write out a number of thousands of digits
        text = "a huge number"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _kind(value: object) -> str:
    if isinstance(value, Mapping):
        return "table"
    return "list" if isinstance(value, Sequence) else type(value).__name__


@contextmanager
def opened(path: Path, *, most: int, error: Failure = UsageError) -> Iterator[io.BufferedReader]:
    """A regular file of at most `most` bytes, open for reading. Raises `error` for any other."""
    flags = (
        os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
    )
    try:
        # Without O_NONBLOCK a pipe that nobody writes to would be waited for.
        with open(path, "rb", opener=lambda name, _: os.open(name, flags)) as file:
            facts = os.fstat(file.fileno())
            if not stat.S_ISREG(facts.st_mode):
                raise error(f"{path}: is no regular file, and is not read")
            if facts.st_size > most:
                raise error(f"{path}: has {facts.st_size:,} bytes, more than the {most:,} that are read")
            yield file
    except (OSError, ValueError) as trouble:  # a path with a zero in it is a ValueError
        what = trouble.strerror if isinstance(trouble, OSError) and trouble.strerror else reason(trouble)
        raise error(f"{path}: cannot be read ({what})") from None
    except MemoryError:
        raise error(f"{path}: there is not enough memory to read it") from None


def require(path: Path, *, most: int = NETWORK, error: Failure = UsageError) -> None:
    """Raise `error` unless it is a regular file of at most `most` bytes: for a library that opens it itself
    and would wait for a pipe."""
    with opened(path, most=most, error=error):
        pass


def content(path: Path, *, most: int, error: Failure = UsageError) -> bytes:
    """The bytes of a regular file. Raises `error` where it has more than `most` or cannot be read."""
    with opened(path, most=most, error=error) as file:
        data = file.read(most + 1)
    # A file may grow while it is read, and those of /proc say that they are empty.
    if len(data) > most:
        raise error(f"{path}: has more than the {most:,} bytes that are read")
    return data


def text(path: Path, *, most: int = TABLE, error: Failure = UsageError) -> str:
    """A text in UTF-8, without the byte order mark that spreadsheets and editors put in front."""
    data = content(path, most=most, error=error)
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise error(f"{path}: is in UTF-16: save it as UTF-8")
    if b"\0" in data:
        raise error(f"{path}: is no text: it has zero bytes")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as trouble:
        raise error(f"{path}: is no text in UTF-8 (byte {trouble.start + 1})") from None


def toml(path: Path, *, error: Failure = UsageError) -> dict[str, Any]:
    """The tables of a TOML file."""
    written = text(path, most=SMALL, error=error)
    if any(line.count(".") > _DOTS_A_LINE for line in written.split("\n")):
        raise error(f"{path}: has names nested too deep")
    if _depth(written.encode()) > _DEEPEST_TOML:  # brackets within strings too: few texts have that many
        raise error(f"{path}: is nested too deep")
    try:
        return tomllib.loads(written)
    except ValueError as trouble:  # TOMLDecodeError, and a number of too many digits
        raise error(f"{path}: is no TOML ({reason(trouble)})") from None


def json_value(written: str | bytes, place: object, *, error: Failure = UsageError) -> Any:
    """The value of a JSON text from `place`, which the error names. NaN, infinities and names given twice,
    which JSON does not have, are refused."""
    plain = written if isinstance(written, bytes) else written.encode(errors="replace")
    if _depth(_STRING.sub(b"", plain)) > _DEEPEST:
        raise error(f"{place}: is nested too deep")
    try:
        return json.loads(written, parse_constant=_no_constant, object_pairs_hook=_once)
    except ValueError as trouble:
        raise error(f"{place}: is no JSON ({reason(trouble)})") from None


def _depth(written: bytes) -> int:
    """How deep brackets stand in each other at most, counted beforehand: Python's own guard follows a limit
    that other packages raise, beyond what the stack holds. Brackets that close nothing do not count."""
    import numpy as np

    steps = np.frombuffer(written.translate(_STEPS, _OTHERS), np.int8).astype(np.int64)
    heights = np.cumsum(np.concatenate([[0], steps]))
    return int((heights - np.minimum.accumulate(heights)).max())


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ValueError("a name is given twice")
    return values


_DEEPEST = 200
_DEEPEST_TOML = 50
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_OTHERS = bytes(set(range(256)) - set(b"[]{}"))
_STEPS = bytes.maketrans(b"[]{}", b"\x01\xff\x01\xff")


@dataclass(frozen=True)
class Rows:
    """A CSV: the names of its `columns`, and its `rows`, each with as many cells. Row i ends in line
    `lines[i]`."""

    path: Path
    columns: tuple[str, ...]
    rows: list[list[str]]
    lines: list[int]
    error: Failure = UsageError

    def require(self, *names: str, what: str) -> None:
        """Raise the error unless the columns are there; `what` says of which kind the file should be."""
        missing = [name for name in names if name not in self.columns]
        if missing:
            raise self.error(f"{self.path}: has no column {', '.join(missing)}; {what}")

    def column(self, name: str) -> list[str]:
        """The cells of a column; empty ones where there is no such column."""
        if name not in self.columns:
            return [""] * len(self.rows)
        place = self.columns.index(name)
        return [row[place] for row in self.rows]

    def dicts(self) -> list[dict[str, str]]:
        """The rows, each by the names of the columns."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


def table(path: Path, *, most: int = TABLE, error: Failure = UsageError) -> Rows:
    """A CSV with a header. Blank lines are passed over; a row that is longer or shorter than the header, and
    a column named twice, are errors."""
    written = text(path, most=most, error=error)
    reader = csv.reader(io.StringIO(written, newline=""), strict=True)
    rows: list[list[str]] = []
    lines: list[int] = []
    try:
        header = next(reader, [])
        for row in reader:
            if row:
                rows.append(row)
                lines.append(reader.line_num)
    except csv.Error as trouble:
        raise error(f"{path}: line {reader.line_num} is no CSV ({reason(trouble)})") from None
    if not any(header):
        raise error(f"{path}: is empty: a table begins with a line of the names of its columns")
    twice = next((name for name in header if name and header.count(name) > 1), None)
    if twice is not None:
        raise error(f"{path}: two columns have the same name, {excerpt(twice)}")
    for row, line in zip(rows, lines, strict=True):
        if len(row) != len(header):
            raise error(f"{path}: line {line} has {len(row)} cells, the header {len(header)}")
    return Rows(path, tuple(header), rows, lines, error)


def array(path: Path, *, error: Failure = UsageError) -> NDArray[np.generic]:
    """The array of a NAME.npy, left on disk. Nothing but numbers: a pickle is refused."""
    import numpy as np

    require(path, most=ARRAY, error=error)
    try:
        values = np.load(path, mmap_mode="r", allow_pickle=False)
    # Header and contents may be anything, and NumPy trips over them in many ways.
    except Exception as trouble:
        pickled = "pickle" in str(trouble) or "Python objects" in str(trouble)
        what = "it holds Python objects, which are not loaded" if pickled else reason(trouble)
        raise error(f"{path}: is no array as NumPy saves it ({what})") from None
    if not isinstance(values, np.ndarray):
        values.close()
        raise error(f"{path}: holds several arrays; save one, as NAME.npy")
    return values


def member(archive: zipfile.ZipFile, name: str, *, most: int = 256 * MIB) -> bytes:
    """A file of an archive. ValueError where it unpacks to more than `most` bytes, whatever it claims."""
    with archive.open(name) as packed:
        data = packed.read(most + 1)
    if len(data) > most:
        raise ValueError(f"{name} unpacks to more than {most:,} bytes")
    return data


def array_of(data: bytes) -> NDArray[np.generic]:
    """The array of the bytes of an .npy file. ValueError where its header promises more or less than is
    there, or anything but numbers and text."""
    import numpy as np

    file = io.BytesIO(data)
    try:
        if np.lib.format.read_magic(file) != (1, 0):
            raise ValueError("another version of NumPy's format")
        shape, columns_first, kind = np.lib.format.read_array_header_1_0(file)
    except Exception as trouble:  # the header is Python text, over which NumPy trips in many ways
        raise ValueError(f"an array that cannot be read ({reason(trouble)})") from trouble
    if kind.hasobject or columns_first:
        raise ValueError("an array of another kind")
    numbers = np.frombuffer(data, kind, offset=file.tell())
    if math.prod(shape) != len(numbers):
        raise ValueError("an array of another size than it says")
    return numbers.reshape(shape)


class Fields:
    """A table of a TOML or JSON file. Each field is asked for by its kind and comes back checked.

    Raises the error, naming file and field, for a field that is missing and has no usual value, or that is
    something else.
    """

    def __init__(self, values: object, place: str, error: Failure = UsageError) -> None:
        if not isinstance(values, Mapping):
            raise error(f"{place} is {excerpt(values)}, not a table")
        self.values, self.place, self.error = values, place, error

    def inner(self, name: str) -> Fields:
        """A table within the table."""
        return Fields(self._of(name, None), f"{self.place} {name}", self.error)

    def text(
        self, name: str, usual: str | None = None, *, choices: Sequence[str] = (), longest: int = 1000
    ) -> str:
        """A text, one of the `choices` where there are any."""
        value = self._of(name, usual)
        if choices and value not in choices:
            raise self._wrong(name, value, " or ".join(choices))
        if not isinstance(value, str) or len(value) > longest:
            raise self._wrong(name, value, f"a text of at most {longest} letters")
        return value

    def number(
        self, name: str, usual: float | None = None, *, least: float = -math.inf, most: float = math.inf
    ) -> float:
        """A finite number within bounds."""
        value = self._of(name, usual)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._wrong(name, value, "a number")
        if not (-1e300 < value < 1e300 and least <= value <= most):
            raise self._wrong(name, value, _between("a number", least, most))
        return float(value)

    def integer(self, name: str, usual: int | None = None, *, least: int = 0, most: int = 1 << 40) -> int:
        """A whole number within bounds."""
        value = self._of(name, usual)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise self._wrong(name, value, _between("a whole number", least, most))
        return value

    def flag(self, name: str, usual: bool | None = None) -> bool:
        """True or false."""
        value = self._of(name, usual)
        if not isinstance(value, bool):
            raise self._wrong(name, value, "true or false")
        return value

    def numbers(self, name: str, count: int | None = None) -> tuple[float, ...]:
        """A list of finite numbers, `count` of them where that is given."""
        values = self._of(name, None)
        if not isinstance(values, list) or len(values) != (len(values) if count is None else count):
            raise self._wrong(name, values, f"a list of {count or ''} numbers".replace("  ", " "))
        inside = Fields(
            dict(zip(map(str, range(len(values))), values, strict=True)), f"{self.place} {name}", self.error
        )
        return tuple(inside.number(place) for place in inside.values)

    def _of(self, name: str, usual: object) -> Any:
        value = self.values.get(name, usual)
        if value is None:
            raise self.error(f"{self.place} lacks {name}")
        return value

    def _wrong(self, name: str, value: object, wanted: str) -> FacekitError:
        return self.error(f"{self.place} {name} = {excerpt(value)}: it is {wanted}")


def _between(kind: str, least: float, most: float) -> str:
    if math.isinf(least) and math.isinf(most):
        return f"a finite {kind.split()[-1]}"
    if math.isinf(most):
        return f"{kind}, {least:g} or more"
    return f"{kind} from {least:g} to {most:g}"
