"""A gallery stores what it is given, once, and refuses what could not be read again."""

import unicodedata
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from gallery_samples import DIMENSION, create_at, names, people, random_vectors, template
from gallery_samples import settings as gallery_settings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facekit.errors import FacekitError, GalleryError, UsageError
from facekit.gallery import NewTemplate, Subject, create_gallery, open_gallery
from facekit.text.subject_names import subject_name

TEXT = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20
).filter(str.strip)
STRANGE = [
    "../../etc/passwd",
    "\x1b[31mred\x07",
    "=cmd|' /C calc'!A0",
    "'; DROP TABLE subjects; --",
    "n" * 300,
    "a\1b\1",
    "김철수",
    "عمر",
    "🙂",
]
BESIDE = (70.0, 20.5, 120.0, 80.0)


def statuses(report):
    return [placement.status for placement in report.placements]


def test_templates_are_kept_with_all_they_came_with(place):
    stored = template("Ann", added="2020-01-02T03:04:05+00:00")
    create_at(place, [stored]).close()
    with open_gallery(place) as gallery:
        assert gallery.subjects() == [Subject("Ann", 1, "2020-01-02T03:04:05+00:00")]
        (info,) = gallery.templates("Ann")
        assert (info.subject, info.source, info.sha256) == ("Ann", "photos/0.jpg", stored.sha256)
        assert (info.box, info.quality, info.added) == (stored.box, stored.quality, stored.added)
        (kept,) = gallery.contents()
        assert kept.vector.tobytes() == stored.vector.tobytes()


def test_a_gallery_is_made_with_templates(place):
    with create_gallery(place, gallery_settings(), templates=people(2)) as gallery:
        assert gallery.names() == ["person 000", "person 001"]
        assert len(gallery) == 4


def test_adding_again_changes_nothing(gallery):
    first = gallery.add(people(3))
    assert (first.added, first.present, len(first.subjects)) == (6, 0, 3)
    before, number = gallery.templates(), gallery.change_number
    again = gallery.add(people(3))
    assert (again.added, again.present, again.subjects) == (0, 6, ())
    assert gallery.templates() == before
    assert gallery.change_number == number


def test_one_picture_may_show_two_subjects(gallery):
    digest = template("Bob").sha256
    gallery.add([template("Bob"), template("Ann", sha256=digest, box=BESIDE)])
    assert {info.subject: info.box for info in gallery.known([digest])[digest]} == {
        "Ann": BESIDE,
        "Bob": template("Bob").box,
    }


def test_a_face_of_somebody_else_is_held_or_moves(gallery):
    gallery.add([template("Bob"), template("Bob", 1), template("Cem")])
    same = template("Ann", sha256=template("Bob").sha256)
    (held,) = gallery.add([same]).placements
    assert (held.status, held.other) == ("held", "Bob")
    assert gallery.names() == ["Bob", "Cem"]
    (moved,) = gallery.add([same], move=True).placements
    assert (moved.status, moved.other, moved.emptied) == ("added", "Bob", False)
    (last,) = gallery.add([template("Ann", sha256=template("Cem").sha256)], move=True).placements
    assert (last.other, last.emptied) == ("Cem", True)
    assert {subject.name: subject.templates for subject in gallery.subjects()} == {"Ann": 2, "Bob": 1}


def test_what_was_removed_or_renamed_comes_back_only_again(gallery):
    gallery.add([template("Ann"), template("Bob"), template("Cem")])
    gallery.remove(["Ann"])
    gallery.rename("Bob", "Zoe")
    everybody = [template("Ann"), template("Bob"), template("Cem")]
    report = gallery.add(everybody)
    assert statuses(report) == ["removed", "renamed", "present"]
    assert (report.removed, report.placements[1].other) == (2, "Zoe")
    assert statuses(gallery.add([template("Ann")], again=True)) == ["added"]
    assert statuses(gallery.add([template("Ann")])) == ["present"]


