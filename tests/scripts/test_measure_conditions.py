"""scripts/measure_conditions.py counts what it says, on vectors whose people are known."""

from __future__ import annotations

import loading
import numpy as np

from facekit.training.data import Faces

script = loading.script("measure_conditions")


def unit(vectors: np.ndarray) -> np.ndarray:
    return np.float32(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def faces(people: int = 40, each: int = 3) -> tuple[Faces, np.ndarray]:
    random = np.random.default_rng(5)
    labels = np.repeat(np.arange(people), each)
    vectors = random.normal(size=(people, 32))[labels] + 0.3 * random.normal(size=(len(labels), 32))
    families = np.where(labels < 2, 0, -1)
    return Faces(np.zeros((len(labels), 1, 1, 3), np.uint8), labels, families=families), unit(vectors)


def test_a_picture_is_compared_with_spoiled_pictures_of_others_and_of_its_person() -> None:
    known, vectors = faces()
    clean = script.condition(known, vectors, vectors, threshold=0.5)
    assert clean["mated"] == 40 * 3 * 2
    # Relatives, here the first two people, are no strangers to each other.
    assert clean["non_mated"] == 120 * 117 - 2 * 9
    assert clean["tar_1e-03"]["rate"] == 1
    spoiled = unit(vectors + np.random.default_rng(0).normal(size=vectors.shape))
    worse = script.condition(known, vectors, spoiled, threshold=0.5)
    assert worse["tar"]["rate"] < clean["tar"]["rate"]


def test_two_people_of_a_group_who_pass_for_one_are_counted_once() -> None:
    vectors = np.eye(40, dtype=np.float32)
    vectors[1] = vectors[0]
    rows = [{"sex": "f", "age": "17" if number < 35 else "", "race": "x"} for number in range(40)]
    rows.append({"sex": "m", "age": "70", "race": "x"})
    counted = script.groups(rows, np.vstack([vectors, vectors[:1]]), {"gallery": 0.9})
    assert set(counted["age"]) == {"10–17"}  # of one person there is nothing to say
    assert counted["age"]["10–17"]["people"] == 35
    assert counted["age"]["10–17"]["gallery"]["count"] == 1
    assert counted["age"]["10–17"]["gallery"]["total"] == 35 * 34 // 2
    assert counted["sex"] == counted["origin"] == {}  # no adults
    grown = [{**row, "age": "30"} for row in rows]
    counted = script.groups(grown, np.vstack([vectors, vectors[:1]]), {"gallery": 0.9})
    assert (counted["sex"]["f"]["people"], counted["origin"]["x"]["people"]) == (40, 41)
    assert (counted["sex"]["f"]["gallery"]["count"], counted["origin"]["x"]["gallery"]["count"]) == (1, 3)
