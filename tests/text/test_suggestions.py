"""Whom somebody meant who mistyped a name, or knows only a part of it."""

import pytest

from facekit.text.suggestions import similar

FAMILY = ["Anna Berg", "Björn Berg", "David Berg", "Emma Svensson"]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("anna", ["Anna Berg"]),
        ("Ann", ["Anna Berg"]),
        ("Davd", ["David Berg"]),
        ("svenson", ["Emma Svensson"]),
        ("Emma Svenson", ["Emma Svensson"]),
        ("Zoe", []),
        ("A", []),
    ],
)
def test_a_part_of_a_name_is_enough(typed: str, meant: list[str]) -> None:
    assert similar(typed, FAMILY) == meant


def test_a_name_that_many_share_tells_a_few() -> None:
    assert len(similar("berg", [f"{letter} Berg" for letter in "abcdefg"])) == 3