def test_a_batch_is_stored_whole_or_not_at_all(gallery):
    gallery.add(people(1))
    with pytest.raises(GalleryError, match="unit"):
        gallery.add([template("Ann"), template("Bob", vector=np.full(DIMENSION, np.nan, np.float32))])
    assert gallery.names() == ["person 000"]


def test_only_unit_vectors_are_stored_and_searched(gallery):
    gallery.add(people(2))
    for value in (0.0, np.nan, np.inf, 1.0):
        vector = np.full(DIMENSION, value, np.float32)
        with pytest.raises(GalleryError, match="only unit vectors"):
            gallery.add([template("Ann", vector=vector)])
        with pytest.raises(GalleryError, match="only unit vectors"):
            gallery.search(vector[None])
    assert len(gallery) == 4


def test_vectors_of_another_dimension_are_refused(gallery):
    with pytest.raises(GalleryError, match="128 numbers"):
        gallery.search(random_vectors(1, dimension=64))
    with pytest.raises(GalleryError, match="128 numbers"):
        gallery.add([template("Ann", vector=random_vectors(1, dimension=64)[0])])
    assert len(gallery) == 0


def test_strange_names_are_data(place):
    create_at(place, [template(name) for name in STRANGE]).close()
    with open_gallery(place) as gallery:
        assert gallery.names() == sorted(STRANGE)
        for name in STRANGE:
            assert names(gallery.search(template(name).vector[None], 1)) == [[name]]
            assert len(gallery.templates(name)) == 1


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(TEXT, min_size=1, max_size=8))
def test_names_in_any_script_round_trip(new_place, given_names):
    place = new_place()
    create_at(place, [template(name) for name in given_names]).close()
    with open_gallery(place, write=True) as gallery:
        assert set(gallery.names()) == {subject_name(name) for name in given_names}
        for name in given_names:
            assert gallery.templates(name)
        gallery.remove(given_names)
        assert len(gallery) == 0


def test_one_name_in_two_normal_forms_is_one_subject(gallery):
    decomposed = unicodedata.normalize("NFD", "Zoë")
    gallery.add([template("Zoë"), template(decomposed, 1)])
    assert gallery.subjects()[0].templates == 2
    gallery.rename(decomposed, "Zoe")
    assert gallery.names() == ["Zoe"]


def test_names_that_are_none_are_refused(gallery):
    for name in ("", " ", "caf\udce9", "n" * 301, "no\0shell", None, 5):
        with pytest.raises(UsageError):
            gallery.add([template("Ann"), replace(template("Bob"), subject=name)])
    assert len(gallery) == 0


def test_file_names_that_are_no_text_are_kept_readable(gallery):
    gallery.add([template("Ann", source="caf\udce9.jpg")])
    assert gallery.templates()[0].source == r"caf\udce9.jpg"


def test_a_template_that_could_not_be_read_again_is_refused(gallery):
    nan, inf = float("nan"), float("inf")
    for field, wrongs in {
        "box": ((0, 0, 1), (0, 0, 1, "1"), "0011", None, (0, 0, 1, nan)),
        "quality": (None, [], {"size": "9"}, {1: 1.0}, {"size": inf}),
        "sha256": (None, b"00", "00", "../x"),
        "source": (None, Path("1.jpg")),
        "added": (5, "x" * 41),
        "vector": (None, "abc", [{}]),
    }.items():
        for wrong in wrongs:
            with pytest.raises(FacekitError):
                gallery.add([template("Ann", **{field: wrong})])
    assert len(gallery) == 0


def test_what_is_added_are_templates(gallery):
    for wrong in (None, 5, "Ann", [None], ["Ann"], b"Ann"):
        with pytest.raises(UsageError, match="NewTemplate"):
            gallery.add(wrong)


def test_templates_may_come_one_by_one(gallery):
    assert gallery.add(iter([template("Ann")])).added == 1
    assert gallery.add(template("Bob")).added == 1
    assert gallery.names() == ["Ann", "Bob"]


def test_a_new_template_needs_no_quality(gallery):
    gallery.add([NewTemplate("Ann", random_vectors(1)[0], "0" * 64, "a.jpg", (0, 0, 1, 1))])
    assert gallery.templates()[0].quality == {}
