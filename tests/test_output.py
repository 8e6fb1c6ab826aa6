"""A format is one class and one line; a document stays one when the user interrupts."""

import json
import sys
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import Any

import pytest

from facekit import output
from facekit.cli.console import Console
from facekit.cli.results import Writer
from facekit.output.view import Format, View


class Number:
    """A result."""

    def __init__(self, value: int) -> None:
        self.value = value

    def to_dict(self) -> dict[str, Any]:
        return {"schema": 1, "value": self.value}


class Numbers(View[Number]):
    columns = ("value",)

    def heading(self) -> Iterator[str]:
        yield "numbers:"

    def text(self, result: Number) -> Iterator[str]:
        yield f"  {result.value}"

    def rows(self, result: Number) -> Iterator[Sequence[object]]:
        yield [result.value]


NUMBERS = [Number(1), Number(2)]


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("table", ["numbers:", "  1", "  2"]),
        ("csv", ["value", "1", "2"]),
        ("jsonl", ['{"schema": 1, "value": 1}', '{"schema": 1, "value": 2}']),
    ],
)
def test_each_format_writes_the_same_results(name: str, lines: list[str]) -> None:
    assert list(output.written(NUMBERS, name, Numbers())) == lines


@pytest.mark.parametrize("results", [[], NUMBERS[:1], NUMBERS])
def test_json_is_one_document_of_any_number_of_results(results: list[Number]) -> None:
    document = json.loads("\n".join(output.written(results, "json", Numbers())))
    assert document == {"schema": 1, "results": [result.to_dict() for result in results]}


def test_a_format_is_added_by_one_class_and_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    class Sentences(Format[Number]):
        def one(self, result: Number) -> Iterator[str]:
            yield f"It is {result.to_dict()['value']}."

    module = ModuleType("sentences")
    module.Sentences = Sentences  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "sentences", module)
    monkeypatch.setitem(output.FORMATS, "sentences", "sentences:Sentences")
    assert list(output.written(NUMBERS, "sentences", Numbers())) == ["It is 1.", "It is 2."]


def test_an_interrupted_document_is_closed(capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted() -> Iterator[Number]:
        yield NUMBERS[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Writer(Console(), "json", Numbers()).write(interrupted())
    assert json.loads(capsys.readouterr().out)["results"] == [{"schema": 1, "value": 1}]
