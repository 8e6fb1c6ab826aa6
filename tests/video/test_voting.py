"""The vote of a track's best frames, and the decision for all tracks together."""

from dataclasses import replace

import numpy as np
import pytest

from facekit.calibration.threshold import Calibration
from facekit.people.identification import CLOSE
from facekit.results import Candidate, Quality
from facekit.video.voting import (
    CHANCES,
    KEEP,
    MOST,
    SURER,
    TrackSearch,
    TrackVotes,
    Verdict,
    Vote,
    decide,
    limit,
    margin,
    worth,
)

from .conftest import ADA, BOB, direction, face_at, square

FACE = face_at(square(0), ADA)


def track_search(*scores: tuple[str, float], enough: bool = True, current: str | None = None) -> TrackSearch:
    found = tuple(Candidate(n, name, score) for n, (name, score) in enumerate(scores, 1))
    return TrackSearch(FACE, found, enough, current)


def test_the_pooled_vector_is_a_unit_vector_between_the_looks_by_their_worth() -> None:
    pooled = TrackVotes([Vote(ADA, 0.9), Vote(BOB, 0.3)]).pooled()
    assert np.linalg.norm(pooled) == pytest.approx(1)
    assert pooled[0] / pooled[1] == pytest.approx(3)
    assert TrackVotes([Vote(ADA, 0.0)]).pooled() == pytest.approx(ADA)


def test_only_the_best_frames_vote_whatever_their_order() -> None:
    looks = [direction(*row) for row in np.eye(8)]
    votes = TrackVotes()
    for worth_of_it in (0.1, 0.8, 0.3):
        for number, look in enumerate([*looks, *(-each for each in looks)]):
            votes.add(Vote(look, worth_of_it + number / 100))
    assert len(votes) == MOST
    assert [each.worth for each in votes.votes] == pytest.approx([0.95 - n / 100 for n in range(MOST)])
    assert votes.count == 48


def test_one_look_of_a_person_votes_once_with_its_best_frame() -> None:
    votes = TrackVotes()
    for value in (0.3, 0.9, 0.5):
        votes.add(Vote(direction(1, 0.01 * value), value))
    votes.add(Vote(direction(0.7, 0.7), 0.9))
    assert [each.worth for each in votes.votes] == [0.9, 0.9]
    assert votes.count == 4
    assert votes.likeness(ADA) == pytest.approx(1, abs=1e-3)
    assert TrackVotes().likeness(BOB) == -1


def test_large_sharp_and_frontal_faces_are_worth_more() -> None:
    good = Quality(120, 400, 120, 0.0)
    for change in ({"size": 50}, {"sharpness": 50}, {"yaw": 0.4}, {"yaw": -0.4}):
        assert 0 < worth(replace(good, **change)) < worth(good) <= 1


def test_a_track_needs_what_a_photo_would_among_as_many_times_more_people_as_it_has_chances() -> None:
    gallery = Calibration(0.5, tail=0.03, templates=400)
    among_more = gallery.threshold_for(400 * CHANCES)
    assert limit(gallery.threshold, gallery.tail) == pytest.approx(among_more)
    assert limit(0.5, 0.0) == pytest.approx(0.5 + SURER)
    assert limit(0.5, 0.03, 0.4) == 0.4
    assert margin(0.06) == pytest.approx(2 * margin(0.03))


def test_unknown_until_there_is_enough() -> None:
    assert decide([track_search(("Ada", 0.9), enough=False)], 0.5) == [Verdict(None, 0.9)]
    assert decide([track_search(("Ada", 0.9))], 0.5) == [Verdict("Ada", 0.9)]
    assert decide([track_search(("Ada", 0.4))], 0.5) == [Verdict(None, 0.4)]
    assert decide([track_search()], 0.5) == [Verdict(None, None)]


def test_two_tracks_never_have_one_name() -> None:
    first, second = decide(
        [track_search(("Ada", 0.8), ("Bob", 0.6)), track_search(("Ada", 0.9), ("Bob", 0.1))], 0.5
    )
    assert (first.subject, second.subject) == (None, "Ada")
    alone = decide([track_search(("Ada", 0.8)), track_search(("Ada", 0.9))], 0.5)
    assert [verdict.subject for verdict in alone] == [None, "Ada"]


def test_a_track_is_not_named_that_two_people_are_equally_like() -> None:
    nobody = Verdict(None, 0.8, ("Ada", "Zoe"))
    assert decide([track_search(("Ada", 0.8), ("Zoe", 0.8))], 0.5) == [nobody]
    assert decide([track_search(("Ada", 0.8), ("Zoe", 0.8), current="Zoe")], 0.5) == [nobody]
    assert decide([track_search(("Ada", 0.3), ("Zoe", 0.3))], 0.5) == [Verdict(None, 0.3)]


def test_a_name_does_not_flicker_around_the_threshold_or_between_two() -> None:
    just_below = 0.5 - KEEP / 2
    assert decide([track_search(("Ada", just_below), current="Ada")], 0.5) == [Verdict("Ada", just_below)]
    assert decide([track_search(("Ada", just_below))], 0.5)[0].subject is None
    close = [("Ada", 0.7), ("Bob", 0.7 - CLOSE + KEEP / 2)]
    assert decide([track_search(*close, current="Ada")], 0.5)[0].subject == "Ada"
    assert decide([track_search(*close)], 0.5)[0].contenders == ("Ada", "Bob")
    clear = track_search(("Bob", 0.7), ("Ada", 0.7 - CLOSE - 2 * KEEP), current="Ada")
    assert decide([clear], 0.5)[0].subject == "Bob"


def test_a_track_like_poor_pictures_has_no_name() -> None:
    poor = TrackSearch(FACE, (Candidate(1, "ada", 0.9, poor=True),), True)
    [verdict] = decide([poor], 0.5)
    assert (verdict.subject, verdict.score) == (None, 0.9)


def test_a_track_that_is_like_many_needs_more() -> None:
    many = track_search(("Ada", 0.7), *((name, 0.4) for name in ("Bob", "Eve", "Joe", "Zoe")))
    assert decide([many], 0.5, 0.4) == [Verdict("Ada", 0.7)]
    assert decide([many], 0.5, 0.25) == [Verdict(None, 0.7)]
