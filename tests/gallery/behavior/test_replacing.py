"""Another face of a picture takes the place of the one that was stored, in one step or not at all."""

import pytest
from gallery_samples import create_at, template

from facekit.errors import GalleryError
from facekit.gallery.facts import Fact

BESIDE = (70.0, 20.5, 120.0, 80.0)


@pytest.fixture
def gallery(place):
    with create_at(place, [template("Ada"), template("Ada", 1), template("Ben")]) as made:
        yield made


def beside(number: int = 0, **changes):
    """Another face of Ada's picture."""
    values = {"sha256": template("Ada", number).sha256, "box": BESIDE, "vector": template("Eve").vector}
    return template("Ada", number, **{**values, **changes})


def test_it_gives_way_in_one_change(gallery, place):
    number = gallery.change_number
    (placement,) = gallery.add([beside()], replace=True).placements
    assert (placement.status, placement.replaced) == ("added", True)
    assert gallery.change_number == number + 1
    infos = {info.sha256: info.box for info in gallery.templates("Ada")}
    assert infos == {template("Ada").sha256: BESIDE, template("Ada", 1).sha256: template("Ada", 1).box}
    assert gallery.search([template("Eve").vector], 1)[0][0].score == pytest.approx(1)
    assert gallery.search([template("Ada").vector], 1)[0][0].score < 0.9
    assert gallery.due is None
    assert place.check() == []


def test_only_where_that_is_wanted_and_it_is_another_face(gallery):
    for templates, replace in (([beside()], False), ([template("Ada")], True)):
        assert [item.status for item in gallery.add(templates, replace=replace).placements] == ["present"]
    assert [info.box for info in gallery.templates("Ada")] == [template("Ada").box, template("Ada", 1).box]


def test_nothing_is_lost_where_the_new_face_cannot_be_stored(gallery):
    before = gallery.templates()
    gallery.record([Fact("not_subject", "Ada", vector=beside().vector, sha256=beside().sha256, box=BESIDE)])
    assert gallery.add([beside()], replace=True).denied == 1
    assert gallery.templates() == before
    with pytest.raises(GalleryError):
        gallery.add([beside(), template("Ada", 5, vector=beside().vector * 0)], replace=True, again=True)
    assert gallery.templates() == before


def test_a_person_of_one_picture_stays(gallery):
    other = template("Ben", box=BESIDE, vector=template("Eve").vector)
    gallery.add([other], replace=True)
    assert [info.box for info in gallery.templates("Ben")] == [BESIDE]


def test_the_face_may_be_somebody_else_s(gallery):
    digest = template("Ada").sha256
    gallery.add([template("Ben", 3, sha256=digest, box=BESIDE)])
    (placement,) = gallery.add([beside()], move=True, replace=True).placements
    assert (placement.other, placement.replaced) == ("Ben", True)
    assert {info.subject: info.box for info in gallery.known([digest])[digest]} == {"Ada": BESIDE}


def test_names_are_exchanged_with_all_that_was_said_or_not_at_all(gallery, place):
    gallery.add([template("Zoe")])
    gallery.record([Fact("not_same", "Ada", "Zoe")])
    with pytest.raises(GalleryError, match="'Eve' is not in the gallery"):
        gallery.exchange({"Ada": "Ben", "Eve": "Ada"})
    assert {subject.name: subject.templates for subject in gallery.subjects()}["Ada"] == 2
    number = gallery.change_number
    gallery.exchange({"Ada": "Ben", "Ben": "Ada"})
    assert gallery.change_number == number + 1
    assert {subject.name: subject.templates for subject in gallery.subjects()} == {
        "Ada": 1,
        "Ben": 2,
        "Zoe": 1,
    }
    assert [{fact.subject, fact.other} for fact in gallery.facts()] == [{"Ben", "Zoe"}]
    assert gallery.search([template("Ada").vector], 1)[0][0].subject == "Ben"
    assert [item.status for item in gallery.add([template("Ada", 5)]).placements] == ["added"]
    assert place.check() == []
