"""People appear, are recognized when the evidence is there, and leave; names stay with their faces."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from facekit.results import Face
from facekit.video import voting
from facekit.video.events import Event
from facekit.video.session import Portrait, Schedule, Session

from .conftest import ADA, BOB, EVE, ScriptedDetector, direction, face_at, frames, gallery_of, square


def watch(
    script: Callable[[int], Sequence[Face]], count: int, everybody: Callable, **options: object
) -> tuple[list[Event], ScriptedDetector, Session]:
    detector = ScriptedDetector(script)
    session = Session(detector, everybody, 0.5, **options)  # type: ignore[arg-type]
    events = [event for frame in frames(count) for event in session.step(frame)]
    return events, detector, session


def told(events: Sequence[Event]) -> list[tuple[str, int, str | None]]:
    return [(event.kind, event.track, event.subject) for event in events]


def test_one_person_comes_is_recognized_and_leaves(everybody: Callable) -> None:
    def script(n: int) -> list[Face]:
        return [face_at(square(50 + n), ADA)] if 10 <= n < 60 else []

    events, _, _ = watch(script, 150, everybody)
    assert told(events) == [("appear", 1, None), ("recognized", 1, "Ada"), ("left", 1, "Ada")]
    appear, recognized, left = events
    assert 0.4 <= appear.time <= recognized.time <= 1.3
    assert 60 / 25 + 0.9 <= left.time <= 60 / 25 + 1.5
    assert recognized.score == pytest.approx(1.0)
    assert left.box[0] == pytest.approx(50 + left.frame)


def test_a_stranger_is_never_named_and_a_single_sight_is_nobody(everybody: Callable) -> None:
    def script(n: int) -> list[Face]:
        once = [face_at(square(250), BOB)] if n == 16 else []
        return [face_at(square(50), EVE), *once]

    events, _, session = watch(script, 100, everybody)
    assert told(events) == [("appear", 1, None)]
    assert told(session.finish()) == [("left", 1, None)]


def test_a_name_needs_several_frames(everybody: Callable) -> None:
    events, detector, _ = watch(lambda n: [face_at(square(50), ADA)], 30, everybody)
    recognized = next(event for event in events if event.kind == "recognized")
    before = [n for n, _ in detector.described if n / 25 <= recognized.time]
    assert len(before) == voting.ENOUGH


ALIKE = 0.375 * ADA + (1 - 0.375**2) ** 0.5 * EVE
"""A stranger whose score with Ada is three quarters of the threshold: that much alike are many strangers."""


@pytest.mark.parametrize(
    ("face", "then"), [(BOB, [("recognized", 2, "Bob"), ("left", 2, "Bob")]), (ALIKE, [("left", 2, None)])]
)
def test_the_next_person_at_the_same_place_does_not_inherit_the_name(
    face: np.ndarray, then: list[tuple[str, int, str | None]], everybody: Callable
) -> None:
    events, _, session = watch(lambda n: [face_at(square(50), ADA if n < 100 else face)], 200, everybody)
    assert told(events + session.finish()) == [
        ("appear", 1, None),
        ("recognized", 1, "Ada"),
        ("left", 1, "Ada"),
        ("appear", 2, None),
        *then,
    ]


def test_one_odd_frame_changes_nothing(everybody: Callable) -> None:
    """A blurred frame looks like somebody else for a moment."""
    seen: dict[int, int] = {}

    def script(n: int) -> list[Face]:
        odd = n == 60
        seen[n] = odd
        return [face_at(square(50), EVE if odd else ADA, sharpness=5 if odd else 300)]

    events, _, _ = watch(script, 150, everybody, schedule=Schedule(again=0.1))
    assert told(events) == [("appear", 1, None), ("recognized", 1, "Ada")]


def test_two_of_one_face_never_have_one_name_at_once(everybody: Callable) -> None:
    twins = [face_at(square(20), ADA), face_at(square(220), direction(1, 0, 0.3))]
    events, _, session = watch(lambda n: twins, 100, everybody)
    assert [event.subject for event in events if event.kind == "recognized"] == ["Ada"]
    assert sorted(str(person.subject) for person in session.state()) == ["Ada", "None"]


def test_names_stay_with_faces_that_pass_each_other(everybody: Callable) -> None:
    def script(n: int) -> list[Face]:
        return [face_at(square(10 + 2 * n, 90), ADA), face_at(square(250 - 2 * n, 110), BOB)]

    events, _, session = watch(script, 110, everybody)
    named = {event.track: event.subject for event in events if event.kind == "recognized"}
    assert sorted(named.values()) == ["Ada", "Bob"]
    assert not [event for event in events if event.kind in ("left", "unknown")]
    places = {person.subject: person.box[0] for person in session.state()}
    assert places["Ada"] > places["Bob"]


def test_who_jumps_to_another_place_is_known_again_by_the_face(everybody: Callable) -> None:
    events, _, _ = watch(lambda n: [face_at(square(10 if n < 50 else 240), ADA)], 100, everybody)
    assert told(events) == [("appear", 1, None), ("recognized", 1, "Ada")]


def test_known_faces_are_described_seldom_and_the_whole_frame_is_looked_at_seldom(
    everybody: Callable,
) -> None:
    _, detector, _ = watch(lambda n: [face_at(square(50), ADA)], 250, everybody)
    assert len(detector.described) <= voting.ENOUGH + 10 / 1 + 1
    assert len(detector.wholes) <= 10 / 0.3 + 1
    assert len(detector.wholes) + len(detector.nears) <= 250 / 2 + 1


def test_a_face_that_gets_better_is_described_at_once(everybody: Callable) -> None:
    def script(n: int) -> list[Face]:
        return [face_at(square(50, side=60 + (60 if n >= 50 else 0)), ADA)]

    _, detector, _ = watch(script, 70, everybody)
    assert any(50 <= n <= 54 for n, _ in detector.described)


def test_every_nth_frame_is_looked_at_whole_when_that_is_wanted(everybody: Callable) -> None:
    _, detector, _ = watch(lambda n: [], 20, everybody, schedule=Schedule(frames=5))
    assert detector.wholes == [0, 5, 10, 15]


def test_the_best_crop_of_everybody_is_kept(everybody: Callable) -> None:
    kept: list[Portrait] = []
    _, _, session = watch(lambda n: [face_at(square(50), ADA)], 50, everybody, keep=kept.append)
    assert kept == []
    session.finish()
    assert [(portrait.track, portrait.subject) for portrait in kept] == [(1, "Ada")]


def test_the_time_of_day_is_told_where_there_is_a_clock(everybody: Callable) -> None:
    events, _, _ = watch(lambda n: [face_at(square(50), ADA)], 30, everybody, clock=lambda: "noon")
    assert {event.clock for event in events} == {"noon"}
    assert list(events[0].to_dict()) == [
        *("schema", "event", "time", "clock", "track", "subject", "score"),
        *("reason", "contenders", "frame", "box"),
    ]


def test_who_is_enrolled_meanwhile_is_recognized(everybody: Callable) -> None:
    session = Session(ScriptedDetector(lambda n: [face_at(square(50), EVE)]), everybody, 0.5)
    events = [event for frame in frames(50) for event in session.step(frame)]
    session.renew(gallery_of(Ada=ADA, Eve=EVE), 0.5)
    events += [event for frame in frames(5, start=50) for event in session.step(frame)]
    assert told(events) == [("appear", 1, None), ("recognized", 1, "Eve")]


def test_after_a_cut_the_next_person_is_looked_at_at_once(everybody: Callable) -> None:
    """The faces are at one place, and no frame is without one: only the picture tells."""
    pictures = np.random.default_rng(0).integers(0, 256, (2, 240, 320, 3)).astype(np.uint8)
    smooth = [np.asarray(Image.fromarray(each).resize((20, 15)).resize((320, 240))) for each in pictures]
    detector = ScriptedDetector(lambda n: [face_at(square(50), ADA if n < 60 else BOB)])
    session = Session(detector, everybody, 0.5, schedule=Schedule(again=60))
    events = [
        event
        for frame in frames(80)
        for event in session.step(replace(frame, pixels=smooth[frame.number >= 60]))
    ]
    assert told(events)[-2:] == [("appear", 2, None), ("recognized", 2, "Bob")]
    assert events[-1].time < (60 + 8) / 25


def test_a_threshold_that_is_raised_meanwhile_counts(everybody: Callable) -> None:
    near = direction(0.8, 0, 0, 0.6)
    session = Session(ScriptedDetector(lambda n: [face_at(square(50), near)]), everybody, 0.5)
    events = [event for frame in frames(30) for event in session.step(frame)]
    session.renew(everybody, 0.9)
    events += [event for frame in frames(30, start=30) for event in session.step(frame)]
    assert told(events) == [("appear", 1, None), ("recognized", 1, "Ada"), ("unknown", 1, None)]


def test_one_odd_look_between_two_people_names_nobody(everybody: Callable) -> None:
    """Ada goes, a stranger comes, and one sharp frame between them is like Bob."""

    def script(n: int) -> list[Face]:
        if n < 40:
            return [face_at(square(50), ADA)]
        if n < 43:
            return [face_at(square(50), BOB, sharpness=5000)]
        return [face_at(square(50), EVE, sharpness=30)]

    events, _, _ = watch(script, 90, everybody, schedule=Schedule(full=0.04))
    assert [name for kind, track, name in told(events) if track > 1 and kind == "recognized"] == []
    assert ("appear", 2, None) in told(events)


def test_who_was_there_when_the_source_broke_off_has_left_when_last_seen(everybody: Callable) -> None:
    hours = iter(range(1000))
    events, _, session = watch(
        lambda n: [face_at(square(50), ADA)] if n < 40 else [],
        45,
        everybody,
        clock=lambda: f"{next(hours)} o'clock",
    )
    assert told(events)[-1] == ("recognized", 1, "Ada")
    [left] = session.interrupt()
    assert told([left]) == [("left", 1, "Ada")]
    assert 38 / 25 <= left.time <= 39 / 25
    assert left.clock is not None
    assert int(left.clock.split()[0]) < 50
    assert session.state() == ()
    assert session.finish() == []


def test_whoever_is_there_after_a_break_is_somebody_new(everybody: Callable) -> None:
    _, _, session = watch(lambda n: [face_at(square(50), ADA)], 30, everybody)
    session.interrupt()
    events = [event for frame in frames(30, start=30) for event in session.step(frame)]
    assert told(events) == [("appear", 2, None), ("recognized", 2, "Ada")]


def test_a_twin_who_is_enrolled_meanwhile_takes_the_name_away_and_both_are_told() -> None:
    session = Session(ScriptedDetector(lambda n: [face_at(square(50), ADA)]), gallery_of(Ada=ADA), 0.5)
    events = [event for frame in frames(50) for event in session.step(frame)]
    session.renew(gallery_of(Ada=ADA, Twin=ADA), 0.5)
    events += [event for frame in frames(50, start=50) for event in session.step(frame)]
    assert told(events) == [("appear", 1, None), ("recognized", 1, "Ada"), ("unknown", 1, None)]
    assert (events[-1].reason, set(events[-1].contenders)) == ("ambiguous", {"Ada", "Twin"})


def test_the_box_of_an_event_ends_at_the_edge_of_the_frame(everybody: Callable) -> None:
    events, _, _ = watch(lambda n: [face_at(square(-20, 200), ADA)], 60, everybody)
    assert {event.box for event in events} == {(0.0, 200, 40, 240.0)}


@pytest.mark.parametrize("most", [0, 2, 3, 5])
def test_views_of_a_track_are_its_best_looks_that_differ(everybody: Callable, most: int) -> None:
    """Eve turns her head: each look is shown once, with as much around the face as half of it."""
    looks = [direction(0, 0, 1, aside) for aside in (0, 0.7, -0.7, 0)]

    def script(n: int) -> list[Face]:
        return [face_at(square(100), looks[n // 50], sharpness=100 + n)]

    portraits: list[Portrait] = []
    _, _, session = watch(script, 200, everybody, keep=portraits.append, views=most)
    session.finish()
    [portrait] = portraits
    assert portrait.subject is None
    assert [view.shape for view in portrait.views] == [(120, 120, 3)] * min(most, 3)


def test_a_face_that_is_like_many_is_nobody_though_it_is_alone() -> None:
    axes = np.eye(8)
    people = {f"p{n}": direction(*(0.6 * axes[0] + 0.8 * axes[n + 1])) for n in range(6)}
    near = direction(*(0.9 * axes[0] + 0.2 * axes[1] + np.sqrt(0.15) * axes[7]))

    def names(cohort: float) -> list[str | None]:
        detector = ScriptedDetector(lambda n: [face_at(square(50), near)])
        session = Session(detector, gallery_of(**people), 0.3, cohort)
        events = [event for frame in frames(30) for event in session.step(frame)]
        return [name for kind, _, name in told(events) if kind == "recognized"]

    assert names(0.2) == []
    assert names(0.5) == ["p0"]
