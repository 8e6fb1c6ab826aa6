"""scripts/measure_accuracy.py counts what it says, on vectors whose people are known."""

from __future__ import annotations

import loading
import numpy as np

from facekit.calibration.threshold import Calibration

script = loading.script("measure_accuracy")


def photos(each: int = 8) -> tuple[object, np.ndarray]:
    """50 people of noisy unit vectors; in the first photo of every tenth no face was found."""
    random = np.random.default_rng(2)
    subjects = np.repeat(np.arange(50), each)
    found = (np.arange(len(subjects)) % (10 * each)) != 0
    rows = np.where(found, np.cumsum(found) - 1, -1)
    vectors = random.normal(size=(50, 64))[subjects] + 0.7 * random.normal(size=(len(subjects), 64))
    vectors = np.float32(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))[found]
    return script.Photos(np.zeros((len(vectors), 1, 1, 3), np.uint8), subjects, rows), vectors


def test_photos_are_counted_with_those_without_a_face() -> None:
    made, vectors = photos()
    found = script.of_photos(made, vectors, Calibration(0.2))
    assert (found["photos"], found["faces_found"]) == (400, 395)
    assert (found["rank_1"]["count"], found["rank_1"]["total"]) == (100, 100)
    assert found["open_set"]["non_mated_searches"] == 25 * 8
    assert found["open_set"]["fnir_at_fpir_0.01"]["total"] == 25 * 2
    assert script.of_photos(made, vectors, Calibration(1.1))["at_its_threshold"]["known_missed"]["rate"] == 1
    assert "at_its_threshold" not in script.of_photos(made, vectors, None)
