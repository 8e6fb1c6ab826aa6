"""What is removed leaves no byte in any file of the gallery."""

import shutil
import sqlite3
from pathlib import Path

import pytest
from gallery_samples import create, people, template

from facekit.gallery.search import cache
from facekit.gallery.search.codes import encode
from facekit.gallery.sqlite import erasure, indexing
from facekit.gallery.sqlite.check import check
from facekit.gallery.sqlite.gallery import SqliteGallery

SECRET = "Żaneta Ścisła-Łęcka"


@pytest.fixture(params=["small", "large"])
def path(tmp_path, monkeypatch, request):
    if request.param == "large":
        monkeypatch.setattr(indexing, "IN_MEMORY", 10)
    return tmp_path / "gallery.db"


def secrets(subject=SECRET, count=30):
    return [template(subject, number, source=f"album/{subject}/{number}.jpg") for number in range(count)]


def traces(folder: Path, templates) -> list[str]:
    """Where a name, or 16 bytes of a vector or of its codes, still stand in a file of the folder."""
    marks = {templates[0].subject.encode()}
    for item in templates:
        vector, codes = item.vector.tobytes(), encode(item.vector[None])[0].tobytes()
        marks |= {data[start : start + 16] for data in (vector, codes) for start in range(0, len(data), 16)}
    found = []
    for file in folder.iterdir():
        content = file.read_bytes()
        found += [file.name for mark in marks if mark in content]
    return found


def fill(path):
    """A gallery in which the secret's rows lie among others, on pages that were split."""
    gallery = create(path, people(30))
    for number, item in enumerate(secrets()):
        gallery.add([item, template(f"later {number}")])
    gallery.search(secrets()[0].vector[None])
    return gallery


def test_the_search_for_traces_finds_them(path):
    with fill(path):
        assert traces(path.parent, secrets())


def test_remove(path):
    with fill(path) as gallery:
        assert gallery.remove([SECRET]) == 30
        assert traces(path.parent, secrets()) == []
        assert gallery.search(secrets()[0].vector[None])[0][0].subject != SECRET
        assert traces(path.parent, secrets()) == []
    assert check(path) == []


def test_remove_while_another_process_has_it_open(path):
    with fill(path) as gallery, SqliteGallery.open(path) as reader:
        reader.search(secrets()[0].vector[None])
        gallery.remove([SECRET])
        assert traces(path.parent, secrets()) == []
        reader.search(secrets()[0].vector[None])
        assert traces(path.parent, secrets()) == []


def test_remove_photos(path):
    with fill(path) as gallery:
        gone, kept = secrets()[:20], secrets()[20:]
        assert not gallery.remove_photos(SECRET, [item.source for item in gone])
        assert traces(path.parent, [template("nobody"), *gone]) == []
        assert [item.source for item in gallery.templates(SECRET)] == [item.source for item in kept]
        assert gallery.remove_photos(SECRET, [item.sha256[:8] for item in kept])
        assert traces(path.parent, secrets()) == []
    assert check(path) == []


def test_rename_and_merge_erase_the_old_name(path):
    with fill(path) as gallery:
        gallery.rename(SECRET, "Ann")
        assert SECRET not in {subject.name for subject in gallery.subjects()}
        gallery.add([template(SECRET, 999)])
        gallery.merge("Ann", [SECRET])
        mark = [template(SECRET, source="photo.jpg")]
        assert [item.source for item in gallery.templates("Ann")]
        content = b"".join(file.read_bytes() for file in path.parent.iterdir())
    # The old name may stand in the source's path, which still is that template's.
    assert content.count(mark[0].subject.encode()) == content.count(f"album/{SECRET}/".encode())


