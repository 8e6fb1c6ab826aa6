"""Public names are the field's: none has a word that the glossary rules out."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import click

import facekit
from facekit.cli import group

GLOSSARY = Path(__file__).parent.parent / "docs" / "glossary.md"


def ruled_out() -> set[str]:
    """The words in the left column of the last table of the glossary."""
    table = GLOSSARY.read_text(encoding="utf-8").split("## Words that are not used")[1]
    left = re.findall(r"^\| ([a-z][^|]*) \|", table, re.MULTILINE)
    return {word.strip() for cell in left if cell != "not" for word in cell.split(",")}


def words(name: str) -> set[str]:
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}


def command_names(commands: click.Group, context: click.Context) -> Iterator[str]:
    """Commands, options and their values."""
    for name in commands.list_commands(context):
        command = commands.get_command(context, name)
        assert command is not None
        yield name
        inside = click.Context(command, info_name=name, parent=context)
        for parameter in command.get_params(inside):
            yield from (*parameter.opts, *parameter.secondary_opts)
            if isinstance(parameter.type, click.Choice):
                yield from map(str, parameter.type.choices)
        if isinstance(command, click.Group):
            yield from command_names(command, inside)


def test_public_names_have_no_word_that_is_ruled_out() -> None:
    names = {*facekit.__all__, *command_names(group, click.Context(group, **group.context_settings))}
    assert len(names) > 100
    wrong = {name: words(name) & ruled_out() for name in names}
    assert not {name: found for name, found in wrong.items() if found}


def test_the_glossary_rules_words_out() -> None:
    assert {"enrol", "colour", "told", "hygiene"} <= ruled_out()


INSIDE = {
    "database",
    "encoding",
    "index",
    "store",
    "distance",
    "similarity",
    "confidence",
    "tolerance",
    "feature",
    "user",
}
"""Words that are ruled out where a user reads them, and mean what they mean everywhere inside."""
PACKAGE = Path(facekit.__file__).parent
MODULES = [path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py"]
FRONT = {"cli", "verbs", "rendering", "output", "gallery"}
"""Here a module is called after its command, its result or its kind of gallery, which others have too."""


def test_modules_and_classes_have_no_word_that_is_ruled_out() -> None:
    classes = [
        node.name
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
    ]
    names = {*(path.stem for path in MODULES), *classes}
    assert len(names) > 300
    assert not {name for name in names if words(name) & (ruled_out() - INSIDE)}


def test_a_module_s_name_is_its_own() -> None:
    counts = Counter(path.stem for path in MODULES if not FRONT & set(path.relative_to(PACKAGE).parts))
    # A detector's network, and what trains it.
    assert {name for name, count in counts.items() if count > 1} <= {"second_look"}
