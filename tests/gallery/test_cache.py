"""The search cache of a large gallery is derived: whatever happens to it, the answers stay."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from gallery_samples import create, people, random_vectors, template

from facekit.errors import GalleryError
from facekit.gallery.search import cache
from facekit.gallery.sqlite import indexing
from facekit.gallery.sqlite.gallery import SqliteGallery
from facekit.gallery.tables import Tables

PROBES = random_vectors(6, seed=9)


@pytest.fixture
def path(tmp_path, monkeypatch):
    """A gallery that counts as large."""
    path = tmp_path / "gallery.db"
    create(path, people(40)).close()
    monkeypatch.setattr(indexing, "IN_MEMORY", 10)
    return path


@pytest.fixture
def expected(path, monkeypatch):
    with monkeypatch.context() as patch, SqliteGallery.open(path) as gallery:
        patch.setattr(indexing, "IN_MEMORY", 10_000)
        return gallery.search(PROBES)


@pytest.fixture
def count_rows(monkeypatch):
    """How many rows were read in order, to build or extend a cache."""
    read_all, counted = Tables.all, []

    def counting(*args, **kwargs):
        for row in read_all(*args, **kwargs):
            counted.append(row.id)
            yield row

    monkeypatch.setattr(Tables, "all", counting)
    return counted


def search(path):
    with SqliteGallery.open(path) as gallery:
        return gallery.search(PROBES)


def test_a_small_gallery_has_none(tmp_path):
    create(tmp_path / "gallery.db", people(3)).close()
    search(tmp_path / "gallery.db")
    assert not cache.place(tmp_path / "gallery.db").exists()


def test_built_once_then_reused(path, expected, count_rows):
    assert search(path) == expected
    assert stat.S_IMODE(cache.place(path).stat().st_mode) == 0o600
    count_rows.clear()
    assert search(path) == expected
    assert count_rows == []


def test_no_name_and_no_vector_is_in_it(path):
    search(path)
    content = cache.place(path).read_bytes()
    assert b"person" not in content
    assert not any(item.vector.tobytes()[:16] in content for item in people(40))


def test_extended_by_what_was_added(path, count_rows):
    search(path)
    with SqliteGallery.open(path, write=True) as gallery:
        gallery.add([template("person 001", 77), template("Ann"), template("Ann", 1)])
        count_rows.clear()
        found = gallery.search(template("Ann").vector[None], 2)[0]
        assert found[0].subject == "Ann"
        assert found[0].score == pytest.approx(1)
        assert len(count_rows) == 3
        assert gallery.search(template("person 001", 77).vector[None], 1)[0][0].subject == "person 001"


def test_a_removal_takes_it_away(path):
    search(path)
    with SqliteGallery.open(path, write=True) as gallery:
        gallery.search(PROBES)
        gallery.remove(["person 003"])
        assert not cache.files(path)
        assert all(item.subject != "person 003" for found in gallery.search(PROBES, 40) for item in found)


def test_a_cache_from_before_a_removal_is_not_believed(path):
    search(path)
    old = cache.place(path).read_bytes()
    with SqliteGallery.open(path, write=True) as gallery:
        gallery.remove(["person 003"])
    cache.place(path).write_bytes(old)
    with SqliteGallery.open(path) as gallery:
        everyone = {item.subject for found in gallery.search(PROBES, 40) for item in found}
    assert "person 003" not in everyone
    assert len(everyone) == 39


def test_an_index_kept_over_a_removal_finds_the_others(path):
    with SqliteGallery.open(path, write=True) as gallery:
        kept = gallery.matrix()
        first, *others = [item.subject for item in kept.search(PROBES[:1], 5)[0]]
        gallery.remove([first])
        assert [item.subject for item in kept.search(PROBES[:1], 5)[0]][:4] == others


@pytest.mark.parametrize("damage", [0, 7, 30, 45, 100, 2000, -1])
def test_damage_is_noticed(path, expected, damage):
    search(path)
    content = bytearray(cache.place(path).read_bytes())
    whole = bytes(content)
    content[damage] ^= 4
    cache.place(path).write_bytes(content)
    assert search(path) == expected
    # Bytes 80 to 127 fill up the header and mean nothing.
    assert cache.place(path).read_bytes() == (content if 80 <= damage < 128 else whole)


@pytest.mark.parametrize("length", [0, 50, 128, 5000])
def test_truncation_is_noticed(path, expected, length):
    search(path)
    os.truncate(cache.place(path), length)
    assert search(path) == expected


def test_not_written_where_that_is_impossible(path, expected, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache, "save", full)
    assert search(path) == expected
    assert not cache.files(path)


def test_a_failed_write_leaves_no_draft(path, expected, monkeypatch):
    def full(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    assert search(path) == expected
    assert not cache.files(path)


def test_not_written_while_another_process_writes(path, expected):
    with SqliteGallery.open(path, write=True) as gallery, gallery._writing():
        assert search(path) == expected
        assert not cache.files(path)


def test_a_damaged_row_is_an_error_although_the_cache_is_whole(path):
    search(path)
    content = path.read_bytes()
    path.write_bytes(content.replace(b"person 00", b"person 90"))
    with pytest.raises(GalleryError, match="damaged"):
        search(path)


def test_another_thread_searches_a_large_gallery_too(path, expected):
    with SqliteGallery.open(path) as gallery, ThreadPoolExecutor(1) as thread:
        index_of_it = gallery.matrix()
        assert thread.submit(index_of_it.search, PROBES, 5).result() == expected
        assert index_of_it.search(PROBES, 5) == expected
