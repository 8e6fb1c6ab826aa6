"""One person in five poses: what is taken, what is refused, and what is asked for next."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from facekit.gallery.search.index import Index
from facekit.results import Detection, Face
from facekit.video.frames import Frame
from facekit.video.other_subjects import OtherSubjects
from facekit.video.poses import POSES, Angles, angles, middle, pose
from facekit.video.registering import PROMPTS, Progress, Registration, likeness_of_halves

from .conftest import ADA, BOB, ScriptedDetector, direction, face_at, square

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
    registration = Registration(ScriptedDetector(lambda n: [look(order[n])]), frames=2)
    told = take(registration, len(order))
    assert registration.complete
    assert told[-1].hint == "done"
    asked = list(dict.fromkeys(progress.hint for progress in told))
    assert asked == [*(PROMPTS[which] for which in POSES), "done"]
    assert [which for which, _ in registration.selection()] == [which for which in POSES for _ in range(2)]


def test_the_sharpest_frames_are_kept_and_none_close_to_another() -> None:
    sharp = [100, 900, 800, 300, 200, 700, 100]
    registration = Registration(ScriptedDetector(lambda n: [look("front", sharpness=sharp[n])]), frames=2)
    take(registration, len(sharp))
    # Frames 1 and 2 are a quarter of a second apart: only the sharper of them.
    assert [kept.frame for _, kept in registration.selection()] == [1, 5]


def test_the_same_picture_twice_is_one() -> None:
    registration = Registration(ScriptedDetector(lambda n: [look("front")]), frames=3)
    for number in range(0, 12, 4):
        registration.step(Frame(np.zeros((240, 320, 3), np.uint8), number, number / 4))
    assert len(registration.selection()) == 1


@pytest.mark.parametrize(
    ("faces", "words"),
    [
        ([], "no face"),
        ([look("front"), face_at(square(200, 20, 80), BOB)], "2 people: only one, please"),
        ([look("front", side=60)], "come nearer (60 pixels"),
        ([look("front", side=200)], "move back"),
        ([look("front", brightness=20)], "too dark"),
        ([look("front", sharpness=5)], "too blurred"),
    ],
)
def test_what_is_no_good_is_refused_and_said(faces: list[Face], words: str) -> None:
    registration = Registration(ScriptedDetector(lambda n: faces))
    [progress] = take(registration, 1)
    assert words in progress.hint
    assert registration.selection() == []


def test_a_poor_frame_is_refused_unless_that_is_accepted() -> None:
    face = look("front")
    poor = dataclasses.replace(face, quality=dataclasses.replace(face.quality, stranger_rate=0.04))
    others = OtherSubjects(poor_from=0.01)
    registration = Registration(ScriptedDetector(lambda n: [poor]), others=others)
    [progress] = take(registration, 1)
    assert progress.hint.startswith("too poor (1 in 25 strangers")
    assert (registration.selection(), registration.refusal()) == ([], "too poor")
    accepting = Registration(ScriptedDetector(lambda n: [poor]), others=others, accept_poor=True)
    take(accepting, 1)
    assert len(accepting.selection()) == 1


def test_a_small_face_in_the_background_does_not_matter() -> None:
    registration = Registration(
        ScriptedDetector(lambda n: [face_at(square(200, 20, 50), BOB), look("front")])
    )
    take(registration, 1)
    assert len(registration.selection()) == 1


def test_somebody_else_who_steps_in_is_not_taken() -> None:
    shown = [ADA, ADA, ADA, BOB, ADA]
    registration = Registration(ScriptedDetector(lambda n: [of(shown[n])]), live=True)
    assert "not the face from before" in take(registration, 4)[-1].hint
    assert {each.face.vector[0] for _, each in registration.selection()} == {1}


def of(vector: np.ndarray) -> Face:
    return dataclasses.replace(look("front"), vector=vector)


DARK = look("front", brightness=20).quality


def test_whoever_takes_the_place_before_a_camera_is_enrolled_alone() -> None:
    shown = [ADA] * 4 + [BOB] * 5
    registration = Registration(ScriptedDetector(lambda n: [of(shown[n])]), live=True)
    warnings = [progress.warning for progress in take(registration, len(shown)) if progress.warning]
    assert warnings == ["another person: the frames of the one before do not count"]
    assert [float(each.face.vector @ BOB) for _, each in registration.selection()] == [1, 1, 1]
    assert registration.disagreement() is None


@pytest.mark.parametrize("shown", [[ADA] * 6 + [BOB] * 2, [ADA, BOB] * 4, [ADA, BOB]])
def test_two_people_in_a_recording_are_nobody(shown: list[np.ndarray]) -> None:
    registration = Registration(ScriptedDetector(lambda n: [of(shown[n])]))
    take(registration, len(shown))
    assert "two people, one from 0.0 s on" in str(registration.disagreement())


class PoseDetector(ScriptedDetector):
    """Sees Bob in deep looks only: no pose can be told of him."""

    def detect(self, frame: Frame, *, deep: bool = False) -> list[Detection]:
        faces = self.script(frame.number)
        return [face.detection for face in faces if deep or not np.array_equal(face.vector, BOB)]


@pytest.mark.parametrize(
    ("bob", "live", "alone"),
    [
        (of(BOB), False, False),
        (of(BOB), True, True),
        (dataclasses.replace(of(BOB), quality=DARK), False, True),
    ],
)
def test_somebody_of_whom_no_pose_is_told_is_in_the_recording(bob: Face, live: bool, alone: bool) -> None:
    shown = [of(ADA)] * 6 + [bob] * 4
    registration = Registration(PoseDetector(lambda n: [shown[n]]), live=live)
    take(registration, len(shown))
    assert {float(each.face.vector @ ADA) for _, each in registration.selection()} == {1}
    assert (registration.disagreement() is None) == alone


def test_a_passer_by_is_left_out_of_a_recording_and_told() -> None:
    shown = [ADA] * 15 + [BOB] + [ADA] * 15
    registration = Registration(ScriptedDetector(lambda n: [of(shown[n])]))
    take(registration, len(shown))
    assert registration.disagreement() is None
    assert registration.remarks() == ["1 frame of somebody else left out"]
    assert {float(each.face.vector @ ADA) for _, each in registration.selection()} == {1}


def test_who_is_too_far_away_to_be_told_in_a_recording_is_counted() -> None:
    far = face_at(square(100, 100, 50), BOB)
    registration = Registration(ScriptedDetector(lambda n: [far] if n < 4 else [look("front")]))
    take(registration, 12)
    assert registration.disagreement() is None
    [remark] = registration.remarks()
    assert remark.startswith("4 frames left out in which the largest face has less than 80 pixels")
    live = Registration(ScriptedDetector(lambda n: [far] if n < 4 else [look("front")]), live=True)
    take(live, 12)
    assert live.remarks() == []


def test_one_person_whose_looks_change_little_by_little_is_one_person() -> None:
    views = [direction(np.cos(angle), np.sin(angle)) for angle in np.linspace(0, 1.2, 9)]
    views = [views[0], views[8], *views[1:8]]  # the first two look like strangers until the others come
    registration = Registration(ScriptedDetector(lambda n: [of(views[n])]), frames=9)
    take(registration, len(views))
    assert len({each.frame for _, each in registration.selection()}) > 4
    assert registration.disagreement() is None


def test_a_chain_of_looks_does_not_make_two_people_one() -> None:
    chain = [direction(np.cos(angle), np.sin(angle)) for angle in (0, 0.05, 0.1, 0.8, 1.5, 1.55, 1.6)]
    registration = Registration(
        ScriptedDetector(lambda n: [of(chain[n])]), frames=7, others=OtherSubjects(0.95)
    )
    take(registration, len(chain))
    assert registration.disagreement()
    assert likeness_of_halves([ADA]) == likeness_of_halves([ADA, ADA]) == 1
    assert likeness_of_halves([ADA, ADA, BOB]) == pytest.approx(0)


def test_most_frames_say_why_nobody_was_taken() -> None:
    crowd = [look("front"), face_at(square(200, 20, 80), BOB)]
    registration = Registration(ScriptedDetector(lambda n: crowd if n < 5 else []))
    take(registration, 6)
    assert registration.refusal() == "2 people: only one, please"


def test_who_looks_like_another_enrolled_person_is_told_once() -> None:
    registration = Registration(
        ScriptedDetector(lambda n: [look("front")]),
        others=OtherSubjects(0.5, Index.of([direction(1, 1), BOB], ["Bob", "Eve"])),
    )
    warnings = [progress.warning for progress in take(registration, 8) if progress.warning]
    assert warnings == ["looks like another enrolled person (Bob, score 0.71)"]
