"""Where faces are in every frame, and who: between sights and around them, and never under the next one's
name."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from facekit.detection.geometry import overlap
from facekit.results import Box, Face
from facekit.video.face_paths import Survey, filled
from facekit.video.session import Schedule, Session

from .conftest import ADA, EVE, ScriptedDetector, face_at, frames, gallery_of, square

TIMES = [number / 25 for number in range(50)]


def covers(boxes: Iterable[Box], box: Box) -> bool:
    import numpy as np

    some = np.array(list(boxes)).reshape(-1, 4)
    return bool(len(some)) and bool((overlap(np.array(box), some) > 0.6).any())


@pytest.mark.parametrize("speed", [0, 1, 3])
def test_a_face_that_was_missed_for_a_while_is_there_all_the_time(speed: float) -> None:
    way = [square(20 + speed * number) for number in range(50)]
    seen = [[] if number in range(18, 26) else [way[number]] for number in range(50)]
    for number, boxes in enumerate(filled(TIMES, seen)):
        assert covers(boxes, way[number]), number


def test_a_face_is_there_half_a_second_before_and_after_it_is_seen() -> None:
    seen: list[list[Box]] = [[square(100)] if number == 25 else [] for number in range(50)]
    result = filled(TIMES, seen)
    assert [number for number, boxes in enumerate(result) if boxes] == list(range(13, 38))


def test_faces_of_two_places_are_not_joined() -> None:
    seen: list[list[Box]] = [
        [square(0)] if number == 10 else [square(250)] if number == 20 else [] for number in range(50)
    ]
    middle = (square(125), square(60), square(190))
    assert not any(covers(boxes, box) for boxes in filled(TIMES, seen) for box in middle)


def survey_of(who: list[Face | None]) -> Survey:
    def script(number: int) -> list[Face]:
        face = who[number]
        return [] if face is None else [face]

    schedule = Schedule(frames=1, again=0.3)
    survey = Survey(
        ScriptedDetector(script),
        lambda detector: Session(detector, gallery_of(Ada=ADA), 0.5, schedule=schedule),
    )
    for frame in frames(len(who)):
        survey.take(frame)
    survey.finish()
    return survey


def test_a_name_counts_from_the_first_frame_of_a_track() -> None:
    survey = survey_of([face_at(square(100), ADA)] * 20)
    boxes, visible = survey.hidden(lambda name, rivals: name == "Ada")
    assert boxes == [[]] * 20
    assert visible == [{"Ada"}] * 20


def test_a_face_that_is_never_detected_surely_is_counted_unless_it_stays_visible() -> None:
    def scored(number: int) -> list[Face]:
        score = 0.9 if number == 7 else 0.7
        sure, weak = face_at(square(20), ADA), face_at(square(220), EVE)
        return [
            replace(sure, detection=replace(sure.detection, score=score)),
            replace(weak, detection=replace(weak.detection, score=0.7)),
        ]

    survey = Survey(ScriptedDetector(scored))
    for frame in frames(20):
        survey.take(frame)
    survey.finish()
    assert survey.weak(lambda name, rivals: False, 0.8) == 1
    assert survey.weak(lambda name, rivals: False, 0.6) == 0
    assert survey.weak(lambda name, rivals: True, 0.8) == 0


def test_whoever_takes_a_place_is_not_seen_by_the_last_one_s_name() -> None:
    """The pictures of these frames are all alike: only the vectors tell, which are asked for now and then."""
    survey = survey_of([face_at(square(100), ADA)] * 20 + [face_at(square(100), EVE)] * 30)
    boxes, visible = survey.hidden(lambda name, rivals: name == "Ada")
    assert all(boxes[30:])
    assert visible[30:] == [set()] * 20
    assert visible[:5] == [{"Ada"}] * 5


def test_without_names_everybody_is_hidden_and_nobody_is_described() -> None:
    detector = ScriptedDetector(lambda number: [face_at(square(100), ADA)])
    survey = Survey(detector)
    for frame in frames(5):
        survey.take(frame)
    boxes, visible = survey.hidden(lambda name, rivals: False)
    assert boxes == [[square(100)]] * 5
    assert visible == [set()] * 5
    assert detector.described == []
