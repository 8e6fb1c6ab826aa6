"""The file of a gallery: who may read it, and what is refused in its place."""

import fcntl
import os
import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from gallery_samples import create, people

from facekit.errors import GalleryError
from facekit.gallery.sqlite import migrations
from facekit.gallery.sqlite.gallery import SqliteGallery


@pytest.fixture
def path(tmp_path):
    return tmp_path / "gallery.db"


def test_all_files_are_private(path):
    old = os.umask(0)
    try:
        with create(path, people(2)):
            files = sorted(path.parent.iterdir())
            assert len(files) > 1
            assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    finally:
        os.umask(old)


def test_closing_leaves_one_file(path):
    create(path, people(2)).close()
    SqliteGallery.open(path).close()
    assert [file.name for file in path.parent.iterdir()] == ["gallery.db"]


def test_nothing_is_overwritten(path):
    path.write_bytes(b"a photo")
    with pytest.raises(GalleryError, match="not overwritten"):
        create(path)
    assert path.read_bytes() == b"a photo"
    assert list(path.parent.iterdir()) == [path]


def test_a_folder_that_is_missing_is_told(tmp_path):
    with pytest.raises(GalleryError, match="No such file"):
        create(tmp_path / "missing" / "gallery.db")


@pytest.mark.parametrize("write", [False, True])
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "there is no gallery"),
        (b"", "empty"),
        (b"\x89PNG" * 500, "damaged"),
        (b"SQLite format 3\0", "damaged"),
    ],
)
def test_what_is_no_gallery_is_refused_and_left_alone(path, content, reason, write):
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(GalleryError, match=reason) as raised:
        SqliteGallery.open(path, write=write)
    assert str(path) in str(raised.value)
    assert (path.read_bytes() if path.exists() else None) == content


def test_a_folder_and_another_database_are_refused(path):
    with pytest.raises(GalleryError, match="not a file"):
        SqliteGallery.open(path.parent)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE settings (key, value)")
    with pytest.raises(GalleryError, match="not a facekit gallery"):
        SqliteGallery.open(path)


def test_a_newer_format_is_refused(path):
    create(path).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(GalleryError, match="update facekit"):
        SqliteGallery.open(path)


def test_an_older_format_is_brought_up_to_date_by_the_first_who_writes(path, monkeypatch):
    create(path, people(2)).close()

    def add_note(connection):
        connection.execute("ALTER TABLE subjects ADD COLUMN note TEXT")

    monkeypatch.setattr(migrations, "MIGRATIONS", (*migrations.MIGRATIONS, add_note))
    before = path.read_bytes()
    with SqliteGallery.open(path) as gallery:
        assert len(gallery.subjects()) == 2
    assert path.read_bytes() == before
    with SqliteGallery.open(path, write=True) as gallery:
        assert gallery.version == len(migrations.MIGRATIONS)
        assert len(gallery.subjects()) == 2


def test_a_failed_migration_leaves_the_gallery_as_it_was(path, monkeypatch):
    create(path, people(2)).close()

    def breaks(connection):
        connection.execute("DROP TABLE templates")
        raise OSError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(migrations, "MIGRATIONS", (*migrations.MIGRATIONS, breaks))
        with pytest.raises(OSError, match="killed"):
            SqliteGallery.open(path, write=True)
    with SqliteGallery.open(path) as gallery:
        assert len(gallery) == 4


def test_a_link_to_nowhere_is_told_as_one(path):
    path.symlink_to(path.parent / "gone.db")
    for act in (lambda: create(path), lambda: SqliteGallery.open(path)):
        with pytest.raises(GalleryError, match="is a link to nowhere"):
            act()
    assert path.is_symlink()


def test_another_file_in_its_place_is_not_taken_for_it(path, tmp_path):
    other = tmp_path / "other.db"
    create(other, people(3)).close()
    with create(path, people(20)) as gallery, gallery.snapshot():
        other.replace(path)
        with ThreadPoolExecutor(1) as thread, pytest.raises(GalleryError, match="taken its place"):
            thread.submit(gallery.subjects).result(timeout=30)


@pytest.mark.parametrize(
    ("replaced", "what"), [(True, "another file has taken its place"), (False, "is gone")]
)
def test_nothing_is_stored_in_a_file_that_lost_its_name(path, tmp_path, replaced, what):
    """Nobody who opens the gallery would see it again."""
    other = tmp_path / "other.db"
    create(other, people(3)).close()
    with create(path, people(20)) as gallery:
        if replaced:
            other.replace(path)
        else:
            path.unlink()
        for act in (lambda: gallery.rename("p1", "q"), gallery.subjects, lambda: len(gallery)):
            with pytest.raises(GalleryError, match=what):
                act()


def test_what_a_killed_process_left_of_a_new_gallery_is_removed_by_the_next_one(path):
    left = path.with_name(f".gallery.db.{'0' * 16}.new")
    create(left).close()
    left.with_name(f"{left.name}-journal").touch()
    in_work = path.with_name(f".gallery.db.{'1' * 16}.new")
    with in_work.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        create(path, people(1)).close()
        assert sorted(each.name for each in path.parent.iterdir()) == [in_work.name, "gallery.db"]


def test_a_draft_that_is_taken_away_before_it_is_locked_is_made_anew(path, monkeypatch):
    flock, taken = fcntl.flock, []

    def take_first(descriptor, how):
        if not taken:
            (draft,) = path.parent.glob(".gallery.db.*.new")
            taken.append(draft)
            draft.unlink()
        return flock(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", take_first)
    with create(path, people(1)) as gallery:
        assert len(gallery) == 2
    assert taken
    assert [each.name for each in path.parent.iterdir()] == ["gallery.db"]
