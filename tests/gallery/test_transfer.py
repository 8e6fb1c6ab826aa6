"""A gallery goes out to NPZ or JSON lines and comes back the same."""

import contextlib
import io
import json
import os
import stat
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from gallery_samples import create, people, template

from facekit.calibration.threshold import Calibration
from facekit.errors import GalleryError, UsageError
from facekit.gallery import transfer
from facekit.gallery.sqlite.gallery import SqliteGallery
from facekit.gallery.tombstones import Tombstones

STRANGE = ["a\1\1", "line\u2028break\n", "=1+1", "김철수", "\x1b[31m"]
SUFFIXES = pytest.mark.parametrize("suffix", [".npz", ".jsonl"])


@pytest.fixture
def gallery(tmp_path):
    with create(tmp_path / "gallery.db", people(3) + [template(name) for name in STRANGE]) as gallery:
        yield gallery


def content(gallery):
    return sorted(
        (
            item.subject,
            item.sha256,
            item.source,
            item.box,
            tuple(item.quality.items()),
            item.added,
            bytes(item.vector),
        )
        for item in gallery.contents()
    )


@SUFFIXES
def test_the_same_gallery_gives_the_same_bytes(gallery, tmp_path, suffix):
    files = [tmp_path / f"{number}{suffix}" for number in range(2)]
    for file in files:
        transfer.write(gallery, file)
    assert files[0].read_bytes() == files[1].read_bytes()
    assert stat.S_IMODE(files[0].stat().st_mode) == 0o600


def test_other_programs_read_the_files(gallery, tmp_path):
    transfer.write(gallery, tmp_path / "people.npz")
    with np.load(tmp_path / "people.npz", allow_pickle=False) as arrays:
        assert arrays["vectors"].shape == (11, 128)
        assert json.loads(bytes(arrays["templates"]))[0]["subject"] == "person 000"
    header, first, *_ = map(json.loads, transfer.lines(gallery))
    assert (header["kind"], header["templates"]) == ("facekit gallery", 11)
    assert not {"created", "calibrated"} & header.keys()
    assert len(first["vector"]) == 128


def test_files_are_not_overwritten_and_other_suffixes_refused(gallery, tmp_path):
    file = tmp_path / "people.npz"
    file.write_text("mine")
    with pytest.raises(GalleryError, match="not overwritten"):
        transfer.write(gallery, file)
    assert file.read_text() == "mine"
    with pytest.raises(UsageError, match=r"\.jsonl or \.npz"):
        transfer.write(gallery, tmp_path / "people.pickle")


@SUFFIXES
def test_a_missing_file_is_told(tmp_path, suffix):
    with pytest.raises(GalleryError, match="No such file"):
        transfer.read(tmp_path / f"missing{suffix}")


@SUFFIXES
@pytest.mark.parametrize("keep", [0.0, 0.01, 0.5, 0.95])
def test_a_truncated_file_is_refused(gallery, tmp_path, suffix, keep):
    whole = tmp_path / f"whole{suffix}"
    transfer.write(gallery, whole)
    cut = tmp_path / f"cut{suffix}"
    cut.write_bytes(whole.read_bytes()[: int(keep * whole.stat().st_size)])
    with pytest.raises(GalleryError, match="cut"):
        transfer.read(cut)


def test_lines_lost_at_the_end_are_noticed(gallery, tmp_path):
    lines = list(transfer.lines(gallery))
    (tmp_path / "cut.jsonl").write_text("\n".join(lines[:-1]) + "\n")
    with pytest.raises(GalleryError, match="10 of 11"):
        transfer.read(tmp_path / "cut.jsonl")


@pytest.mark.parametrize(
    "change",
    [
        {"vector": [0.0] * 128},
        {"vector": [1e300] * 128},
        {"vector": [1.0]},
        {"vector": "1"},
        {"subject": ""},
        {"subject": "\ud800"},
        {"sha256": "x"},
        {"box": [1, 2]},
        {"quality": None},
        {"quality": {"size": "big"}},
        {"quality": {"size": 10**400}},
        {"subject": "x" * 301},
        {"subject": "x" * 500_000},
        {"subject": 7},
        {"source": "x" * 20_000},
        {"added": "yesterday"},
        {"added": "\ud800"},
        {"box": [1, 2, 3, "4"]},
        {"vector": [[1.0]]},
    ],
)
def test_a_bad_template_is_refused(gallery, tmp_path, change):
    header, first, *rest = transfer.lines(gallery)
    file = tmp_path / "bad.jsonl"
    file.write_text("\n".join([header, json.dumps({**json.loads(first), **change}), *rest]))
    with pytest.raises(GalleryError, match="bad"):
        transfer.read(file)


