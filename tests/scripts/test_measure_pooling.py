"""scripts/measure_pooling.py counts what it says, on vectors whose people are known."""

from __future__ import annotations

import loading
import numpy as np
import pytest

from facekit.video import voting

script = loading.script("measure_pooling")


@pytest.fixture(scope="module")
def people() -> tuple[np.ndarray, np.ndarray]:
    """40 people of 22 noisy unit vectors each."""
    random = np.random.default_rng(1)
    labels = np.repeat(np.arange(40), 22)
    vectors = random.normal(size=(40, 32))[labels] + 1.3 * random.normal(size=(len(labels), 32))
    return np.float32(vectors / np.linalg.norm(vectors, axis=1, keepdims=True)), labels


def test_more_looks_find_more_and_a_margin_names_fewer_strangers(
    people: tuple[np.ndarray, np.ndarray],
) -> None:
    found = script.measure(*people, fpir=0.02, count=2)
    single, several = found["pooled_1"]["own"], found["pooled_8"]["own"]
    # Half of the 40 are strangers with 22 crops, the others have 16 that are not enrolled.
    assert (single["fpir"]["of"], single["fnir"]["of"]) == (2 * 20 * 22, 2 * 20 * 16)
    assert (several["fpir"]["of"], several["fnir"]["of"]) == (2 * 20 * 2, 2 * 20 * 2)
    assert single["fpir"]["rate"] == pytest.approx(0.02, abs=0.005)
    assert several["fnir"]["rate"] < 0.5 * single["fnir"]["rate"]
    margins = [float(margin) for margin in found["track"]]
    assert margins == pytest.approx([part * margins[-1] for part in script.MARGINS], abs=1e-3)
    assert margins[-1] == pytest.approx(voting.margin(found["tail"]), abs=1e-3)
    rates = [track["fpir"]["rate"] for track in found["track"].values()]
    assert rates == sorted(rates, reverse=True)
    assert rates[0] > rates[-1]


def test_one_look_is_the_same_by_either_rule(people: tuple[np.ndarray, np.ndarray]) -> None:
    vectors, _ = people
    looks, templates = vectors[:5, None], vectors[6 : 6 + 2 * script.ENROLLED]
    assert script.RULES["pooled"](looks, templates) == pytest.approx(
        script.RULES["mean"](looks, templates), abs=1e-6
    )
