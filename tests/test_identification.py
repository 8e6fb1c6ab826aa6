from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facekit.identification import NEAR, TIE, assignment, decide, name_faces
from facekit.results import Candidate, Detection, Face, Identification, Quality

SUBJECTS = "abcd"
scores = st.integers(-10, 10).map(lambda step: step / 40)
"""Steps of half of `NEAR`, so that second candidates are now near and now far."""
rows = st.lists(scores, min_size=4, max_size=4, unique=True)
tables = st.integers(1, 4).flatmap(lambda faces: st.lists(rows, min_size=faces, max_size=faces))


def face() -> Face:
    points = np.zeros((5, 2), np.float32)
    crop = np.zeros((112, 112, 3), np.uint8)
    return Face(
        Detection((0, 0, 9, 9), 1.0),
        points,
        crop,
        np.zeros(4, np.float32),
        Quality(9, 9, 9, 0),
    )


def candidates(row: list[float]) -> list[Candidate]:
    ordered = sorted(zip(SUBJECTS, row, strict=False), key=lambda pair: (-pair[1], pair[0]))
    return [Candidate(rank, name, score) for rank, (name, score) in enumerate(ordered, 1)]


def decided(
    table: list[list[float]], threshold: float, *, allow_repeats: bool = False
) -> list[Identification]:
    faces = [face() for _ in table]
    return decide(faces, [candidates(row) for row in table], threshold, allow_repeats=allow_repeats)


def verdicts(table: list[list[float]], threshold: float, *, allow_repeats: bool = False) -> list[str | None]:
    return [each.subject for each in decided(table, threshold, allow_repeats=allow_repeats)]


def reasons(table: list[list[float]], threshold: float) -> list[tuple[str | None, tuple[str, ...]]]:
    return [(each.reason, each.contenders) for each in decided(table, threshold)]


def total(table: list[list[float]], names: tuple[str | None, ...], threshold: float) -> float | None:
    """The sum of the scores above the threshold, or None where the verdicts are not allowed."""
    given_names = [name for name in names if name]
    if len(set(given_names)) < len(given_names):
        return None
    won = [(row[SUBJECTS.index(name)], max(row)) for row, name in zip(table, names, strict=True) if name]
    if any(score < threshold or score < best - NEAR for score, best in won):
        return None
    return sum(score - threshold for score, _ in won)


def test_a_face_below_the_threshold_is_unknown_and_never_the_nearest_name() -> None:
    assert verdicts([[0.29, 0.1, 0, 0]], 0.3) == [None]


def test_a_score_at_the_threshold_gives_the_name() -> None:
    assert verdicts([[0.3, 0.1, 0, 0]], 0.3) == ["a"]
    assert verdicts([[0.3, 0.1, 0, 0], [0.9, 0, 0, 0]], 0.3) == [None, "a"]


def test_two_faces_of_a_photo_are_not_the_same_person() -> None:
    assert verdicts([[0.8, 0.1, 0, 0], [0.7, 0.2, 0, 0]], 0.3) == ["a", None]


def test_the_one_who_fits_less_well_takes_the_next_name_that_is_as_sure() -> None:
    assert verdicts([[0.8, 0.78, 0, 0], [0.7, 0.1, 0, 0]], 0.3) == ["b", "a"]


def test_a_face_never_falls_to_a_name_far_below_its_best() -> None:
    table = [[0.76, 0.27, 0.1, 0], [0.75, 0.2, 0.26, 0], [0.5, 0.12, 0.11, 0.49]]
    assert verdicts(table, 0.1) == ["a", None, "d"]
    assert reasons(table, 0.1)[1] == ("already_in_picture", ("a",))


def test_an_unknown_face_says_why_and_what_its_best_score_is() -> None:
    table = [[0.8, 0.1, 0, 0], [0.7, 0.2, 0, 0], [0.2, 0.1, 0, 0.0], [0.1, 0.2, 0.6, 0.6]]
    assert reasons(table, 0.3) == [
        (None, ()),
        ("already_in_picture", ("a",)),
        ("below_threshold", ()),
        ("ambiguous", ("c", "d")),
    ]
    assert [each.score for each in decided(table, 0.3)] == [0.8, 0.7, 0.2, 0.6]


@pytest.mark.parametrize("apart", [0.0, TIE / 2])
@pytest.mark.parametrize("allow_repeats", [False, True])
def test_nobody_is_named_whose_best_score_two_people_have(apart: float, allow_repeats: bool) -> None:
    assert verdicts([[0.9, 0.9 - apart, 0, 0]], 0.3, allow_repeats=allow_repeats) == [None]
    assert verdicts([[0.9, 0.9 - 3 * TIE, 0, 0]], 0.3, allow_repeats=allow_repeats) == ["a"]


def test_the_same_verdict_whatever_the_alphabet_says() -> None:
    assert verdicts([[0.1, 0.7, 0.7, 0]], 0.3) == [None]
    assert reasons([[0.1, 0.7, 0.7, 0]], 0.3) == [("ambiguous", ("b", "c"))]


def test_repeats_are_allowed_on_demand() -> None:
    assert verdicts([[0.8, 0.1, 0, 0], [0.7, 0.2, 0, 0]], 0.3, allow_repeats=True) == [
        "a",
        "a",
    ]


def test_no_face_and_no_candidate_are_no_error() -> None:
    assert decide([], [], 0.3) == []
    assert [each.subject for each in decide([face()], [[]], 0.3)] == [None]


@given(tables, scores)
def test_no_other_allowed_verdicts_have_a_larger_sum(table: list[list[float]], threshold: float) -> None:
    chosen = total(table, tuple(verdicts(table, threshold)), threshold)
    every = (total(table, names, threshold) for names in product((*SUBJECTS, None), repeat=len(table)))
    assert chosen is not None
    assert chosen == pytest.approx(max(each for each in every if each is not None))


@given(st.integers(1, 5), st.integers(0, 3), st.integers(0, 2**32 - 1))
def test_the_assignment_is_the_best_one(rows: int, more: int, seed: int) -> None:
    gain = np.random.default_rng(seed).normal(size=(rows, rows + more))
    taken = assignment(gain)
    assert len(set(taken)) == rows
    best = max(
        sum(gain[row, column] for row, column in enumerate(columns))
        for columns in product(range(rows + more), repeat=rows)
        if len(set(columns)) == rows
    )
    assert sum(gain[row, column] for row, column in enumerate(taken)) == pytest.approx(best)


def test_a_hundred_faces_that_all_look_alike_are_decided_at_once() -> None:
    rng = np.random.default_rng(5)
    gain = np.hstack([rng.uniform(0, 1, (100, 100)), np.zeros((100, 100))])
    assert sorted(assignment(gain)) == list(range(100))


class TwoNames:
    """A gallery that has one template under two names."""

    threshold = 0.5

    def search(self, probes: np.ndarray, k: int) -> list[list[Candidate]]:
        found = [Candidate(rank, name, 0.8) for rank, name in enumerate(("a", "b"), 1)]
        return [found[:k] for _ in probes]


def test_both_names_are_there_however_few_candidates_are_asked_for() -> None:
    [found] = name_faces(TwoNames(), [face()], top=1)
    assert (found.subject, found.reason, found.contenders) == (None, "ambiguous", ("a", "b"))
    assert [each.subject for each in found.candidates] == ["a", "b"]
    assert found.to_dict()["contenders"] == ["a", "b"]
