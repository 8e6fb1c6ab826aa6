"""An index in memory fetches what is new or gone, and believes nothing after the connection was lost."""

import pytest
from gallery_samples import create_at, names, people, template

from postgres.server_samples import END_CLIENTS, PROBES

pytest.importorskip("psycopg")

from facekit.calibration.threshold import Calibration
from facekit.errors import GalleryError
from facekit.gallery import open_gallery
from facekit.gallery.postgres import gallery as postgres_gallery
from facekit.gallery.postgres import indexing, rows


def test_an_index_in_memory_fetches_only_what_is_new_or_gone(place, monkeypatch):
    monkeypatch.setattr(indexing, "IN_MEMORY", 3)
    monkeypatch.setattr(postgres_gallery, "SEARCHES_ON_SERVER", 0)
    fetched = []
    encoded = indexing.encoded
    monkeypatch.setattr(indexing, "encoded", lambda tables: fetched.append(1) or encoded(tables))
    with create_at(place, people(10)) as writer, open_gallery(place) as reader:
        reader.search(PROBES)
        for change in (
            lambda: writer.add([template("Ann"), template("person 001", 7)]),
            lambda: writer.remove(["person 004"]),
            lambda: writer.rename("person 002", "Bob"),
            lambda: writer.merge("Ann", ["person 005"]),
            lambda: writer.remove_photos("person 006", ["photos/0.jpg"]),
            lambda: writer.set_calibration(Calibration(0.5)),
        ):
            change()
            with open_gallery(place) as fresh:
                monkeypatch.setattr(postgres_gallery, "SEARCHES_ON_SERVER", 10**6)
                expected = fresh.search(PROBES, 20)
                monkeypatch.setattr(postgres_gallery, "SEARCHES_ON_SERVER", 0)
            assert reader.search(PROBES, 20) == expected
        assert fetched == [1]


def test_an_index_is_fetched_anew_after_the_connection_was_lost(place, sql, monkeypatch):
    """It may be a backup of the database to which it is made again."""
    monkeypatch.setattr(indexing, "IN_MEMORY", 3)
    monkeypatch.setattr(postgres_gallery, "SEARCHES_ON_SERVER", 0)
    fetched = []
    encoded = indexing.encoded
    monkeypatch.setattr(indexing, "encoded", lambda tables: fetched.append(1) or encoded(tables))
    with create_at(place, people(5)) as gallery:
        gallery.search(PROBES)
        sql(END_CLIENTS)
        gallery.add([template("Ann")])
        assert names(gallery.search(template("Ann").vector[None], 1)) == [["Ann"]]
    assert fetched == [1, 1]


def test_an_index_is_built_of_a_copy_whose_rows_are_checked(place, sql, monkeypatch):
    monkeypatch.setattr(indexing, "IN_MEMORY", 3)
    monkeypatch.setattr(postgres_gallery, "SEARCHES_ON_SERVER", 0)
    copied = []
    bulk = rows.PostgresTables._bulk
    monkeypatch.setattr(rows.PostgresTables, "_bulk", lambda tables: copied.append(1) or bulk(tables))
    odd = template("a\1b\\0", source="x\0\\.jpg")
    with create_at(place, [*people(5), odd]) as gallery:
        assert names(gallery.search(odd.vector[None], 1)) == [["a\1b\\0"]]
    assert copied == [1]
    sql(
        f"UPDATE \"{place.address.schema}\".templates SET source = 'other' WHERE id = (SELECT max(id) FROM "
        f'"{place.address.schema}".templates)'
    )
    with open_gallery(place) as gallery:
        with pytest.raises(GalleryError, match="damaged"):
            gallery.search(PROBES)
        assert len(gallery) == 11
