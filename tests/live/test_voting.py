"""The vote of a track's best frames, and the decision for all tracks together."""

import numpy as np
import pytest

from facekit.live.voting import KEEP, MOST, Ballot, Evidence, Verdict, decide
from facekit.results import Candidate

from .conftest import ADA, BOB, direction, face_at, square

FACE = face_at(square(0), ADA)


def ballot(*scores: tuple[str, float], enough: bool = True, held: str | None = None) -> Ballot:
    found = tuple(Candidate(n, name, score) for n, (name, score) in enumerate(scores, 1))
    return Ballot(FACE, found, enough, held)


def test_the_score_is_the_mean_of_the_frames_scores() -> None:
    evidence = Evidence()
    vectors = [direction(1, 0.2 * n) for n in range(4)]
    for vector in vectors:
        evidence.add(face_at(square(0), vector))
    mean, length = evidence.mean()
    assert np.linalg.norm(mean) == pytest.approx(1, abs=1e-5)
    assert float(mean @ ADA) * length == pytest.approx(np.mean([v @ ADA for v in vectors]), abs=1e-5)


def test_only_the_best_frames_vote_whatever_their_order() -> None:
    evidence = Evidence()
    for _ in range(3 * MOST):
        evidence.add(face_at(square(0), ADA, sharpness=400))
        evidence.add(face_at(square(0), BOB, sharpness=20))
    assert len(evidence) == MOST
    assert evidence.likeness(BOB) < 0.1


def test_unknown_until_there_is_enough() -> None:
    assert decide([ballot(("Ada", 0.9), enough=False)], 0.5) == [Verdict(None, 0.9)]
    assert decide([ballot(("Ada", 0.9))], 0.5) == [Verdict("Ada", 0.9)]
    assert decide([ballot(("Ada", 0.4))], 0.5) == [Verdict(None, 0.4)]
    assert decide([ballot()], 0.5) == [Verdict(None, None)]


def test_two_tracks_never_have_one_name() -> None:
    first, second = decide([ballot(("Ada", 0.8), ("Bob", 0.6)), ballot(("Ada", 0.9), ("Bob", 0.1))], 0.5)
    assert (first.subject, second.subject) == ("Bob", "Ada")
    alone = decide([ballot(("Ada", 0.8)), ballot(("Ada", 0.9))], 0.5)
    assert [verdict.subject for verdict in alone] == [None, "Ada"]


def test_a_name_does_not_flicker_around_the_threshold_or_between_two() -> None:
    just_below = 0.5 - KEEP / 2
    assert decide([ballot(("Ada", just_below), held="Ada")], 0.5) == [Verdict("Ada", just_below)]
    assert decide([ballot(("Ada", just_below))], 0.5)[0].subject is None
    close = ballot(("Bob", 0.7), ("Ada", 0.7 - KEEP / 2), held="Ada")
    assert decide([close], 0.5)[0].subject == "Ada"
    clear = ballot(("Bob", 0.7), ("Ada", 0.7 - 2 * KEEP), held="Ada")
    assert decide([clear], 0.5)[0].subject == "Bob"
