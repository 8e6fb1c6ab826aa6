"""What was said of people and faces holds until it is taken back, goes with the person, and comes along."""

from dataclasses import replace

import numpy as np
import pytest
from gallery_samples import create_at, names, people, random_vectors, template
from gallery_samples import settings as gallery_settings

from facekit.errors import GalleryError, UsageError
from facekit.gallery import copy_gallery, create_gallery, open_gallery, transfer
from facekit.gallery.facts import Fact
from facekit.gallery.tombstones import Tombstones

BOX = (10.0, 20.5, 60.0, 80.0)


def near(vector: np.ndarray, likeness: float, seed: int = 5) -> np.ndarray:
    """A unit vector of so large a score with another."""
    aside = random_vectors(1, seed=seed, dimension=len(vector))[0]
    aside -= (aside @ vector) * vector
    found = likeness * vector + np.sqrt(1 - likeness**2) * aside / np.linalg.norm(aside)
    return np.asarray(found / np.linalg.norm(found), np.float32)


def face(kind: str, subject: str | None = None, number: int = 0, **changes) -> Fact:
    """A fact about a face that depends on the number only."""
    other = template("somebody", number)
    values = {"vector": other.vector, "sha256": other.sha256, "source": "party.jpg", "box": BOX}
    return Fact(kind, subject, **{**values, **changes})


def content(gallery):
    return [
        (fact.kind, fact.subject, fact.other, fact.sha256, fact.source, fact.box, fact.added)
        for fact in gallery.facts()
    ]


@pytest.fixture
def gallery(place):
    with create_at(
        place, [template(name, number) for name in ("Ada", "Ben", "Cem") for number in (0, 1)]
    ) as made:
        yield made


def all_kinds(gallery):
    return gallery.record(
        [
            Fact("not_same", "Ben", "Ada"),
            face("not_subject", "Ada"),
            face("ignored", number=1, source="a\udcff\0.jpg"),
        ]
    )


def test_facts_are_kept_in_order_and_recorded_once(gallery, place):
    stored = all_kinds(gallery)
    assert [fact.status for fact in stored] == ["recorded"] * 3
    number = gallery.change_number
    assert [fact.status for fact in all_kinds(gallery)] == ["already there"] * 3
    assert gallery.change_number == number
    gallery.close()
    with open_gallery(place) as again:
        found = again.facts()
    assert [(fact.kind, fact.subject, fact.other) for fact in found] == [
        ("not_same", "Ada", "Ben"),
        ("not_subject", "Ada", None),
        ("ignored", None, None),
    ]
    assert [fact.id for fact in found] == [fact.id for fact in stored]
    assert found[1].vector.tobytes() == face("not_subject").vector.tobytes()
    assert (found[1].box, found[1].source) == (BOX, "party.jpg")
    assert place.check() == []


def test_a_face_is_marked_for_whom_it_was_said_not_to_be(gallery):
    like_ada = near(template("Ada").vector, 0.7)
    assert [item.denied for item in gallery.search([like_ada])[0]] == [False] * 3
    index = gallery.matrix()
    gallery.record([face("not_subject", "Ada", vector=like_ada)])
    assert gallery.matrix() is not index
    for search in (gallery.search, gallery.matrix().search):
        found = search(like_ada[None], 5)[0]
        assert [(item.subject, item.denied) for item in found if item.denied] == [("Ada", True)]
        assert found[0].subject == "Ada"
        # Whoever is more like the person than like that face is not meant.
        assert not any(item.denied for item in search(template("Ada").vector[None], 5)[0])
    gallery.withdraw([gallery.facts()[0].id])
    assert not any(item.denied for item in gallery.search([like_ada])[0])


def test_another_client_sees_it_at_its_next_search(gallery, place):
    like_ada = near(template("Ada").vector, 0.7)
    with open_gallery(place) as other:
        assert not other.search([like_ada], 1)[0][0].denied
        gallery.record([face("not_subject", "Ada", vector=like_ada)])
        assert other.search([like_ada], 1)[0][0].denied
        gallery.rename("Ada", "Ada Lovelace")
        assert other.search([like_ada], 1)[0][0].denied
    assert gallery.search([like_ada], 1)[0][0].denied


