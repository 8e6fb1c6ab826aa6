"""A connection that is lost is told and made again; nobody is told that something is stored which is not."""

import pytest
from click.testing import CliRunner
from gallery_samples import create_at, people, template
from loading import script

from postgres.server_samples import END_CLIENTS, PROBES, one_line

psycopg = pytest.importorskip("psycopg")

from facekit.cli import group  # noqa: E402
from facekit.errors import GalleryError  # noqa: E402
from facekit.gallery import open_gallery  # noqa: E402
from facekit.gallery.postgres import connections  # noqa: E402


def test_a_connection_that_was_lost_between_questions_is_made_again(place, sql, caplog):
    with create_at(place, people(3)) as gallery:
        found = gallery.search(PROBES)
        sql(END_CLIENTS)
        assert gallery.search(PROBES) == found
        sql(END_CLIENTS)
        assert gallery.add([template("Ann")]).added == 1


def test_a_connection_that_is_lost_amid_a_change_is_told_and_nothing_is_stored(place, sql):
    with create_at(place, people(3)) as gallery:

        def change():
            with gallery._changing(forget=False) as changing:
                sql(END_CLIENTS)
                changing.number("person 001")

        with pytest.raises(GalleryError, match="was lost") as raised:
            change()
        one_line(raised)
        assert gallery.add(people(4)).added == 2


END_AT_COMMIT = """
    SET search_path = "{schema}";
    CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END';
    CREATE CONSTRAINT TRIGGER cut AFTER INSERT ON templates
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION cut();
"""


def test_a_connection_that_is_lost_while_a_change_is_stored_says_that_nobody_knows(place, sql):
    with create_at(place, people(3)) as gallery:
        sql(END_AT_COMMIT.format(schema=place.address.schema))
        with pytest.raises(GalleryError, match="while the change was being stored") as raised:
            gallery.add([template("Ann")])
        one_line(raised)
        assert "run again, nothing is stored twice" in str(raised.value)
        sql("DROP TRIGGER cut ON templates")
        assert gallery.add([template("Ann")]).added == 1
        assert gallery.add([template("Ann")]).present == 1


@pytest.mark.parametrize(("words", "told"), [((), True), (("--quiet",), False)])
def test_that_the_database_is_tried_again_is_a_note(place, sql, monkeypatch, words, told, caplog):
    """A database that is away for a moment: the run goes on, and says so unless it is to be quiet."""
    create_at(place, people(3)).close()
    connect, refused = connections.connect, iter([True, False])

    def away_at_first(place):
        if next(refused, False):
            raise psycopg.OperationalError("away")
        return connect(place)

    def show(name, gallery, on_note):
        with open_gallery(gallery) as opened:
            sql(END_CLIENTS)
            monkeypatch.setattr(connections, "connect", away_at_first)
            return opened.templates("person 001")

    monkeypatch.setattr("facekit.verbs.gallery.gallery_show", show)
    command = ["gallery", "show", "person 001", "--gallery", place.argument, *words]
    result = CliRunner().invoke(group, command, prog_name="facekit")
    assert result.exit_code == 0, result.output
    assert any("lost the database" in record.message for record in caplog.records) is told


def test_processes_that_are_killed_leave_what_was_acknowledged(postgres):
    counts, wrong = script("model_test").run(
        seconds=1, processes=3, seed=2, kills=2, reports=30, server=postgres
    )
    assert wrong == []
    assert counts["process killed"] > 0


def test_a_server_that_is_killed_has_all_that_was_reported(postgres):
    """On a server of its own: the others' connections would be lost too."""
    with script("postgres_server").running() as server:
        assert len(list(script("prove_postgres").killed(server, 1, seed=1))) == 1
