"""A shard is a part of many pictures: all of them, taken in turn, are the whole."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facekit.errors import UsageError
from facekit.pictures.shards import Shard


@given(st.integers(0, 50), st.integers(1, 12))
def test_the_shards_taken_in_turn_are_all_pictures_in_their_order(pictures: int, count: int) -> None:
    parts = [list(Shard.of(f"{number}/{count}").part(range(pictures))) for number in range(1, count + 1)]
    turns = range(max(map(len, parts)))
    assert [part[turn] for turn in turns for part in parts if turn < len(part)] == list(range(pictures))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_no_shard_is_the_only_one() -> None:
    assert Shard.of(None).part("abc") == "abc"
    assert Shard.of("1/1").part("abc") == "abc"
    assert str(Shard.of("3/8")) == "3/8"


@pytest.mark.parametrize(
    "value", ["", "3", "0/8", "9/8", "3/0", "-1/8", "3/8/9", " 3/8", "3/8\n", "³/8", "a/b", "1/" + "9" * 5000]
)
def test_what_is_no_shard_is_refused_in_a_sentence(value: str) -> None:
    with pytest.raises(UsageError, match=r"as 3/8$"):
        Shard.of(value)


@pytest.mark.parametrize("value", [3, (3, 8), 0.375, True, b"3/8"])
def test_a_shard_is_a_text(value: Any) -> None:
    with pytest.raises(UsageError, match="the shard is"):
        Shard.of(value)
