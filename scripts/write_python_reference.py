#!/usr/bin/env python3
"""Write the table at the head of docs/python.md: each public name, and the first sentence about it.

    python scripts/write_python_reference.py

The site shows signatures and whole docstrings below it; who reads the page as plain Markdown has the table.
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import facekit

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
    words = " ".join((inspect.getdoc(getattr(facekit, name)) or "").split())
    sentence = re.split(r"(?<=[.:?])\s+(?=[A-Z`])", words)[0]
    return sentence.rstrip(":").replace("|", "\\|").replace("<", "&lt;")


def main() -> None:
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