def test_what_is_enrolled_is_not_denied(gallery):
    enrolled = template("Ada")
    same = {"vector": enrolled.vector, "sha256": enrolled.sha256, "box": enrolled.box}
    with pytest.raises(GalleryError, match=r"this face is enrolled as Ada: if it is not theirs, .* remove"):
        gallery.record([Fact("not_same", "Ada", "Ben"), face("not_subject", "Ada", **same)])
    assert gallery.facts() == []
    gallery.record([face("not_subject", "Ben", **same)])


def test_a_face_that_was_denied_is_stored_only_again(gallery):
    stranger = face("not_subject", "Ada")
    gallery.record([stranger, face("ignored"), face("not_subject", "Ben")])
    new = template("Ada", 7, vector=stranger.vector)
    (placement,) = gallery.add([new]).placements
    assert placement.status == "denied"
    assert gallery.add([replace(new, subject="Cem")], move=True).added == 1
    # Whose it is, is known now: it is ignored no longer.
    assert [fact.kind for fact in gallery.facts()] == ["not_subject", "not_subject"]
    assert gallery.add([new], again=True, move=True).added == 1
    assert [(fact.kind, fact.subject) for fact in gallery.facts()] == [("not_subject", "Ben")]
    assert not gallery.search([stranger.vector], 1)[0][0].denied


def test_people_take_what_was_said_along(gallery):
    all_kinds(gallery)
    gallery.rename("Ada", "Ada Lovelace")
    assert [fact.subject for fact in gallery.facts()] == ["Ada Lovelace", "Ada Lovelace", None]
    with pytest.raises(GalleryError, match=r"were said not to be the same: if they are, first .*take-back"):
        gallery.merge("Ben", ["Ada Lovelace"])
    assert gallery.names() == ["Ada Lovelace", "Ben", "Cem"]
    gallery.record([face("not_subject", "Cem"), Fact("not_same", "Ben", "Cem")])
    gallery.merge("Cem", ["Ada Lovelace"])
    assert [(fact.kind, fact.subject, fact.other) for fact in gallery.facts()] == [
        ("ignored", None, None),
        ("not_subject", "Cem", None),
        ("not_same", "Ben", "Cem"),
    ]


def test_what_was_said_goes_with_the_person_and_all_that_may_be_theirs(gallery, place):
    all_kinds(gallery)
    like_ada = near(template("Ada", 1).vector, 0.6)
    gallery.record([face("not_subject", "Ben", 3, vector=like_ada), face("not_subject", "Ben", 4)])
    gallery.remove(["Ada"])
    assert [fact.kind for fact in gallery.facts()] == ["ignored", "not_subject"]
    gallery.remove(["Ben", "Cem"])
    assert [fact.kind for fact in gallery.facts()] == ["ignored"]
    assert place.check() == []


def test_a_photo_that_is_removed_takes_what_was_said_of_its_face_along(gallery):
    enrolled = template("Ada")
    gallery.record(
        [face("not_subject", "Ben", vector=enrolled.vector, sha256=enrolled.sha256), face("ignored")]
    )
    gallery.remove_photos("Ada", [enrolled.sha256])
    assert [fact.kind for fact in gallery.facts()] == ["ignored"]


def test_all_facts_are_taken_back_or_none(gallery):
    first, second, third = (fact.id for fact in all_kinds(gallery))
    with pytest.raises(GalleryError, match=r"there is no fact 999: .*gallery facts.* shows which there are"):
        gallery.withdraw([first, 999])
    assert len(gallery.facts()) == 3
    assert [fact.status for fact in gallery.withdraw([first, second, first])] == ["taken back"] * 2
    assert [fact.id for fact in gallery.facts()] == [third]


