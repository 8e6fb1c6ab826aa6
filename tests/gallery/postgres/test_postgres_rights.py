"""Users of the database may do what they were granted, and no more."""

from dataclasses import replace

import numpy as np
import pytest
from gallery_samples import create_at, people, template

from postgres.server_samples import PROBES, one_line

pytest.importorskip("psycopg")

from facekit.calibration.threshold import Calibration
from facekit.errors import GalleryError, UsageError
from facekit.faces.reading import Reading
from facekit.gallery import open_gallery
from facekit.gallery.facts import Fact
from facekit.gallery.postgres.grants import grant
from facekit.people.enrollment import enroll_readings
from facekit.people.outcomes import HELD, IGNORED
from facekit.results import Detection, Face, Quality


def test_roles_read_or_enroll_and_no_more(address, sql, place):
    for role in ("door", "desk"):
        sql(f"DROP ROLE IF EXISTS {role}")
        sql(f"CREATE ROLE {role} LOGIN")
    create_at(place, people(3)).close()
    grant(place, "door", "read")
    grant(place, "desk", "enroll")
    with open_gallery(place) as owners:
        expected = owners.search(PROBES)
    with open_gallery(address(user="door"), write=True) as door:
        assert door.search(PROBES) == expected
        for change in (
            lambda: door.add([template("Ann")]),
            lambda: door.remove(["person 000"]),
            lambda: door.set_calibration(Calibration(0.1)),
        ):
            with pytest.raises(GalleryError, match="may not do that") as raised:
                change()
            assert "facekit gallery grant" in one_line(raised)
    with open_gallery(address(user="desk"), write=True) as desk:
        assert desk.add([template("Ann")]).added == 1
        [fact] = desk.record([Fact("not_same", "person 000", "person 001")])
        for change in (
            lambda: desk.remove(["person 000"]),
            lambda: desk.rename("Ann", "Bob"),
            lambda: desk.merge("Ann", ["person 000"]),
            lambda: desk.withdraw([fact.id]),
            lambda: desk.set_calibration(Calibration(0.1)),
            lambda: desk.add([template("Bob", sha256=template("Ann").sha256)], move=True),
            lambda: desk.forget_removals() if len(desk.tombstones()) else desk.remove(["Ann"]),
        ):
            with pytest.raises(GalleryError, match="may not do that"):
                change()
        assert desk.names() == ["Ann", "person 000", "person 001", "person 002"]
    grant(place, "desk", "read")
    with open_gallery(address(user="desk"), write=True) as desk, pytest.raises(GalleryError):
        desk.add([template("Bob")])
    assert place.check() == []


def test_who_may_only_enroll_is_refused_single_faces_and_enrolls_the_others(address, sql, place):
    """One photo of a batch is enrolled as somebody else's, one is of nobody who was to be asked about."""
    sql("DROP ROLE IF EXISTS clerk")
    sql("CREATE ROLE clerk LOGIN")
    held, ignored, free = (template("Bob", number) for number in range(3))
    with create_at(place) as gallery:
        assert gallery.may_remove
        gallery.add([replace(held, subject="Ann")])
        gallery.record([Fact("ignored", vector=ignored.vector, sha256=ignored.sha256, box=ignored.box)])
    grant(place, "clerk", "enroll")
    with open_gallery(address(user="clerk"), write=True) as gallery:
        assert not gallery.may_remove
        outcomes = enroll_readings(gallery, "Bob", [looked_at(each) for each in (held, ignored, free)])
        assert [outcome.status for outcome in outcomes] == ["refused", "refused", "enrolled"]
        assert [outcome.problems[0] for outcome in outcomes[:2]] == [HELD, IGNORED]
        assert [(info.subject, info.sha256) for info in gallery.templates()] == [
            ("Ann", held.sha256),
            ("Bob", free.sha256),
        ]
        assert len(gallery.facts()) == 1


def looked_at(item):
    """A picture with the face of a template."""
    detection = Detection(item.box, 1.0)
    face = Face(detection, np.zeros((5, 2)), np.zeros((112, 112, 3)), item.vector, Quality(50, 500, 128, 0))
    return Reading(item.source, (face,), item.sha256, in_memory=True)


def test_a_right_for_nobody_is_refused(place):
    create_at(place).close()
    with pytest.raises(GalleryError, match="no user 'nobody; DROP TABLE x'"):
        grant(place, "nobody; DROP TABLE x", "read")
    with pytest.raises(UsageError):
        grant(place, "door", "everything")
