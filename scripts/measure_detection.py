#!/usr/bin/env python3
"""Measure what the detectors find in everyday photos, what they take for faces, and what it costs.

    scripts/measure_detection.py DATA [--labels FILE] [--yunet FILE] [--cases FOLDER]

DATA holds photos-val.zip, and detection.zip with detection.csv, of which the part is looked through that
`facekit train-detector` keeps back. FILE is a table of faces instead of detection.csv, such as
scripts/correct_labels.py makes. FOLDER holds photos with faces.csv, which tells how many faces of 20 and 40
pixels there are in each (columns picture, faces_20px, faces_40px).

The boxes of detection.csv are those that two networks agree on, so that the counts compare detectors, and
say little of what no network sees. Times are milliseconds of processor time a photo, with one thread.
"""

from __future__ import annotations

import argparse
import csv
import io
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facekit import detection
from facekit.detection import Detector
from facekit.evaluation.detection import DetectionCounts, outcome
from facekit.faces import quality
from facekit.faces.pipeline import Pipeline
from facekit.pictures import images
from facekit.pictures.lighting import lit
from facekit.results import Picture, Pixels
from facekit.training.detector_pictures import Photo, read, split

SMALLEST = 20
DARK = 0.06
EMPTY = (3000, 4000)
_ACROSS = 40


@dataclass(frozen=True)
class Set:
    """Photos that are looked through, and which of their faces are counted."""

    name: str
    photos: Sequence[Photo]


def sets(data: Path, labels: Path | None = None) -> list[Set]:
    """The photos kept back, those of them with masks, and all of them dark, on their side and upside down."""
    photos = split(read(data / "detection.zip", labels or data / "detection.csv")).held_out
    with (data / "detection.csv").open(newline="", encoding="utf-8") as lines:
        masked = {row["picture"] for row in csv.DictReader(lines) if row["source"] == "mask"}
    large = [photo for photo in photos if _largest(photo) >= _ACROSS]
    return [
        Set("as they are", photos),
        Set("with masks", [photo for photo in photos if photo.name in masked]),
        Set("dark", [Photo(p.name, _dark(p.pixels), p.labels) for p in photos]),
        Set("turned by 90°", [turned(photo) for photo in large]),
        Set("upside down", [turned(turned(photo)) for photo in large]),
    ]


def _largest(photo: Photo) -> float:
    boxes = photo.labels.boxes[photo.labels.certain]
    return float(np.sqrt(np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)).max(initial=0))


def _dark(pixels: Pixels) -> Pixels:
    return (pixels * DARK).astype(np.uint8)


def turned(photo: Photo) -> Photo:
    """A quarter to the left; the points are not turned, nothing here asks for them."""
    x0, y0, x1, y1 = photo.labels.boxes.T
    width = photo.pixels.shape[1]
    boxes = np.stack([y0, width - x1, y1, width - x0], axis=1)
    labels = photo.labels.moved(boxes, photo.labels.points)
    return Photo(photo.name, np.ascontiguousarray(np.rot90(photo.pixels)), labels)


def look(detector: Detector, photos: Sequence[Photo]) -> tuple[DetectionCounts, float]:
    """What is found, and milliseconds of processor time a photo."""
    rows, start = [], time.process_time()
    seen = [detector.detect(lit(photo.pixels), min_face=SMALLEST) for photo in photos]
    milliseconds = (time.process_time() - start) * 1000 / max(1, len(photos))
    for photo, faces in zip(photos, seen, strict=True):
        boxes = np.array([face.box for face in faces]).reshape(-1, 4)
        scores = np.array([face.score for face in faces])
        rows.append((boxes, scores, *photo.labels.countable()))
    return outcome(rows), milliseconds


def line(detector: str, name: str, result: DetectionCounts, milliseconds: float) -> str:
    large, small = result.recall(40), result.recall(20, 40)
    boxes = int((result.scores > -np.inf).sum()) + len(result.false)
    right = 1 - len(result.false) / max(1, boxes)
    return (
        f"{detector:9}{name:15}{result.pictures:6}"
        f"{_share(large)}{_share(small)}{len(result.false):6}{len(result.false) / result.pictures:8.3f}"
        f"{right:8.1%}{milliseconds:8.1f}"
    )


def _share(counts: tuple[int, int]) -> str:
    found, wanted = counts
    return f"{found:6} of {wanted:4} {found / max(1, wanted):6.1%}"


