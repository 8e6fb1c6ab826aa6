"""What can be read back of a gallery: settings, calibration, lists, one state at a time."""

from dataclasses import replace

import numpy as np
import pytest
from gallery_samples import DIMENSION, FINGERPRINT, create_at, people, settings, template

from facekit.calibration.threshold import Calibration
from facekit.errors import GalleryError, UsageError
from facekit.gallery import create_gallery, open_gallery


def test_settings_are_kept(place):
    calibration = Calibration(0.123456789012345, "by hand", 0.03, '{"kind": "logistic"}', 400)
    create_gallery(place, settings(calibration=calibration, poor_from=0.01)).close()
    with open_gallery(place) as gallery:
        kept = gallery.settings
        assert (kept.embedder, kept.fingerprint, kept.dimension) == ("small", FINGERPRINT, DIMENSION)
        assert (kept.calibration, kept.poor_from) == (calibration, 0.01)
        assert kept.created == kept.calibrated != ""
        assert gallery.version >= 1
        assert gallery.place == place
        assert (len(gallery), gallery.subject_count) == (0, 0)


def test_a_calibration_is_kept_with_its_reason(place):
    calibration = Calibration(0.31, "FPIR 0.001", 0.02, "{}", 7)
    with create_gallery(place, settings()) as gallery:
        gallery.set_calibration(calibration)
        assert gallery.threshold == 0.31
    with open_gallery(place) as gallery:
        assert gallery.settings.calibration == calibration


def test_a_calibration_that_could_not_be_read_again_is_refused(gallery):
    before, number = gallery.settings, gallery.change_number
    for field, wrongs in {
        "threshold": (None, "0.5", True, 1.5, -1e300, float("nan"), np.zeros(3)),
        "description": (None, 5, b"bytes", "x" * 3_000),
        "templates": (None, 1.5, True, -1, 2**63),
        "tail": (None, -0.1, float("inf")),
        "probability": (None, 5, "x" * 200_000),
    }.items():
        for wrong in wrongs:
            with pytest.raises(UsageError):
                gallery.set_calibration(Calibration(**{"threshold": 0.5, field: wrong}))
    assert len(gallery) == 0
    assert (gallery.settings, gallery.change_number) == (before, number)


def test_a_calibration_may_have_numbers_of_numpy(place):
    with create_gallery(place, settings()) as gallery:
        numbers = {"threshold": np.float64(0.25), "tail": np.float32(0.5), "templates": np.int64(70)}
        gallery.set_calibration(Calibration(**numbers))
    with open_gallery(place) as gallery:
        assert gallery.settings.calibration == Calibration(0.25, tail=0.5, templates=70)


def test_the_threshold_is_carried_to_more_templates_and_to_fewer(gallery):
    """Where it is known for how many it was set; fewer than 60 count as 60, but as no more than those."""
    gallery.add(people(40))
    for templates in (30, 80, 800):
        gallery.set_calibration(Calibration(0.4, "x", 0.05, templates=templates))
        assert gallery.threshold == pytest.approx(0.4 + 0.05 * np.log(80 / templates))
    gallery.set_calibration(Calibration(0.4, "x", 0.05, templates=800))
    gallery.remove([f"person {number:03d}" for number in range(39)])
    assert len(gallery) == 2
    assert gallery.threshold == pytest.approx(0.4 + 0.05 * np.log(60 / 800))


def test_a_threshold_stays_where_it_is_not_known_for_how_many_it_was_set(gallery):
    gallery.set_calibration(Calibration(0.4, "x", tail=0.05))
    for count in (1, 20):
        gallery.add(people(count))
        assert gallery.threshold == gallery.settings.calibration.threshold == 0.4


@pytest.mark.parametrize(
    "wrong",
    [{"fingerprint": ""}, {"dimension": 0}, {"dimension": 10**9}, {"calibration": Calibration(float("nan"))}],
)
def test_settings_that_make_no_sense_are_refused_and_leave_nothing(place, wrong):
    with pytest.raises(UsageError):
        create_gallery(place, settings(**wrong))
    assert not place.exists()


def test_changes_are_counted_and_what_changes_nothing_is_not(gallery):
    assert gallery.untouched
    numbers = [gallery.change_number]
    for change in (
        lambda: gallery.add(people(3)),
        lambda: gallery.add(people(3)),
        lambda: gallery.rename("person 000", "Ann"),
        lambda: gallery.rename("Ann", "Ann"),
        lambda: gallery.merge("Ann", ["person 001"]),
        lambda: gallery.remove(["person 002"]),
        lambda: gallery.set_calibration(Calibration(0.5)),
        lambda: gallery.forget_removals(),
        lambda: gallery.forget_removals(),
    ):
        change()
        numbers.append(gallery.change_number)
    assert np.diff(numbers).tolist() == [1, 0, 1, 0, 1, 1, 1, 1, 0]
    assert not gallery.untouched


