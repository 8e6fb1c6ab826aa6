"""Values of another type, or out of range, are refused before a gallery has them."""

from pathlib import Path

import numpy as np
import pytest
from gallery_samples import create, people, template

from facekit.calibration import Calibration
from facekit.errors import FacekitError, UsageError
from facekit.gallery.sqlite.gallery import SqliteGallery


@pytest.fixture
def path(tmp_path):
    return tmp_path / "gallery.db"


@pytest.mark.parametrize(
    "wrong",
    [
        *({"threshold": wrong} for wrong in (None, "0.5", True, 1.5, -1e300, np.zeros(3))),
        *({"description": wrong} for wrong in (None, 5, b"bytes", "x" * 3_000)),
        *({"subjects": wrong} for wrong in (None, 1.5, True, -1, 2**63)),
        *({"tail": wrong} for wrong in (None, -0.1, float("inf"))),
        *({"probability": wrong} for wrong in (None, 5, "x" * 200_000)),
    ],
)
def test_a_setting_with_which_the_gallery_could_not_be_opened_is_refused(path, wrong):
    with create(path, people(1)) as gallery:
        before = gallery.settings
        with pytest.raises(UsageError):
            gallery.set_calibration(Calibration(**{"threshold": 0.5, **wrong}))
    with SqliteGallery.open(path) as gallery:
        assert gallery.settings == before
        assert gallery.names() == ["person 000"]


def test_settings_may_be_numbers_of_numpy(path):
    with create(path, people(1)) as gallery:
        numbers = np.float64(0.25), "by hand", np.int64(70), np.float32(0.5)
        gallery.set_calibration(Calibration(*numbers))
    with SqliteGallery.open(path) as gallery:
        assert gallery.settings.calibration == Calibration(0.25, "by hand", 70, 0.5)


@pytest.mark.parametrize(
    "wrong",
    [
        *({"box": wrong} for wrong in ((0, 0, 1), (0, 0, 1, "1"), "0011", None, (0, 0, 1, float("nan")))),
        *({"quality": wrong} for wrong in (None, [], {"size": "9"}, {1: 1.0}, {"size": float("inf")})),
        *({"sha256": wrong} for wrong in (None, b"00", "00")),
        *({"source": wrong} for wrong in (None, Path("1.jpg"))),
        *({"added": wrong} for wrong in (5, "x" * 41)),
        *({"vector": wrong} for wrong in (None, "abc", [{}])),
    ],
)
def test_a_template_that_could_not_be_read_again_is_refused(path, wrong):
    with create(path, people(1)) as gallery:
        with pytest.raises(FacekitError):
            gallery.add([template("Ann", **wrong)])
        assert gallery.names() == ["person 000"]
    with SqliteGallery.open(path) as gallery:
        assert len(gallery.templates()) == 2


@pytest.mark.parametrize("wrong", [None, 5, "Ann", [None], ["Ann"], b"Ann"])
def test_what_is_added_are_templates(path, wrong):
    with create(path) as gallery, pytest.raises(UsageError, match="NewTemplate"):
        gallery.add(wrong)


@pytest.mark.parametrize("kind", [list, iter, lambda items: items[0]])
def test_templates_may_come_one_by_one(path, kind):
    with create(path) as gallery:
        assert gallery.add(kind([template("Ann")])).added == 1
        assert gallery.names() == ["Ann"]


def test_one_name_is_not_taken_letter_by_letter(path):
    with create(path, [template(name) for name in ("A", "l", "Al", "Bo")]) as gallery:
        assert gallery.remove("Al") == 1
        assert gallery.merge("Bo", "A") == 1
        assert gallery.names() == ["Bo", "l"]
        assert gallery.known(template("A").sha256).keys() == {template("A").sha256}
        assert not gallery.remove_photos("Bo", template("A").sha256)
        assert [each.sha256 for each in gallery.templates("Bo")] == [template("Bo").sha256]


@pytest.mark.parametrize("wrong", [None, 5, b"Ann", [None], [b"Ann"], [5]])
def test_names_and_photos_of_another_type_are_refused(path, wrong):
    with create(path, [template("Ann"), template("Bo")]) as gallery:
        for action in (
            gallery.remove,
            gallery.known,
            lambda wrong: gallery.merge("Ann", wrong),
            lambda wrong: gallery.remove_photos("Ann", wrong),
        ):
            with pytest.raises(UsageError):
                action(wrong)
        assert gallery.names() == ["Ann", "Bo"]


@pytest.mark.parametrize("wrong", [0, -1, None, 1.5, True])
def test_a_search_has_a_whole_number_of_answers(path, wrong):
    with create(path, people(2)) as gallery, pytest.raises(UsageError, match="k is"):
        gallery.search(template("Ann").vector[None], wrong)


@pytest.mark.parametrize(
    "changes", [{"fingerprint": ""}, {"dimension": 0}, {"calibration": Calibration(float("nan"))}]
)
def test_settings_that_make_no_sense_are_refused(path, changes):
    with pytest.raises(UsageError):
        create(path, **changes)
    assert not path.exists()


def test_a_picture_needs_its_digest(path):
    with create(path) as gallery, pytest.raises(UsageError, match="SHA-256"):
        gallery.add([template("Ann", sha256="../x")])


def test_infinite_quality_is_refused(path):
    with create(path) as gallery, pytest.raises(UsageError, match="sharpness"):
        gallery.add([template("Ann", quality={"sharpness": float("inf")})])
