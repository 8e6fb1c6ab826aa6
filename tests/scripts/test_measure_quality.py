"""scripts/measure_quality.py counts what it says, on vectors whose people and poorness are known."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import loading
import numpy as np
import pytest
from PIL import Image

from facekit.calibration.threshold import Calibration

script = loading.script("measure_quality")
KINDS = ("clean", "blur 8")


def people(count: int = 60, each: int = 2) -> Any:
    subjects = np.repeat(np.arange(count), each)
    return script.People(subjects[:, None, None, None].astype(np.uint8), subjects, subjects)


def spoiling(kind: str, crops: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Clean faces are unlike other people's, blurred ones all alike."""
    chance = np.random.default_rng(len(kind))
    own = np.random.default_rng(0).normal(size=(256, 32))[crops[:, 0, 0, 0]]
    raw = own + 0.1 * chance.normal(size=own.shape)
    if kind != "clean":
        raw = 0.3 * raw + 10 * np.eye(32)[0]
    norms = np.linalg.norm(raw, axis=1)
    return (raw / norms[:, None]).astype(np.float32), np.full(len(raw), 50, np.float32)


def test_the_fit_tells_faces_that_are_all_alike_from_usual_ones() -> None:
    found = script.fit(list(script.faces_of(people(), spoiling, 0.8, KINDS)), 0.02)
    assert found.refused("blur 8") > 0.95
    assert found.refused("clean") < 0.05
    assert found.counted["blur 8"].mean() == pytest.approx(1, abs=0.05)
    vectors, norms = spoiling("blur 8", people().crops)
    assert (found.poorness.rates(vectors, norms) >= found.poorness.poor_from).mean() > 0.95


def test_the_table_says_how_many_strangers_are_named_before_and_after() -> None:
    model = script.fit(list(script.faces_of(people(), spoiling, 0.8, KINDS)), 0.02).poorness
    calibration = Calibration(0.8)
    rows = script.rows(people(), spoiling, model, calibration, enrolled=40, sizes=[(20, 1)], kinds=KINDS)
    clean, blurred = rows
    [(before, after)] = blurred.spoiled
    assert (before.named, before.searches, before.people) == (40, 40, 20)
    assert after.named == after.people == 0
    assert blurred.few[0].named == 40
    assert blurred.few[1].named == blurred.clean.named == 0
    assert clean.mated.named == clean.mated.searches == 40
    assert clean.spoiled[0][1].people >= 19


@pytest.mark.parametrize("kind", script.SPOILED)
def test_every_way_of_spoiling_gives_another_crop(kind: str) -> None:
    crop = Image.fromarray(np.random.default_rng(0).integers(0, 256, (112, 112, 3)).astype(np.uint8))
    spoiled = np.asarray(script.SPOILED[kind](crop, np.random.default_rng(1)))
    again = np.asarray(script.SPOILED[kind](crop, np.random.default_rng(1)))
    assert spoiled.shape == (112, 112, 3)
    assert spoiled.dtype == np.uint8
    np.testing.assert_array_equal(spoiled, again)
    assert (spoiled == np.asarray(crop)).all() == (kind == "clean")


def test_vectors_are_kept_and_taken_again(tmp_path: Path) -> None:
    calls = []

    def embed(crops: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        calls.append(len(crops))
        return np.ones((len(crops), 2), np.float32), np.ones(len(crops), np.float32)

    crops = np.arange(70, dtype=np.uint8)[:, None, None, None] * np.ones((112, 112, 3), np.uint8)
    for count in (66, 70, 70):
        vectors, _ = script.Spoiling(embed, tmp_path)("gray", crops[:count])
        assert vectors.shape == (count, 2)
    assert calls == [64, 2, 4]


def test_people_are_read_by_name_and_family(tmp_path: Path) -> None:
    np.save(tmp_path / "faces.npy", np.arange(5, dtype=np.uint8)[:, None, None, None])
    with (tmp_path / "faces.csv").open("w", newline="") as table:
        rows = [("u1", "F"), ("", ""), ("u2", "F"), ("u1", "F"), ("t1", "")]
        csv.writer(table).writerows([("subject", "family"), *rows])
    found = script.read_people(tmp_path / "faces.npy", begins="u")
    assert found.crops[:, 0, 0, 0].tolist() == [0, 3, 2]
    assert found.subjects.tolist() == [0, 0, 1]
    assert not found.strangers().any()
