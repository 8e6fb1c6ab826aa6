"""Files take the place of others whole, or not at all."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from facekit.files import writing
from facekit.files.writing import creating, prepare, replacing, write_bytes

OLD = 1_000_000_000  # a time long ago


@pytest.fixture(autouse=True)
def _nothing_cleaned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "_cleaned", set())


@pytest.mark.parametrize("durable", [False, True])
def test_a_file_takes_its_place_when_all_is_written(tmp_path: Path, durable: bool) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with replacing(path, durable=durable) as unfinished:
        unfinished.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_after_an_error_everything_is_as_it_was_and_the_error_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")

    def write(names: str | None) -> None:
        with replacing(path) as unfinished:
            unfinished.write_text("half")
            raise OSError(errno.ENOSPC, "No space left on device", names or str(unfinished))

    for names, told in ((None, str(path)), ("elsewhere", "elsewhere")):
        with pytest.raises(OSError, match="No space left") as raised:
            write(names)
        assert raised.value.filename == told
        assert (path.read_text(), list(tmp_path.iterdir())) == ("old", [path])


def test_an_error_without_a_number_or_of_a_copy_names_the_file_too(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with pytest.raises(OSError, match="encoder error") as raised, replacing(path):
        raise OSError("encoder error -2")
    assert raised.value.filename == str(path)
    with pytest.raises(OSError, match="No space") as raised, replacing(path) as unfinished:
        raise OSError(errno.ENOSPC, "No space left on device", "photo.jpg", None, str(unfinished))
    assert raised.value.filename == str(path)


def test_a_place_that_cannot_be_written_is_told_before_the_work(tmp_path: Path) -> None:
    prepare(tmp_path / "new" / "a.dat")
    assert list((tmp_path / "new").iterdir()) == []
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        prepare(tmp_path / "file" / "a.dat")
    with pytest.raises(IsADirectoryError) as raised:
        prepare(tmp_path / "new")
    assert raised.value.filename == str(tmp_path / "new")


def test_two_that_write_one_file_at_once_do_not_meet(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with replacing(path) as first, replacing(path) as second:
        assert first != second
        first.write_text("first")
        second.write_text("second")
    assert path.read_text() == "first"
    assert list(tmp_path.iterdir()) == [path]


def test_threads_leave_one_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    contents = [bytes([number]) * 200_000 for number in range(8)]
    threads = [threading.Thread(target=write_bytes, args=(path, content)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_bytes() in contents
    assert list(tmp_path.iterdir()) == [path]


def test_a_planted_name_is_neither_followed_nor_taken_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing.secrets, "token_hex", lambda count: "0" * 2 * count)
    planted = tmp_path / f".facekit-{'0' * 16}.part"
    precious = tmp_path / "precious"
    precious.write_text("mine")
    planted.symlink_to(precious)
    with pytest.raises(FileExistsError) as raised:
        write_bytes(tmp_path / "a.txt", b"new")
    assert raised.value.filename == str(tmp_path / "a.txt")
    assert precious.read_text() == "mine"
    assert planted.is_symlink()


def test_no_name_is_too_long_for_the_file_beside_it(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 255)
    write_bytes(path, b"new")
    assert path.read_bytes() == b"new"


@pytest.mark.skipif(os.name == "nt", reason="rights of POSIX")
def test_rights_are_those_of_the_umask_of_the_replaced_file_or_the_owners_alone(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        new, replaced, private = (tmp_path / name for name in ("new", "replaced", "private"))
        for path, mode in ((replaced, 0o4604), (private, 0o666)):
            path.touch()
            path.chmod(mode)
        for path in (new, replaced):
            write_bytes(path, b"x")
        write_bytes(private, b"x", private=True)
    finally:
        os.umask(before)
    assert [path.stat().st_mode & 0o7777 for path in (new, replaced, private)] == [0o640, 0o604, 0o600]


@pytest.mark.skipif(os.name == "nt", reason="links and pipes of POSIX")
def test_a_link_is_replaced_and_what_is_no_file_is_not(tmp_path: Path) -> None:
    precious, link, pipe = tmp_path / "precious", tmp_path / "link", tmp_path / "pipe"
    precious.write_text("mine")
    link.symlink_to(precious)
    write_bytes(link, b"new")
    assert (precious.read_text(), link.read_text(), link.is_symlink()) == ("mine", "new", False)
    os.mkfifo(pipe)
    for path in (pipe, Path("/dev/null")):
        with pytest.raises(OSError, match="no regular file") as raised:
            write_bytes(path, b"x")
        assert raised.value.filename == str(path)
    assert pipe.is_fifo()


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everything")
def test_a_file_that_may_not_be_written_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("mine")
    path.chmod(0o444)
    with pytest.raises(PermissionError):
        write_bytes(path, b"new")
    assert path.read_text() == "mine"


@pytest.mark.skipif(os.name == "nt", reason="locks of POSIX")
def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from facekit.files.writing import replacing\n"
        "with replacing(Path(sys.argv[1])) as unfinished:\n"
        "    unfinished.write_text('half'); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.txt")], check=False)
    [left] = tmp_path.iterdir()
    write_bytes(tmp_path / "b.txt", b"x")
    assert left.exists()  # it might have been made in this moment

    os.utime(left, (OLD, OLD))
    writing._cleaned.clear()
    with replacing(tmp_path / "c.txt") as busy:
        os.utime(busy, (OLD, OLD))
        writing._cleaned.clear()
        write_bytes(tmp_path / "d.txt", b"x")
        assert busy.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.txt", "c.txt", "d.txt"]


@pytest.mark.parametrize("middle", ["notes", "a" * 15, "a" * 17, "A" * 16])
def test_a_file_of_nearly_such_a_name_is_the_users_and_stays(tmp_path: Path, middle: str) -> None:
    mine = tmp_path / f".facekit-{middle}.part"
    mine.write_text("mine")
    os.utime(mine, (OLD, OLD))
    write_bytes(tmp_path / "a.txt", b"new")
    assert mine.read_text() == "mine"


def test_a_new_file_appears_whole_and_takes_nobodys_name(tmp_path: Path) -> None:
    path = tmp_path / "new"
    with creating(path, private=True) as unfinished:
        unfinished.write_bytes(b"whole")
        assert not path.exists()
    assert path.read_bytes() == b"whole"
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError), creating(path):
        raise AssertionError("begun though the name is taken")
    meanwhile = tmp_path / "meanwhile"
    with pytest.raises(FileExistsError, match="meanwhile"), creating(meanwhile) as unfinished:
        meanwhile.write_bytes(b"another's")
    assert meanwhile.read_bytes() == b"another's"
    with pytest.raises(KeyError), creating(tmp_path / "never"):
        raise KeyError
    assert sorted(file.name for file in tmp_path.iterdir()) == ["meanwhile", "new"]