@pytest.mark.parametrize(
    ("fact", "message"),
    [
        (Fact("not_same", "Ada", "Zoe"), "'Zoe' is not in the gallery"),
        (face("not_subject", "Zoe"), "'Zoe' is not in the gallery"),
        (Fact("not_same", "Ada", "Ada"), "one name"),
        (Fact("not_same", "Ada"), "about other people"),
        (face("ignored", "Ada"), "about other people"),
        (face("ignored", vector=np.zeros(128, np.float32)), "length 0"),
        (face("ignored", box=None), "four numbers"),
        (face("ignored", sha256="x"), "SHA-256"),
        (replace(face("ignored"), kind="strange"), "no fact"),
        ("ignored", "no fact"),
    ],
)
def test_what_cannot_be_said_is_refused(gallery, fact, message):
    with pytest.raises((GalleryError, UsageError), match=message):
        gallery.record([face("ignored"), fact])
    assert gallery.facts() == []


@pytest.mark.parametrize("suffix", transfer.SUFFIXES)
def test_out_and_in_again(gallery, new_place, tmp_path, suffix):
    all_kinds(gallery)
    file = tmp_path / f"people{suffix}"
    assert transfer.write(gallery, file) == 6
    with transfer.create_from(transfer.read(file), new_place()) as again:
        assert sorted(map(str, content(again))) == sorted(map(str, content(gallery)))
        probes = face("not_subject").vector[None]
        assert again.search(probes) == gallery.search(probes)
        transfer.import_into(again, transfer.read(file))
        assert len(again.facts()) == 3


def test_what_comes_in_says_nothing_else_than_what_is_enrolled(gallery, new_place):
    denied = face("not_subject", "Ada", vector=template("Zoe").vector, sha256=template("Zoe").sha256)
    gallery.record([denied, Fact("not_same", "Ada", "Cem"), face("ignored", number=1)])
    enrolled = [
        replace(template("Zoe"), subject="Ada"),
        template("Ben"),
        template("Eve", vector=face("ignored", number=1).vector),
    ]
    with create_gallery(new_place(), gallery_settings(), templates=enrolled) as other:
        other.record([face("not_subject", "Ben", vector=template("Ben", 1).vector)])
        report = transfer.copy(gallery, other)
        assert report.denied == 1
        assert [info.sha256 for info in other.templates("Ben")] == [template("Ben").sha256]
        assert {(fact.kind, fact.subject, fact.other) for fact in other.facts()} == {
            ("not_subject", "Ben", None),
            ("not_same", "Ada", "Cem"),
            ("ignored", None, None),
        }


@pytest.fixture
def old(gallery):
    """What an export has that was made now."""
    return lambda: transfer.Exported(
        gallery.settings, list(gallery.contents()), gallery.tombstones(), gallery.facts()
    )


def test_what_was_erased_with_a_person_stays_so_whatever_comes_in(gallery, old):
    """Facts of faces that were enrolled, that are like the person's, and that are in other pictures."""
    enrolled = template("Ada")
    photo = {"vector": enrolled.vector, "sha256": enrolled.sha256, "box": enrolled.box}
    kept = gallery.record([face("ignored", number=9), face("not_subject", "Cem", 8)])
    gallery.record(
        [
            face("ignored", **photo),
            face("not_subject", "Ben", 3, vector=near(template("Ada", 1).vector, 0.6)),
            face("not_subject", "Ada", 4),
            face("ignored", number=5, vector=near(template("Ada", 1).vector, 0.5)),
        ]
    )
    export = old()
    no_templates = replace(export, templates=[])
    gallery.remove(["Ada"])
    assert len(gallery.facts()) == 2
    for exported in (export, no_templates):
        assert transfer.import_into(gallery, exported).facts_left_out == 4
        assert [fact.id for fact in gallery.facts()] == [fact.id for fact in kept]
    assert transfer.import_into(gallery, export, again=True).facts_left_out == 0
    assert len(gallery.facts()) == 6


def test_what_could_be_of_a_removed_person_stays_out_though_it_was_never_here(gallery, old):
    like_ada = near(template("Ada", 1).vector, 0.6)
    export = replace(old(), facts=[face("ignored", number=3, vector=like_ada), face("ignored", number=4)])
    gallery.remove(["Ada"])
    assert transfer.import_into(gallery, export).facts_left_out == 1
    assert [fact.sha256 for fact in gallery.facts()] == [face("ignored", number=4).sha256]


