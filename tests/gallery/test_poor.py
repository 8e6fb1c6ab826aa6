"""Poor templates are known as such wherever a gallery goes, and decide nothing."""

import sqlite3
from dataclasses import replace

import numpy as np
import pytest
from gallery_samples import create, people, template

from facekit.errors import GalleryError
from facekit.gallery import transfer
from facekit.gallery.records import template_checksum
from facekit.gallery.sqlite import copying, indexing, rows
from facekit.gallery.sqlite.gallery import SqliteGallery
from facekit.gallery.sqlite.state import read_state, write_state

POOR = {"size": 50.0, "stranger_rate": 0.4}
GOOD = {"size": 50.0, "stranger_rate": 0.001}
BOTH, ONLY, SECOND = "has both", "has only poor ones", template("has both", 1)


@pytest.fixture
def path(tmp_path):
    """One of whom the second of two templates is poor, one of whom the only one is, and ten others."""
    templates = [
        template(BOTH, 0, quality=GOOD),
        template(BOTH, 1, quality=POOR),
        template(ONLY, 0, quality=POOR),
        *people(10),
    ]
    create(tmp_path / "gallery.db", templates, poor_from=0.01).close()
    return tmp_path / "gallery.db"


def probes():
    return np.stack([SECOND.vector, template(ONLY).vector, template("person 003").vector])


def check(gallery):
    both, only, other = (found[0] for found in gallery.search(probes(), 3))
    assert (both.subject == BOTH) <= (both.score < 0.9)
    assert (only.subject, only.poor, round(only.score, 4)) == (ONLY, True, 1.0)
    assert (other.subject, other.poor, round(other.score, 4)) == ("person 003", False, 1.0)


def test_a_large_gallery_and_its_cache_say_the_same(path, monkeypatch):
    with SqliteGallery.open(path) as gallery:
        expected = gallery.search(probes(), 12)
    monkeypatch.setattr(indexing, "IN_MEMORY", 5)
    for _ in range(2):
        with SqliteGallery.open(path) as gallery:
            assert gallery.search(probes(), 12) == expected


def test_a_cache_learns_of_poor_templates_that_come_later(path, monkeypatch):
    monkeypatch.setattr(indexing, "IN_MEMORY", 5)
    with SqliteGallery.open(path, write=True) as gallery:
        gallery.search(probes())
        gallery.add([template("late", 0, quality=POOR)])
        [found] = gallery.search(template("late").vector[None], 1)
        assert (found[0].subject, found[0].poor) == ("late", True)


@pytest.mark.parametrize("suffix", [".npz", ".jsonl"])
def test_exports_and_imports_keep_what_is_poor(path, tmp_path, suffix):
    with SqliteGallery.open(path) as gallery:
        transfer.write(gallery, tmp_path / f"out{suffix}")
    exported = transfer.read(tmp_path / f"out{suffix}")
    with transfer.create_from(exported, tmp_path / "again.db") as again:
        check(again)
    with create(tmp_path / "other.db", [template("Ann")], poor_from=0.01) as other:
        transfer.import_into(other, exported)
        check(other)


def test_a_copy_and_a_merge_keep_what_is_poor(path, tmp_path):
    copying.copy(path, tmp_path / "copy.db")
    with SqliteGallery.open(tmp_path / "copy.db", write=True) as copied:
        check(copied)
        copied.merge("person 001", [ONLY])
        assert all(each.subject != ONLY for found in copied.search(probes(), 12) for each in found)
        # There the poor one stands beside good ones.
        assert copied.search(probes()[1:2], 1)[0][0].score < 0.9


@pytest.mark.parametrize("quality", ["[]", '{"stranger_rate": "x"}', "1"])
def test_a_crafted_quality_is_damage_and_no_traceback(path, quality):
    connection = sqlite3.connect(path)
    state = read_state(connection, path)
    [row] = list(rows.unchecked(connection, "WHERE t.id = ?", (2,)))
    described = row._replace(quality=quality).described()
    code = template_checksum(state.settings.fingerprint, row.id, row.subject, *described, vector=row.vector)
    difference = int.from_bytes(code, "little") - int.from_bytes(row.checksum, "little")
    state = replace(state, digest=(state.digest + difference) % 2**128)
    with connection:
        connection.execute("UPDATE templates SET quality = ?, checksum = ? WHERE id = 2", (quality, code))
        write_state(connection, state)
    connection.close()
    with SqliteGallery.open(path) as gallery, pytest.raises(GalleryError, match="damaged"):
        gallery.search(probes())


def test_who_has_poor_templates_only_is_told_in_whatever_order_people_were_enrolled(tmp_path, monkeypatch):
    """The rows of a large gallery are fetched in another order than that in which they are scanned."""
    monkeypatch.setattr(indexing, "IN_MEMORY", 0)
    first = template("Ada", 0, quality=GOOD)
    templates = [
        first,
        template(ONLY, 0, quality=POOR),
        template("Ada", 1, vector=first.vector, quality=GOOD),
    ]
    with create(tmp_path / "g.db", templates, poor_from=0.01) as gallery:
        [found] = gallery.search(first.vector[None], 5)
        assert {item.subject: item.poor for item in found} == {"Ada": False, ONLY: True}


def test_an_index_that_is_kept_over_a_removal_still_tells_who_is_poor(path, monkeypatch):
    monkeypatch.setattr(indexing, "IN_MEMORY", 0)
    with SqliteGallery.open(path, write=True) as gallery:
        kept = gallery.matrix()
        gallery.remove([BOTH])
        [found] = kept.search(template(ONLY).vector[None], 3)
        assert (found[0].subject, found[0].poor) == (ONLY, True)
        assert [item.poor for item in found[1:]] == [False, False]
