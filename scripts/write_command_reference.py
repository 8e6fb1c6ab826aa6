#!/usr/bin/env python3
"""Write docs/commands.md from the commands themselves: every command, argument and option.

python scripts/write_command_reference.py
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import click

from facekit.cli import COMMANDS, group

PAGE = Path(__file__).parent.parent / "docs" / "commands.md"

OPENING = """\
# Command reference

<!-- Made by scripts/write_command_reference.py. Do not change it by hand. -->

`facekit COMMAND --help` prints the same on your terminal. Exit statuses, and where files are written, are
explained in [Formats](formats.md).

| command | what it does |
|---|---|
"""


def page() -> str:
    """The whole page, as Markdown."""
    index = "".join(f"| [`{name}`](#facekit-{name}) | {what} |\n" for name, what in COMMANDS.items())
    return (
        OPENING
        + index
        + "\n"
        + "\n".join(_sections(group, click.Context(group, info_name="facekit", **group.context_settings)))
    )


def _sections(commands: click.Group, parent: click.Context) -> Iterator[str]:
    for name in commands.list_commands(parent):
        command = commands.get_command(parent, name)
        assert command is not None
        context = click.Context(command, info_name=name, parent=parent)
        yield _section(command, context)
        if isinstance(command, click.Group):
            yield from _sections(command, context)


def _section(command: click.Command, context: click.Context) -> str:
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    level = "#" * (1 + len(context.command_path.split()[1:]))
    parts = [f"{level} {context.command_path}", f"```text\n{usage}\n```", *_paragraphs(command.help or "")]
    if not isinstance(command, click.Group) or command.invoke_without_command:
        parts += _tables(command, context)
    return "\n\n".join(parts) + "\n"


def _tables(command: click.Command, context: click.Context) -> Iterator[str]:
    """A table of options for each heading that the command's help has."""
    rows: dict[str, list[str]] = {}
    for option in command.get_params(context):
        if isinstance(option, click.Option) and not option.hidden and "--help" not in option.opts:
            rows.setdefault(getattr(option, "heading", ""), []).append(_row(option, context))
    last = rows.pop("", [])
    for heading, some in [*rows.items(), ("Other" if rows else "", last)]:
        yield "\n".join([f"| {heading or 'option'} | |", "|---|---|", *some])


def _paragraphs(text: str) -> Iterator[str]:
    """click's help as Markdown: what it keeps as it is (`\\b`) are examples."""
    for paragraph in re.split(r"\n\s*\n", inspect.cleandoc(text)):
        if not paragraph.startswith("\b"):
            yield " ".join(paragraph.split())
            continue
        heading, *lines = paragraph.removeprefix("\b").strip().splitlines()
        yield heading
        yield "```console\n" + "\n".join(line.strip() for line in lines) + "\n```"


def _row(option: click.Option, context: click.Context) -> str:
    names = ", ".join(sorted(option.opts, key=len) + option.secondary_opts)
    value = "" if option.is_flag and not option.metavar else " " + option.make_metavar(context)
    extra = option.get_help_extra(context)
    notes = [f"default: {extra['default']}"] if "default" in extra else []
    notes += [extra["range"]] if "range" in extra else []
    notes += ["required"] if "required" in extra else []
    text = " ".join((option.help or "").split()) + (f" ({'; '.join(notes)})" if notes else "")
    return f"| `{_cell(names + value)}` | {_cell(text.strip())} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