def test_what_was_said_of_a_removed_photo_stays_out(gallery, old):
    enrolled = template("Ada")
    gallery.record([face("not_subject", "Ben", vector=enrolled.vector, sha256=enrolled.sha256)])
    export = old()
    gallery.remove_photos("Ada", [enrolled.sha256])
    assert transfer.import_into(gallery, export).facts_left_out == 1
    assert transfer.import_into(gallery, replace(export, templates=[])).facts_left_out == 1
    assert gallery.facts() == []


def test_what_was_taken_back_comes_back_only_when_it_is_said_again(gallery, old, place):
    numbers = [fact.id for fact in all_kinds(gallery)]
    export = old()
    gallery.withdraw(numbers)
    assert transfer.import_into(gallery, export).facts_left_out == 3
    assert gallery.facts() == []
    assert [fact.status for fact in all_kinds(gallery)] == ["recorded"] * 3
    assert transfer.import_into(gallery, export).facts_left_out == 0
    assert len(gallery.tombstones()) == 0
    assert place.check() == []


def test_a_crafted_note_of_what_was_taken_back_breaks_nothing(gallery, new_place):
    """An export says that something was taken back of a face, and not of which."""
    gallery.withdraw([gallery.record([face("ignored")])[0].id])
    [stone] = gallery.tombstones()
    crafted = Tombstones(gallery.tombstones().keys, [replace(stone, box="")])
    with create_at(new_place(), people(1)) as other:
        other.add([], tombstones=crafted)
        assert other.add([], facts=[face("ignored")]).facts_left_out == 1
        assert other.record([face("ignored")])[0].status == "recorded"


@pytest.mark.parametrize("suffix", transfer.SUFFIXES)
def test_who_is_enrolled_and_ignored_comes_out_and_in_as_both(gallery, new_place, tmp_path, suffix):
    enrolled = template("Ada")
    photo = {"vector": enrolled.vector, "sha256": enrolled.sha256, "box": enrolled.box}
    gallery.record([face("ignored", **photo)])
    file = tmp_path / f"people{suffix}"
    transfer.write(gallery, file)
    exported = transfer.read(file)
    with transfer.create_from(exported, new_place()) as again:
        assert content(again) == content(gallery)
    with create_at(new_place(), people(1)) as other:
        assert transfer.import_into(other, exported).facts_left_out == 0
        assert content(other) == content(gallery)
    # Enrolled here since, it is of interest here, whatever an older export says.
    with create_at(new_place(), [enrolled]) as other:
        assert transfer.import_into(other, replace(exported, templates=[])).facts_left_out == 1


def test_nobodys_own_face_is_said_not_to_be_theirs(gallery, old, new_place):
    """It would take the name from every face that is like it: from the next photo of the person."""
    template_of_ada = template("Ada")
    own = face("not_subject", "Ada", 7, vector=near(template_of_ada.vector, 0.97))
    next_photo = near(template_of_ada.vector, 0.8, seed=8)
    with pytest.raises(GalleryError, match=r"enrolled as Ada, from another file \(photos/0.jpg\): .* remove"):
        gallery.record([own])
    assert transfer.import_into(gallery, replace(old(), facts=[own])).facts_left_out == 1
    made = transfer.create_from(replace(old(), facts=[own]), new_place())
    with made:
        for each in (gallery, made):
            assert each.facts() == []
            best = each.search(next_photo[None], 1)[0][0]
            assert (best.subject, best.denied) == ("Ada", False)


def test_of_two_people_who_are_one_neither_is_denied_a_copy_of_a_template(gallery):
    gallery.record([face("not_subject", "Ben", 7, vector=near(template("Ada").vector, 0.97))])
    gallery.merge("Ada", ["Ben"])
    assert gallery.facts() == []


def test_a_copy_has_them(gallery, place, new_place):
    all_kinds(gallery)
    target = new_place()
    copy_gallery(place, target)
    with open_gallery(target) as made:
        assert content(made) == content(gallery)
        assert made.state.fact_digest == gallery.state.fact_digest


def test_facts_are_no_templates(gallery):
    probes = random_vectors(3, seed=9)
    before = gallery.search(probes)
    gallery.record([face("ignored", number=number) for number in range(3)])
    assert (len(gallery), gallery.subject_count, gallery.search(probes)) == (6, 3, before)
    gallery.add(people(2))
    assert names(gallery.search(probes, 1))
