"""Entries of a manifest of weights: what a file is, and the command and commit that made it."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from facekit.errors import FacekitError
from facekit.files import untrusted
from facekit.files.writing import write_text
from facekit.models import weights

A_LINE = 12
"""So many entries of a list stand on one line."""


def made(file: Path) -> dict[str, Any]:
    """The entry of a file that was just written: its name and SHA-256, and the command that runs now."""
    return {"file": file.name, "sha256": weights.digest(file), "command": command(), "commit": commit()}


def describes(table: Path | None, file: Path) -> bool:
    """Whether a manifest has the entry of this very file: then facekit wrote both."""
    if table is None:
        return False
    try:
        entries = untrusted.toml(table).values()
        digest = weights.digest(file)
    except (OSError, FacekitError):
        return False
    return any(isinstance(entry, dict) and entry.get("sha256") == digest for entry in entries)


def command() -> str:
    """The command that runs now, as one would type it."""
    return shlex.join(["facekit", *sys.argv[1:]])


def commit() -> str:
    """The commit of the checkout this code runs from; empty where it is none."""
    asked = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    try:
        done = subprocess.run(asked, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip()


def to_toml(tables: Mapping[str, Any], prefix: str = "") -> str:
    """Nested mappings of text, numbers, booleans and lists of these as TOML."""
    lines = []
    for name, value in tables.items():
        if not isinstance(value, Mapping):
            lines.append(f"{name} = {_value(value)}\n")
    for name, value in tables.items():
        if isinstance(value, Mapping):
            lines.append(f"\n[{prefix}{name}]\n" + to_toml(value, f"{prefix}{name}."))
    return "".join(lines).lstrip("\n") if not prefix else "".join(lines)


def _value(value: Any) -> str:
    if isinstance(value, list) and len(value) > A_LINE:
        # Read by people, and refused where a line has very many dots.
        rows = [json.dumps(value[first : first + A_LINE])[1:-1] for first in range(0, len(value), A_LINE)]
        return "[\n" + "".join(f"    {row},\n" for row in rows) + "]"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (str, bool, list)) else repr(value)


def update(path: Path, entry: Mapping[str, Any], *, name: str = "embedder") -> None:
    """Put `entry` in the place of the table `name` of a manifest; all else stays, comments too."""
    text = untrusted.text(path, most=untrusted.SMALL) if path.exists() else ""
    # A comment right above another table is that table's.
    next_table = rf"^(?:#[^\n]*\n|[ \t]*\n)*\[(?!{name}[.\]])"
    mine = re.compile(rf"^\[{name}[.\]].*?(?={next_table}|\Z)", re.MULTILINE | re.DOTALL)
    table = mine.search(text)
    before, after = (text[: table.start()], mine.sub("", text[table.end() :])) if table else (text, "")
    parts = [part.strip("\n") for part in (before, to_toml({name: entry}), after)]
    write_text(path, "\n\n".join(part for part in parts if part) + "\n", durable=True)