def counted(detector: Detector, folder: Path) -> list[tuple[str, int, int, int]]:
    """Each photo of known count: its name, faces of 20 pixels, of 40, and those found with SMALLEST."""
    with (folder / "faces.csv").open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    counts = []
    for row in rows:
        pixels = images.read(folder / row["picture"]).pixels
        faces = detector.detect(lit(pixels), min_face=SMALLEST)
        counts.append((row["picture"], int(row["faces_20px"]), int(row["faces_40px"]), len(faces)))
    return counts


def is_right(small: int, large: int, found: int) -> bool:
    """As many as there are of 20 pixels; in a crowd, a tenth may be missed."""
    return small * 0.9 <= found <= max(small, small * 1.05) if small > _ACROSS / 2 else found == small


def portraits(data: Path, detector: Detector) -> tuple[int, int]:
    """Photos of photos-val.zip with a face, and all."""
    photos = _zipped(data / "photos-val.zip")
    return sum(bool(detector.detect(pixels, min_face=40)) for pixels in photos), len(photos)


def _zipped(path: Path) -> list[Pixels]:
    with zipfile.ZipFile(path) as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".jpg"))
        return [images.decode(archive.read(name), name).pixels for name in names]


def poor(pictures: list[Pixels]) -> Counter[str]:
    """How many photos' surest faces each limit of quality speaks against."""
    pipeline = Pipeline()
    reasons: Counter[str] = Counter()
    for pixels in pictures:
        for face in pipeline.faces(Picture("photo", pixels, ""))[:1]:
            found = quality.problems(face.quality)
            reasons.update(problem.split(" (")[0] for problem in found)
            reasons["any of these"] += bool(found)
    return reasons


def empty_times(name: str) -> tuple[float, float]:
    """Milliseconds for a JPEG of 12 megapixels of grain without a face, decoding it included: of the
    processor with one thread, and on the clock with all."""
    chance = np.random.default_rng(0)
    coarse: NDArray[np.uint8] = chance.integers(0, 256, (EMPTY[0] // 8, EMPTY[1] // 8, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(coarse).resize(EMPTY[::-1], Image.Resampling.BICUBIC).save(file, "jpeg", quality=90)
    times = []
    for threads, clock in ((1, time.process_time), (0, time.perf_counter)):
        pipeline = Pipeline(detector=name, threads=threads)
        seconds = []
        for _ in range(4):
            start = clock()
            pipeline.detect(images.decode(file.getvalue(), "empty.jpg", longest=pipeline.longest_look))
            seconds.append(clock() - start)
        times.append(1000 * min(seconds))
    return times[0], times[1]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--labels", type=Path, help="a table of faces instead of DATA/detection.csv")
    parser.add_argument("--yunet", type=Path, help="also measure an OpenCV YuNet file")
    parser.add_argument("--cases", type=Path, help="a folder of photos with faces.csv")
    parser.add_argument("--only", action="append", help="measure this detector only; may be repeated")
    parser.add_argument("--quick", action="store_true", help="the photos as they are, and FOLDER")
    arguments = parser.parse_args()
    makers: dict[str, Callable[[], Detector]] = {
        name: lambda name=name: detection.create(name, threads=1)  # type: ignore[misc]
        for name in ("auto", "network", "dlib")
    }
    if arguments.yunet:
        makers["yunet"] = lambda: detection.create(f"yunet={arguments.yunet}")
    chosen = {name: make for name, make in makers.items() if name in (arguments.only or makers)}

    print("detector photos         of     faces ≥ 40 px       20 to 40 px   false a photo    right      ms")
    every = sets(arguments.data, arguments.labels)
    for name, make in chosen.items():
        detector = make()
        for group in every[:1] if arguments.quick else every:
            print(line(name, group.name, *look(detector, group.photos)), flush=True)
        if not arguments.quick:
            found, photos = portraits(arguments.data, detector)
            print(f"{name:9}a face in {found} of {photos} portraits")
        if not arguments.quick and name != "yunet":
            alone, clock = empty_times(name)
            print(f"{name:9}no face in 12 MP: {alone:.0f} ms of one processor, {clock:.0f} ms on the clock")
        if arguments.cases:
            counts = counted(detector, arguments.cases)
            wrong = [
                f"{p} {found} of {small}"
                for p, small, large, found in counts
                if not is_right(small, large, found)
            ]
            print(
                f"{name:9}{len(counts) - len(wrong)} of {len(counts)} counts right; not: {', '.join(wrong)}"
            )
    if not arguments.quick:
        photos_seen = _zipped(arguments.data / "photos-val.zip")
        print("\ncalled poor, by reason:")
        for reason, count in sorted(poor(photos_seen).items()):
            print(f"  {reason:28}{count:4}  {count / len(photos_seen):6.1%}")


if __name__ == "__main__":
    main()
