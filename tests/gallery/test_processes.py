"""Several processes, killed processes, full disks and read-only places."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from gallery_samples import create, people

import facekit
from facekit.errors import GalleryError
from facekit.gallery.sqlite import database
from facekit.gallery.sqlite.gallery import SqliteGallery

ADD = """
import sys
from gallery_samples import template
from facekit.gallery.sqlite.gallery import SqliteGallery
with SqliteGallery.open(sys.argv[1], write=True) as gallery:
    for number in range(int(sys.argv[3])):
        gallery.add([template(sys.argv[2], number), template(f"{sys.argv[2]} {number}")])
        print(number, flush=True)
"""
# In a namespace of its own a user may mount without rights.
IN_NAMESPACE = ["unshare", "--user", "--map-root-user", "--mount"]


@pytest.fixture
def start():
    """Starts Python processes, and ends those that a failed test leaves."""
    processes = []

    def start_one(code, *arguments, prefix=()):
        processes.append(_start(code, arguments, prefix))
        return processes[-1]

    yield start_one
    for process in processes:
        process.kill()
        process.wait()
        process.stdout.close()


def _start(code, arguments, prefix):
    places = [str(Path(__file__).parent), str(Path(facekit.__file__).parent.parent)]
    return subprocess.Popen(
        [*prefix, sys.executable, "-c", code, *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(places)},
    )


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "gallery.db"
    create(path, people(3)).close()
    return path


@pytest.fixture
def may_mount():
    if shutil.which("unshare") is None or subprocess.run([*IN_NAMESPACE, "true"], check=False).returncode:
        pytest.skip("mounting in a user namespace is not allowed here")


def test_a_writer_that_waits_too_long_says_so(path, monkeypatch):
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.05)
    with (
        SqliteGallery.open(path, write=True) as first,
        SqliteGallery.open(path, write=True) as second,
        first._writing(),
        pytest.raises(GalleryError, match="another process is using"),
    ):
        second.add(people(5))


def test_two_processes_cannot_both_create(tmp_path, monkeypatch):
    link = os.link

    def be_second(draft, path):
        link(draft, path)
        return link(draft, path)

    monkeypatch.setattr(os, "link", be_second)
    with pytest.raises(GalleryError, match="not overwritten"):
        create(tmp_path / "gallery.db")
    assert [file.name for file in tmp_path.iterdir()] == ["gallery.db"]


FULL = """
import json, subprocess, sys
from gallery_samples import create, people, template
from facekit.errors import GalleryError
from facekit.gallery.sqlite.gallery import SqliteGallery
from facekit.gallery.sqlite.check import check
folder = sys.argv[1]
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "none", folder], check=True)
path = folder + "/gallery.db"
gallery, stored, message = create(path), 0, ""
try:
    for number in range(10_000):
        stored += gallery.add([template(f"subject {number}", photo) for photo in range(5)]).added
except GalleryError as error:
    message = str(error)
while_full = len(gallery.search(template("subject 1", 1).vector[None], 3)[0])
gallery.close()
with SqliteGallery.open(path) as gallery:
    kept, found = len(gallery), gallery.search(template("subject 1", 1).vector[None], 1)[0][0].subject
problems = [problem.message for problem in check(path)]
print(json.dumps([stored, kept, found, while_full, message, problems]))
"""


def test_a_full_disk_keeps_what_was_stored(tmp_path, start, may_mount):
    process = start(FULL, tmp_path, prefix=IN_NAMESPACE)
    stored_count, kept, found, while_full, message, problems = json.loads(process.communicate(timeout=60)[0])
    assert stored_count == kept > 0
    assert (found, while_full) == ("subject 1", 3)
    assert "disk" in message
    assert problems == []


READ_ONLY = """
import json, subprocess, sys
from pathlib import Path
from gallery_samples import template
from facekit.errors import GalleryError
from facekit.gallery.sqlite.gallery import SqliteGallery
from facekit.gallery.sqlite.check import check
folder = sys.argv[1]
subprocess.run(["mount", "--bind", folder, folder], check=True)
subprocess.run(["mount", "-o", "remount,bind,ro", folder], check=True)
path = Path(folder, "gallery.db")
try:
    with SqliteGallery.open(path) as gallery:
        found = gallery.search(template("person 001").vector[None], 1)[0][0].subject
        outcome = [found, len(gallery), len(gallery.subjects()), [problem.message for problem in check(path)]]
    SqliteGallery.open(path, write=True)
except GalleryError as error:
    outcome.append(str(error))
print(json.dumps(outcome))
"""


def test_a_gallery_in_a_read_only_place_is_read(path, start, may_mount):
    outcome = json.loads(start(READ_ONLY, path.parent, prefix=IN_NAMESPACE).communicate(timeout=60)[0])
    assert outcome[:4] == ["person 001", 6, 3, []]
    assert "cannot be" in outcome[4]


def test_a_log_in_a_read_only_place_is_not_overlooked(path, start, may_mount):
    killed = start(ADD, path, "killed", 5)
    killed.stdout.readline()
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    Path(f"{path}-shm").unlink()
    assert Path(f"{path}-wal").stat().st_size
    code = READ_ONLY.replace("outcome.append(str(error))", "outcome = str(error)")
    outcome = json.loads(start(code, path.parent, prefix=IN_NAMESPACE).communicate(timeout=60)[0])
    assert "cannot be read" in outcome


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_to_is_read(path):
    """As the shipped gallery, in a site-packages that belongs to root."""
    path.chmod(0o444)
    path.parent.chmod(0o555)
    try:
        with SqliteGallery.open(path) as gallery:
            assert len(gallery.subjects()) == 3
        assert [file.name for file in path.parent.iterdir()] == ["gallery.db"]
    finally:
        path.parent.chmod(0o755)