@pytest.mark.parametrize("suffix", [".npz", ".jsonl"])
def test_names_of_one_look_come_in_as_one_person_whom_a_typed_name_reaches(tmp_path, suffix, monkeypatch):
    """Other programs write another Unicode form, and blanks that nobody sees."""
    composed, decomposed = "Jos\u00e9 P", "Jose\u0301 P"
    forms = (composed, decomposed, f" {decomposed} ", "Jos\u00e9\u2003P", "Jos\u00e9\nP")
    with create(tmp_path / "theirs.db", [template(f"p{number}") for number in range(len(forms))]) as theirs:
        items = [replace(item, subject=forms[n]) for n, item in enumerate(theirs.contents())]
        monkeypatch.setattr(theirs, "contents", lambda: iter(items))
        transfer.write(theirs, tmp_path / f"forms{suffix}")
    with create(tmp_path / "ours.db", [template("Ada")]) as ours:
        assert transfer.import_into(ours, transfer.read(tmp_path / f"forms{suffix}")).added == len(forms)
        assert ours.names() == ["Ada", composed]
        assert ours.remove([decomposed]) == len(forms)
        assert ours.names() == ["Ada"]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"kind": "other", "schema": 1}', "\x80"])
def test_another_kind_of_file_is_refused(tmp_path, text):
    file = tmp_path / "other.jsonl"
    file.write_text(text, encoding="latin-1")
    with pytest.raises(GalleryError, match="not an export"):
        transfer.read(file)


def test_nothing_is_unpickled(tmp_path):
    class Trap:
        def __reduce__(self):
            return print, ("unpickled",)

    np.savez(tmp_path / "trap.npz", header=np.array([Trap()], object), templates=np.array([Trap()], object))
    with pytest.raises(GalleryError, match="not an export"):
        transfer.read(tmp_path / "trap.npz")


def test_lines_on_a_terminal_do_it_no_harm(gallery):
    for line in transfer.lines(gallery):
        assert line.isascii()
        assert line.isprintable()


def test_a_flipped_bit_is_an_error_in_words_or_changes_nothing(gallery, tmp_path):
    file = tmp_path / "people.npz"
    transfer.write(gallery, file)
    before, damaged = file.read_bytes(), tmp_path / "damaged.npz"
    for place in range(0, len(before), 97):
        damaged.write_bytes(before[:place] + bytes([before[place] ^ 8]) + before[place + 1 :])
        with contextlib.suppress(GalleryError):
            transfer.read(damaged)


@pytest.mark.parametrize(
    "change",
    [
        {"calibration": "\ud800"},
        {"calibration": "x" * 100_000},
        {"embedder": "\udfff"},
        {"fingerprint": 7},
        {"dimension": 10**9},
        {"dimension": True},
        {"threshold": "NaN"},
        {"templates": 10**30},
        {"threshold": 1e299},
        {"tail": -1},
        {"removed": {"keys": ["zz"], "stones": []}},
        {"removed": {"keys": [" ".join(["00"] * 16)], "stones": []}},
        {"removed": {"keys": ["00" * 16], "stones": [["00" * 32, "face", "[NaN, 0, 1, 1]"]]}},
        {"removed": []},
    ],
)
@SUFFIXES
def test_a_bad_header_is_refused_and_no_gallery_is_left(gallery, tmp_path, change, suffix):
    header, *rest = transfer.lines(gallery)
    header = json.dumps({**json.loads(header), **change})
    file = tmp_path / f"bad{suffix}"
    if suffix == ".npz":
        described = [json.loads(line) for line in rest]
        vectors = np.array([item.pop("vector") for item in described], np.float32)
        np.savez(file, header=as_bytes(header), templates=as_bytes(json.dumps(described)), vectors=vectors)
    else:
        file.write_text("\n".join([header, *rest]))
    with pytest.raises(GalleryError, match="bad"):
        transfer.create_from(transfer.read(file), tmp_path / "new.db")
    assert not list(tmp_path.glob("*new.db*"))


def as_bytes(text):
    return np.frombuffer(text.encode(), np.uint8)


