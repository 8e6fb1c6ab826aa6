"""Several processes at one gallery: they wait for each other, and what one reported survives its end."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from gallery_samples import create_at, names, people, template

import facekit
from facekit.gallery import open_gallery

ADD = """
import sys
from gallery_samples import template
from facekit.gallery import open_gallery
with open_gallery(sys.argv[1], write=True) as gallery:
    for number in range(int(sys.argv[3])):
        gallery.add([template(sys.argv[2], number), template(f"{sys.argv[2]} {number}")])
        print(number, flush=True)
"""


@pytest.fixture
def start(place):
    """Starts processes that enroll at the place, and ends those that a failed test leaves."""
    create_at(place, people(3)).close()
    folders = [str(Path(__file__).parent.parent), str(Path(facekit.__file__).parent.parent)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(folders)}
    processes = []

    def start_one(name, count):
        command = [sys.executable, "-c", ADD, place.argument, name, str(count)]
        processes.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment))
        return processes[-1]

    yield start_one
    for process in processes:
        process.kill()
        process.wait()
        process.stdout.close()


def stored(place, name):
    with open_gallery(place) as gallery:
        return {item.sha256 for item in gallery.stored(name)}


def test_what_was_reported_survives_a_kill(place, start):
    choose = random.Random(3)
    for round_number in range(2):
        name = f"killed {round_number}"
        process = start(name, 10_000)
        reported = choose.randrange(1, 40)
        for _ in range(reported):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        reported += process.communicate()[0].count("\n")
        assert {template(name, number).sha256 for number in range(reported)} <= stored(place, name)
        assert place.check() == []


def test_two_writers_wait_for_each_other_and_readers_go_on(place, start):
    writers = [start(name, 15) for name in ("one", "two")]
    probe = template("person 001").vector[None]
    while any(writer.poll() is None for writer in writers):
        with open_gallery(place) as gallery:
            assert names(gallery.search(probe, 1)) == [["person 001"]]
            with gallery.snapshot():
                assert len(gallery.templates()) == len(gallery)
    assert [writer.communicate()[0].count("\n") for writer in writers] == [15, 15]
    assert len(stored(place, "one")) == len(stored(place, "two")) == 15
    assert place.check() == []
