"""One person in five poses: what is taken, what is refused, and what is asked for next."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from facekit.gallery.search import Index
from facekit.live.frames import Frame
from facekit.live.poses import POSES, Angles, angles, middle, pose
from facekit.live.registering import PROMPTS, Others, Progress, Registration
from facekit.results import Face

from .conftest import ADA, BOB, ScriptedEyes, direction, face_at, square

FRONT = Angles(0.02, -0.03)
TURNED = {
    "front": FRONT,
    "left": Angles(0.2, -0.03),
    "right": Angles(-0.2, -0.03),
    "up": Angles(0.02, 0.02),
    "down": Angles(0.02, -0.08),
}


def points_of(at: Angles) -> np.ndarray:
    """Eyes 40 apart, the mouth 40 below them, and the nose where the angles put it."""
    nose = (20 + 40 * at.yaw, 40 - 40 * (0.425 + at.pitch))
    return np.array([(0, 0), (40, 0), nose, (5, 40), (35, 40)], np.float32)


def look(which: str, *, side: float = 120, sharpness: float = 300, brightness: float = 120) -> Face:
    face = face_at(square(20, 20, side), ADA, sharpness=sharpness)
    quality = dataclasses.replace(face.quality, brightness=brightness)
    return dataclasses.replace(face, points=points_of(TURNED[which]), quality=quality)


def take(registration: Registration, count: int, start: int = 0) -> list[Progress]:
    """So many frames, four a second, each a different picture."""
    told = []
    for number in range(start, start + count):
        pixels = np.full((240, 320, 3), number, np.uint8)
        told += registration.step(Frame(pixels, number, number / 4))
    return told


def test_points_tell_the_pose() -> None:
    for which, at in TURNED.items():
        found = angles(points_of(at))
        assert (found.yaw, found.pitch) == pytest.approx((at.yaw, at.pitch), abs=1e-6)
        assert pose(at, FRONT) == which


def test_the_pose_is_judged_against_the_persons_own_front() -> None:
    nose_high = Angles(0.0, 0.06)
    assert pose(nose_high) == "front"
    assert pose(nose_high, nose_high) == "front"
    assert pose(Angles(0.0, 0.09), nose_high) == "up"
    assert pose(Angles(0.3, 0.0)) is None
    assert middle([Angles(0, 1), Angles(1, 2), Angles(5, 9)]) == Angles(1, 2)


def test_between_two_poses_is_neither() -> None:
    assert pose(Angles(FRONT.yaw + 0.08, FRONT.pitch), FRONT) is None
    assert pose(Angles(FRONT.yaw, FRONT.pitch + 0.011), FRONT) is None


def test_all_poses_are_asked_for_in_turn_until_it_is_complete() -> None:
    order = [which for which in POSES for _ in range(4)]
    registration = Registration(ScriptedEyes(lambda n: [look(order[n])]), frames=2)
    told = take(registration, len(order))
    assert registration.complete
    assert told[-1].hint == "done"
    asked = list(dict.fromkeys(progress.hint for progress in told))
    assert asked == [*(PROMPTS[which] for which in POSES), "done"]
    assert [which for which, _ in registration.kept()] == [which for which in POSES for _ in range(2)]


def test_the_sharpest_frames_are_kept_and_none_close_to_another() -> None:
    sharp = [100, 900, 800, 300, 200, 700, 100]
    registration = Registration(ScriptedEyes(lambda n: [look("front", sharpness=sharp[n])]), frames=2)
    take(registration, len(sharp))
    # Frames 1 and 2 are a quarter of a second apart: only the sharper of them.
    assert [kept.frame for _, kept in registration.kept()] == [1, 5]


def test_the_same_picture_twice_is_one() -> None:
    registration = Registration(ScriptedEyes(lambda n: [look("front")]), frames=3)
    for number in range(0, 12, 4):
        registration.step(Frame(np.zeros((240, 320, 3), np.uint8), number, number / 4))
    assert len(registration.kept()) == 1


@pytest.mark.parametrize(
    ("faces", "words"),
    [
        ([], "no face"),
        ([look("front"), face_at(square(200, 20, 80), BOB)], "2 faces: one person at a time"),
        ([look("front", side=60)], "come nearer (60 pixels"),
        ([look("front", side=200)], "move back"),
        ([look("front", brightness=20)], "too dark"),
        ([look("front", sharpness=5)], "too blurred"),
    ],
)
def test_what_is_no_good_is_refused_and_said(faces: list[Face], words: str) -> None:
    registration = Registration(ScriptedEyes(lambda n: faces))
    [progress] = take(registration, 1)
    assert words in progress.hint
    assert registration.kept() == []


def test_a_small_face_in_the_background_does_not_matter() -> None:
    registration = Registration(ScriptedEyes(lambda n: [face_at(square(200, 20, 50), BOB), look("front")]))
    take(registration, 1)
    assert len(registration.kept()) == 1


def test_somebody_else_who_steps_in_is_not_taken() -> None:
    other = dataclasses.replace(look("front"), vector=BOB)
    registration = Registration(ScriptedEyes(lambda n: [other if n else look("front")]))
    assert "not the face from before" in take(registration, 4)[-1].hint
    assert len(registration.kept()) == 1


def test_who_looks_like_another_enrolled_person_is_told_once() -> None:
    registration = Registration(
        ScriptedEyes(lambda n: [look("front")]),
        others=Others(0.5, Index.of([direction(1, 1), BOB], ["Bob", "Eve"])),
    )
    warnings = [progress.warning for progress in take(registration, 8) if progress.warning]
    assert warnings == ["looks like another enrolled person (Bob, score 0.71)"]
