"""What imports what: as docs/design.md says, PyTorch in training only, click in the commands only."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import facekit

PACKAGE = Path(facekit.__file__).parent
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if "_data" not in path.parts)
DESIGN = Path(__file__).parent.parent / "docs" / "design.md"


def layers(text: str) -> dict[str, int]:
    """The number of the line on which each module or package of facekit stands."""
    block = re.search(r"^## Layers$.*?^```text\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert block is not None
    lines = [line.split() for line in block[1].splitlines()]
    names = [name for line in lines for name in line]
    assert len(names) == len(set(names))
    return {name: number for number, line in enumerate(lines) for name in line}


def imported(source: str) -> Iterator[tuple[str, int]]:
    """What a module imports when it runs, also inside functions, and on which line."""
    nodes = [ast.parse(source)]
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            nodes += node.orelse  # type: ignore[arg-type]
            continue
        nodes += ast.iter_child_nodes(node)  # type: ignore[arg-type]
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == "facekit":
            yield from ((f"facekit.{alias.name}", node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, node.lineno


def unit(path: Path) -> str:
    """The package or module of facekit in which a file is."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def wrong(unit_of_it: str, source: str, known: dict[str, int]) -> list[str]:
    """The imports of a module that come from below it."""
    return [
        f"line {line}: {name}"
        for name, line in imported(source)
        if name.startswith("facekit.") and known.get(name.split(".")[1], 0) > known[unit_of_it]
    ]


@pytest.mark.skipif(not DESIGN.exists(), reason="the documentation is not here")
def test_a_module_imports_from_its_layer_and_above() -> None:
    known = layers(DESIGN.read_text(encoding="utf-8"))
    units = {unit(path) for path in MODULES} - {"__init__"}
    assert units == set(known), "docs/design.md lists every module and package"
    problems = {
        str(path.relative_to(PACKAGE)): found
        for path in MODULES
        if unit(path) != "__init__" and (found := wrong(unit(path), path.read_text(encoding="utf-8"), known))
    }
    assert not problems


@pytest.mark.parametrize(
    ("package", "home"),
    [
        ("torch", "training"),
        ("torchvision", "training"),
        ("click", "cli"),
        ("fastapi", "serving"),
        ("starlette", "serving"),
        ("uvicorn", "serving"),
    ],
)
def test_what_is_heavy_has_one_home(package: str, home: str) -> None:
    users = {
        str(path.relative_to(PACKAGE))
        for path in MODULES
        for name, _ in imported(path.read_text(encoding="utf-8"))
        if name.split(".")[0] == package
    }
    assert users
    assert not [user for user in users if not user.startswith(home + "/")]


def test_an_import_from_below_is_seen_wherever_it_stands() -> None:
    known = {"pictures": 0, "gallery": 1}
    source = (
        "def f():\n    from facekit.gallery import base\nfrom facekit import gallery\nimport facekit.gallery"
    )
    assert len(wrong("pictures", source, known)) == 3
    assert wrong("gallery", "from facekit import pictures", known) == []
    typed = "if TYPE_CHECKING:\n    from facekit import gallery"
    assert wrong("pictures", typed, known) == []
