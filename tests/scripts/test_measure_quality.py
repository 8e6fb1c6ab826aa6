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


def in_common(kind: str, crops: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Clean faces are unlike other people's, blurred ones have a part in common."""
    vectors, norms = spoiling("clean", crops)
    if kind != "clean":
        vectors = (np.float32(0.8) * vectors + np.float32(0.6) * np.eye(32, dtype=np.float32)[0]).astype(
            np.float32
        )
        vectors /= np.linalg.norm(vectors, axis=1)[:, None]
    return vectors, norms


def test_the_table_says_how_many_are_named_and_missed_before_and_after() -> None:
    nothing_poor = script.Poorness((0.0,) * 32, 0.0, 0.0, -4.0, 0.5)
    calibration = Calibration(0.6, tail=0.05, templates=60)
    found = script.rows(
        people(100), in_common, nothing_poor, calibration, enrolled=80, sizes=[(35, 1)], kinds=KINDS
    )
    clean, blurred = found
    [(before, refused, after)] = blurred.named
    assert (before.searches, before.people) == (80, 70), "in two galleries"
    assert before.named == refused.named > 5 * after.named
    assert blurred.few[0].named > blurred.clean.named
    [(without, missed)] = clean.missed
    assert (without.named, missed.named, missed.searches) == (0, 0, 70)
    assert clean.clean_missed.named == 0


def test_who_is_too_poor_is_enrolled_no_longer() -> None:
    model = script.fit(list(script.faces_of(people(), spoiling, 0.8, KINDS)), 0.02).poorness
    clean, blurred = script.rows(
        people(100), spoiling, model, Calibration(0.8), enrolled=80, sizes=[(70, 1)], kinds=KINDS
    )
    [(before, after, _)] = blurred.named
    assert (before.people, after.people, after.named) == (70, 0, 0)
    assert (blurred.few[0].people, blurred.few[1].people) == (10, 0)
    assert clean.named[0][1].people >= 65
    assert blurred.refused > 0.95


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
