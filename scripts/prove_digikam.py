#!/usr/bin/env python3
"""Prove that facekit and digiKam mean the same faces, in all eight ways in which a photo can lie in its file.

    python scripts/prove_digikam.py FOLDER      (Debian: apt-get install digikam xvfb xdotool imagemagick
                                                 libimage-exiftool-perl)

Makes photos of the astronaut of tests/data in FOLDER, JPEG and HEIC, writes her name into their sidecars with
`facekit identify --xmp`, and then

1. reads the regions with exiftool, and holds them against the place of the face;
2. opens the folder in digiKam, on a screen of its own (Xvfb), and asks its database which face it takes for
   hers; the screen is saved as FOLDER/digikam.png: look at it;
3. has digiKam write sidecars of its own, and enrolls her from these with `facekit enroll --from-xmp`;
4. runs `facekit identify --xmp` twice more: the second of them changes no byte.

Prints a line for each; status 1 where one fails.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pillow_heif
from PIL import Image

import facekit
from facekit.metadata.areas import Area

ROOT = Path(__file__).parent.parent
NAME = "Eileen Collins"
CROP = (40, 0, 512, 360)
UPRIGHT = (CROP[2] - CROP[0], CROP[3] - CROP[1])
FACE = (139.0, 83.0, 227.0, 171.0)
"""Her face in the upright pictures."""
LEAST = 0.4
"""Intersection over union from which a place is that of the face: detectors' boxes differ so much."""
SCREEN, SIZE = ":77", (1400, 900)
PROGRAMS = ("digikam", "Xvfb", "xdotool", "import", "exiftool", "dbus-run-session")
# The operations by which Pillow lays an upright picture as it is stored.
_LYING = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
_SETTINGS = """\
[General Settings]
Version=7.9.0

[Album Settings]
Allow Scan At Start=true

[Metadata Settings]
EXIF Rotate=true
Metadata Writing Mode=1
Save FaceTags=true
Use XMP Sidecar For Reading=true
"""
# On a screen of 1400×900: the button of a dialog, a person, an album, and its menu.
_CANCEL, _PEOPLE, _PERSON, _ALBUMS, _ALBUM, _MENU, _WRITE = (
    *((938, 530), (12, 525), (160, 116), (12, 90)),
    *((105, 120), (75, 10), (170, 161)),
)


class ProofError(Exception):
    """Something is not as it should be."""


def make_photos(folder: Path) -> None:
    """One of each kind that there is."""
    pillow_heif.register_heif_opener()
    folder.mkdir(parents=True)
    with Image.open(ROOT / "tests" / "data" / "astronaut.png") as image:
        upright = image.convert("RGB").crop(CROP)
    for orientation, turn in _LYING.items():
        stored = upright if turn is None else upright.transpose(Image.Transpose(turn))
        exif = Image.Exif()
        exif[0x0112] = orientation
        stored.save(folder / f"turned-{orientation}.jpg", exif=exif, quality=92)
        # Of these the container says how they lie, as with those of telephones.
        stored.save(folder / f"turned-{orientation}.heic", exif=exif.tobytes(), quality=80)


