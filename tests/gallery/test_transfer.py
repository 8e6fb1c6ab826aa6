"""A gallery goes out to NPZ or JSON lines and comes back the same."""

import contextlib
import json
import stat

import numpy as np
import pytest
from gallery_samples import create, people, random_vectors, template

from facekit.errors import GalleryError, UsageError
from facekit.gallery import Gallery, transfer

STRANGE = ["a\0\0", "line\u2028break\n", "=1+1", "김철수", "\x1b[31m"]
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
def test_out_and_in_again(gallery, tmp_path, suffix):
    file = tmp_path / f"people{suffix}"
    assert transfer.write(gallery, file) == 11
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with transfer.create_from(transfer.read(file), tmp_path / "again.db") as again:
        assert content(again) == content(gallery)
        assert (again.threshold, again.calibration) == (gallery.threshold, gallery.calibration)
        assert again.embedder_name == gallery.embedder_name
        probes = random_vectors(5, seed=3)
        assert again.search(probes) == gallery.search(probes)
        assert transfer.import_into(again, transfer.read(file)).present == 11


@SUFFIXES
def test_an_empty_gallery_goes_out_and_in(tmp_path, suffix):
    file = tmp_path / f"nobody{suffix}"
    with create(tmp_path / "gallery.db") as gallery:
        transfer.write(gallery, file)
    with transfer.create_from(transfer.read(file), tmp_path / "again.db") as again:
        assert len(again) == 0


@SUFFIXES
def test_the_same_gallery_gives_the_same_bytes(gallery, tmp_path, suffix):
    files = [tmp_path / f"{number}{suffix}" for number in range(2)]
    for file in files:
        transfer.write(gallery, file)
    assert files[0].read_bytes() == files[1].read_bytes()


def test_other_programs_read_the_files(gallery, tmp_path):
    transfer.write(gallery, tmp_path / "people.npz")
    with np.load(tmp_path / "people.npz", allow_pickle=False) as arrays:
        assert arrays["vectors"].shape == (11, 128)
        assert json.loads(bytes(arrays["templates"]))[0]["subject"] == "person 000"
    header, first, *_ = map(json.loads, transfer.lines(gallery))
    assert (header["kind"], header["templates"]) == ("facekit gallery", 11)
    assert len(first["vector"]) == 128


def test_between_galleries(gallery, tmp_path):
    with create(tmp_path / "other.db", people(2)) as other:
        report = transfer.copy(gallery, other)
        assert (report.added, report.present) == (7, 4)


def test_vectors_of_another_embedder_do_not_come_in(gallery, tmp_path):
    transfer.write(gallery, tmp_path / "people.npz")
    with create(tmp_path / "other.db", fingerprint="cd" * 32) as other:
        with pytest.raises(GalleryError, match="cannot be compared"):
            transfer.import_into(other, transfer.read(tmp_path / "people.npz"))
        assert len(other) == 0


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
    ],
)
def test_a_bad_template_is_refused(gallery, tmp_path, change):
    header, first, *rest = transfer.lines(gallery)
    file = tmp_path / "bad.jsonl"
    file.write_text("\n".join([header, json.dumps({**json.loads(first), **change}), *rest]))
    with pytest.raises(GalleryError, match="bad"):
        transfer.read(file)


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


def test_an_export_sees_one_state(gallery, tmp_path):
    lines = transfer.lines(gallery)
    header = json.loads(next(lines))
    with Gallery.open(gallery.path, write=True) as other:
        other.add(people(30))
    assert len(list(lines)) == header["templates"]


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
