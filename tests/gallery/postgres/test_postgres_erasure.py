"""What is removed is gone from the tables' files, and from what the server notes of them."""

import pytest
from gallery_samples import create_at, people, template

psycopg = pytest.importorskip("psycopg")

from facekit.gallery.postgres import gallery as postgres_gallery  # noqa: E402


def test_no_statistics_are_kept_of_names_and_vectors(place, sql):
    schema = place.address.schema
    create_at(place, people(40)).close()
    for table in ("subjects", "templates"):
        sql(f'ANALYZE "{schema}".{table}')
    columns = {
        name
        for (name,) in sql("SELECT attname FROM pg_stats WHERE schemaname = %s", (schema,)).fetchall()
        if name not in ("id", "subject", "poor", "checksum", "key", "value", "version", "change")
    }
    assert columns == set()


def test_what_was_removed_is_not_in_the_tables_files(place, sql, postgres):
    schema = place.address.schema
    with create_at(place, [*people(20), template("Zebedee Quux")]) as gallery:
        sql("CHECKPOINT")
        gallery.remove(["Zebedee Quux"])
        assert gallery.due is None
    sql("CHECKPOINT")
    paths = sql(
        "SELECT pg_relation_filepath(c.oid) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace "
        "WHERE nspname = %s AND relkind IN ('r', 'i')",
        (schema,),
    ).fetchall()
    vector = template("Zebedee Quux").vector.tobytes()
    for (path,) in paths:
        data = (postgres.data / path).read_bytes()
        assert b"Zebedee" not in data
        assert vector not in data


def test_what_somebody_may_still_see_stays_due_and_is_erased_by_the_next(place, postgres, monkeypatch):
    """Also a transaction that has nothing to do with the gallery."""
    monkeypatch.setattr(postgres_gallery.erasure, "WAIT", 0.0)
    with psycopg.connect(postgres.address()) as other, create_at(place, people(5)) as gallery:
        other.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        other.execute("SELECT 1")
        gallery.remove(["person 001"])
        assert "earlier state" in gallery.due
        assert [problem.kind for problem in place.check()] == ["erasing"]
        other.rollback()
        gallery.remove(["person 002"])
        assert gallery.due is None
    assert place.check() == []
