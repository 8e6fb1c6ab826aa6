"""Grouping: one person a group, never two faces of a photo, whatever the order."""

from pathlib import Path

import dlib
import numpy as np
import pytest
from fakes import COLORS, FakeOptions, photo, vector_of
from hypothesis import given, settings
from hypothesis import strategies as st

import facekit
from facekit.calibration.threshold import Calibration
from facekit.gallery import Gallery, NewTemplate, create_gallery
from facekit.gallery.gallery_settings import GallerySettings
from facekit.people import clustering
from facekit.people.clustering import ALONE, Grouping, group, group_faces, sightings
from facekit.results import Detection, Face, Quality

PEOPLE = ("red", "green", "blue", "cyan", "magenta")


def around(middle: np.ndarray, count: int, noise: float, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    vectors = middle + noise * random.standard_normal((count, len(middle))).astype(np.float32)
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def crowd(people: int, each: int, *, noise: float = 0.08, seed: int = 0) -> np.ndarray:
    middles = np.linalg.qr(np.random.default_rng(seed).standard_normal((32, 32)))[0][:people]
    parts = [around(middle.astype(np.float32), each, noise, seed + n) for n, middle in enumerate(middles)]
    return np.concatenate(parts)


def partition(labels: np.ndarray) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(labels == label).tolist()) for label in labels if label != ALONE}


def test_each_person_is_a_group_the_largest_first_and_a_face_like_no_other_is_alone() -> None:
    vectors = np.concatenate([crowd(3, 5)[:5], crowd(3, 8)[8:16], crowd(4, 1)[3:]])
    labels = group(vectors, [str(n) for n in range(14)], 0.4)
    assert labels.tolist() == [1] * 5 + [0] * 8 + [ALONE]


def test_two_people_of_one_face_in_the_same_photos_are_two_groups() -> None:
    """Twins: only the photos tell that they are two."""
    middle = np.eye(32, dtype=np.float32)[0]
    one, other = (
        around(middle, 6, 0.05, 1),
        around(middle + 0.5 * np.eye(32, dtype=np.float32)[1], 6, 0.05, 2),
    )
    photos = [str(n) for n in range(6)]
    labels = group(np.concatenate([one, other]), photos * 2, 0.4)
    assert partition(labels) == {frozenset(range(6)), frozenset(range(6, 12))}


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 40), st.integers(1, 12), st.floats(0.05, 0.9))
def test_never_two_faces_of_a_photo_together_and_the_order_does_not_matter(
    seed: int, faces: int, photos: int, threshold: float
) -> None:
    random = np.random.default_rng(seed)
    vectors = crowd(4, 10, noise=0.2, seed=seed)[random.permutation(40)[:faces]]
    names = [str(number) for number in random.integers(0, photos, faces)]
    labels = group(vectors, names, threshold)
    for members in partition(labels):
        assert len(members) > 1
        assert len({names[row] for row in members}) == len(members)
    order = random.permutation(faces)
    again = group(vectors[order], [names[row] for row in order], threshold)
    assert {frozenset(order[list(rows)].tolist()) for rows in partition(again)} == partition(labels)


def test_of_thousands_of_links_a_part_is_enough_and_the_order_does_not_matter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    vectors, names = crowd(3, 100), [str(n) for n in range(300)]
    told, whispers = list[int](), dlib.chinese_whispers

    def counted(edges: list[tuple[int, int, float]]) -> list[int]:
        told.append(len(edges))
        return list(whispers(edges))

    monkeypatch.setattr(dlib, "chinese_whispers", counted)
    every = group(vectors, names, 0.4)
    monkeypatch.setattr(clustering, "LINKS", 20)
    part = group(vectors, names, 0.4)
    order = np.random.default_rng(1).permutation(300)
    again = group(vectors[order], [names[row] for row in order], 0.4)
    assert partition(every) == partition(part) == {frozenset(order[list(r)]) for r in partition(again)}
    assert told[0] > 300 + 3 * 4000
    assert told[1] == told[2] < 300 + 300 * 20


def sighted(vectors: np.ndarray, photos: list[str]) -> Grouping:
    return group_faces(faces_of(vectors, photos), 0.4)


def faces_of(vectors: np.ndarray, photos: list[str]) -> list[facekit.Sighting]:
    nowhere = Detection((0.0, 0.0, 50.0, 50.0), 1.0)
    quality, crop, points = (
        Quality(50, 1, 1, 0),
        np.zeros((112, 112, 3), np.uint8),
        np.zeros((5, 2), np.float32),
    )
    faces = [Face(nowhere, points, crop, vector, quality) for vector in vectors]
    readings = [
        facekit.Reading(source, tuple(f for f, p in zip(faces, photos, strict=True) if p == source))
        for source in dict.fromkeys(photos)
    ]
    return list(sightings(readings))


@pytest.fixture
def gallery(tmp_path: Path) -> Gallery:
    made = create_gallery(tmp_path / "g.db", GallerySettings("x", "f", 32, Calibration(0.5)))
    for number, vector in enumerate(crowd(2, 1, noise=0.01)):
        made.add([NewTemplate(f"person {number}", vector, f"{number:064}", "1.jpg", (0, 0, 1, 1))])
    return made