def test_a_removal_that_was_cut_short_is_finished_by_the_next_writer(path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(SqliteGallery, "_erase", lambda self, seconds=0: None)
        with fill(path) as gallery:
            gallery.remove([SECRET])
    assert [problem.kind for problem in check(path)] == ["erasing"]
    SqliteGallery.open(path, write=True).close()
    assert traces(path.parent, secrets()) == []
    assert check(path) == []


def test_a_reader_in_the_way_makes_nothing_fail_and_the_next_writer_erases(path, monkeypatch):
    monkeypatch.setattr(erasure, "WAIT", 0.1)
    gallery = fill(path)
    with SqliteGallery.open(path) as reader, reader.snapshot():
        reader.subjects()
        assert gallery.remove([SECRET]) == 30
        assert "using" in gallery.due
        assert len(gallery.templates()) == 90
        # Others are not kept waiting by an erasure that has to wait.
        with SqliteGallery.open(path, write=True) as other:
            other.add([template("Ann")])
            other.rename("Ann", "Ben")
            assert other.remove(["Ben"]) == 1
    assert traces(path.parent, secrets())
    gallery.add([template("Ann")])
    assert gallery.due is None
    assert traces(path.parent, secrets()) == []
    gallery.close()
    assert check(path) == []


def test_the_file_is_rewritten_once_however_often_the_log_has_to_wait(path, monkeypatch):
    monkeypatch.setattr(erasure, "WAIT", 0.1)
    with fill(path) as gallery, SqliteGallery.open(path) as reader, reader.snapshot():
        reader.subjects()
        gallery.remove([SECRET])
        log, content = Path(f"{path}-wal"), path.stat().st_size
        before = log.stat().st_size
        for number in range(3):
            gallery.add([template("Ann", number)])
        assert log.stat().st_size - before < content
    assert traces(path.parent, secrets()) == []


def test_a_full_disk_while_erasing_does_not_undo_or_deny_the_change(path, monkeypatch):
    def full(*_, wait):
        error = sqlite3.OperationalError("database or disk is full")
        error.sqlite_errorcode = sqlite3.SQLITE_FULL
        raise error

    with fill(path) as gallery:
        with monkeypatch.context() as patch:
            patch.setattr(erasure, "_try", full)
            gallery.rename(SECRET, "Ann")
            assert "disk is full" in gallery.due
        assert SECRET not in {subject.name for subject in gallery.subjects()}
    assert check(path) == []


def test_what_a_killed_process_left_of_a_copy_goes_with_the_next_removal(path):
    with fill(path) as gallery:
        left = path.with_name(f".{path.name}.00112233445566aa.new")
        SqliteGallery.open(path).close()
        shutil.copy(path, left)
        mine = [path.with_name(f".{path.name}.new"), path.with_name(f".{path.name}.00112233445566ab.new")]
        for file in mine:
            file.write_text("notes")
        gallery.remove([SECRET])
    assert not left.exists()
    assert all(file.read_text() == "notes" for file in mine)


@pytest.mark.parametrize(
    "name", ["gallery.db.index.txt", "gallery.db.index-2025.db", "gallery.db.index.0011"]
)
def test_files_of_the_user_beside_it_stay(path, name):
    mine, folder = path.with_name(name), path.with_name("gallery.db.index.00112233445566aa")
    with fill(path) as gallery:
        mine.write_text("mine")
        folder.mkdir()
        gallery.remove([SECRET])
    assert mine.read_text() == "mine"
    assert folder.is_dir()


@pytest.mark.parametrize("content", [b"mine", b""])
def test_a_file_of_the_user_in_the_place_of_the_cache_stays(path, content):
    cache.place(path).write_bytes(content)
    with fill(path) as gallery:
        gallery.remove([SECRET])
        gallery.search(secrets()[0].vector[None])
    assert cache.place(path).read_bytes() == content


@pytest.mark.parametrize("magic", [0, cache.SECOND_MAGIC])
def test_a_cache_with_a_damaged_mark_is_still_removed(path, monkeypatch, magic):
    monkeypatch.setattr(indexing, "IN_MEMORY", 10)
    with fill(path) as gallery:
        content = bytearray(cache.place(path).read_bytes())
        content[magic] ^= 1
        cache.place(path).write_bytes(content)
        gallery.remove([SECRET])
        assert traces(path.parent, secrets()) == []


def test_a_gallery_behind_a_link_has_its_cache_beside_the_file(path, tmp_path, monkeypatch):
    monkeypatch.setattr(indexing, "IN_MEMORY", 10)
    fill(path).close()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "link.db").symlink_to(path)
    with SqliteGallery.open(elsewhere / "link.db") as linked:
        linked.search(secrets()[0].vector[None])
    assert [file.name for file in elsewhere.iterdir()] == ["link.db"]
    elsewhere.joinpath("link.db").rename(tmp_path / "link.db")
    elsewhere.rmdir()
    with SqliteGallery.open(path, write=True) as gallery:
        gallery.remove([SECRET])
    assert traces(tmp_path, secrets()) == []
    assert check(tmp_path / "link.db") == []