def command(*words: str | Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "facekit", *map(str, words)],
        env={**os.environ, "PYTHONPATH": str(Path(facekit.__file__).parent.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ProofError(f"facekit {words[0]}: {done.stderr.strip()}")
    return done.stdout


def require_face(file: str, area: Area) -> None:
    """An area of the upright picture has to be that of the face."""
    if (share := area.overlap(Area.of_box(FACE, UPRIGHT))) < LEAST:
        raise ProofError(f"{file}: the region is at {area}, an overlap of {share:.2f} with the face")


def check_by_exiftool(folder: Path) -> int:
    """What exiftool reads of each sidecar is the place of the face, as the picture is stored."""
    words = ["exiftool", "-j", "-struct", "-RegionInfo", "-ext", "xmp", str(folder)]
    read = json.loads(subprocess.run(words, capture_output=True, text=True, check=True).stdout)
    for each in read:
        file = Path(each["SourceFile"]).name
        [region] = each["RegionInfo"]["RegionList"]
        if (region["Name"], region["Type"]) != (NAME, "Face"):
            raise ProofError(f"{file}: {region}")
        x, y, width, height = (float(region["Area"][key]) for key in "XYWH")
        orientation = int(file.split("-")[1].split(".")[0])
        require_face(file, Area(x, y, width, height).turned(orientation))
    return len(read)


@contextmanager
def digikam(home: Path, photos: Path) -> Iterator[None]:
    """digiKam with the photos as its only album, on a screen of its own, with a home of its own."""
    environment = {name: text for name, text in os.environ.items() if not name.startswith("XDG_")}
    environment |= {"HOME": str(home), "DISPLAY": SCREEN, "QT_QPA_PLATFORM": "xcb"}
    environment |= {"LIBGL_ALWAYS_SOFTWARE": "1", "QTWEBENGINE_DISABLE_SANDBOX": "1"}
    (home / ".config").mkdir(parents=True)
    (home / "db").mkdir()
    (home / ".config" / "digikamrc").write_text(_SETTINGS)
    words = ["dbus-run-session", "digikam", "--database-directory", str(home / "db")]
    screen = f"{SIZE[0]}x{SIZE[1]}x24"
    with (home / "log").open("w") as log:
        server = subprocess.Popen(["Xvfb", SCREEN, "-screen", "0", screen], stdout=log, stderr=log)
        try:
            # The first run makes the database, and asks for an album.
            program = subprocess.Popen(words, env=environment, stdout=log, stderr=log, start_new_session=True)
            wait_for(lambda: bool(tables(home)), "its database")
            time.sleep(5)
            end(program)
            with sqlite3.connect(database(home)) as connection:
                connection.execute(
                    "INSERT INTO AlbumRoots (label, status, type, identifier, specificPath) "
                    "VALUES ('Photos', 0, 1, ?, '/')",
                    (f"volumeid:?path={photos}",),
                )
            program = subprocess.Popen(words, env=environment, stdout=log, stderr=log, start_new_session=True)
            try:
                yield
            finally:
                end(program)
        finally:
            server.terminate()
            server.wait()


def database(home: Path) -> Path:
    return home / "db" / "digikam4.db"


def end(program: subprocess.Popen[bytes]) -> None:
    """End it with what it started."""
    os.killpg(program.pid, 15)
    program.wait(30)


def tables(home: Path) -> list[str]:
    if not database(home).exists():
        return []
    with sqlite3.connect(database(home)) as connection:
        return [name for (name,) in connection.execute("SELECT name FROM sqlite_master")]


def regions(home: Path) -> list[tuple[str, str, str]]:
    """The photo, the person and the region of each face that digiKam knows."""
    with sqlite3.connect(database(home)) as connection:
        return connection.execute(
            "SELECT Images.name, Tags.name, value FROM ImageTagProperties "
            "JOIN Images ON Images.id = imageid JOIN Tags ON Tags.id = tagid WHERE property = 'tagRegion'"
        ).fetchall()


def wait_for(condition: object, what: str, seconds: int = 120) -> None:
    assert callable(condition)
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            raise ProofError(f"digiKam: {what} did not come in {seconds} s")
        time.sleep(1)


def check_by_digikam(home: Path, photos: int) -> None:
    """The faces that digiKam takes for hers, in pixels of the upright pictures."""
    wait_for(lambda: len(regions(home)) >= photos, "the regions of all photos")
    for file, name, value in regions(home):
        x, y, width, height = (float(part.split('"')[1]) for part in value.split()[1:])
        if name != NAME:
            raise ProofError(f"{file}: is {name} in digiKam")
        require_face(file, Area.of_box((x, y, x + width, y + height), UPRIGHT))


def click(place: tuple[int, int], pause: float = 3.0) -> None:
    words = ["xdotool", "mousemove", *map(str, place), "click", "1"]
    subprocess.run(words, env={**os.environ, "DISPLAY": SCREEN}, check=True)
    time.sleep(pause)


def fill_the_screen() -> None:
    """digiKam's window is the largest."""
    environment = {**os.environ, "DISPLAY": SCREEN}

    def printed(*words: str) -> str:
        return subprocess.run(words, env=environment, capture_output=True, text=True, check=False).stdout

    areas = {}
    for window in printed("xdotool", "search", "--class", "digikam").split():
        size = printed("xdotool", "getwindowgeometry", window).split("Geometry: ")[-1].split("x")
        areas[window] = int(size[0]) * int(size[1]) if len(size) == 2 else 0
    largest = max(areas, key=lambda window: areas[window])
    printed("xdotool", "windowsize", largest, *map(str, SIZE), "windowmove", largest, "0", "0")
    time.sleep(3)


def take_screen(file: Path) -> None:
    subprocess.run(["import", "-window", "root", file], env={**os.environ, "DISPLAY": SCREEN}, check=True)


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def prove(folder: Path) -> None:
    photos, gallery = folder.absolute() / "photos", folder.absolute() / "gallery.db"
    make_photos(photos)
    before = digests(photos)
    command("enroll", "--subject", NAME, ROOT / "tests" / "data" / "astronaut.png", "-g", gallery)
    command("identify", photos, "--xmp", "-g", gallery)
    if {name: digest for name, digest in digests(photos).items() if name in before} != before:
        raise ProofError("a photo was changed")
    read = check_by_exiftool(photos)
    if read != len(before):
        raise ProofError(f"{read} sidecars of {len(before)} photos")
    print(f"exiftool: the right face in {read} of {read} sidecars")
    home = folder.absolute() / "home"
    with digikam(home, photos):
        check_by_digikam(home, len(before))
        print(f"digiKam: the right face in {len(before)} of {len(before)} photos")
        time.sleep(10)
        click(_CANCEL)  # of files that it would like to fetch
        fill_the_screen()
        click(_PEOPLE)
        click(_PERSON, 10)
        take_screen(folder / "digikam.png")
        for sidecar in photos.glob("*.xmp"):
            sidecar.unlink()
        click(_ALBUMS)
        click(_ALBUM)
        click(_MENU)
        click(_WRITE)
        wait_for(lambda: len(list(photos.glob("*.xmp"))) == len(before), "its sidecars", 60)
        time.sleep(5)
    if not all(b"Exiv2" in sidecar.read_bytes() for sidecar in photos.glob("*.xmp")):
        raise ProofError("the sidecars are not digiKam's")
    printed = command("enroll", "--from-xmp", photos, "-g", folder / "learned.db", "-f", "jsonl")
    outcomes = [json.loads(line) for line in printed.splitlines()]
    enrolled = sum((each["subject"], each["status"]) == (NAME, "enrolled") for each in outcomes)
    if enrolled != len(before):
        raise ProofError(f"{enrolled} of {len(before)} enrolled from what digiKam wrote: {printed}")
    check_by_exiftool(photos)
    print(f"facekit: {enrolled} of {enrolled} faces enrolled from what digiKam wrote")
    command("identify", photos, "--xmp", "-g", gallery)
    after = digests(photos)
    command("identify", photos, "--xmp", "-g", gallery)
    if digests(photos) != after:
        raise ProofError("a second run changed a file")
    print(f"a second run: no byte of {len(after)} files changed")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="a folder that is not there yet")
    folder: Path = parser.parse_args().folder
    missing = [name for name in PROGRAMS if not shutil.which(name)]
    if missing:
        print(f"not installed: {', '.join(missing)}", file=sys.stderr)
        return 1
    folder.mkdir(parents=True)
    try:
        prove(folder)
    except ProofError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
