"""One gallery object, several threads and other processes."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from gallery_samples import create, people, random_vectors, template

from facekit.calibration import Calibration
from facekit.errors import GalleryError
from facekit.gallery.sqlite import indexing
from facekit.gallery.sqlite.check import check
from facekit.gallery.sqlite.gallery import SqliteGallery

PROBES = random_vectors(4, seed=9)


@pytest.fixture(params=["small", "large"])
def gallery(tmp_path, monkeypatch, request):
    if request.param == "large":
        monkeypatch.setattr(indexing, "IN_MEMORY", 10)
    with create(tmp_path / "gallery.db", people(20)) as gallery:
        yield gallery


def in_thread(action, *arguments):
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(action, *arguments).result(timeout=30)


def test_every_method_works_in_another_thread(gallery):
    assert in_thread(len, gallery) == 40
    assert in_thread(gallery.search, PROBES) == gallery.search(PROBES)
    assert in_thread(gallery.subjects) == gallery.subjects()
    assert in_thread(gallery.templates, "person 001") == gallery.templates("person 001")
    assert in_thread(list, gallery.contents())
    assert in_thread(gallery.add, [template("Ann")]).added == 1
    in_thread(gallery.rename, "Ann", "Ben")
    in_thread(gallery.set_calibration, Calibration(0.5, "by hand"))
    assert in_thread(gallery.merge, "person 001", ["person 002"]) == 2
    assert in_thread(gallery.remove, ["Ben"]) == 1
    assert gallery.subject_count == 19
    in_thread(gallery.close)
    assert check(gallery.path) == []


def test_threads_that_search_beside_threads_that_change(gallery):
    errors, start = [], threading.Barrier(6)

    def work(action):
        start.wait()
        try:
            for number in range(8):
                action(number)
        except Exception as error:
            errors.append(error)

    def search(number):
        assert gallery.search(template("person 001").vector[None], 1)[0][0].subject == "person 001"
        with gallery.snapshot():
            assert len(gallery.templates()) == len(gallery)

    def enroll(name):
        return lambda number: gallery.add([template(name, number), template(f"{name} {number}")])

    def remove(number):
        gallery.remove([f"person {number + 2:03}"])

    actions = [search, search, enroll("Ann"), enroll("Ben"), remove, search]
    threads = [threading.Thread(target=work, args=(action,)) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(gallery) == 40 - 16 + 2 * 16
    assert gallery.due is None
    gallery.close()
    assert check(gallery.path) == []


def test_every_thread_sees_what_another_process_enrolls(gallery):
    probe = template("Ann").vector[None]
    gallery.search(probe)
    in_thread(gallery.search, probe)
    with SqliteGallery.open(gallery.path, write=True) as other:
        other.add([template("Ann")])
    assert gallery.search(probe, 1)[0][0].subject == "Ann"
    assert in_thread(gallery.search, probe, 1)[0][0].subject == "Ann"


def test_a_change_is_possible_while_the_same_thread_reads(gallery):
    found = gallery.contents()
    next(found)
    gallery.add([template("Ann")])
    assert len(gallery) == 41
    assert len(list(found)) == 39


def test_closed_while_another_thread_reads(gallery):
    found = gallery.contents()
    next(found)
    gallery.close()
    assert len(list(found)) == 39
    with pytest.raises(GalleryError, match="closed"):
        len(gallery)
    assert sorted(file.name for file in gallery.path.parent.iterdir() if "-wal" in file.name) == []


def test_another_file_in_its_place_is_not_taken_for_it(gallery, tmp_path):
    other = tmp_path / "other.db"
    create(other, people(3)).close()
    with gallery.snapshot():
        other.replace(gallery.path)
        with pytest.raises(GalleryError, match="taken its place"):
            in_thread(gallery.subjects)
