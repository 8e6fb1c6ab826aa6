#!/usr/bin/env python3
"""Renew what the commands in the documentation print: each `$ facekit …` in a console block is run.

    python scripts/write_outputs.py            write what they print now below them
    python scripts/write_outputs.py --check    status 1 where it is not what stands there, numbers apart

The commands of a page run one after the other in a folder of their own, which has the photos of tests/data.
A line `<!-- $ facekit … -->` runs too, and its output is not shown. Commands without `$` are not run.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import facekit

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

Run = Callable[[str], str]
"""A line for the shell, and what it prints."""

_SILENT = re.compile(r"<!-- \$ (?P<command>.+?) -->")
_BLOCK = re.compile(r"(?P<open>```console\n)(?P<lines>\$ .*?)(?P<close>^```$)", re.DOTALL | re.MULTILINE)
_COMMAND = re.compile(r"^\$ (?P<command>(?:.*\\\n)*.*)\n", re.MULTILINE)


def renewed(text: str, run: Run) -> str:
    """The page with what its commands print now."""
    pattern = re.compile(f"{_SILENT.pattern}|{_BLOCK.pattern}".replace("?P<command>", ""), re.DOTALL | re.M)
    return pattern.sub(lambda found: _replaced(found[0], run), text)


def _replaced(part: str, run: Run) -> str:
    if silent := _SILENT.match(part):
        run(silent["command"])
        return part
    commands = [found["command"] for found in _COMMAND.finditer(part)]
    return "```console\n" + "".join(f"$ {command}\n{run(command)}" for command in commands) + "```"


def without_numbers(text: str) -> str:
    """The text with one sign for each number, and one blank for several: what differs between machines."""
    return re.sub(r"\s+", " ", re.sub(r"\d+(?:\.\d+)?", "0", text))


def in_folder(folder: Path) -> Run:
    """Runs commands in the folder, where `facekit` is the one that this Python imports."""
    shutil.copytree(ROOT / "tests" / "data", folder / "tests" / "data")
    (folder / "facekit").write_text(f'#!/bin/sh\nexec {sys.executable} -m facekit "$@"\n', encoding="utf-8")
    (folder / "facekit").chmod(0o755)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FACEKIT")}
    environment |= {
        "PYTHONPATH": str(Path(facekit.__file__).parent.parent),
        "HOME": str(folder),
        "XDG_DATA_HOME": str(folder / "data"),
    }
    environment["PATH"] = f"{folder}:{environment['PATH']}"

    def run(command: str) -> str:
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return done.stdout.replace(f"{folder}/", "")

    return run


def main() -> int:
    changed = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        with tempfile.TemporaryDirectory() as folder:
            now = renewed(text, in_folder(Path(folder)))
        if "--check" not in sys.argv:
            page.write_text(now, encoding="utf-8")
        elif without_numbers(now) != without_numbers(text):
            changed.append(page)
            print(f"{page}: its commands print something else now: run python scripts/write_outputs.py")
    return 1 if changed else 0


if __name__ == "__main__":
    sys.exit(main())
