#!/usr/bin/env python3
"""Write the table at the head of docs/python.md: each public name, and the first sentence about it.

    python scripts/write_python_reference.py

The site shows signatures and whole docstrings below it; who reads the page as plain Markdown has the table.
"""

from __future__ import annotations

import ast
import inspect
import itertools
import re
from pathlib import Path
from types import UnionType

import facekit
from facekit.pictures import inputs

PAGE = Path(__file__).parent.parent / "docs" / "python.md"
_TABLE = re.compile(r"(<!-- names -->\n).*?(<!-- end -->)", re.DOTALL)
_NAME = re.compile(r"^::: facekit\.(\w+)$", re.MULTILINE)


def page() -> str:
    """The page with the table of the names that it describes."""
    text = PAGE.read_text(encoding="utf-8")
    rows = "".join(f"| `{name}` | {first_sentence(name)} |\n" for name in _NAME.findall(text))
    return _TABLE.sub(lambda part: f"{part[1]}\n| name | |\n|---|---|\n{rows}\n{part[2]}", text)


def first_sentence(name: str) -> str:
    """Of the docstring, in one line, as a cell of a table."""
    value = getattr(facekit, name)
    text = _of_alias(name) if isinstance(value, UnionType) else inspect.getdoc(value) or ""
    words = " ".join(text.split("\n\n")[0].split())
    sentence = re.split(r"(?<=[.:?])\s+(?=[A-Z`])", words)[0]
    return sentence.rstrip(":").replace("|", "\\|").replace("<", "&lt;")


def _of_alias(name: str) -> str:
    """What stands below a name for several types; the types themselves have a docstring of Python's."""
    body = ast.parse(inspect.getsource(inputs)).body
    for line, text in itertools.pairwise(body):
        if (
            isinstance(line, ast.Assign)
            and isinstance(text, ast.Expr)
            and ast.unparse(line.targets[0]) == name
        ):
            return str(ast.literal_eval(text.value))
    raise LookupError(name)


def main() -> None:
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
