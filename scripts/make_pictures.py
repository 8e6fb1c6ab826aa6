#!/usr/bin/env python3
"""Make the pictures of the documentation, from the photo in tests/data and from measurements.

    python scripts/make_pictures.py                         a photo and a video, from the public-domain photo
    python scripts/make_pictures.py --data photos-val.zip   and the plots, which show nobody's face

The photo is annotated by `facekit identify`, and a camera's way over it by `facekit watch`, which needs PyAV;
the gallery knows a small gray copy only. The page of groups is that of `facekit cluster --review`, in
Chromium, which Playwright drives. The plots are those of `facekit evaluate identification --gallery-photos 6`
on a folder or ZIP file with photos of each person.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parent.parent
PHOTOS, IMAGES = ROOT / "tests" / "data", ROOT / "docs" / "images"
WIDTH, HEIGHT = 640, 400
"""Of the annotated photo in pixels: its upper part, large enough to read the name in."""
FRAMES, FRAME = 24, 20
"""Of the made video, and the one that is shown."""
PLOTS = ("fnir-fpir", "search-scores")


def facekit(*arguments: str | Path) -> None:
    command = [sys.executable, "-m", "facekit", *map(str, arguments)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def annotated_photo(gallery: Path, folder: Path) -> None:
    facekit("identify", PHOTOS / "astronaut.png", "--gallery", gallery, "--annotate", folder)
    with Image.open(folder / "astronaut-faces.jpg") as photo:
        small = photo.resize((WIDTH, WIDTH), Image.Resampling.LANCZOS).crop((0, 0, WIDTH, HEIGHT))
        small.save(IMAGES / "astronaut-named.jpg", quality=85, optimize=True)


def watched_frame(gallery: Path, folder: Path) -> None:
    """One frame of a video in which the camera moves over the photo."""
    import av

    frames, video = folder / "frames", folder / "named.mp4"
    frames.mkdir()
    with Image.open(PHOTOS / "astronaut.png") as photo:
        for number in range(FRAMES):
            left, top = 20 + 2 * number, number
            part = photo.convert("RGB").crop((left, top, left + 448, top + 252))
            part.resize((640, 360)).save(frames / f"{number:03}.jpg")
    facekit("watch", frames, "--gallery", gallery, "--save-video", video)
    with av.open(video) as named:
        shown = [frame.to_ndarray(format="rgb24") for frame in named.decode(video=0)][FRAME]
    Image.fromarray(shown).save(IMAGES / "watched.jpg", quality=85, optimize=True)


def review_page(folder: Path) -> None:
    """The page of `facekit cluster --review`, in Chromium, with a name that is being typed."""
    from playwright.sync_api import sync_playwright

    photos, page = folder / "holiday", folder / "groups.html"
    photos.mkdir()
    with Image.open(PHOTOS / "astronaut.png") as photo:
        upright = photo.convert("RGB")
        upright.save(photos / "DSC_0301.jpg")
        upright.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(photos / "DSC_0302.jpg")
        upright.convert("L").rotate(8, Image.Resampling.BICUBIC).save(photos / "scan.jpg")
    facekit("cluster", photos, "--review", page)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        shown = browser.new_page(viewport={"width": 720, "height": 640})
        shown.goto(page.as_uri())
        # The folder is this script's own.
        shown.evaluate(
            "document.querySelectorAll('small').forEach((name) => {"
            "name.textContent = 'holiday/' + name.textContent.split('/').pop()})"
        )
        shown.locator(".name").first.fill("Eileen Collins")
        shown.screenshot(path=folder / "review.png")
        browser.close()
    with Image.open(folder / "review.png") as drawn:
        drawn.convert("RGB").save(IMAGES / "review.jpg", quality=85, optimize=True)


def plots(photos: Path, folder: Path) -> None:
    if photos.suffix == ".zip":
        with zipfile.ZipFile(photos) as archive:
            archive.extractall(folder / "photos")
        (photos,) = (folder / "photos").iterdir()
    scores = folder / "scores.csv"
    facekit("evaluate", "identification", "--images", photos, "--gallery-photos", "6", "--scores", scores)
    facekit("plot", scores, "--out", folder / "plots")
    for name in PLOTS:
        (drawn,) = (folder / "plots").rglob(f"*{name}*.png")
        with Image.open(drawn) as plot:
            plot.convert("RGB").quantize(64).save(IMAGES / f"{name}.png", optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "--data", type=Path, help="photos of each person: a folder, or a ZIP file with such a folder in it"
    )
    arguments = parser.parse_args()
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        gallery = folder / "first.db"
        facekit("enroll", "--subject", "Eileen Collins", PHOTOS / "astronaut-copy.jpg", "--gallery", gallery)
        annotated_photo(gallery, folder)
        watched_frame(gallery, folder)
        review_page(folder)
        if arguments.data:
            plots(arguments.data, folder)


if __name__ == "__main__":
    main()
