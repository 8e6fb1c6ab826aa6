"""The rules of enrolling, on vectors made by hand."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fakes import DIMENSION, FINGERPRINT, FakeOptions, photo
from hypothesis import given, settings
from hypothesis import strategies as st

from facekit.calibration.threshold import Calibration
from facekit.errors import UsageError
from facekit.faces.reading import Reading
from facekit.gallery import Gallery, create_gallery
from facekit.gallery.gallery_settings import GallerySettings
from facekit.gallery.sqlite.gallery import SqliteGallery
from facekit.people.choice import choose
from facekit.people.enrollment import BATCH, Photo, Rules, enroll, enroll_readings
from facekit.people.photos_to_enroll import plan
from facekit.results import Detection, Face, Quality


def face(*direction: float, size: float = 50) -> Face:
    raw = np.array(direction, np.float32)
    vector = raw / np.linalg.norm(raw)
    crop = np.zeros((112, 112, 3), np.uint8)
    points = np.zeros((5, 2), np.float32)
    return Face(Detection((0, 0, size, size), 1.0), points, crop, vector, Quality(size, 500, 128, 0))


def picture(*faces: Face) -> Reading:
    return Reading("x.png", faces, sha256="0" * 64)


A, B, C = face(1, 0, 0), face(0, 1, 0), face(0, 0, 1)
# Other pictures of A.
A2, A3 = face(1, 0.3, 0), face(1, 0, 0.3)
NOTHING = np.zeros((0, 3), np.float32)


def empty_gallery(folder: Path) -> Gallery:
    return create_gallery(
        folder / "g.db",
        GallerySettings("fake", FINGERPRINT, DIMENSION, Calibration(0.6)),
    )


def test_the_face_that_agrees_is_taken_though_another_is_larger() -> None:
    stranger = face(0, 1, 0, size=90)
    choices = choose([picture(A2), picture(stranger, A), picture(A3)], NOTHING, 0.5)
    assert choices[1].face is A
    assert "agrees" in str(choices[1].note)
    assert choices[0].note is None


def test_what_is_stored_of_the_person_counts_as_another_picture() -> None:
    choices = choose([picture(B, A)], np.stack([A2.vector, A3.vector]), 0.5)
    assert choices[0].face is A
    assert choices[0].agreement == pytest.approx(float(A.vector @ A2.vector))
    assert choices[0].others == 2


def test_when_nothing_agrees_the_largest_is_taken() -> None:
    large = face(0, 0, 1, size=90)
    choices = choose([picture(A, large), picture(B)], NOTHING, 0.5)
    assert choices[0].face is large
    assert choices[0].note == "2 faces: took the largest"


def test_faces_agree_across_pictures_that_all_have_several() -> None:
    choices = choose([picture(B, A), picture(A2, C), picture(face(0, 1, 1), A3)], NOTHING, 0.9)
    assert [choice.face for choice in choices] == [A, A2, A3]


def test_a_picture_that_is_in_another_folder_too_is_no_witness() -> None:
    """A picture of B in A's folder, beside a copy of one from B's own, which would speak for it."""
    readings = [picture(A), picture(A2), picture(face(0, 1, 0.2)), picture(B)]
    choices = choose(readings, NOTHING, 0.5, shared=[False, False, False, True])
    assert choices[2].agreement < 0.5
    assert choices[2].others == 2


def test_agreement_is_the_best_score_with_the_other_chosen_faces() -> None:
    choices = choose([picture(A), picture(A2), picture(C)], NOTHING, 0.5)
    assert [round(choice.agreement, 3) for choice in choices] == [0.958, 0.958, 0.0]
    assert {choice.others for choice in choices} == {2}


def test_a_copy_of_a_picture_is_no_other_picture() -> None:
    bystander, person = face(0, 1, 0, size=50), face(1, 0, 0, size=90)
    again = picture(face(0, 1, 0.2, size=40), face(1, 0, 0.2, size=72))
    choices = choose([picture(bystander, person), again], NOTHING, 0.5)
    assert [choice.face.quality.size for choice in choices] == [90, 72]
    assert {(choice.agreement, choice.others) for choice in choices} == {(-1.0, 0)}


def test_nothing_to_choose_from() -> None:
    assert choose([], NOTHING, 0.5) == []


def test_a_plan_takes_each_sub_folder_for_a_person(tmp_path: Path) -> None:
    for name in ("b/2.png", "b/deep/1.png", "a/1.png", ".hidden/1.png", "loose.png"):
        photo(tmp_path / name, "red")
    (tmp_path / "a" / "notes.txt").touch()
    planned = [(each.subject, Path(each.source).name) for each in plan([str(tmp_path)]).photos]
    assert planned == [("a", "1.png"), ("b", "2.png"), ("b", "1.png")]


def test_a_folder_without_people_is_the_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="sub-folder"):
        plan([str(tmp_path)])
    with pytest.raises(UsageError, match="no pictures in"):
        plan([str(tmp_path)], "Ada")
    with pytest.raises(UsageError, match="no such picture"):
        plan([str(tmp_path / "typo.jpg")], "Ada")


def test_names_of_one_look_are_one_name(tmp_path: Path) -> None:
    photo(tmp_path / "Jose\u0301" / "1.png", "red")
    assert plan([str(tmp_path)]).photos[0].subject == "Jos\u00e9"


def test_names_that_look_alike_are_told_and_the_gallery_is_asked_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    names = SqliteGallery.names
    monkeypatch.setattr(SqliteGallery, "names", lambda gallery: calls.append(1) or names(gallery))
    with empty_gallery(tmp_path) as gallery:
        photos = [
            Photo(name, str(photo(tmp_path / f"{name}.png", color, seed=1)))
            for name, color in (("Bob", "red"), ("Eve", "green"), ("Zoe", "blue"))
        ]
        assert [each.notes for each in enroll(gallery, photos, options=FakeOptions())] == [(), (), ()]
        assert len(calls) == 1
        photo(tmp_path / "new.png", "yellow")
        again = [
            Photo("eve", str(tmp_path / "new.png")),
            Photo("Robert", photos[0].source),
            Photo("bob", str(photo(tmp_path / "other.png", "cyan"))),
        ]
        notes = [" ".join(each.notes) for each in enroll(gallery, again, options=FakeOptions())]
    assert "the name 'eve' looks like 'Eve'" in notes[0]
    assert notes[1] == "moved from Bob; Bob had no other picture and is gone"
    assert notes[2] == ""
    assert len(calls) == 2


def test_what_was_reported_is_stored_and_the_rest_is_done_the_next_time(tmp_path: Path) -> None:
    photos = [
        Photo(color, str(photo(tmp_path / color / f"{seed}.png", color, seed=seed)))
        for color in ("blue", "green", "red")
        for seed in range(2)
    ]
    with empty_gallery(tmp_path) as gallery:
        outcomes = enroll(gallery, photos, options=FakeOptions())
        reported = [next(outcomes) for _ in range(3)]
        outcomes.close()
        stored = {subject.name for subject in gallery.subjects()}
        assert {outcome.subject for outcome in reported} <= stored
        again = [outcome.status for outcome in enroll(gallery, photos, options=FakeOptions())]
        assert again == ["already there"] * 4 + ["enrolled"] * 2
        assert len(gallery) == 6


def test_a_person_with_very_many_pictures_is_stored_in_parts(tmp_path: Path) -> None:
    photos = [
        Photo("red", str(photo(tmp_path / f"{seed}.png", "red", size=(80, 80), seed=seed)))
        for seed in range(BATCH + 3)
    ]
    with empty_gallery(tmp_path) as gallery:
        outcomes = enroll(gallery, photos, options=FakeOptions())
        next(outcomes)
        assert len(gallery) == BATCH
        assert sum(1 for _ in outcomes) == BATCH + 2
        assert len(gallery) == BATCH + 3


COLORS = ("red", "green", "blue", "yellow")


@settings(max_examples=4, deadline=None)
@given(order=st.permutations(range(8)))
def test_the_order_of_enrollment_changes_no_score(
    order: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("order")
    photos = [
        Photo(color, str(photo(folder / color / f"{seed}.png", color, seed=seed)))
        for color in COLORS
        for seed in (1, 2)
    ]
    probe = np.eye(DIMENSION, dtype=np.float32)[:3]
    found = []
    for name, chosen in (("sorted", range(8)), ("shuffled", order)):
        (folder / name).mkdir()
        with empty_gallery(folder / name) as gallery:
            for number in chosen:
                list(enroll(gallery, [photos[number]], options=FakeOptions()))
            found.append(gallery.search(probe, 4))
    assert found[0] == found[1]


STRICT = Rules(strict=True)


def status_of(gallery: Gallery, *photos: Photo) -> list[str]:
    return [outcome.status for outcome in enroll(gallery, photos, rules=STRICT, options=FakeOptions())]


def test_a_picture_that_is_there_twice_is_stored_once(tmp_path: Path) -> None:
    with empty_gallery(tmp_path) as gallery:
        blue = Photo("Ada", str(photo(tmp_path / "3.png", "blue")))
        assert status_of(gallery, blue, blue) == ["enrolled", "already there"]
        assert len(gallery) == 1


def test_a_strangers_picture_is_noticed_among_what_is_stored_of_a_person(tmp_path: Path) -> None:
    with empty_gallery(tmp_path) as gallery:
        for seed in (1, 2):
            status_of(gallery, Photo("Ada", str(photo(tmp_path / f"{seed}.png", "red", seed=seed))))
        (outcome,) = enroll(
            gallery, [Photo("Ada", str(photo(tmp_path / "3.png", "blue")))], options=FakeOptions()
        )
        assert "unlike the other pictures" in outcome.problems[0]


def of(digest: str, *directions: float) -> Reading:
    """A picture of one face whose first numbers are these."""
    vector = [*directions, *[0.0] * (DIMENSION - len(directions))]
    return replace(picture(face(*vector)), source=f"{digest}.png", sha256=digest * 64)


MISFILED = of("5", 0, 1, 0, 0.5)


@pytest.mark.parametrize("again", [0.0, 0.28])
def test_a_copy_of_another_persons_picture_is_no_witness_though_it_was_saved_again(
    again: float, tmp_path: Path
) -> None:
    """Two pictures of Ben in Ada's folder, one of them saved again from his own."""
    with empty_gallery(tmp_path) as gallery:
        enroll_readings(gallery, "Ben", [of("1", 0, 1, 0.5), of("2", 0, 1, -0.5)])
        copy = of("6", 0, 1, 0.5, again)
        adas = [of("3", 1, 0, 0.5), of("4", 1, 0, -0.5), MISFILED, copy]
        outcomes = enroll_readings(gallery, "Ada", adas, Rules(strict=True))
        assert [outcome.status for outcome in outcomes] == ["enrolled", "enrolled", "refused", "refused"]
        assert outcomes[2].problems[0].startswith("unlike the other pictures of this person")


