"""A log that is not the gallery's own is told, and neither file is changed."""

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from gallery_samples import create, people, template

from facekit.errors import GalleryError
from facekit.gallery.sqlite.check import check
from facekit.gallery.sqlite.copying import copy
from facekit.gallery.sqlite.gallery import SqliteGallery

# A reader keeps the log from being folded into the file; then all are killed.
LEAVE_A_LOG = """
import os, signal, sys
from gallery_samples import template
from facekit.gallery.sqlite.gallery import SqliteGallery
path = sys.argv[1]
with SqliteGallery.open(path, write=True) as gallery, SqliteGallery.open(path) as reader, reader.snapshot():
    reader.subjects()
    gallery.add([template("Ann")])
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "gallery.db"
    create(path, people(20)).close()
    return path


def leave_a_log(path):
    places = [str(Path(__file__).parent), str(Path(__file__).parents[2])]
    done = subprocess.run(
        [sys.executable, "-c", LEAVE_A_LOG, path], env={"PYTHONPATH": ":".join(places)}, check=False
    )
    assert done.returncode == -signal.SIGKILL
    assert Path(f"{path}-wal").stat().st_size


def bytes_of(path):
    return path.read_bytes(), Path(f"{path}-wal").read_bytes()


def refuse(path, why):
    before = bytes_of(path)
    for write in (False, True):
        with pytest.raises(GalleryError, match=why):
            SqliteGallery.open(path, write=write)
    assert any(problem.kind == "file" and "gallery.db-wal" in problem.message for problem in check(path))
    assert bytes_of(path) == before


def test_the_own_log_is_read(path):
    leave_a_log(path)
    with SqliteGallery.open(path) as gallery:
        assert "Ann" in {subject.name for subject in gallery.subjects()}


def test_the_log_of_another_gallery(path, tmp_path):
    leave_a_log(path)
    other = tmp_path / "other.db"
    create(other, people(5), embedder="other", fingerprint="cd" * 32).close()
    shutil.copyfile(other, path)
    refuse(path, "belongs to another gallery")
    for suffix in ("-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    with SqliteGallery.open(path) as gallery:
        assert len(gallery) == 10


def test_the_log_of_an_earlier_state(path, tmp_path):
    shutil.copyfile(path, tmp_path / "newer.db")
    with SqliteGallery.open(tmp_path / "newer.db", write=True) as newer:
        for number in range(3):
            newer.add([template("Ben", number)])
    leave_a_log(path)
    shutil.copyfile(tmp_path / "newer.db", path)
    refuse(path, "is older")


def test_the_log_of_a_later_state_beside_an_older_copy(path, tmp_path):
    shutil.copyfile(path, tmp_path / "older.db")
    with SqliteGallery.open(path, write=True) as gallery:
        for number in range(30):
            gallery.add([template(f"Ben {number}")])
    leave_a_log(path)
    shutil.copyfile(tmp_path / "older.db", path)
    refuse(path, "does not go on")


def test_the_log_beside_the_file_is_read_through_a_link(path, tmp_path, monkeypatch):
    leave_a_log(path)
    folder = tmp_path / "links"
    folder.mkdir()
    (folder / "link.db").symlink_to(path)
    monkeypatch.setattr("os.access", lambda *_: False)  # as in a folder that can only be read
    with SqliteGallery.open(folder / "link.db") as gallery:
        assert "Ann" in {subject.name for subject in gallery.subjects()}
    assert [file.name for file in folder.iterdir()] == ["link.db"]


@pytest.mark.parametrize("ending", ["-wal", "-journal"])
def test_no_gallery_is_made_or_copied_beside_the_log_of_one_that_is_gone(path, tmp_path, ending):
    gone = tmp_path / "gone" / "gallery.db"
    gone.parent.mkdir()
    log = Path(f"{gone}{ending}")
    log.write_bytes(b"what was there")
    for make in (lambda: create(gone, people(5)), lambda: copy(path, gone)):
        with pytest.raises(GalleryError, match=f"not made, for gallery.db{ending}"):
            make()
    assert list(gone.parent.iterdir()) == [log]
    assert log.read_bytes() == b"what was there"
    log.write_bytes(b"")
    create(gone, people(5)).close()
