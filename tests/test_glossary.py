"""Public names are the field's: none has a word that the glossary rules out."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator
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
    "identity",
    "whole",
}
"""Words that are ruled out where a user reads them, and mean what they mean everywhere inside."""
PACKAGE = Path(facekit.__file__).parent
MODULES = [path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py"]
FRONT = {"cli", "verbs", "rendering", "output", "gallery"}
"""Here a module is called after its command, its result or its kind of gallery, which others have too."""


def public_names(body: Iterable[ast.stmt]) -> Iterator[str]:
    """Classes, functions and their parameters, constants and attributes, those of private ones left out."""
    for node in body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            if node.name.startswith("_") and node.name != "__init__":
                continue
            yield node.name
        if isinstance(node, ast.ClassDef):
            yield from public_names(node.body)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            arguments = node.args
            yield from (each.arg for each in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs))
            yield from attributes(node)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (target.id for target in targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.If):
            yield from public_names([*node.body, *node.orelse])


def attributes(function: ast.AST) -> Iterator[str]:
    """What a method sets of its `self`."""
    for node in ast.walk(function):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield from [node.attr] if isinstance(node.value, ast.Name) and node.value.id == "self" else []


def test_public_names_in_modules_have_no_word_that_is_ruled_out() -> None:
    names = {
        name
        for path in MODULES
        for name in (path.stem, *public_names(ast.parse(path.read_text(encoding="utf-8")).body))
        if not name.startswith("_")
    }
    assert len(names) > 2000
    assert {name for name in names if words(name) & (ruled_out() - INSIDE)} == set()


def test_a_module_s_name_is_its_own() -> None:
    counts = Counter(path.stem for path in MODULES if not FRONT & set(path.relative_to(PACKAGE).parts))
    # A detector's network, and what trains it.
    assert {name for name, count in counts.items() if count > 1} <= {"second_look"}
