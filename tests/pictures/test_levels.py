"""A folder one level above that of the people is noticed, before all of them are taken for one person."""

from pathlib import Path

import pytest
from fakes import photo

from facekit.errors import UsageError
from facekit.evaluation import pictures
from facekit.people.photos_to_enroll import plan
from facekit.pictures.levels import people_deeper


@pytest.mark.parametrize(
    ("names", "deeper"),
    [
        (["all/ada/1", "all/ben/1"], "all"),
        (["all/more/ada/1", "all/more/ben/1"], "all/more"),
        (["ada/1", "ben/1"], None),
        (["ada/2019/1", "ben/2020/1"], None),
        (["ada/1", "ada/2019/2"], None),
        (["ada/2019/1", "ada/2019/2"], None),
        ([], None),
    ],
)
def test_where_the_people_seem_to_be(names: list[str], deeper: str | None) -> None:
    found = people_deeper(Path("top"), [f"top/{name}.jpg" for name in names])
    assert found == (None if deeper is None else Path("top") / deeper)


@pytest.fixture
def people(tmp_path: Path) -> Path:
    for color in ("red", "green"):
        photo(tmp_path / "top" / "people" / color / "1.png", color)
    return tmp_path / "top" / "people"


def test_measuring_refuses_it_and_says_what_to_give(people: Path) -> None:
    with pytest.raises(UsageError, match=f"give {people}, if those are the people"):
        pictures.people(people.parent)
    assert pictures.people(people)[1] == ["green", "red"]


def test_enrolling_says_so(people: Path) -> None:
    [remark] = plan([people.parent]).remarks()
    assert remark.endswith(f"are taken for one person's: give {people}, if those are the people")
    assert plan([people]).remarks() == []
