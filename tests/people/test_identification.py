import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facekit.calibration.probability import Probability
from facekit.faces.reading import Reading
from facekit.people import identification
from facekit.people.identification import CLOSE, decide, name_faces
from facekit.results import Candidate, Detection, Face, Identification, Quality

SUBJECTS = "abcd"
scores = st.integers(-10, 10).map(lambda step: step / 40)
"""Steps of a quarter of `CLOSE`, so that second candidates are now close and now far."""
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


def test_a_face_below_the_threshold_is_unknown_and_never_the_nearest_name() -> None:
    assert verdicts([[0.29, 0.1, 0, 0]], 0.3) == [None]


def test_a_score_at_the_threshold_gives_the_name() -> None:
    assert verdicts([[0.3, 0.1, 0, 0]], 0.3) == ["a"]
    assert verdicts([[0.3, 0.1, 0, 0], [0.9, 0, 0, 0]], 0.3) == [None, "a"]


def test_two_faces_of_a_photo_are_not_the_same_person() -> None:
    assert verdicts([[0.8, 0.1, 0, 0], [0.7, 0.2, 0, 0]], 0.3) == ["a", None]


def test_a_face_that_two_people_may_be_is_neither_though_one_of_them_is_another_face() -> None:
    assert verdicts([[0.8, 0.78, 0, 0], [0.7, 0.1, 0, 0]], 0.3) == [None, "a"]
    assert reasons([[0.8, 0.78, 0, 0], [0.7, 0.1, 0, 0]], 0.3)[0] == ("ambiguous", ("a", "b"))


def test_a_face_never_falls_to_a_name_far_below_its_best() -> None:
    table = [[0.76, 0.27, 0.1, 0], [0.75, 0.2, 0.26, 0], [0.3, 0.12, 0.11, 0.49]]
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


def test_a_dark_face_that_nobody_is_like_is_called_too_dark_and_others_have_their_names() -> None:
    dark = replace(face(), dark=True)
    known, unknown = [Candidate(1, "a", 0.8)], [Candidate(1, "a", 0.2)]
    found = decide([dark, dark, face()], [known, unknown, unknown], 0.3)
    assert [(each.subject, each.reason) for each in found] == [
        ("a", None),
        (None, "too_dark"),
        (None, "below_threshold"),
    ]


@pytest.mark.parametrize("apart", [0.0, CLOSE / 2])
@pytest.mark.parametrize("allow_repeats", [False, True])
def test_nobody_is_named_whom_two_people_are_like(apart: float, allow_repeats: bool) -> None:
    assert verdicts([[0.9, 0.9 - apart, 0, 0]], 0.3, allow_repeats=allow_repeats) == [None]
    assert verdicts([[0.9, 0.89 - CLOSE, 0, 0]], 0.3, allow_repeats=allow_repeats) == ["a"]
    # Somebody below the threshold is no rival.
    assert verdicts([[0.9, 0.9 - apart / 2 - 0.001, 0, 0]], 0.9, allow_repeats=allow_repeats) == ["a"]


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
def test_every_verdict_is_a_clear_best_and_the_likest_of_its_name(
    table: list[list[float]], threshold: float
) -> None:
    clear: list[tuple[str, float] | None] = []
    for row in table:
        first, second = sorted(row, reverse=True)[:2]
        rival = second >= threshold and second >= first - CLOSE
        clear.append((SUBJECTS[row.index(first)], first) if first >= threshold and not rival else None)
    for verdict, mine in zip(verdicts(table, threshold), clear, strict=True):
        best = mine is not None and max(c[1] for c in clear if c and c[0] == mine[0])
        assert verdict in (None, mine[0] if mine else None)
        assert (verdict is None) or (mine is not None and mine[1] == best)
    named = [each for each in verdicts(table, threshold) if each]
    assert sorted(named) == sorted({each[0] for each in clear if each})


class TwoNames:
    """A gallery that has one template under two names."""

    threshold, cohort = 0.5, math.inf

    def search(self, probes: np.ndarray, k: int) -> list[list[Candidate]]:
        found = [Candidate(rank, name, 0.8) for rank, name in enumerate(("a", "b"), 1)]
        return [found[:k] for _ in probes]


def test_both_names_are_there_however_few_candidates_are_asked_for() -> None:
    [found] = name_faces(TwoNames(), [face()], top=1)
    assert (found.subject, found.reason, found.contenders) == (None, "ambiguous", ("a", "b"))
    assert [each.subject for each in found.candidates] == ["a", "b"]
    assert found.to_dict()["contenders"] == ["a", "b"]


