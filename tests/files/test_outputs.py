"""Nothing is written over what is read, nor over what facekit did not write."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from facekit.errors import UsageError
from facekit.files.outputs import leaves, make_folder, require_distinct, require_replaceable

links = pytest.mark.skipif(os.name == "nt", reason="links of POSIX")


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    folder = tmp_path / "raw"
    (folder / "ada").mkdir(parents=True)
    (folder / "ada" / "1.jpg").write_bytes(b"mine")
    return folder


def test_a_folder_for_output_is_none_that_is_read_nor_inside_of_one(raw: Path) -> None:
    for out in (raw, raw / ".." / "raw", raw / "ada", raw / "new" / "deep", raw / "ada" / "1.jpg"):
        with pytest.raises(UsageError):
            make_folder(out, ["-", str(raw)])
    assert sorted(path.name for path in raw.rglob("*")) == ["1.jpg", "ada"]


def test_a_folder_beside_or_around_what_is_read_is_taken(raw: Path) -> None:
    for out in (raw.parent / "raw2", raw.parent, raw.parent / "new" / "deep"):
        make_folder(out, [str(raw), "missing.jpg", "a\0b"])
        assert out.is_dir()
    make_folder(raw, [str(raw / "ada" / "1.jpg")])  # a picture is read, not its folder


@links
def test_links_hide_no_folder_that_is_read(raw: Path) -> None:
    link = raw.parent / "link"
    link.symlink_to(raw, target_is_directory=True)
    for out, given in ((link, raw), (raw, link), (link / "new", raw), (raw / "new", link)):
        with pytest.raises(UsageError):
            make_folder(out, [given])
    (raw.parent / "loop").symlink_to("loop")
    with pytest.raises((UsageError, OSError)):
        make_folder(raw.parent / "loop", [raw])


@links
def test_a_link_that_leads_out_of_a_folder_is_known(tmp_path: Path) -> None:
    (tmp_path / "out" / "ada").mkdir(parents=True)
    (tmp_path / "out" / "bob").symlink_to(tmp_path)
    (tmp_path / "out" / "ann").symlink_to("ada")
    told = {
        name: leaves(tmp_path / "out" / name / "new" / "1.png", tmp_path / "out") for name in ("ada", "ann")
    }
    assert told == {"ada": False, "ann": False}
    assert leaves(tmp_path / "out" / "bob" / "1.png", tmp_path / "out")


def test_a_named_file_is_replaced_only_if_it_is_empty_or_ours(tmp_path: Path, raw: Path) -> None:
    photo = raw / "ada" / "1.jpg"
    alias = tmp_path / "alias.npz"
    os.link(photo, alias)
    for path in (photo, alias):
        with pytest.raises(UsageError, match="one of the inputs"):
            require_replaceable(path, [str(photo)], lambda path: True)
    empty, other = tmp_path / "empty", tmp_path / "other"
    empty.touch()
    other.write_bytes(b"mine")
    for path in (empty, tmp_path / "new"):
        require_replaceable(path, [str(raw)])
    require_replaceable(other, [], lambda path: path.read_bytes() == b"mine")
    with pytest.raises(UsageError, match=r"other.*another name"):
        require_replaceable(other, [])


def test_two_outputs_are_two_files(tmp_path: Path) -> None:
    (tmp_path / "there").touch()
    (tmp_path / "link").symlink_to("new")
    os.link(tmp_path / "there", tmp_path / "twin")
    require_distinct(tmp_path / "there", None, tmp_path / "new", None)
    for one, other in (("new", "./new"), ("new", "link"), ("there", "twin")):
        with pytest.raises(UsageError, match="given for two files"):
            require_distinct(tmp_path / one, tmp_path / other)
