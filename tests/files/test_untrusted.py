"""A file that anybody may have written gives its values or one line that names it; it never waits, fills the
memory, or runs anything."""

from __future__ import annotations

import json
import os
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facekit.errors import GalleryError, UsageError, WeightsError
from facekit.files import untrusted
from facekit.files.untrusted import Fields

READERS: dict[str, Callable[[Path], Any]] = {
    "content": lambda path: untrusted.content(path, most=untrusted.MIB),
    "text": untrusted.text,
    "toml": untrusted.toml,
    "table": untrusted.table,
    "array": untrusted.array,
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("kind", ["folder", "pipe", "device", "missing", "zero in the name", "of the kernel"])
def test_only_regular_files_are_read(reader: str, kind: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path = Path("/dev/zero")
    elif kind == "of the kernel":
        path.symlink_to("/proc/kcore")
    elif kind == "zero in the name":
        path = tmp_path / "a\0b"
    with pytest.raises(UsageError) as caught:
        READERS[reader](path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "large.toml"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(WeightsError, match=r"large\.toml: has 1,099,511,627,776 bytes, more than the 65,536"):
        untrusted.toml(path, error=WeightsError)
    # It says that it is empty, and is not.
    with pytest.raises(UsageError, match="more than the 10 bytes"):
        untrusted.content(Path("/proc/self/status"), most=10)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("a = 1".encode("utf-16"), "is in UTF-16: save it as UTF-8"),
        (b"a = 1\0", "it has zero bytes"),
        (b"a = 1 # \xff", "is no text in UTF-8 (byte 9)"),
        (b"a = " + b"[" * 3000, "is nested too deep"),
        (b'b = "' + b"]" * 3000 + b'"\na = ' + b"[" * 3000, "is nested too deep"),
        (b"a." * 3000 + b"b = 1", "has names nested too deep"),
        (b"[" + b"a." * 3000 + b"b]", "has names nested too deep"),
        (b"a = 1\na = 2", "is no TOML"),
        (b"a = " + b"9" * 5000, "is no TOML"),
    ],
)
def test_what_is_no_toml(content: bytes, told: str, tmp_path: Path) -> None:
    path = tmp_path / "file.toml"
    path.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        untrusted.toml(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert told in str(caught.value)


def test_a_byte_order_mark_is_no_part_of_a_text(tmp_path: Path) -> None:
    path = tmp_path / "file.toml"
    path.write_bytes(b"\xef\xbb\xbfa = 1")
    assert untrusted.toml(path) == {"a": 1}
    path.write_bytes(b"\xef\xbb\xbfa,b\r\n1,2\r\n\r\n3,4\r\n")
    table = untrusted.table(path)
    assert (table.columns, table.rows, table.lines) == (("a", "b"), [["1", "2"], ["3", "4"]], [2, 4])
    assert (table.column("b"), table.column("c")) == (["2", "4"], ["", ""])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("a,a\n1,2\n", "two columns have the same name, 'a'"),
        ("a,b\n1\n", "line 2 has 1 cells, the header 2"),
        ("a,b\n\n1,2,3\n", "line 3 has 3 cells, the header 2"),
        ('a,b\n"1,2\n', "line 2 is no CSV"),
        ("a,b\n" + "x" * 1_000_000 + ",1\n", "line 2 is no CSV (field larger than field limit"),
    ],
)
def test_what_is_no_table(text: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        untrusted.table(path)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[" * 100_000, "nested too deep"),
        ('{"a": ' * 300 + "1" + "}" * 300, "nested too deep"),
        ('{"a": NaN}', "NaN is no number"),
        ('{"a": -Infinity}', "-Infinity is no number"),
        ('{"a": 1, "a": 2}', "a name is given twice"),
        ("9" * 5000, "is no JSON"),
        ("{", "is no JSON"),
    ],
)
def test_what_is_no_json(text: str, told: str) -> None:
    with pytest.raises(GalleryError, match=told):
        untrusted.json_value(text, "place", error=GalleryError)


def test_brackets_within_strings_are_no_nesting() -> None:
    text = json.dumps({"a": "[{" * 500 + '"\\' + "[" * 500, "b": [1]})
    assert untrusted.json_value(text, "place") == json.loads(text)


