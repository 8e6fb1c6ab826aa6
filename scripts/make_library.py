#!/usr/bin/env python3
"""Make a photo library like those that people have, with what is in it, from pictures of people by folder.

    scripts/make_library.py DATA OUT [--photos 2000] [--people 60] [--seed 1]

DATA has photos-val.zip and reference-70.zip, a folder of pictures for each person. OUT/photos has folders by
year and day, with names as telephones and cameras give them: photos of one person and of several, bursts,
copies in Downloads/, photos sent by a messenger (smaller, without a date), screenshots, landscapes, HEIC,
short videos, and what a NAS leaves behind. OUT/truth.csv says of each file which `people` are in it, and of
what `kind` it is. The same seed gives the same library. The first two people are called Ada Lovelace and Ben,
all others Person 3, 4 …"""

from __future__ import annotations

import argparse
import csv
import io
import shutil
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

ARCHIVES = ("photos-val.zip", "reference-70.zip")
_FIRST_NAMES = ("Ada Lovelace", "Ben")
_KINDS = {
    "portrait": 0.56,
    "group": 0.14,
    "burst": 0.08,
    "copy": 0.05,
    "messenger": 0.06,
    "screenshot": 0.06,
    "landscape": 0.04,
    "video": 0.01,
}
"""How often which kind of thing is added."""
_SEND = 320
"""The longer side of what a messenger sends, in pixels."""


@dataclass
class Source:
    """The pictures of a person that were not used yet, and all of them."""

    name: str
    fresh: list[bytes]
    pictures: list[bytes]

    def take(self, chance: np.random.Generator) -> Image.Image:
        """The next picture; when there are no more, one that was used already."""
        data = self.fresh.pop() if self.fresh else self.pictures[int(chance.integers(len(self.pictures)))]
        return Image.open(io.BytesIO(data)).convert("RGB")


def read_people(data: Path, people: int) -> list[Source]:
    """So many people, taken from the archives in turn, those with most pictures first."""
    folders: list[list[list[bytes]]] = []
    for archive in ARCHIVES:
        of_person: dict[str, list[bytes]] = {}
        with zipfile.ZipFile(data / archive) as packed:
            for name in sorted(packed.namelist()):
                if name.lower().endswith((".jpg", ".png", ".webp", ".avif")):
                    of_person.setdefault(str(Path(name).parent), []).append(packed.read(name))
        folders.append(sorted(of_person.values(), key=len, reverse=True))
    ordered = [pictures for pair in zip(*folders, strict=False) for pictures in pair]
    names = [*_FIRST_NAMES, *(f"Person {number}" for number in range(3, people + 1))]
    return [
        Source(name, list(pictures), list(pictures)) for name, pictures in zip(names, ordered, strict=False)
    ]