def test_lists_are_sorted_and_contents_stand_in_the_order_of_enrollment(gallery):
    order = ["Cem", "Ann", "Bob", "Ann"]
    gallery.add([template(name, number) for number, name in enumerate(order)])
    assert gallery.names() == [subject.name for subject in gallery.subjects()] == ["Ann", "Bob", "Cem"]
    assert [info.source for info in gallery.templates()] == [f"photos/{n}.jpg" for n in (1, 3, 2, 0)]
    assert [item.subject for item in gallery.contents()] == order
    assert [info.source for info in gallery.templates("Ann")] == ["photos/1.jpg", "photos/3.jpg"]


def test_known_takes_any_number_of_pictures(gallery):
    gallery.add(people(5))
    wanted = [f"{number:064x}" for number in range(3000)] + [item.sha256 for item in people(5)]
    assert len(gallery.known(wanted)) == 10
    assert gallery.known([]) == {}


def test_a_snapshot_stays_as_it_was(place):
    with create_at(place, people(2)) as writer, open_gallery(place) as reader:
        with reader.snapshot():
            assert len(reader) == 4
            writer.add([template("Ann")])
            assert len(reader) == len(list(reader.contents())) == len(reader.templates()) == 4
        assert len(reader) == 5


def test_a_gallery_opened_for_reading_cannot_be_changed(place):
    create_at(place, people(1)).close()
    with open_gallery(place) as gallery:
        for change in (
            lambda: gallery.add(people(2)),
            lambda: gallery.remove(["person 000"]),
            lambda: gallery.set_calibration(Calibration(0.5)),
        ):
            with pytest.raises(GalleryError, match="opened for reading"):
                change()
        assert len(gallery) == 2


def test_an_open_gallery_is_only_for_its_embedder(place):
    with create_gallery(place, settings()) as gallery:
        gallery.require(FINGERPRINT)
        with pytest.raises(GalleryError, match="made with the embedder 'small'"):
            gallery.require("cd" * 32)
    with pytest.raises(GalleryError, match="--embedder") as raised:
        open_gallery(place, fingerprint="cd" * 32)
    assert str(place) in str(raised.value)
    open_gallery(place, fingerprint=FINGERPRINT).close()


def test_a_place_without_a_gallery_is_told_and_one_with_it_is_not_overwritten(place):
    assert not place.exists()
    for write in (False, True):
        with pytest.raises(GalleryError, match="there is no gallery") as raised:
            open_gallery(place, write=write)
        assert str(place) in str(raised.value)
    assert not place.exists()
    create_at(place, people(1)).close()
    assert place.exists()
    with pytest.raises(GalleryError, match="not overwritten"):
        create_gallery(place, settings())
    assert place.check() == []
    with open_gallery(place) as gallery:
        assert len(gallery) == 2


def test_where_a_picture_is_can_be_said_anew_and_nothing_else_changes(gallery):
    gallery.add(people(2, 3))
    before, hits = gallery.templates("person 000"), gallery.search(template("person 001", 4).vector[None], 2)
    digest = template("person 000", 1).sha256
    gallery.relocate("person 000", {digest: "/people/person 000/1.jpg", "0" * 64: "/nowhere.jpg"})
    after = {info.sha256: info for info in gallery.templates("person 000")}
    assert after[digest].source == "/people/person 000/1.jpg"
    moved = [replace(info, id=after[info.sha256].id, source=after[info.sha256].source) for info in before]
    assert {info.sha256: info for info in moved} == after
    assert [info.source for info in moved] == ["photos/0.jpg", "/people/person 000/1.jpg", "photos/2.jpg"]
    assert gallery.search(template("person 001", 4).vector[None], 2) == hits
    number = gallery.change_number
    gallery.relocate("person 000", {digest: "/people/person 000/1.jpg"})
    assert gallery.change_number == number
    with pytest.raises(GalleryError, match="in the gallery"):
        gallery.relocate("nobody", {digest: "/x.jpg"})


def test_the_score_of_a_usual_fifth_candidate_moves_with_the_templates_until_somebody_calibrates(place):
    """A threshold that was measured with the gallery's own pictures is right for them."""
    calibration = Calibration(0.4, "x", 0.05, templates=800)
    with create_gallery(place, settings(calibration=calibration)) as gallery:
        for count in (5, 100):
            gallery.add(people(count))
            expected = 0.4 + 0.05 * (np.log(len(gallery) / 800) - 5.5)
            assert gallery.cohort == pytest.approx(expected)
        gallery.set_calibration(calibration)
        assert gallery.cohort == np.inf
    with open_gallery(place) as gallery:
        assert gallery.cohort == np.inf


@pytest.mark.parametrize("unknown", [{"tail": 0.05}, {"templates": 800}])
def test_without_tail_and_number_of_templates_no_score_is_unusual(gallery, unknown):
    assert Calibration(0.4, **unknown).cohort_for(100) == np.inf
