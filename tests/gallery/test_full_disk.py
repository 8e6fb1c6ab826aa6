"""On a full disk each command says what became of its request, and nothing is lost."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from gallery_samples import create, people

from facekit.gallery import transfer

# In a namespace of its own a user may mount without rights.
IN_NAMESPACE = ["unshare", "--user", "--map-root-user", "--mount"]
RUN = """
import json, os, subprocess, sys
from pathlib import Path
from click.testing import CliRunner
from facekit.cli import group
from facekit.gallery.sqlite.gallery import SqliteGallery
from facekit.gallery.sqlite.check import check

folder = Path(sys.argv[1])
disk = folder / "disk"
path = disk / "gallery.db"

def became(words, free):
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", disk], check=True)
    try:
        os.chdir(disk)
        path.write_bytes((folder / "gallery.db").read_bytes())
        os.chmod(path, 0o600)
        room = os.statvfs(disk)
        with open(disk / "ballast", "wb") as ballast:
            ballast.write(bytes(max(0, room.f_bavail * room.f_frsize - free * 1024)))
        done = CliRunner().invoke(group, words, prog_name="facekit")
        with SqliteGallery.open(path) as gallery:
            names, templates = gallery.names(), len(gallery)
        problems = [problem.message for problem in check(path)]
        return [done.exit_code, done.stderr, names, templates, problems, sorted(os.listdir(disk))]
    finally:
        os.chdir(folder)
        subprocess.run(["umount", disk], check=True)

print(json.dumps([became(*each) for each in json.loads(sys.argv[2])]))
"""
CHANGES = {
    "gallery rename -g gallery.db": ["person 001", "Ann"],
    "gallery remove -g gallery.db": ["person 001"],
    "gallery import -g gallery.db ../more.npz": [],
}
NEW = ["import -g new.db ../more.npz", "copy gallery.db new.db", "export -g gallery.db new.npz"]
FREE = [0, 12, 40, 70, 100, 120, 200, 500, 1000]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """What becomes of a command, and of the gallery, on a disk with so many KiB left. All are run by one
    process, for starting another takes longer than the command."""
    if shutil.which("unshare") is None or subprocess.run([*IN_NAMESPACE, "true"], check=False).returncode:
        pytest.skip("mounting in a user namespace is not allowed here")
    folder = tmp_path_factory.mktemp("full")
    (folder / "disk").mkdir()
    with create(folder / "gallery.db", people(150)):
        pass
    with create(folder / "other.db", [*people(2), *people(400)[300:]]) as other:
        transfer.write(other, folder / "more.npz")
    commands = {**CHANGES, **{f"gallery {words}": [] for words in NEW}}
    tried = [([*words.split(), *more], free) for words, more in commands.items() for free in FREE]
    places = [str(Path(__file__).parent), str(Path(__file__).parents[2])]
    done = subprocess.run(
        [*IN_NAMESPACE, sys.executable, "-c", RUN, str(folder), json.dumps(tried)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(places)},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = {
        (" ".join(words), free): result
        for (words, free), result in zip(tried, json.loads(done.stdout), strict=True)
    }
    return lambda words, free: found[words, free]


def plain(errors):
    lines = errors.splitlines()
    assert all(line.startswith("facekit: ") for line in lines), errors
    assert not any(word in errors for word in ("damaged", "internal", "Traceback")), errors
    return True


@pytest.mark.parametrize("free", FREE)
def test_rename(run, free):
    status, errors, names, templates, problems, _ = run("gallery rename -g gallery.db person 001 Ann", free)
    assert plain(errors)
    assert templates == 300
    assert ("Ann" in names) == (status == 0)
    assert problems == [] or ("not yet erased" in problems[0] and "still hold" in errors)


@pytest.mark.parametrize("free", FREE)
def test_remove(run, free):
    status, errors, names, templates, problems, _ = run("gallery remove -g gallery.db person 001", free)
    assert plain(errors)
    assert (templates, len(names)) == ((298, 149) if status == 0 else (300, 150))
    assert problems == [] or ("not yet erased" in problems[0] and "still hold" in errors)


@pytest.mark.parametrize("free", FREE)
def test_import(run, free):
    status, errors, _, templates, problems, _ = run("gallery import -g gallery.db ../more.npz", free)
    assert plain(errors)
    assert templates == (800 if status == 0 else 300)
    assert status == 0 or "disk" in errors
    assert problems == []


@pytest.mark.parametrize("words", NEW)
@pytest.mark.parametrize("free", FREE)
def test_new_files(run, words, free):
    status, errors, _, templates, problems, files = run(f"gallery {words}", free)
    assert plain(errors)
    assert templates == 300
    assert problems == []
    new = words.split()[-1].replace("../more.npz", "new.db")
    assert (new in files) == (status == 0)
    assert status == 0 or "disk" in errors or "space" in errors
    assert not [name for name in files if name.startswith(".")]