@dataclass
class Library:
    """What is written so far."""

    folder: Path
    people: Sequence[Source]
    chance: np.random.Generator
    now: datetime = datetime(2015, 3, 1, 9, 30)
    truth: list[tuple[str, str, str]] = field(default_factory=list)
    portraits: list[Path] = field(default_factory=list)

    def add(self, kind: str) -> None:
        """One thing of a kind: a file, or those of a burst."""
        self.now += timedelta(hours=float(self.chance.exponential(30)), minutes=7)
        getattr(self, f"_{kind}")()

    def _portrait(self) -> None:
        person = self._person()
        path = self._save(person.take(self.chance), [person.name], "portrait")
        self.portraits.append(path)

    def _group(self) -> None:
        picked = self.chance.choice(len(self.people), 2, replace=False)
        people = [self.people[int(number)] for number in picked]
        pictures = [person.take(self.chance) for person in people]
        height = min(picture.height for picture in pictures)
        scaled = [picture.resize((picture.width * height // picture.height, height)) for picture in pictures]
        image = Image.new("RGB", (sum(picture.width for picture in scaled), height))
        image.paste(scaled[0], (0, 0))
        image.paste(scaled[1], (scaled[0].width, 0))
        self._save(image, [person.name for person in people], "group")

    def _burst(self) -> None:
        person = self._person()
        picture = person.take(self.chance)
        for number in range(3):
            shift = picture.crop((number * 2, number, picture.width, picture.height))
            self._save(shift, [person.name], "burst")
            self.now += timedelta(seconds=1)

    def _copy(self) -> None:
        original = self._earlier()
        if original is not None:
            place = self.folder / "Downloads" / f"{original.stem} ({len(self.truth)}){original.suffix}"
            place.parent.mkdir(exist_ok=True)
            shutil.copy2(original, place)
            self._note(place, self._people_of(original), "copy")

    def _messenger(self) -> None:
        original = self._earlier(".jpg")
        if original is not None:
            image = Image.open(original)
            image.thumbnail((_SEND, _SEND))
            place = self.folder / "WhatsApp Images" / f"IMG-{self.now:%Y%m%d}-WA{len(self.truth):04}.jpg"
            place.parent.mkdir(exist_ok=True)
            image.save(place, quality=60)
            self._note(place, self._people_of(original), "messenger")

    def _screenshot(self) -> None:
        image = Image.new("RGB", (360, 640), (250, 250, 250))
        draw = ImageDraw.Draw(image)
        for row in range(40, 620, 24):
            width = int(self.chance.integers(60, 320))
            draw.rectangle((20, row, 20 + width, row + 10), fill=(90, 110, 140))
        place = self.folder / "Screenshots" / f"Screenshot_{self.now:%Y%m%d-%H%M%S}.png"
        place.parent.mkdir(exist_ok=True)
        image.save(place)
        self._note(place, "", "screenshot")

    def _landscape(self) -> None:
        y, x = np.mgrid[0:300, 0:400]
        hills = 150 + 40 * np.sin(x / self.chance.uniform(30, 90)) + 20 * np.cos(x / 17)
        ground = (y > hills)[..., None]
        pixels = np.where(ground, np.array([70, 120, 60]), np.array([150, 190, 230]))
        self._save(Image.fromarray(pixels.astype(np.uint8)), [], "landscape")

    def _video(self) -> None:
        try:
            from facekit.video.writer import VideoFile
        except ImportError:
            return
        person = self._person()
        picture = np.asarray(person.take(self.chance).resize((320, 320)))
        place = self._place(f"VID_{self.now:%Y%m%d_%H%M%S}.mp4")
        video = VideoFile(place, 10.0)
        for number in range(20):
            video.add(picture[: 300 - number, : 300 - number].copy(), number / 10)
        video.close()
        self._note(place, person.name, "video")

    def _person(self) -> Source:
        # Some people are in many photos, most in few.
        weights = 1 / np.arange(2, len(self.people) + 2)
        return self.people[int(self.chance.choice(len(self.people), p=weights / weights.sum()))]

    def _earlier(self, ending: str = "") -> Path | None:
        able = [path for path in self.portraits if path.name.lower().endswith(ending)]
        return able[int(self.chance.integers(len(able)))] if able else None

    def _people_of(self, path: Path) -> str:
        name = str(path.relative_to(self.folder.parent))
        return next(people for file, people, _ in self.truth if file == name)

    def _place(self, name: str) -> Path:
        folder = self.folder / f"{self.now:%Y}" / f"{self.now:%Y-%m-%d}"
        folder.mkdir(parents=True, exist_ok=True)
        place = folder / name
        return place if not place.exists() else folder / f"{place.stem}_{len(self.truth)}{place.suffix}"

    def _save(self, image: Image.Image, people: Sequence[str], kind: str) -> Path:
        number = len(self.truth)
        names = (
            *(f"IMG_{number:04}.HEIC", f"IMG_{number:04}.JPG", f"DSC{number:05}.JPG"),
            *(f"PXL_{self.now:%Y%m%d_%H%M%S}{number % 1000:03}.jpg", f"{self.now:%Y%m%d_%H%M%S}.jpg"),
        )
        place = self._place(names[int(self.chance.choice(5, p=(0.1, 0.3, 0.1, 0.25, 0.25)))])
        exif = Image.Exif()
        exif[0x010F] = "Camera"
        exif.get_ifd(0x8769)[0x9003] = f"{self.now:%Y:%m:%d %H:%M:%S}"
        image.save(
            place, format="HEIF" if place.suffix == ".HEIC" else "JPEG", quality=88, exif=exif.tobytes()
        )
        self._note(place, ";".join(people), kind)
        return place

    def _note(self, place: Path, people: str, kind: str) -> None:
        self.truth.append((str(place.relative_to(self.folder.parent)), people, kind))


def kinds(photos: int, chance: np.random.Generator) -> Iterator[str]:
    names, shares = list(_KINDS), np.array(list(_KINDS.values()))
    while True:
        yield names[int(chance.choice(len(names), p=shares / shares.sum()))]


def make(data: Path, out: Path, photos: int, people: int, seed: int) -> int:
    """Make the library; how many files."""
    import pillow_heif

    pillow_heif.register_heif_opener()
    folder = out / "photos"
    folder.mkdir(parents=True)
    library = Library(folder, read_people(data, people), np.random.default_rng(seed))
    for kind in ("portrait", "portrait", *_KINDS):
        library.add(kind)
    for kind in kinds(photos, library.chance):
        if len(library.truth) >= photos:
            break
        library.add(kind)
    # A NAS keeps thumbnails beside the photos.
    for path in library.portraits[:3]:
        thumbnails = path.parent / "@eaDir" / path.name
        thumbnails.mkdir(parents=True)
        Image.new("RGB", (64, 64)).save(thumbnails / "SYNOPHOTO_THUMB_M.jpg")
    with (out / "truth.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("file", "people", "kind"))
        writer.writerows(library.truth)
    return len(library.truth)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--photos", type=int, default=2000)
    parser.add_argument("--people", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(arguments)
    files = make(given.data, given.out, given.photos, given.people, given.seed)
    print(f"{files} files of {given.people} people in {given.out / 'photos'}")


if __name__ == "__main__":
    main()
