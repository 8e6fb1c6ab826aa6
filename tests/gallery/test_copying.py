"""A copy of a gallery in use is one whole state of it."""

import os
import shutil
import sqlite3
import stat
from contextlib import closing

import pytest
from gallery_samples import create, people, template

from facekit.calibration.threshold import Calibration
from facekit.errors import GalleryError
from facekit.gallery.sqlite import copying, erasure
from facekit.gallery.sqlite.check import check
from facekit.gallery.sqlite.gallery import SqliteGallery


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "gallery.db"
    create(path, people(20)).close()
    return path


def content(path):
    with SqliteGallery.open(path) as gallery:
        return [(item.subject, item.sha256, item.added, bytes(item.vector)) for item in gallery.contents()]


def test_a_copy_of_an_open_gallery_has_who_was_enrolled_last(path, tmp_path):
    target = tmp_path / "copy.db"
    with (
        SqliteGallery.open(path, write=True) as gallery,
        SqliteGallery.open(path) as reader,
        reader.snapshot(),
    ):
        reader.subjects()
        gallery.add([template("Ann")])
        copied = copying.copy(path, target)
        assert (copied.subjects, copied.templates) == (21, 41)
        assert content(target) == content(path)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert check(target) == []
    with SqliteGallery.open(target, write=True) as gallery:
        gallery.add([template("Ben")])


def test_the_file_alone_has_who_was_enrolled_last(path, tmp_path):
    """For those who copy it by other means while it is open."""
    with SqliteGallery.open(path, write=True) as gallery:
        gallery.add([template("Ann")])
        gallery.set_calibration(Calibration(0.6, "by hand"))
        shutil.copyfile(path, tmp_path / "copy.db")
    assert content(tmp_path / "copy.db")[-1][0] == "Ann"
    with SqliteGallery.open(tmp_path / "copy.db") as copied:
        assert copied.settings.calibration.threshold == 0.6


def test_what_is_removed_and_not_yet_erased_is_not_copied(path, tmp_path, monkeypatch):
    monkeypatch.setattr(erasure, "WAIT", 0.0)
    gone = template("person 007")
    with (
        SqliteGallery.open(path, write=True) as gallery,
        SqliteGallery.open(path) as reader,
        reader.snapshot(),
    ):
        reader.subjects()
        gallery.remove(["person 007"])
        assert gallery.due
        copying.copy(path, tmp_path / "copy.db")
    copied = (tmp_path / "copy.db").read_bytes()
    assert b"person 007" not in copied
    assert gone.vector.tobytes()[:16] not in copied
    assert check(tmp_path / "copy.db") == []


def test_nothing_is_overwritten(path, tmp_path):
    target = tmp_path / "mine.db"
    target.write_text("mine")
    with pytest.raises(GalleryError, match="not overwritten"):
        copying.copy(path, target)
    assert target.read_text() == "mine"


def test_a_damaged_gallery_is_not_copied(path, tmp_path):
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM templates WHERE id = 3")
    with pytest.raises(GalleryError, match="damaged"):
        copying.copy(path, tmp_path / "copy.db")
    assert sorted(os.listdir(tmp_path)) == ["gallery.db"]


def test_a_full_disk_is_that_of_the_copy(path, tmp_path, monkeypatch):
    def full(action, seconds):
        error = sqlite3.OperationalError("database or disk is full")
        error.sqlite_errorcode = sqlite3.SQLITE_FULL
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(copying.database, "patiently", full)
        patch.setattr(copying.database, "connect", lambda *rest, **more: sqlite3.connect(path))
        with pytest.raises(GalleryError, match=r"copy\.db: the disk is full"):
            copying.copy(path, tmp_path / "copy.db")
