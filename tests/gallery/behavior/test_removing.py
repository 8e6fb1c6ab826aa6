"""Who is removed, renamed or merged is so for every later question, and does not come back by himself."""

import numpy as np
import pytest
from gallery_samples import create_at, names, people, template

from facekit.errors import GalleryError, UsageError
from facekit.gallery import open_gallery

BESIDE = (70.0, 20.5, 120.0, 80.0)


def status(report):
    (placement,) = report.placements
    return placement.status


def test_remove_rename_merge(gallery):
    gallery.add(people(4))
    assert gallery.remove(["person 000"]) == 2
    gallery.rename("person 001", "Ann")
    assert gallery.merge("Ann", ["person 002"]) == 2
    assert [(subject.name, subject.templates) for subject in gallery.subjects()] == [
        ("Ann", 4),
        ("person 003", 2),
    ]
    assert names(gallery.search(template("person 002").vector[None], 1)) == [["Ann"]]
    assert gallery.due is None


def test_removed_people_are_no_candidates_any_more_wherever_the_gallery_is_open(place):
    probe = template("person 000").vector[None]
    with create_at(place, people(6)) as writer, open_gallery(place) as reader:
        assert names(reader.search(probe, 1)) == [["person 000"]]
        writer.remove(["person 000"])
        for gallery in (writer, reader):
            assert "person 000" not in names(gallery.search(probe, 6))[0]
    with open_gallery(place) as again:
        assert "person 000" not in names(again.search(probe, 6))[0]


def test_merge_keeps_a_shared_picture_once(gallery):
    shared = template("Bob", sha256=template("Ann").sha256, box=BESIDE)
    gallery.add([template("Ann"), shared])
    assert gallery.merge("Ann", ["Bob"]) == 0
    assert gallery.subjects()[0].templates == 1


def test_unknown_and_taken_names_change_nothing(gallery):
    gallery.add(people(2))
    before, number = gallery.templates(), gallery.change_number
    for change in (
        lambda: gallery.remove(["person 000", "nobody"]),
        lambda: gallery.rename("nobody", "Ann"),
        lambda: gallery.rename("nobody", "nobody"),
        lambda: gallery.merge("nobody", ["person 000"]),
        lambda: gallery.rename("person 000", "person 001"),
        lambda: gallery.merge("person 000", ["person 001", "nobody"]),
        lambda: gallery.remove_photos("nobody", ["photos/0.jpg"]),
        lambda: gallery.templates("nobody"),
    ):
        with pytest.raises(GalleryError, match="in the gallery"):
            change()
    assert gallery.templates() == before
    assert gallery.change_number == number


def test_nobody_is_merged_with_themselves(gallery):
    gallery.add(people(2))
    before = gallery.templates()
    for others in (["person 000"], ["person 001", "person 000"]):
        with pytest.raises(UsageError, match="itself"):
            gallery.merge("person 000", others)
    assert gallery.templates() == before


def test_photos_are_removed_by_name_or_digest_and_the_person_with_the_last(gallery):
    gallery.add(people(2, 3))
    assert not gallery.remove_photos("person 000", ["photos/0.jpg"])
    assert [info.source for info in gallery.templates("person 000")] == ["photos/1.jpg", "photos/2.jpg"]
    digest = template("person 000", 1).sha256
    assert gallery.remove_photos("person 000", [digest[:8].upper(), "photos/2.jpg"])
    assert gallery.names() == ["person 001"]


def test_a_photo_that_is_not_the_persons_or_not_the_only_one_of_its_name_removes_nothing(gallery):
    gallery.add([template("Ann"), template("Ann", 1, source="photos/0.jpg"), template("Bob", 5)])
    for photos, words in (
        (["photos/5.jpg"], "no template of"),
        ([template("Ann").sha256[:7]], "no template of"),
        (["photos/0.jpg"], "2 pictures"),
        ([template("Ann").sha256, "photos/5.jpg"], "no template of"),
    ):
        with pytest.raises(GalleryError, match=words):
            gallery.remove_photos("Ann", photos)
    assert len(gallery) == 3