def test_the_gallery_gives_a_group_its_name_and_one_face_alone_too(gallery: Gallery) -> None:
    vectors = np.concatenate([crowd(3, 4)[:4], crowd(3, 4)[8:], crowd(2, 1)[1:]])
    found = group_faces(faces_of(vectors, [str(n) for n in range(9)]), 0.6, gallery)
    assert [(each.subject, len(each.faces)) for each in found.groups] == [
        ("person 0", 4),
        (None, 4),
        ("person 1", 1),
    ]
    assert found.groups[0].score is not None
    assert found.groups[0].score >= gallery.threshold
    assert (found.groups[1].score, found.single) == (None, ())


def divided() -> np.ndarray:
    """Person 0 as two groups: unlike each other, both like the template."""
    middle, aside = crowd(3, 1, noise=0.0)[0], crowd(3, 1, noise=0.0)[2]
    return np.concatenate(
        [around(middle + 0.9 * aside, 3, 0.02, 1), around(middle - 0.9 * aside, 3, 0.02, 2)]
    )


def test_a_person_whom_the_gallery_knows_twice_becomes_one_group(gallery: Gallery) -> None:
    photos = [str(n) for n in range(6)]
    assert len(group_faces(faces_of(divided(), photos), 0.6).groups) == 2
    [found] = group_faces(faces_of(divided(), photos), 0.6, gallery).groups
    assert (found.subject, found.photos) == ("person 0", photos)


def test_a_name_is_not_given_to_two_groups_that_share_a_photo(gallery: Gallery) -> None:
    found = group_faces(faces_of(divided(), ["0", "1", "2", "0", "4", "5"]), 0.6, gallery)
    assert sorted(str(each.subject) for each in found.groups) == ["None", "person 0"]


def test_a_group_that_is_equally_like_two_people_has_no_name_and_says_so(gallery: Gallery) -> None:
    vector = crowd(2, 1, noise=0.01)[0]
    gallery.add([NewTemplate("also 0", vector, f"{9:064}", "2.jpg", (0, 0, 1, 1))])
    [found] = group_faces(faces_of(crowd(3, 4)[:4], list("abcd")), 0.6, gallery).groups
    assert (found.subject, found.contenders) == (None, ("also 0", "person 0"))
    assert found.to_dict()["contenders"] == ["also 0", "person 0"]
    [alone] = group_faces(faces_of(crowd(3, 4)[:1], ["a"]), 0.6, gallery).groups
    assert (alone.subject, alone.contenders) == (None, ("also 0", "person 0"))


def test_a_group_like_poor_pictures_has_no_name(tmp_path: Path) -> None:
    vector = crowd(2, 1, noise=0.01)[0]
    settings = GallerySettings("small", "f" * 64, 32, Calibration(0.5), poor_from=0.01)
    poor = NewTemplate("person 0", vector, f"{1:064}", "1.jpg", (0, 0, 1, 1), {"stranger_rate": 0.5})
    with create_gallery(tmp_path / "g.db", settings, templates=[poor]) as opened:
        [found] = group_faces(faces_of(crowd(3, 4)[:4], list("abcd")), 0.6, opened).groups
    assert found.subject is None


def test_a_group_that_is_like_many_people_has_no_name(tmp_path: Path) -> None:
    axes = np.eye(32, dtype=np.float32)
    enrolled = [np.float32(0.6) * axes[0] + np.float32(0.8) * axes[number] for number in range(1, 11)]
    templates = [
        NewTemplate(f"p{number}", vector, f"{number:064}", "1.jpg", (0, 0, 1, 1))
        for number, vector in enumerate(enrolled)
    ]
    stranger = (0.9 * axes[0] + 0.2 * axes[1] + np.sqrt(0.15) * axes[20]).astype(np.float32)
    vectors = np.stack([stranger, stranger, enrolled[3]])
    settings = GallerySettings("small", "f" * 64, 32, Calibration(0.4, tail=0.03, templates=60))
    with create_gallery(tmp_path / "g.db", settings, templates=templates) as opened:
        found = group_faces(faces_of(vectors, list("abc")), 0.6, opened)
    assert [(len(each.faces), each.subject) for each in found.groups] == [(2, None), (1, "p3")]


def test_poor_faces_are_grouped_with_good_ones_and_not_with_each_other() -> None:
    vectors, photos = crowd(1, 6), list("abcdef")
    poor = np.array([True] * 6)
    assert group(vectors, photos, 0.4, poor).tolist() == [ALONE] * 6
    poor[:3] = False
    assert group(vectors, photos, 0.4, poor).tolist() == [0] * 6


def test_likeness_is_the_mean_score_of_the_pairs() -> None:
    vectors = crowd(1, 3)
    scores = (vectors @ vectors.T)[np.triu_indices(3, 1)]
    [found] = sighted(vectors, ["a", "b", "c"]).groups
    assert found.likeness == pytest.approx(scores.mean(), abs=1e-6)


def test_nothing_gives_nothing() -> None:
    found = group_faces([], 0.4)
    assert (found.groups, found.single) == ((), ())


def test_cluster_reads_a_folder(tmp_path: Path) -> None:
    for number in range(3):
        photo(tmp_path / f"{number}.png", "red", "green", seed=number)
    photo(tmp_path / "3.png", "black")
    (tmp_path / "4.png").write_bytes(b"damaged")
    found = facekit.cluster(tmp_path, options=FakeOptions())
    assert [len(each.faces) for each in found.groups] == [3, 3]
    assert [Path(face.source).name for face in found.single] == ["3.png"]
    assert float(vector_of(COLORS["red"]) @ found.groups[0].faces[0].face.vector) > 0.9
