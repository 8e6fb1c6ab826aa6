"""Scores of 1:1 comparisons: all pairs at once are the same as one by one, failures are misses."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from facekit.errors import UsageError
from facekit.evaluation import comparisons, metrics, verification_report
from facekit.evaluation.comparisons import Comparisons, affordable, all_pairs
from facekit.evaluation.metrics import Rate
from facekit.evaluation.scores import VerificationScores

SCRIPTS = Path(__file__).parent.parent.parent / "scripts"


def unit(*shape: int, seed: int = 0) -> np.ndarray:
    raw = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    return raw / np.linalg.norm(raw, axis=1, keepdims=True)


def test_all_pairs_in_blocks_are_those_one_by_one() -> None:
    vectors, people = unit(23, 5), np.arange(23) % 4
    rows = np.arange(23)
    rows[3] = -1
    found = comparisons.all_pairs(vectors, people, rows, block=7)
    mated, non_mated = [], []
    for i in range(23):
        for j in range(i + 1, 23):
            score = -np.inf if 3 in (i, j) else float(vectors[i] @ vectors[j])
            if people[i] == people[j]:
                mated.append((score, people[i]))
            else:
                non_mated.append((score, people[i], people[j]))
    assert found.of is not None
    ours = zip(found.mated.tolist(), found.of.tolist(), strict=True)
    assert np.array(sorted(ours)) == pytest.approx(np.array(sorted(mated)), abs=1e-6)
    assert found.first is not None
    assert found.second is not None
    ours = zip(found.non_mated.tolist(), found.first.tolist(), found.second.tolist(), strict=True)
    assert np.array(sorted(ours)) == pytest.approx(np.array(sorted(non_mated)), abs=1e-6)


def test_one_all_pairs_are_one_report_listed_or_not() -> None:
    vectors, people = unit(30, 8), np.arange(30) // 3
    first, second = np.triu_indices(30, 1)
    names = tuple(map(str, people))
    listed = VerificationScores(
        tuple(map(str, first)),
        tuple(map(str, second)),
        people[first] == people[second],
        np.einsum("nd,nd->n", vectors[first], vectors[second]).astype(np.float64),
        groups={
            "subject_a": tuple(names[row] for row in first),
            "subject_b": tuple(names[row] for row in second),
        },
    )
    one = verification_report.report(listed, threshold=0.1).to_dict()
    other = verification_report.of_comparisons(
        comparisons.all_pairs(vectors, people), threshold=0.1
    ).to_dict()
    for key in ("pairs", "mated", "non_mated", "failed", "auc", "eer", "tar_at_fmr"):
        assert one[key] == pytest.approx(other[key]), key
    assert one["at_threshold"]["fmr"] == pytest.approx(other["at_threshold"]["fmr"])


def test_without_subjects_intervals_are_those_of_single_scores() -> None:
    found = Comparisons(np.array([0.9, 0.8, -np.inf]), np.array([0.5, 0.1]))
    assert found.accepted_mated(0.5) == Rate(2, 3)
    assert found.accepted_non_mated(0.5) == Rate(1, 2)
    assert found.share(np.array([True, True, False]), np.array([False, True])) == Rate(3, 5)
    area, (low, high) = found.auc()
    assert area == pytest.approx(2 / 3)
    assert 0 <= low <= area <= high <= 1


def test_subjects_are_known_only_where_every_pair_has_both() -> None:
    def scores(**groups: tuple[str, ...]) -> VerificationScores:
        return VerificationScores(("a", "c"), ("b", "d"), np.array([True, False]), np.zeros(2), None, groups)

    assert comparisons.of_scores(scores()).of is None
    assert comparisons.of_scores(scores(subject_a=("x", "x"))).of is None
    assert comparisons.of_scores(scores(subject_a=("x", "x"), subject_b=("x", ""))).of is None
    assert comparisons.of_scores(scores(subject_a=("x", "x"), subject_b=("x", "y"))).subjects == 2


def test_many_pictures_are_a_matrix_product_and_not_a_loop() -> None:
    """Half a million comparisons: seconds, and far below the memory of so many Python objects."""
    command = [sys.executable, SCRIPTS / "measure_all_pairs.py", "--pictures", "1000", "--people", "200"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    found = json.loads(done.stdout)
    assert found["comparisons"] == 1000 * 999 // 2
    assert found["gigabytes"] < 0.5


def test_scores_that_do_not_overlap_leave_room_for_doubt() -> None:
    few = Comparisons(np.array([0.9, 0.8, 0.85, 0.7]), np.array([0.1, 0.2, 0.3, 0.0]))
    area, (low, high) = few.auc()
    assert (area, high) == (1.0, 1.0)
    assert low == pytest.approx(metrics.wilson(4, 4)[0])
    f1 = verification_report.decisions(few, 0.5).f1
    assert (f1.value, f1.bounds[1]) == (1.0, 1.0)
    assert 0.5 < f1.bounds[0] < 0.8


def test_pictures_without_any_face_are_all_failures() -> None:
    found = all_pairs(np.zeros((0, 8), np.float32), np.array([0, 0, 1]), np.full(3, -1))
    assert np.isneginf(found.mated).all()
    assert np.isneginf(found.non_mated).all()


def test_too_many_pictures_are_refused_before_they_fill_the_memory() -> None:
    affordable(30_000)
    with pytest.raises(UsageError, match="take fewer"):
        affordable(40_000)
