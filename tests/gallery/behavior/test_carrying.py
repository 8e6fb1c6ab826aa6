"""A gallery's people can be carried to another place, and are the same there."""

import pytest
from gallery_samples import create_at, people, random_vectors, settings, template

from facekit.errors import GalleryError
from facekit.gallery import create_gallery, transfer

STRANGE = ["a\1\1", "line\u2028break\n", "=1+1", "김철수", "\x1b[31m"]
SUFFIXES = pytest.mark.parametrize("suffix", transfer.SUFFIXES)


@pytest.fixture
def gallery(place):
    with create_at(place, people(3) + [template(name) for name in STRANGE]) as gallery:
        gallery.remove(["person 002"])
        yield gallery


def content(gallery):
    return [
        (item.subject, item.sha256, item.source, item.box, dict(item.quality), item.added, bytes(item.vector))
        for item in gallery.contents()
    ]


@SUFFIXES
def test_out_and_in_again(gallery, new_place, tmp_path, suffix):
    file = tmp_path / f"people{suffix}"
    assert transfer.write(gallery, file) == len(gallery) == 9
    with transfer.create_from(transfer.read(file), new_place()) as again:
        assert content(again) == content(gallery)
        assert again.settings.calibration == gallery.settings.calibration
        assert again.settings.embedder == gallery.settings.embedder
        probes = random_vectors(5, seed=3)
        assert again.search(probes) == gallery.search(probes)
        assert transfer.import_into(again, transfer.read(file)).present == 9
        # What was removed there is removed here.
        assert again.add([template("person 002")]).removed == 1


@SUFFIXES
def test_an_empty_gallery_goes_out_and_in(new_place, tmp_path, suffix):
    file = tmp_path / f"nobody{suffix}"
    with create_at(new_place()) as gallery:
        transfer.write(gallery, file)
    with transfer.create_from(transfer.read(file), new_place()) as again:
        assert len(again) == 0


def test_between_open_galleries(gallery, new_place):
    with create_at(new_place(), people(2)) as other:
        report = transfer.copy(gallery, other)
        assert (report.added, report.present) == (5, 4)
        assert other.add([template("person 002")]).removed == 1


def test_an_import_gives_no_face_a_second_name(gallery, new_place):
    renamed = template("Zoe", sha256=template("person 000").sha256)
    with create_at(new_place(), [renamed]) as other:
        report = transfer.copy(gallery, other)
        assert (report.added, report.held) == (8, 1)
        assert "person 000" in other.names()


def test_what_is_taken_over_of_removals_lets_nobody_back(gallery, new_place):
    stones = gallery.tombstones()
    with create_gallery(new_place(), settings(), tombstones=stones) as other:
        assert list(other.tombstones()) == list(stones)
        assert other.add(people(3)).removed == 2


def test_vectors_of_another_embedder_do_not_come_in(gallery, new_place):
    with create_at(new_place(), fingerprint="cd" * 32) as other:
        with pytest.raises(GalleryError, match="cannot be compared"):
            transfer.copy(gallery, other)
        assert len(other) == 0


def test_an_export_sees_one_state(gallery, place):
    lines = transfer.lines(gallery)
    next(lines)
    with place.open(write=True) as other:
        other.add(people(20)[8:])
    assert len(list(lines)) == 9
