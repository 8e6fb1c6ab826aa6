"""A gallery goes to a server and back, and the copy is proved."""

import pytest
from gallery_samples import create_at, people, settings, template

from postgres.server_samples import POOR, PROBES, content

pytest.importorskip("psycopg")

from facekit.calibration.threshold import Calibration
from facekit.errors import GalleryError
from facekit.gallery import copy_gallery, create_gallery, open_gallery, place_of
from facekit.verbs.gallery import gallery_copy


def test_a_copy_is_the_same_both_ways(address, place, tmp_path):
    removed = [
        *people(8),
        template("a\1b\\0", source="x\0\\.jpg", added="\0"),
        template("poor", quality=POOR),
    ]
    with create_gallery(place, settings(poor_from=0.01), templates=removed) as source:
        source.remove(["person 003"])
        source.rename("person 001", "Ann")
        source.set_calibration(Calibration(0.3, "by hand \\0 \0", templates=7))
    there = copy_gallery(place, tmp_path / "copy.db")
    back = copy_gallery(tmp_path / "copy.db", address(1))
    third = copy_gallery(back.place, address(2))
    for copied in (there, back, third):
        assert (copied.subjects, copied.templates, copied.searches) == (9, 16, 100)
        assert copied.place.check() == []
        with open_gallery(place) as old, open_gallery(copied.place, write=True) as new:
            assert [str(item[0]) for item in content(new)] == [str(item[0]) for item in content(old)]
            assert [item[-1] for item in content(new)] == [item[-1] for item in content(old)]
            assert new.templates() == old.templates()
            assert new.settings == old.settings
            assert new.search(PROBES, 20) == old.search(PROBES, 20)
            assert list(new.tombstones()) == list(old.tombstones())
            assert new.add([template("person 003")]).removed == 1
    for target in (tmp_path / "copy.db", address(1)):
        with pytest.raises(GalleryError, match="not overwritten"):
            copy_gallery(place, target)


def test_a_copy_tells_how_it_was_proved(place, tmp_path):
    create_at(place, people(3)).close()
    told = []
    gallery_copy(place, tmp_path / "copy.db", on_note=told.append)
    with open_gallery(tmp_path / "copy.db") as copied:
        digest = f"{copied.state.digest:032x}"
    [line] = told
    assert f"each of 6 templates fits its checksum, and their digest is the original's, {digest};" in line
    assert line.endswith("100 random searches give the same answers")


def test_a_copy_that_cannot_be_finished_leaves_nothing(address, place, tmp_path, monkeypatch, sql):
    with create_at(place, people(2)):
        pass
    sql(f"UPDATE \"{place.address.schema}\".templates SET source = 'x' WHERE id = 2")
    for target in (tmp_path / "copy.db", address(1)):
        with pytest.raises(GalleryError, match="does not fit its checksum"):
            copy_gallery(place, target)
        assert not place_of(target).exists()
