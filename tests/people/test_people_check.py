"""People under a wrong name are found, and their right neighbors are left in peace."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facekit import output
from facekit.calibration.threshold import Calibration
from facekit.gallery import NewTemplate, create_gallery
from facekit.gallery.gallery_settings import GallerySettings
from facekit.people.check import SubjectProblem, camera, problems_of
from facekit.rendering.doubted import Doubted, Finding

THRESHOLD = 0.5


def templates(people: int, each: int, *, noise: float = 0.1, seed: int = 0) -> list[NewTemplate]:
    random = np.random.default_rng(seed)
    middles = np.linalg.qr(random.standard_normal((32, 32)))[0][:people]
    vectors = middles[:, None] + noise * random.standard_normal((people, each, 32))
    vectors /= np.linalg.norm(vectors, axis=2, keepdims=True)
    return [
        named(f"person {person}", f"{person}-{number}.jpg", vectors[person, number])
        for person in range(people)
        for number in range(each)
    ]


def named(subject: str, source: str, vector: np.ndarray) -> NewTemplate:
    digest = hashlib.sha256(f"{subject}{source}".encode()).hexdigest()
    return NewTemplate(subject, vector.astype(np.float32), digest, source, (0, 0, 1, 1))


def kinds(found: list[SubjectProblem]) -> list[tuple[str, str, str | None, str | None]]:
    return [(each.kind, each.subject, each.other, each.photo) for each in found]


def test_a_gallery_of_people_under_their_names_gives_no_doubt() -> None:
    assert problems_of(templates(8, 5), THRESHOLD) == []
    assert problems_of(templates(8, 1), THRESHOLD) == []
    assert problems_of([], THRESHOLD) == []


@pytest.mark.parametrize("each", [2, 3, 6])
def test_a_planted_wrong_name_is_found_and_nobody_else_is_suspected(each: int) -> None:
    people = templates(5, each)
    wrong = people[0]
    people[0] = named("person 3", "planted.jpg", wrong.vector)
    people.append(named("person 0", "more.jpg", people[1].vector))
    [found] = problems_of(people, THRESHOLD)
    assert kinds([found]) == [("mislabeled", "person 3", "person 0", "planted.jpg")]
    assert found.score is not None
    assert found.subject_score is not None
    assert found.score > THRESHOLD > found.subject_score


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.integers(2, 6), st.integers(3, 6))
def test_every_planted_wrong_name_is_found(seed: int, people: int, each: int) -> None:
    all_of_them = templates(people, each, seed=seed)
    random = np.random.default_rng(seed)
    person, other = random.choice(people, 2, replace=False)
    row = int(person * each)
    all_of_them[row] = named(f"person {other}", "planted.jpg", all_of_them[row].vector)
    found = kinds(problems_of(all_of_them, THRESHOLD))
    assert found == [("mislabeled", f"person {other}", f"person {person}", "planted.jpg")]


def test_one_person_under_two_names_is_one_doubt_and_not_many_wrong_names() -> None:
    people = templates(3, 5)
    people[:2] = [named("double", each.source, each.vector) for each in people[:2]]
    assert kinds(problems_of(people, THRESHOLD)) == [("duplicate", "person 0", "double", None)]


def test_names_of_one_person_are_all_merged_into_the_one_with_most_templates() -> None:
    people = templates(1, 6)
    names = ["a", "b", "b", "b", "c", "c"]
    found = problems_of(
        [named(name, each.source, each.vector) for name, each in zip(names, people, strict=True)], THRESHOLD
    )
    assert kinds(found) == [("duplicate", "b", "a", None), ("duplicate", "b", "c", None)]


def test_a_template_like_no_other_of_its_person_is_found() -> None:
    people = [*templates(3, 4), named("person 1", "odd.jpg", templates(4, 1)[3].vector)]
    [found] = problems_of(people, THRESHOLD)
    assert kinds([found]) == [("stray", "person 1", None, "odd.jpg")]


def test_of_two_templates_that_are_not_alike_none_is_blamed() -> None:
    one, two = templates(2, 1)
    found = problems_of([one, named("person 0", "x.jpg", two.vector)], THRESHOLD)
    assert kinds(found) == [("scattered", "person 0", None, None)]


def test_a_picture_whose_name_is_not_enough_is_named_by_its_digest() -> None:
    people = templates(3, 4)
    odd = named("person 1", "1-0.jpg", templates(4, 1)[3].vector)
    odd = NewTemplate(odd.subject, odd.vector, "ab" * 32, odd.source, odd.box)
    [found] = problems_of([*people, odd], THRESHOLD)
    assert found.photo == "ab" * 6


@pytest.mark.parametrize(("one", "other"), [(6, 6), (6, 2), (3, 3)])
def test_two_people_under_one_name_are_told_with_the_photos_of_the_fewer(one: int, other: int) -> None:
    people = templates(3, 6)
    both = [*people[:one], *(named("person 0", each.source, each.vector) for each in people[6 : 6 + other])]
    [found] = problems_of([*both, *people[12:]], THRESHOLD)
    assert (found.kind, found.subject, found.people) == ("several_people", "person 0", 2)
    assert sorted(found.photos) == sorted(each.source for each in people[6 : 6 + other])
    assert found.subject_score is not None
    assert found.subject_score < THRESHOLD
    assert found.to_dict()["photos"] == list(found.photos)


def test_one_person_who_changed_a_little_is_one_person() -> None:
    assert problems_of(templates(4, 12, noise=0.15), THRESHOLD) == []


def shown(found: Sequence[SubjectProblem], style: str) -> Iterator[str]:
    return output.written((Finding.of(doubt, None) for doubt in found), style, Doubted())


def test_three_people_under_one_name_are_called_three() -> None:
    people = templates(4, 6)
    all_three = [named("person 0", each.source, each.vector) for each in people[:18]]
    found = problems_of([*all_three, *people[18:]], THRESHOLD)
    assert [(each.kind, each.people, len(each.photos)) for each in found] == [("several_people", 3, 6)] * 2
    assert "person 0 may be 3 people; one of them is on " in next(iter(shown(found, "table")))


def test_photos_of_one_name_are_shown_by_it_and_by_what_tells_them_apart() -> None:
    doubt = SubjectProblem(
        "several_people",
        "ann",
        subject_score=0.1,
        photos=("abababababab", "b.jpg"),
        people=2,
        sources=("IMG_1.jpg", "b.jpg"),
    )
    assert "one of them is on IMG_1.jpg (abababababab), b.jpg (" in next(iter(shown([doubt], "table")))
    [line] = shown([doubt], "jsonl")
    assert json.loads(line)["sources"] == ["IMG_1.jpg", "b.jpg"]


def test_the_command_for_several_people_names_all_photos_of_the_fewer() -> None:
    photos = ("-a.jpg", "b.jpg")
    doubt = SubjectProblem(
        "several_people", "ann", subject_score=0.1, photos=photos, people=2, sources=photos
    )
    [line] = shown([doubt], "jsonl")
    assert "gallery remove --photo=-a.jpg --photo b.jpg ann" in line
    header, row = shown([doubt], "csv")
    assert "-a.jpg; b.jpg" in row
    assert header.split(",").index("photos") == 6
    assert "may be 2 people; one of them is on -a.jpg, b.jpg" in next(iter(shown([doubt], "table")))


def magnets(count: int) -> list[NewTemplate]:
    """Pictures of as many people that are all alike."""
    vector = np.eye(32)[0]
    return [named(f"blurred {number}", f"blurred{number}.jpg", vector) for number in range(count)]


def test_pictures_of_many_people_that_are_all_alike_are_magnets_and_no_one_person() -> None:
    found = problems_of([*templates(8, 3, seed=1), *magnets(7)], THRESHOLD)
    assert {each.kind for each in found} == {"magnet"}
    assert [each.subject for each in found] == [f"blurred {number}" for number in range(7)]
    assert {each.people for each in found} == {6}


def test_five_who_are_alike_are_names_of_one_person_and_no_magnets() -> None:
    found = problems_of([*templates(8, 3, seed=1), *magnets(5)], THRESHOLD)
    assert {each.kind for each in found} == {"duplicate"}


def test_a_magnet_s_good_photos_are_left_in_peace() -> None:
    people = templates(8, 3, seed=1)
    mine = [named("blurred 0", f"good{number}.jpg", people[number].vector) for number in range(3)]
    found = problems_of([*people[3:], *mine, *magnets(7)], THRESHOLD)
    assert {each.photo for each in found if each.subject == "blurred 0"} == {"blurred0.jpg"}
    assert all(each.kind in ("magnet", "stray") for each in found)


def test_who_has_only_poor_pictures_is_named() -> None:
    people = templates(3, 2)
    rates = [0.5, 0.5, 0.5, 0.001, 0.001, 0.001]
    known = [replace(each, quality={"stranger_rate": rate}) for each, rate in zip(people, rates, strict=True)]
    assert kinds(problems_of(known, THRESHOLD, poor_from=0.01)) == [("poor", "person 0", None, None)]
    assert problems_of(known, THRESHOLD) == []


def test_magnets_and_poor_people_are_told_in_every_format() -> None:
    found = [
        SubjectProblem("magnet", "ann", photo="a.jpg", people=7, sources=("a.jpg",)),
        SubjectProblem("poor", "ben"),
    ]
    sentence, command, poor, show = shown(found, "table")
    assert "a.jpg of ann is as like to 7 other people" in sentence
    assert command.strip() == "facekit gallery remove --photo a.jpg ann"
    assert "only poor pictures" in poor
    assert show.strip() == "facekit gallery show ben"
    assert [json.loads(line)["people"] for line in shown(found, "jsonl")] == [7, None]
    header, row, _ = shown(found, "csv")
    assert row.split(",")[header.split(",").index("people")] == "7"


def test_a_camera_s_gallery_is_told_until_its_threshold_is_set(tmp_path: Path) -> None:
    poor = [replace(each, quality={"stranger_rate": 0.004}) for each in templates(20, 1)]
    settings = GallerySettings("small", "f" * 64, 32, Calibration(0.5), poor_from=0.01)
    with create_gallery(tmp_path / "g.db", settings, templates=poor) as gallery:
        assert "up to 1 in 10 strangers" in str(camera(gallery))
        settings = replace(gallery.settings, created="2026-01-01T00:00:00+00:00")
        gallery._state = replace(gallery.state, settings=settings)
        assert camera(gallery) is None
