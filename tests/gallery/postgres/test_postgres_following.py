"""A client that stays hears of every change, and of the database's end."""

import threading
import time

import pytest
from gallery_samples import create_at, names, people, template

from postgres.server_samples import END_CLIENTS, PROBES

psycopg = pytest.importorskip("psycopg")

from facekit.gallery import open_gallery  # noqa: E402
from facekit.gallery.postgres import connections, following, indexing  # noqa: E402
from facekit.gallery.postgres import gallery as postgres_gallery  # noqa: E402


def waited_for(condition):
    end = time.monotonic() + 10
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()


@pytest.fixture
def stays(monkeypatch):
    """Clients that keep vectors, and listen from their second search on."""
    monkeypatch.setattr(indexing, "IN_MEMORY", 3)
    monkeypatch.setattr(postgres_gallery, "SEARCHES_ON_SERVER", 0)
    monkeypatch.setattr(postgres_gallery, "FOLLOW_AFTER", -1.0)
    monkeypatch.setattr(following, "SLICE_SECONDS", 0.05)


def test_a_client_that_stays_fetches_a_change_before_it_is_asked(place, stays, monkeypatch):
    with create_at(place, people(5)) as writer, open_gallery(place) as reader:
        reader.search(PROBES)
        changes = [
            lambda: writer.add([template("Ann")]),
            lambda: writer.remove(["person 001"]),
            lambda: writer.rename("Ann", "Bob"),
        ]
        for change in changes:
            change()
            assert waited_for(lambda: reader._indexed == writer.state.digest)
        monkeypatch.setattr(indexing, "read_index", lambda *_: pytest.fail("fetched at the search"))
        assert names(reader.search(template("Ann").vector[None], 1)) == [["Bob"]]
        assert "person 001" not in names(reader.search(PROBES, 20))[0]


def test_a_client_that_listens_tells_that_the_database_is_lost_and_there_again(place, sql, stays, caplog):
    with create_at(place, people(5)) as writer, open_gallery(place) as reader:
        reader.search(PROBES)
        assert waited_for(lambda: sql(LISTENING).fetchone()[0])
        sql(END_CLIENTS)
        assert waited_for(lambda: "the database is there again" in caplog.text)
        assert caplog.text.count("lost the database: trying until") == 1
        writer.add([template("Ann")])
        assert waited_for(lambda: reader._indexed == writer.state.digest)
    assert waited_for(lambda: not sql(LISTENING).fetchone()[0])


LISTENING = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'facekit' AND query ~ '^LISTEN'"


def test_the_pauses_before_a_lost_database_is_tried_again_grow(place, monkeypatch):
    tries, pauses = [], []

    def away(place):
        tries.append(1)
        raise psycopg.OperationalError("away")

    class Stopped(threading.Event):
        def wait(self, timeout=None):
            pauses.append(timeout)
            return len(pauses) < 12 or self.set()

    monkeypatch.setattr(connections, "connect", away)
    monkeypatch.setattr(following, "Event", Stopped)
    following.Follower(place, lambda: 0, lambda: None)._thread.join(10)
    assert pauses[:4] == [0.1, 0.2, 0.4, 0.8]
    assert pauses[-1] == following.LONGEST_PAUSE
    assert len(tries) == 12


def test_who_searches_for_a_moment_listens_to_nothing(place, monkeypatch):
    monkeypatch.setattr(indexing, "IN_MEMORY", 3)
    with create_at(place, people(5)) as gallery:
        for _ in range(20):
            gallery.search(PROBES)
        assert gallery._follower is None