def poor(name: str, score: float) -> Candidate:
    return Candidate(1, name, score, poor=True)


def test_of_whom_there_are_only_poor_pictures_is_never_named() -> None:
    [found] = decide([face()], [[poor("a", 0.9), Candidate(2, "b", 0.2)]], 0.3)
    assert (found.subject, found.reason, found.contenders, found.score) == (None, "too_poor", ("a",), 0.9)


def test_a_face_is_never_who_it_was_said_not_to_be() -> None:
    ada, ben = Candidate(1, "ada", 0.9, denied=True), Candidate(2, "ben", 0.7)
    [nobody] = decide([face()], [[ada, Candidate(2, "ben", 0.2)]], 0.3)
    assert (nobody.subject, nobody.reason, nobody.contenders) == (None, "denied", ("ada",))
    [found] = decide([face()], [[ada, ben]], 0.3)
    assert (found.subject, found.score) == ("ben", 0.7)
    other, mine = decide([face(), face()], [[ada], [Candidate(1, "ada", 0.5)]], 0.3)
    assert (other.subject, mine.subject) == (None, "ada")
    [below] = decide([face()], [[ada]], 0.95)
    assert below.reason == "below_threshold"


@pytest.mark.parametrize(
    ("reason", "value"),
    [
        *((None, 0.5), ("below_threshold", 0.5), ("ambiguous", None), ("too_dark", None)),
        *(("already_in_picture", None), ("too_poor", None), ("like_many", None), ("denied", None)),
    ],
)
def test_there_is_a_probability_only_where_the_score_gave_the_verdict(
    reason: str | None, value: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That one of two is it with 100 % is wrong where it may as well be the other."""
    judged = Identification(face(), None, (Candidate(1, "a", 0.8),), 0.8, reason, ("a", "b"))
    monkeypatch.setattr(identification, "name_faces", lambda *_, **__: [judged])
    curve = Probability("logistic", (0.0, 0.0))
    result = identification.of_reading(TwoNames(), Reading("a.png", (face(),)), curve=curve)
    assert result.faces[0].candidates[0].probability == value


def test_poor_pictures_close_to_good_ones_leave_a_face_ambiguous() -> None:
    [found] = decide([face()], [[Candidate(1, "b", 0.9), replace(poor("a", 0.85), rank=2)]], 0.3)
    assert (found.subject, found.reason) == (None, "ambiguous")


def test_a_face_like_poor_pictures_takes_no_name_from_another_face() -> None:
    found = decide([face(), face()], [[poor("a", 0.9)], [poor("a", 0.5)]], 0.3)
    assert [each.reason for each in found] == ["too_poor", "too_poor"]


def like_many(best: float, fifth: float) -> list[Candidate]:
    scores = [best, *(fifth + step / 1000 for step in (3, 2, 1, 0))]
    return [Candidate(rank, f"p{rank}", score) for rank, score in enumerate(scores, 1)]


@pytest.mark.parametrize(
    ("best", "fifth", "named"),
    [(0.31, 0.2, True), (0.39, 0.25, False), (0.41, 0.25, True), (0.49, 0.3, False), (0.51, 0.3, True)],
)
def test_a_face_that_is_like_many_needs_more_by_twice_as_much_as_they_have_more(
    best: float, fifth: float, named: bool
) -> None:
    """Than the threshold 0.3, in a gallery where usual faces have at most 0.2 with their fifth candidate."""
    [found] = decide([face()], [like_many(best, fifth)], 0.3, 0.2)
    verdict = ("p1", None, ()) if named else (None, "like_many", ("p1",))
    assert (found.subject, found.reason, found.contenders, found.score) == (*verdict, best)


def test_where_usual_faces_are_not_known_or_people_are_few_nobody_is_like_many() -> None:
    assert decide([face()], [like_many(0.45, 0.3)], 0.3)[0].subject == "p1"
    assert decide([face()], [like_many(0.45, 0.3)[:4]], 0.3, 0.2)[0].subject == "p1"


def test_a_face_like_many_takes_no_name_from_another_face() -> None:
    other = [Candidate(1, "p1", 0.4), *(Candidate(rank, f"q{rank}", 0.0) for rank in range(2, 6))]
    found = decide([face(), face()], [like_many(0.45, 0.3), other], 0.3, 0.2)
    assert [(each.subject, each.reason) for each in found] == [(None, "like_many"), ("p1", None)]