def test_nesting_is_refused_also_where_another_package_let_python_recurse_far(tmp_path: Path) -> None:
    path = tmp_path / "file.toml"
    path.write_text("a = " + "[" * 5000)
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(1_000_000)
    try:
        with pytest.raises(GalleryError, match="nested too deep"):
            untrusted.json_value("[" * 100_000, "place", error=GalleryError)
        with pytest.raises(GalleryError, match="nested too deep"):
            untrusted.toml(path, error=GalleryError)
    finally:
        sys.setrecursionlimit(before)


def header(text: str) -> bytes:
    line = text.encode().ljust(118 - 1) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(line).to_bytes(2, "little") + line


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x93NUMPY",
        header("{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999999999999,)}"),
        header("{'descr': '|u1', 'fortran_order': False, 'shape': (-1, 4)}"),
        header("{'descr': '|u1', 'fortran_order': False, 'shape': 'x'}"),
        header("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}") + b"cos\nsystem\n(S'true'\ntR.",
        header("{'descr': [('a', '|u1')] * 9, 'fortran_order': False, 'shape': (1,)}"),
        header("(" * 100),
        b"cos\nsystem\n(S'true'\ntR.",
    ],
)
def test_what_is_no_array(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "file.npy"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"file\.npy: is no array as NumPy saves it"):
        untrusted.array(path)


def test_several_arrays_are_not_one(tmp_path: Path) -> None:
    path = tmp_path / "file.npy"
    with path.open("wb") as file:
        np.savez(file, a=np.zeros(1), b=np.zeros(1))
    with pytest.raises(UsageError, match="holds several arrays"):
        untrusted.array(path)


def test_a_packed_file_does_not_unpack_to_more_than_it_may(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", bytes(untrusted.MIB))
    with zipfile.ZipFile(tmp_path / "bomb.zip") as archive:
        with pytest.raises(ValueError, match="unpacks to more than 1,000 bytes"):
            untrusted.member(archive, "a", most=1000)
        assert len(untrusted.member(archive, "a")) == untrusted.MIB


@pytest.mark.parametrize(
    ("value", "ask", "told"),
    [
        ("x", lambda fields: fields.number("f"), "f = 'x': it is a number"),
        (True, lambda fields: fields.number("f"), "f = True: it is a number"),
        (float("nan"), lambda fields: fields.number("f"), "f = nan: it is a finite number"),
        (float("inf"), lambda fields: fields.number("f", least=0), "f = inf: it is a number, 0 or more"),
        pytest.param(
            16**5000, lambda fields: fields.number("f"), "f = a huge number: it is a finite number", id="huge"
        ),
        (-1, lambda fields: fields.integer("f", most=7), "f = -1: it is a whole number from 0 to 7"),
        (1.0, lambda fields: fields.integer("f"), "f = 1.0: it is a whole number"),
        (1, lambda fields: fields.flag("f"), "f = 1: it is true or false"),
        ("x" * 5000, lambda fields: fields.text("f"), "it is a text of at most 1000 letters"),
        ("x", lambda fields: fields.text("f", choices=("a", "b")), "f = 'x': it is a or b"),
        ([], lambda fields: fields.text("f", choices=("a", "b")), "f = a list: it is a or b"),
        ({}, lambda fields: fields.text("f"), "f = a table: it is a text"),
        ([1, "a"], lambda fields: fields.numbers("f", 2), "f 1 = 'a': it is a number"),
        ([1], lambda fields: fields.numbers("f", 2), "f = a list: it is a list of 2 numbers"),
        ([], lambda fields: fields.inner("f"), "f is a list, not a table"),
        (1, lambda fields: fields.text("g"), "[t] lacks g"),
    ],
)
def test_a_field_of_another_kind_is_named(value: object, ask: Callable[[Fields], Any], told: str) -> None:
    with pytest.raises(UsageError) as caught:
        ask(Fields({"f": value}, "x.toml: [t]"))
    assert str(caught.value).startswith("x.toml: [t] ")
    assert told in str(caught.value)
    assert len(str(caught.value)) < 200


def test_a_list_is_no_table() -> None:
    with pytest.raises(WeightsError, match=r"x\.toml: \[t\] is a list, not a table"):
        Fields([], "x.toml: [t]", WeightsError)


def test_what_a_library_says_in_many_lines_is_one() -> None:
    assert untrusted.reason(ValueError("\n one \n two")) == "one"
    assert untrusted.reason(MemoryError()) == "MemoryError"
