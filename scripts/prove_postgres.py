#!/usr/bin/env python3
"""A gallery on a PostgreSQL server gives the answers of a file, and loses nothing that was reported.

    scripts/prove_postgres.py [--photos FOLDER] [--kills 20] [--seconds 120] [--templates 100000]

It starts a server of its own (scripts/postgres_server.py). FOLDER has a sub-folder with photos for each
person: all are enrolled into a file and into a database, and all are identified by both. Then the server is
killed with SIGKILL at random moments while a client enrolls; processes do what chance says to one gallery,
and are killed, as in scripts/model_test.py, which judges them; and a large gallery is searched. The exit
status is 1 when a promise was broken.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import model_test
import numpy as np
import postgres_server
from gallery_model import FINGERPRINT, new_gallery, picture

import facekit
from facekit.calibration.threshold import Calibration
from facekit.errors import FacekitError
from facekit.gallery import NewTemplate, copy_gallery, create_gallery, open_gallery
from facekit.gallery.gallery_settings import GallerySettings

CLIENT = """
import sys
from gallery_model import picture, template
from facekit.errors import GalleryError
from facekit.gallery import open_gallery
try:
    with open_gallery(sys.argv[1], write=True) as gallery:
        for number in range(int(sys.argv[2])):
            gallery.add([template(f"person {number // 3}", picture("photo", number))])
            print(number, flush=True)
except GalleryError as error:
    sys.exit(str(error))
