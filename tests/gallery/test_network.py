"""A gallery on a network folder, where locks fail, is told as that, and soon."""

import sqlite3
import time

import pytest
from gallery_samples import create, people

from facekit.errors import GalleryError
from facekit.gallery.sqlite import database, network
from facekit.gallery.sqlite.gallery import SqliteGallery

LINE = "36 35 0:31 / {place} rw,relatime shared:1 - {kind} server:/export rw\n"


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "a folder" / "gallery.db"
    path.parent.mkdir()
    create(path, people(3)).close()
    return path


@pytest.fixture
def mount(tmp_path, monkeypatch):
    """Pretend that file systems are mounted: pairs of place and type."""

    def mounted(*pairs):
        lines = [LINE.format(place=str(place).replace(" ", "\\040"), kind=kind) for place, kind in pairs]
        (tmp_path / "mountinfo").write_text("".join(["garbage\n", *lines]))
        monkeypatch.setattr(network, "MOUNTS", tmp_path / "mountinfo")

    return mounted


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "9p"])
def test_network_file_systems(path, mount, kind):
    mount(("/", "ext4"), (path.parent, kind), (path.parent.parent / "a", "nfs"))
    assert network.file_system(path) == kind
    assert network.file_system(path.parent.parent) is None


@pytest.mark.parametrize("kind", ["ext4", "btrfs", "tmpfs", "overlay", "fuseblk"])
def test_file_systems_of_this_machine(path, mount, kind):
    mount(("/", "nfs"), (path.parent, kind))
    assert network.file_system(path) is None


def test_a_link_to_a_network_folder(path, mount, tmp_path):
    mount((path.parent, "nfs4"))
    (tmp_path / "link.db").symlink_to(path)
    assert network.file_system(tmp_path / "link.db") == "nfs4"


def test_where_the_system_does_not_tell(path, monkeypatch, tmp_path):
    monkeypatch.setattr(network, "MOUNTS", tmp_path / "missing")
    assert network.file_system(path) is None


def failing(name, code):
    class Connection:
        def __init__(self, *_, **__): ...

        def setlimit(self, *_): ...

        def close(self): ...

        def execute(self, *_):
            error = sqlite3.OperationalError(name)
            error.sqlite_errorcode = code
            raise error

    return Connection


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("disk I/O error", sqlite3.SQLITE_IOERR | 15 << 8),
        ("locking protocol", sqlite3.SQLITE_PROTOCOL),
        ("database is locked", sqlite3.SQLITE_BUSY),
        ("unable to open database file", sqlite3.SQLITE_CANTOPEN),
    ],
)
def test_locks_that_fail_there_are_explained_without_long_silence(path, mount, monkeypatch, name, code):
    mount((path.parent, "cifs"))
    monkeypatch.setattr(database, "NETWORK_SECONDS", 0.2)
    monkeypatch.setattr(sqlite3, "connect", failing(name, code))
    started = time.monotonic()
    with pytest.raises(GalleryError, match=r"network folder \(cifs\).*local disk") as told:
        SqliteGallery.open(path, write=True)
    assert time.monotonic() - started < 5
    assert "free space" not in str(told.value)


def test_the_same_on_a_local_disk_is_not_the_network_s_fault(path, mount, monkeypatch):
    mount(("/", "ext4"))
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.1)
    monkeypatch.setattr(sqlite3, "connect", failing("disk I/O error", sqlite3.SQLITE_IOERR))
    with pytest.raises(GalleryError, match="free space"):
        SqliteGallery.open(path)


def test_a_gallery_on_a_network_folder_that_works_is_used(path, mount):
    mount((path.parent, "nfs4"))
    with SqliteGallery.open(path, write=True) as gallery:
        gallery.remove(["person 000"])
        assert len(gallery) == 4