def test_a_gallery_is_made_of_an_export_whole_or_not_at_all(gallery, tmp_path):
    exported = transfer.read(written(gallery, tmp_path))
    long = replace(exported.settings, calibration=Calibration(0.5, "x" * 100_000))
    with pytest.raises(UsageError, match="calibration"):
        transfer.create_from(replace(exported, settings=long), tmp_path / "new.db")
    wrong = replace(exported.templates[-1], subject="x" * 301)
    exported = replace(exported, templates=[*exported.templates, wrong])
    with pytest.raises(UsageError, match="301 characters"):
        transfer.create_from(exported, tmp_path / "new.db")
    assert not list(tmp_path.glob("*new.db*"))
    before = content(gallery)
    with pytest.raises(UsageError, match="301 characters"):
        transfer.import_into(gallery, exported)
    assert content(gallery) == before


def test_what_was_removed_from_too_many_galleries_leaves_the_gallery_as_it_was(gallery, tmp_path):
    keys = [f"{number:032x}" for number in range(301)]
    for there, more in ((300, 300), (0, 301), (300, 301)):
        exported = transfer.read(written(gallery, tmp_path, f"{there}-{more}.npz"))
        target = tmp_path / f"{there}-{more}.db"
        create(target, people(1)).close()
        with SqliteGallery.open(target, write=True) as opened:
            opened.add([], tombstones=Tombstones(keys[:there]))
            if more == 300:
                transfer.import_into(opened, replace(exported, tombstones=Tombstones(keys[:more])))
                continue
            with pytest.raises(UsageError, match="300 galleries"):
                transfer.import_into(opened, replace(exported, tombstones=Tombstones(keys[:more])))
        with SqliteGallery.open(target) as opened:
            assert opened.names() == ["person 000"]


def written(gallery, folder, name="people.npz"):
    transfer.write(gallery, folder / name)
    return folder / name


@SUFFIXES
def test_pipes_and_devices_are_not_read(tmp_path, suffix):
    pipe, device = tmp_path / f"pipe{suffix}", tmp_path / f"device{suffix}"
    os.mkfifo(pipe)
    device.symlink_to("/dev/zero")
    for file in (pipe, device):
        with pytest.raises(GalleryError, match="no regular file"):
            transfer.read(file)


def test_a_file_larger_than_any_export_is_not_read(tmp_path):
    file = tmp_path / "huge.jsonl"
    file.touch()
    os.truncate(file, transfer.MOST_BYTES + 1)
    with pytest.raises(GalleryError, match="bytes"):
        transfer.read(file)


def test_lines_without_end_are_not_read(gallery, tmp_path, monkeypatch):
    monkeypatch.setattr(transfer, "LONGEST_HEADER", 10_000)
    file = tmp_path / "zeros.jsonl"
    file.touch()
    os.truncate(file, 1 << 30)
    with pytest.raises(GalleryError, match="no end"):
        transfer.read(file)
    header, first, *rest = transfer.lines(gallery)
    file.write_text("\n".join([header, first.replace("}", " " * (2 << 20) + "}"), *rest]))
    with pytest.raises(GalleryError, match="too long"):
        transfer.read(file)


def test_an_archive_that_unpacks_to_far_more_than_it_is(tmp_path):
    file = tmp_path / "bomb.npz"
    empty = np.zeros(300 << 20, np.uint8)
    np.savez_compressed(file, header=empty, templates=empty[:1], vectors=empty[:1])
    with pytest.raises(GalleryError, match="unpacks to more"):
        transfer.read(file)


@pytest.mark.parametrize("claim", [b"(99, 128)", b"(-1, 128)", b"((((((((("])
def test_an_array_that_claims_more_than_it_has(gallery, tmp_path, claim):
    file = written(gallery, tmp_path)
    claimed = tmp_path / "claimed.npz"
    with zipfile.ZipFile(file) as before, zipfile.ZipFile(claimed, "w") as after:
        for name in before.namelist():
            after.writestr(name, before.read(name).replace(b"(11, 128)", claim))
    with pytest.raises(GalleryError, match="claimed"):
        transfer.read(claimed)


def test_from_an_open_file(gallery, tmp_path):
    lines = "\n".join(transfer.lines(gallery)).encode()
    with transfer.create_from(transfer.read(io.BytesIO(lines)), tmp_path / "again.db") as again:
        assert content(again) == content(gallery)
    with pytest.raises(GalleryError, match="standard input: not an export"):
        transfer.read(io.BytesIO(b"\x00" * 100))
