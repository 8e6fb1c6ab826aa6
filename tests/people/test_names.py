"""Names that look alike are told; names that do not are left in peace."""

from pathlib import Path

import pytest

from facekit.errors import UsageError
from facekit.people import names
from facekit.people.names import Register, warnings
from facekit.text.subject_names import name_of_folder, subject_name

GALLERY = Path("gallery.db")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Bob", "bob"),
        ("José", "Jose"),
        ("Anna Lena", "anna-lena"),
        ("john_smith", "John Smith"),
        ("Anna", "А\u043dn\u0430".replace("\u043d", "n")),
        ("Вера", "вера"),
        ("Bob", "B\u200bob"),
        ("Ａda", "Ada"),
        ("STRASSE", "straße"),
        ("Łukasz", "łukasz"),
    ],
)
def test_names_that_a_reader_takes_for_one_are_alike(one: str, other: str) -> None:
    assert Register([other, "somebody"]).alike(one) == [other]
    assert Register([one]).alike(other) == [one]


@pytest.mark.parametrize(
    ("one", "other"),
    [("Bob", "Rob"), ("Ann", "Anne"), ("김철수", "김철호"), ("v005", "v006"), ("...", "!!!"), ("Ян", "Ян2")],
)
def test_other_names_are_not(one: str, other: str) -> None:
    assert Register([other, one]).alike(one) == []
    assert Register([other]).warning(one, GALLERY) is None


def test_the_warning_shows_both_names_and_what_to_do() -> None:
    told = str(Register(["Bob"]).warning("bob", GALLERY))
    assert told.startswith("the name 'bob' looks like 'Bob'")
    assert "gallery merge" in told


def test_a_name_that_is_gone_is_like_nobody() -> None:
    register = Register([f"Bob{'.' * number}" for number in range(9)])
    assert len(register.alike("bob")) == 5
    for number in range(9):
        register.discard(f"Bob{'.' * number}")
    assert register.alike("bob") == []


def test_many_names_are_each_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """An import may bring thousands of people."""
    calls: list[str] = []
    folded = names._folded
    monkeypatch.setattr(names, "_folded", lambda name: calls.append(name) or folded(name))
    people = [f"person {number}" for number in range(500)]
    told = list(warnings([*people[250:], "Person 7", "PERSON 300"], people, GALLERY))
    assert [line.split(":")[0] for line in told] == [
        "the name 'Person 7' looks like 'person 7'",
        "the name 'PERSON 300' looks like 'person 300'",
    ]
    assert len(calls) <= 10 * len(people)


def test_of_many_names_that_look_alike_a_few_are_shown() -> None:
    people = [f"Bob{'.' * number}" for number in range(100)]
    told = list(warnings(people, [], GALLERY))
    assert len(told) == 99
    assert max(line.count("'Bob") for line in told) <= 10


@pytest.mark.parametrize("name", ["Bob ", " Bob", "Bob\n", "\tBob", "Bob\u3000"])
def test_blanks_around_a_name_are_no_part_of_it(name: str) -> None:
    assert subject_name(name) == "Bob"


def test_blanks_within_a_name_are_one() -> None:
    assert subject_name("Ada  King \u00a0 Lovelace") == "Ada King Lovelace"
    assert name_of_folder("Ada  Lovelace ") == "Ada Lovelace"


@pytest.mark.parametrize("name", ["", " ", "\n", "\u3000\t"])
def test_a_blank_name_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="empty or blank"):
        subject_name(name)
