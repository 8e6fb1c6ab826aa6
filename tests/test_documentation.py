"""What the documentation says exists: its commands, its files, and what its commands print."""

from __future__ import annotations

import ast
import inspect
import re
import shlex
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from loading import script

import facekit
from facekit.cli import group

ROOT = Path(__file__).parent.parent
FOLDERS = (".", "docs", "weights", "gallery")
PAGES = sorted(page for folder in FOLDERS for page in (ROOT / folder).glob("*.md"))
BLOCK = re.compile(r"^ *```(?:console|bash)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
PYTHON = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)")


EXTRA_ROW = re.compile(r"^\| `(\w+)` \| (.*?) \|", re.MULTILINE)


def extras() -> dict[str, list[str]]:
    """The packages of each extra, without versions."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {
        name: [re.split(r"[\[<>=;]", package)[0] for package in packages]
        for name, packages in project["optional-dependencies"].items()
    }


def test_the_table_of_extras_has_each_of_them_and_what_it_brings() -> None:
    rows = dict(EXTRA_ROW.findall((ROOT / "docs/first-steps.md").read_text(encoding="utf-8")))
    assert set(rows) == set(extras())
    for extra, packages in extras().items():
        if extra not in ("all", "dev"):  # of dev the table has the best known
            words = {word for package in packages if package != "facekit-cli" for word in package.split("-")}
            assert not [word for word in words if word not in rows[extra].lower().replace("-", " ")], extra


def test_all_is_what_stands_above_it_in_the_table_of_extras() -> None:
    above = list(dict(EXTRA_ROW.findall((ROOT / "docs/first-steps.md").read_text(encoding="utf-8"))))
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    [everything] = tomllib.loads(text)["project"]["optional-dependencies"]["all"]
    assert sorted(everything.partition("[")[2].rstrip("]").split(",")) == sorted(above[: above.index("all")])


def words_of(line: str) -> Iterator[list[str]]:
    """The arguments of each `facekit` in a line for the shell."""
    lexer = shlex.shlex(line.removeprefix("$ "), posix=True, punctuation_chars="|&;<>()")
    lexer.whitespace_split, lexer.commenters = True, "#"
    words: list[str] | None = None
    for word in [*lexer, ";"]:
        if set(word) <= set("|&;<>()"):
            if words is not None:
                yield words
            words = None
        elif word == "facekit" and words is None:
            words = []
        elif words is not None:
            words.append(word)


def commands(page: Path) -> list[list[str]]:
    """The arguments of each `facekit` in the blocks of a page that are for the shell."""
    text = page.read_text(encoding="utf-8")
    lines = "".join(BLOCK.findall(text)).replace("\\\n", " ").splitlines()
    return [words for line in lines if "$(" not in line for words in words_of(line)]


def parse(words: list[str]) -> None:
    """Raise click.UsageError where a command or an option does not exist, or a value is none of its own."""
    command, context = group, click.Context(group, info_name="facekit", **group.context_settings)
    while isinstance(command, click.Group) and not _is_called_itself(command, words):
        if words[0] in ("--help", "--version"):
            return
        found = command.get_command(context, words[0])
        if found is None:
            raise click.UsageError(f"no command {words[0]!r}")
        command, context, words = found, click.Context(found, info_name=words[0], parent=context), words[1:]
    values, _, _ = command.make_parser(context).parse_args(list(words))
    for parameter in command.get_params(context):
        value = values.get(parameter.name or "")
        if isinstance(parameter.type, click.Choice | click.IntRange | click.FloatRange) and value is not None:
            parameter.type_cast_value(context, value)


def _is_called_itself(command: click.Group, words: list[str]) -> bool:
    return command.invoke_without_command and (not words or words[0].startswith("-"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_in_the_documentation_exists(page: Path) -> None:
    for words in commands(page):
        if '"$@"' in words or "$@" in words:
            words = [word for word in words if "$@" not in word]
        try:
            parse(words)
        except click.ClickException as error:
            pytest.fail(f"facekit {shlex.join(words)}: {error.format_message()}")


def test_the_search_for_commands_finds_them() -> None:
    line = 'cd x && facekit identify "a b.jpg" --top 3 > out | facekit info  # facekit nothing'
    assert list(words_of(line)) == [["identify", "a b.jpg", "--top", "3"], ["info"]]
    for wrong in (["identify", "a.jpg", "--nothing"], ["nothing"], ["identify", "a.jpg", "--format", "yaml"]):
        with pytest.raises(click.ClickException):
            parse(wrong)
    assert sum(len(commands(page)) for page in PAGES) > 100


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_to_a_file(page: Path) -> None:
    missing = [
        target
        for target in LINK.findall(page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]
    assert not missing


def test_the_command_reference_is_current() -> None:
    made = script("write_command_reference")
    written = made.PAGE.read_text(encoding="utf-8")
    assert written == made.page(), "run python scripts/write_command_reference.py"


def test_every_page_is_in_the_site() -> None:
    places = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    for page in (ROOT / "docs").glob("*.md"):
        assert f": {page.name}\n" in places


def test_the_figures_of_the_readme_stand_in_the_benchmarks() -> None:
    benchmarks = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8").splitlines()
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    wrong = readme.split("## How often it is wrong")[1].split("##")[0]
    figures = re.findall(r"^\|.*%.*\|$", wrong, re.MULTILINE)
    assert len(figures) == 4
    assert set(figures) <= set(benchmarks)


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").split()) < 700


def test_the_python_reference_has_every_public_name() -> None:
    described = re.findall(r"^::: facekit\.(\w+)$", (ROOT / "docs/python.md").read_text(), re.MULTILINE)
    assert sorted(described) == sorted(set(facekit.__all__) - {"__version__"})


def test_the_python_reference_can_be_read_without_the_site() -> None:
    made = script("write_python_reference")
    assert made.PAGE.read_text(encoding="utf-8") == made.page(), (
        "run python scripts/write_python_reference.py"
    )
    assert all(" " in made.first_sentence(name) for name in facekit.__all__ if name != "__version__")
    assert "union" not in made.page()  # what Python says of a name for several types


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_python_in_the_documentation_calls_what_there_is(page: Path) -> None:
    """Names of facekit exist, and its functions take the keywords."""
    for block in PYTHON.findall(page.read_text(encoding="utf-8")):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "facekit":
                assert node.attr in facekit.__all__
            if isinstance(node, ast.Call) and (
                called := re.fullmatch(r"facekit\.(\w+)", ast.unparse(node.func))
            ):
                keywords = {keyword.arg: None for keyword in node.keywords if keyword.arg}
                inspect.signature(getattr(facekit, called[1])).bind(*node.args, **keywords)


def test_the_first_minute_prints_what_the_readme_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first block's commands but the installation, and the second block, whose output may differ in
    numbers: processors round differently."""
    outputs = script("write_outputs")
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "tests" / "data", "tests/data")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = f"```console\n{next(block for block in BLOCK.findall(readme) if block.startswith('$ '))}```\n"

    def run(command: str) -> str:
        return CliRunner().invoke(group, shlex.split(command)[1:], prog_name="facekit").output

    for words in commands(ROOT / "README.md")[:2]:
        run("facekit " + shlex.join(words))
    now = outputs.renewed(shown, run)
    assert outputs.without_numbers(now) == outputs.without_numbers(shown)
    assert "Eileen Collins" in now