"""
PAUSE = 0.3
SEARCHES = 20


class BrokenError(Exception):
    """What was promised and is not so."""


def same_answers(server: postgres_server.Server, photos: Path, folder: Path) -> str:
    """Enroll all photos into a file and a database, and identify all by both."""
    file, address = folder / "photos.db", server.address(schema="photos")
    places: list[Path | str] = [file, address]
    outcomes = [facekit.enroll(photos, gallery=place).outcomes for place in places]
    _require(outcomes[0] == outcomes[1], "enrolling gives other results")
    found = [[each.to_dict() for each in facekit.identify(photos, place, top=50)] for place in places]
    _require(found[0] == found[1], "identifying gives other names, scores or orders")
    with open_gallery(file) as one, open_gallery(address) as other:
        _require(
            one.search(_all_vectors(one), 50) == other.search(_all_vectors(other), 50), "searches differ"
        )
        people, templates = one.subject_count, len(one)
        _require((people, templates) == (other.subject_count, len(other)), "another number of people")
    for source, target in ((address, folder / "copy.db"), (file, server.address(schema="copied"))):
        copy_gallery(source, target)
    what = f"{len(found[0])} photos, {templates} templates of {people} people"
    return f"{what}: all names, scores and orders are equal"


def _all_vectors(gallery: facekit.Gallery) -> np.ndarray:
    return np.stack([item.vector for item in gallery.contents()])


def killed(server: postgres_server.Server, kills: int, seed: int) -> Iterator[str]:
    """The server is killed while a client enrolls; what the client reported is there when it is back, and
    running again finishes.
    """
    chance = random.Random(seed)
    for number in range(kills):
        address = server.address(schema=f"killed_{number}")
        new_gallery(address).close()
        client = _client(address, 100_000)
        assert client.stdout is not None
        client.stdout.readline()
        time.sleep(PAUSE * chance.random())
        server.kill()
        # A moment in which nobody answers, or none.
        time.sleep(PAUSE * chance.random() * (number % 2))
        server.start()
        time.sleep(PAUSE * chance.random())
        while client.poll() is None:  # it was not asking anything then, and has connected again
            server.kill()
            server.start()
            time.sleep(PAUSE * chance.random())
        output, errors = client.communicate(timeout=60)
        reported = 1 + output.count("\n")
        _require(all("postgresql://" in line for line in errors.splitlines()), f"the client says {errors}")
        _require("postgresql://" in errors, f"the client does not say what happened: {errors}")
        stored = _stored(address)
        wanted = {picture("photo", each) for each in range(reported)}
        _require(wanted <= stored, f"{len(wanted - stored)} reported templates are lost")
        _require(len(stored) <= reported + 1, "there is more than was begun")
        again = _client(address, reported + 5)
        again.communicate(timeout=60)
        _require(
            again.returncode == 0 and len(_stored(address)) == reported + 5, "running again does not finish"
        )
        _require(facekit.gallery_check(gallery=address).intact, "there is damage")
        said = errors.strip().rpartition(f"schema=killed_{number}: ")[2]
        yield f"killed with {reported} reported, {len(stored)} stored: {said[:60]} …"


def _client(address: str, count: int) -> subprocess.Popen[str]:
    folders = [str(Path(__file__).parent), str(Path(facekit.__file__).parent.parent)]
    return subprocess.Popen(
        [sys.executable, "-c", CLIENT, address, str(count)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(folders)},
    )


def _stored(address: str) -> set[str]:
    with open_gallery(address) as gallery:
        return {info.sha256 for info in gallery.templates()}


def timed(server: postgres_server.Server, templates: int, dimension: int) -> Iterator[str]:
    """Searches of a large gallery: by the server, and in memory."""
    address = server.address(schema="large")
    settings = GallerySettings("large", FINGERPRINT, dimension, Calibration(0.5))
    vectors = np.random.default_rng(1).standard_normal((templates, dimension)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    start = time.monotonic()
    create_gallery(address, settings, templates=list(_large(vectors))).close()
    yield f"{templates} templates of {dimension} numbers enrolled in {time.monotonic() - start:.1f} s"
    probes = np.random.default_rng(2).standard_normal((SEARCHES, dimension)).astype(np.float32)
    probes /= np.linalg.norm(probes, axis=1, keepdims=True)
    answers = []
    with open_gallery(address) as gallery:
        seconds = []
        for probe in probes[:8]:
            start = time.monotonic()
            answers += gallery.search(probe[None])
            seconds.append(time.monotonic() - start)
        yield f"one search by the server: {1000 * float(np.median(seconds)):.0f} ms (median of 8)"
        start = time.monotonic()
        answers += gallery.search(probes[8:])
        yield f"all vectors fetched, and {SEARCHES - 8} searches: {time.monotonic() - start:.1f} s"
        seconds = []
        for probe in probes:
            start = time.monotonic()
            _require(gallery.search(probe[None])[0] == answers[len(seconds)], "memory and server differ")
            seconds.append(time.monotonic() - start)
        yield f"one search in memory: {1000 * float(np.median(seconds)):.1f} ms (median of {SEARCHES})"
        with open_gallery(address, write=True) as other:
            other.add([NewTemplate("late", probes[0], "f" * 64, "late.jpg", (0, 0, 9, 9))])
        start = time.monotonic()
        _require(gallery.search(probes[:1])[0][0].subject == "late", "another client's change is not seen")
        yield f"the first search after another client's change: {1000 * (time.monotonic() - start):.0f} ms"


def _large(vectors: np.ndarray) -> Iterator[NewTemplate]:
    for number, vector in enumerate(vectors):
        sha256 = f"{number:064x}"
        yield NewTemplate(f"person {number}", vector, sha256, f"{number}.jpg", (0, 0, 9, 9), {"size": 90.0})


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise BrokenError(what)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--templates", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    try:
        with postgres_server.running() as server, tempfile.TemporaryDirectory() as folder:
            if arguments.photos:
                print(same_answers(server, arguments.photos, Path(folder)), flush=True)
            for line in killed(server, arguments.kills, arguments.seed):
                print(line, flush=True)
            if arguments.seconds:
                counts, wrong = model_test.run(
                    seconds=arguments.seconds,
                    processes=arguments.processes,
                    seed=arguments.seed,
                    kills=1,
                    server=server,
                )
                for what, count in sorted(counts.items()):
                    print(f"{count:7d}  {what}")
                if wrong:
                    raise BrokenError("\n".join(wrong))
            if arguments.templates:
                for line in timed(server, arguments.templates, 256):
                    print(line, flush=True)
    except (BrokenError, FacekitError) as error:
        print(f"BROKEN: {error}")
        return 1
    print("0 broken")
    return 0


if __name__ == "__main__":
    sys.exit(main())
