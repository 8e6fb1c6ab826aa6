"""Tables of another format are told, and brought up to date."""

import pytest
from gallery_samples import create_at, people

from postgres.server_samples import one_line

pytest.importorskip("psycopg")

from facekit.errors import GalleryError
from facekit.gallery import open_gallery
from facekit.gallery.facts import Fact
from facekit.gallery.postgres.gallery import upgrade


def test_who_only_reads_finds_a_newer_format_and_an_older_one_told(place, sql):
    schema = place.address.schema
    create_at(place, people(1)).close()
    for version, words in ((99, "newer facekit"), (0, "facekit gallery upgrade")):
        sql(f'UPDATE "{schema}".format SET version = {version}')
        with pytest.raises(GalleryError, match=words) as raised:
            place.open()
        one_line(raised)


def test_a_gallery_of_before_there_were_facts_is_brought_up_to_date(place, sql, address):
    schema = place.address.schema
    sql("DROP ROLE IF EXISTS hall")
    sql("CREATE ROLE hall LOGIN")
    create_at(place, people(2)).close()
    sql(f'DROP TABLE "{schema}".facts')
    sql(f'GRANT USAGE ON SCHEMA "{schema}" TO hall')
    sql(f'GRANT SELECT ON ALL TABLES IN SCHEMA "{schema}" TO hall')
    sql(f'UPDATE "{schema}".format SET version = 1')
    with pytest.raises(GalleryError, match="facekit gallery upgrade"):
        place.open()
    assert upgrade(place) == (1, 2)
    with place.open(write=True) as gallery:
        gallery.record([Fact("not_same", "person 000", "person 001")])
    with open_gallery(address(user="hall")) as hall:
        assert len(hall.facts()) == 1
    assert place.check() == []
    sql("DROP OWNED BY hall")
