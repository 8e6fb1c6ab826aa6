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
from facekit.gallery import Gallery, check
folder, words, free = Path(sys.argv[1]), sys.argv[2].replace("_", " ").split("|"), int(sys.argv[3])
disk = folder / "disk"
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", disk], check=True)
path = disk / "gallery.db"
path.write_bytes((folder / "gallery.db").read_bytes())
os.chmod(path, 0o600)
room = os.statvfs(disk)
with open(disk / "ballast", "wb") as ballast:
    ballast.write(bytes(max(0, room.f_bavail * room.f_frsize - free * 1024)))
done = subprocess.run([sys.executable, "-m", "facekit", *words], cwd=disk, capture_output=True, text=True)
with Gallery.open(path) as gallery:
    names, templates = gallery.names(), len(gallery)
problems = [problem.message for problem in check(path)]
print(json.dumps([done.returncode, done.stderr, names, templates, problems, sorted(os.listdir(disk))]))
"""


@pytest.fixture
def run(tmp_path):
    """Runs a command on a disk with so many KiB left; what became of it and of the gallery."""
    if shutil.which("unshare") is None or subprocess.run([*IN_NAMESPACE, "true"], check=False).returncode:
        pytest.skip("mounting in a user namespace is not allowed here")
    (tmp_path / "disk").mkdir()
    with create(tmp_path / "gallery.db", people(150)):
        pass
    with create(tmp_path / "other.db", [*people(2), *people(400)[300:]]) as other:
        transfer.write(other, tmp_path / "more.npz")

    def run_one(words, free):
        places = [str(Path(__file__).parent), str(Path(__file__).parents[2])]
        done = subprocess.run(
            [*IN_NAMESPACE, sys.executable, "-c", RUN, str(tmp_path), words.replace(" ", "|"), str(free)],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(places)},
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run_one


def plain(errors):
    lines = errors.splitlines()
    assert all(line.startswith("facekit: ") for line in lines), errors
    assert not any(word in errors for word in ("damaged", "internal", "Traceback")), errors
    return True


@pytest.mark.parametrize("free", [0, 12, 40, 70, 120, 200])
def test_rename(run, free):
    status, errors, names, templates, problems, _ = run("gallery rename -g gallery.db person_001 Ann", free)
    assert plain(errors)
    assert templates == 300
    assert ("Ann" in names) == (status == 0)
    assert problems == [] or ("not yet erased" in problems[0] and "still hold" in errors)


@pytest.mark.parametrize("free", [0, 12, 40, 70, 120, 200])
def test_remove(run, free):
    status, errors, names, templates, problems, _ = run("gallery remove -g gallery.db person_001", free)
    assert plain(errors)
    assert (templates, len(names)) == ((298, 149) if status == 0 else (300, 150))
    assert problems == [] or ("not yet erased" in problems[0] and "still hold" in errors)


@pytest.mark.parametrize("free", [0, 40, 100, 200, 500])
def test_import(run, free):
    status, errors, _, templates, problems, _ = run("gallery import -g gallery.db ../more.npz", free)
    assert plain(errors)
    assert templates == (500 if status == 0 else 300)
    assert status == 0 or "disk" in errors
    assert problems == []


@pytest.mark.parametrize(
    "words", ["import -g new.db ../more.npz", "copy gallery.db new.db", "export -g gallery.db new.npz"]
)
@pytest.mark.parametrize("free", [0, 40, 100, 200, 1000])
def test_new_files(run, words, free):
    status, errors, _, templates, problems, files = run(f"gallery {words}", free)
    assert plain(errors)
    assert templates == 300
    assert problems == []
    new = words.split()[-1].replace("../more.npz", "new.db")
    assert (new in files) == (status == 0)
    assert status == 0 or "disk" in errors or "space" in errors
    assert not [name for name in files if name.startswith(".")]