def test_photos_that_need_not_be_remembered_may_come_back(gallery):
    gallery.add([template("Ann"), template("Ann", 1)])
    for number in (0, 1):
        gallery.remove_photos("Ann", [template("Ann", number).sha256], remember=False)
    assert (gallery.names(), len(gallery.tombstones())) == ([], 0)
    assert status(gallery.add([template("Ann")])) == "added"


def test_a_removed_person_does_not_come_back_under_any_name(gallery):
    gallery.add([template("Ann")])
    gallery.remove(["Ann"])
    face = template("Ann").sha256
    assert status(gallery.add([template("Ann")])) == "removed"
    assert status(gallery.add([template("Bob", sha256=face)])) == "removed"
    # Another face of that picture is somebody else's.
    assert status(gallery.add([template("Bob", sha256=face, box=BESIDE)])) == "added"


def test_a_picture_removed_from_one_person_is_free_for_another(gallery):
    gallery.add([template("Ann"), template("Ann", 1)])
    gallery.remove_photos("Ann", ["photos/0.jpg"])
    assert status(gallery.add([template("Ann")])) == "removed"
    assert status(gallery.add([template("Bob", sha256=template("Ann").sha256)])) == "added"


def test_a_name_that_was_given_up_does_not_come_back_and_a_rename_can_be_undone(gallery):
    gallery.add([template("Ann"), template("Bob")])
    gallery.rename("Ann", "Zoe")
    assert status(gallery.add([template("Ann")])) == "renamed"
    gallery.merge("Zoe", ["Bob"])
    assert status(gallery.add([template("Bob")])) == "renamed"
    gallery.rename("Zoe", "Ann")
    assert status(gallery.add([template("Ann")])) == "present"


def test_what_is_remembered_of_removals_can_be_forgotten(gallery):
    gallery.add(people(2))
    gallery.remove(["person 000"])
    gallery.rename("person 001", "Ann")
    stones = gallery.tombstones()
    assert (stones.count("named"), stones.count("face"), stones.count("renamed")) == (2, 2, 2)
    assert gallery.forget_removals() == 2
    assert len(gallery.tombstones()) == 0
    assert status(gallery.add([template("person 000")])) == "added"
    assert gallery.forget_removals() == 0


def test_one_name_is_not_taken_letter_by_letter(gallery):
    gallery.add([template(name) for name in ("A", "l", "Al", "Bo")])
    assert gallery.remove("Al") == 1
    assert gallery.merge("Bo", "A") == 1
    assert gallery.names() == ["Bo", "l"]
    assert gallery.known(template("A").sha256).keys() == {template("A").sha256}
    assert not gallery.remove_photos("Bo", template("A").sha256)
    assert [info.sha256 for info in gallery.templates("Bo")] == [template("Bo").sha256]


def test_names_and_photos_of_another_type_are_refused(gallery):
    gallery.add([template("Ann"), template("Bo")])
    for action in (
        gallery.remove,
        gallery.known,
        lambda wrong: gallery.merge("Ann", wrong),
        lambda wrong: gallery.remove_photos("Ann", wrong),
    ):
        for wrong in (None, 5, b"Ann", [None], [b"Ann"], [5]):
            with pytest.raises(UsageError):
                action(wrong)
    assert gallery.names() == ["Ann", "Bo"]


def test_vectors_are_those_of_the_subject_alone(gallery):
    gallery.add(people(3))
    own = [template("person 001", number).vector for number in range(2)]
    assert gallery.vectors("person 001").tobytes() == np.stack(own).tobytes()
    assert [item.vector.tobytes() for item in gallery.stored("person 001")] == [v.tobytes() for v in own]
    gallery.remove(["person 001"])
    assert gallery.vectors("person 001").shape == (0, own[0].size)
    assert gallery.stored("person 001") == []
