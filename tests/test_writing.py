"""Files take the place of others whole, or not at all."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from facekit.writing import prepare, replacing


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


def test_a_place_that_cannot_be_written_is_told_before_the_work(tmp_path: Path) -> None:
    prepare(tmp_path / "new" / "a.dat")
    assert list((tmp_path / "new").iterdir()) == []
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        prepare(tmp_path / "file" / "a.dat")
