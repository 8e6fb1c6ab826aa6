"""One gallery, several threads and processes: each sees at its next question what the others did."""

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from gallery_samples import create_at, names, people, random_vectors, template

import facekit
from facekit.calibration.threshold import Calibration
from facekit.errors import GalleryError
from facekit.gallery import open_gallery

PROBES = random_vectors(4, seed=9)
ENROLL = """
import sys
from gallery_samples import template
from facekit.gallery import open_gallery
with open_gallery(sys.argv[1], write=True) as gallery:
    gallery.add([template("Ann")])
    gallery.remove(["person 001"])
"""


@pytest.fixture
def gallery(place):
    with create_at(place, people(12)) as gallery:
        yield gallery


def in_thread(action, *arguments):
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(action, *arguments).result(timeout=30)


def in_process(code, place):
    folders = [str(Path(__file__).parent.parent), str(Path(facekit.__file__).parent.parent)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(folders)}
    subprocess.run([sys.executable, "-c", code, place.argument], check=True, env=environment)


def test_every_method_works_in_another_thread(gallery, place):
    assert in_thread(len, gallery) == 24
    assert in_thread(gallery.search, PROBES) == gallery.search(PROBES)
    assert in_thread(gallery.subjects) == gallery.subjects()
    assert in_thread(gallery.templates, "person 001") == gallery.templates("person 001")
    assert in_thread(list, gallery.contents())
    assert in_thread(gallery.add, [template("Ann")]).added == 1
    in_thread(gallery.rename, "Ann", "Ben")
    in_thread(gallery.set_calibration, Calibration(0.5, "by hand"))
    assert in_thread(gallery.merge, "person 001", ["person 002"]) == 2
    assert in_thread(gallery.remove, ["Ben"]) == 1
    assert gallery.subject_count == 11
    in_thread(gallery.close)
    assert place.check() == []


def test_threads_that_search_beside_threads_that_change(gallery, place):
    errors, start = [], threading.Barrier(6)

    def work(action):
        start.wait()
        try:
            for number in range(6):
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
    assert len(gallery) == 24 - 12 + 2 * 12
    assert gallery.due is None
    gallery.close()
    assert place.check() == []


def test_another_process_is_seen_at_the_next_search_in_every_thread(gallery, place):
    ann, removed = template("Ann").vector[None], template("person 001").vector[None]
    with open_gallery(place) as reader:
        for opened in (gallery, reader):
            assert names(opened.search(removed, 1)) == [["person 001"]]
            in_thread(opened.search, ann)
        number = gallery.change_number
        in_process(ENROLL, place)
        for opened in (gallery, reader):
            assert names(opened.search(ann, 1)) == names(in_thread(opened.search, ann, 1)) == [["Ann"]]
            assert "person 001" not in names(opened.search(removed, 20))[0]
            assert opened.change_number == number + 2


def test_a_new_calibration_is_seen_with_the_next_search(gallery, place):
    with open_gallery(place) as reader:
        reader.search(PROBES)
        gallery.set_calibration(Calibration(0.77, "by hand"))
        reader.search(PROBES)
        assert (reader.threshold, reader.settings.calibration.description) == (0.77, "by hand")


def test_a_change_is_possible_while_the_same_thread_reads(gallery):
    found = gallery.contents()
    next(found)
    gallery.add([template("Ann")])
    assert len(gallery) == 25
    assert len(list(found)) == 23


def test_closed_while_another_thread_reads(gallery):
    found = gallery.contents()
    next(found)
    gallery.close()
    assert len(list(found)) == 23
    with pytest.raises(GalleryError, match="closed"):
        len(gallery)
