"""Faces that are put aside before training: nothing is learned from them, and always the same are chosen."""

import loading
import numpy as np
from numpy.typing import NDArray

ORIGINS = ("white", "black", "indian", "asian")
set_aside = loading.script("set_aside")


def unit(vectors: NDArray[np.float64]) -> NDArray[np.float16]:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16)


def row(**known: str) -> dict[str, str]:
    return {"source": "", "subject": "", "age": "", "sex": "", "race": "", **known}


def test_strangers_are_of_the_second_part_and_have_seven_pictures() -> None:
    rows = [row(subject=f"u{number}") for number in range(9) for _ in range(7)]
    rows += [row(subject="u99")] * 6 + [row(subject="t1")] * 20
    people = set_aside.strangers(rows, 4)
    assert len(people) == 4
    assert set(people) <= {f"u{number}" for number in range(9)}
    assert people == set_aside.strangers(list(reversed(rows)), 4)


def test_groups_are_balanced_and_have_nobody_twice() -> None:
    random = np.random.default_rng(0)
    rows = [
        row(race=race, sex=sex, age=age)
        for race in ORIGINS
        for sex in "fm"
        for age in ("5", "20", "45", "70")
        for _ in range(10)
    ]
    vectors = random.normal(size=(len(rows), 64))
    vectors[1::2] = vectors[::2]  # everybody has two pictures
    chosen = set_aside.grouped(rows, unit(vectors), 96)
    assert len(chosen) == 96
    assert len(set((chosen // 2).tolist())) == 96
    kinds = [set_aside.group(rows[number]) for number in chosen]
    assert {kinds.count(kind) for kind in set(kinds)} == {3}


def test_a_picture_without_age_sex_or_origin_is_in_no_group() -> None:
    assert set_aside.group(row(race="white", sex="f")) is None
    assert set_aside.group(row(race="other", sex="f", age="30")) is None
    assert set_aside.group(row(source="aaf", sex="f", age="61")) == ("asian", "f", "60+")


def test_crops_like_the_people_put_aside_are_told() -> None:
    people = np.eye(4, 16, dtype=np.float32)
    vectors = unit(np.eye(16) + 0.01)
    assert set_aside.alike(vectors, people, step=5).tolist() == [0, 1, 2, 3]