def test_pictures_of_a_renamed_folder_are_witnesses_for_each_other(tmp_path: Path) -> None:
    bens = [of("1", 0, 1, 0.5), of("2", 0, 1, -0.5), of("3", 0, 1, 0, 0.5)]
    with empty_gallery(tmp_path) as gallery:
        enroll_readings(gallery, "Ben", bens)
        outcomes = enroll_readings(gallery, "Benjamin", bens, Rules(strict=True))
        assert [outcome.status for outcome in outcomes] == ["moved"] * 3


@pytest.mark.parametrize("strict", [False, True])
def test_a_face_in_the_dark_is_told_and_refused_by_the_strict(strict: bool, tmp_path: Path) -> None:
    dark = replace(face(*[1.0] * DIMENSION), dark=True)
    with empty_gallery(tmp_path) as gallery:
        (outcome,) = enroll_readings(gallery, "Ada", [picture(dark)], Rules(strict=strict))
    assert outcome.problems == ("too dark to tell who it is",)
    assert outcome.status == ("refused" if strict else "enrolled")


def test_a_folder_that_is_not_there_is_called_so_and_a_file_needs_a_name(tmp_path: Path) -> None:
    (tmp_path / "ann.jpg").write_bytes(b"")
    with pytest.raises(UsageError, match="no such folder"):
        plan([tmp_path / "nowhere"])
    with pytest.raises(UsageError, match="--subject NAME"):
        plan([tmp_path / "ann.jpg"])
