#!/usr/bin/env python3
"""Measure the rungs of dlib's ladder: what each finds, what it costs, how often it sees what is not there.

    scripts/measure_detection.py DATA YUNET

DATA holds photos-val.zip; YUNET is an OpenCV YuNet file, whose boxes are taken for the truth. Pictures
without a face are the largest parts of the photos that lie away from every box, even doubtful ones,
and noise of several grains. Printed too: how many of the photos the limits of facekit.quality call poor.
"""

from __future__ import annotations

import argparse
import time
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from facekit import images, quality, settings
from facekit.alignment import Landmarks, align
from facekit.detection import MIN_FACE, Detector
from facekit.detection.dlib_hog import DlibHog, Ladder
from facekit.detection.geometry import overlap
from facekit.detection.yunet import YuNet
from facekit.results import Box, Detection, Pixels

_RIGHT = 0.3
_SMALLEST_PART = 100


class Doubled:
    """The rival's way: the picture doubled, in colour, once."""

    name = "doubled"

    def __init__(self) -> None:
        import dlib

        self._detector = dlib.get_frontal_face_detector()

    def detect(self, pixels: Pixels, *, min_face: int = MIN_FACE) -> list[Detection]:
        boxes, scores, _ = self._detector.run(pixels, 1, 0.0)
        return [
            Detection((b.left(), b.top(), b.right() + 1, b.bottom() + 1), s)
            for b, s in zip(boxes, scores, strict=True)
        ]


@dataclass(frozen=True)
class Row:
    """Photos with the largest face found, faces found, boxes elsewhere, milliseconds of one core a photo."""

    photos: int
    faces: int
    false: int
    milliseconds: float


def photos(data: Path) -> list[Pixels]:
    with zipfile.ZipFile(data / "photos-val.zip") as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".jpg"))
        return [images.decode(archive.read(name), name).pixels for name in names]


def without_faces(pictures: list[Pixels], detector: YuNet) -> Iterator[Pixels]:
    for pixels in pictures:
        boxes = np.array([face.box for face in detector.detect(pixels, min_face=1)])
        if len(boxes):
            part = _largest_part_beside(pixels, boxes)
            if min(part.shape[:2]) >= _SMALLEST_PART:
                yield part
    chance = np.random.default_rng(0)
    for number in range(40):
        grain = 1 << number % 4
        noise = chance.integers(0, 256, (240 // grain, 320 // grain, 3), np.uint8)
        yield np.asarray(Image.fromarray(noise).resize((320, 240), Image.Resampling.BILINEAR))


def _largest_part_beside(pixels: Pixels, boxes: np.ndarray) -> Pixels:
    height, width = pixels.shape[:2]
    margin = 0.4 * (boxes[:, 2:] - boxes[:, :2])
    x0, y0 = np.clip((boxes[:, :2] - margin).min(axis=0), 0, [width, height]).astype(int)
    x1, y1 = np.clip((boxes[:, 2:] + margin).max(axis=0), 0, [width, height]).astype(int)
    parts = (pixels[:, :x0], pixels[:, x1:], pixels[:y0], pixels[y1:])
    return np.ascontiguousarray(max(parts, key=lambda part: part.size))


def measure(detector: Detector, pictures: list[Pixels], truth: list[list[Box]], min_face: int) -> Row:
    found = faces = false = 0
    start = time.process_time()
    seen = [detector.detect(pixels, min_face=min_face) for pixels in pictures]
    milliseconds = (time.process_time() - start) * 1000 / len(pictures)
    for detections, boxes in zip(seen, truth, strict=True):
        matches = [_matches(box, detections) for box in boxes]
        found += bool(matches) and matches[0]
        faces += sum(matches)
        false += sum(not _matches(face.box, [Detection(box, 0) for box in boxes]) for face in detections)
    return Row(found, faces, false, milliseconds)


def _matches(box: Box, faces: list[Detection]) -> bool:
    boxes = np.array([face.box for face in faces]).reshape(-1, 4)
    return bool((overlap(np.array(box), boxes) > _RIGHT).any())


def _true_boxes(detector: YuNet, pixels: Pixels) -> list[Box]:
    faces = [face.box for face in detector.detect(pixels, min_face=20)]
    return sorted(faces, key=lambda box: (box[0] - box[2]) * (box[3] - box[1]))


def poor(pictures: list[Pixels]) -> Counter[str]:
    """How many photos' surest faces each limit of quality speaks against."""
    detector, landmarks = DlibHog(), Landmarks(settings.weights_folder() / "landmarks.dat")
    reasons: Counter[str] = Counter()
    for pixels in pictures:
        for face in detector.detect(pixels)[:1]:
            points = landmarks(pixels, face)
            found = quality.problems(quality.measure(face, points, align(pixels, points)))
            reasons.update(problem.split(" (")[0] for problem in found)
            reasons["any of these"] += bool(found)
    return reasons


RUNGS: dict[str, tuple[Detector, int]] = {
    "doubled, in colour": (Doubled(), MIN_FACE),
    "as it is": (DlibHog(Ladder(close=0.0, turned=None, lowered=0.0)), 80),
    "+ larger": (DlibHog(Ladder(turned=None, lowered=0.0)), MIN_FACE),
    "+ turned": (DlibHog(Ladder(lowered=0.0)), MIN_FACE),
    "+ lowered threshold": (DlibHog(), MIN_FACE),
}
"""Each with the rungs before it, and the smallest face that it looks for."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("yunet", type=Path)
    arguments = parser.parse_args()
    pictures = photos(arguments.data)
    yunet = YuNet(arguments.yunet)
    empty = list(without_faces(pictures, YuNet(arguments.yunet, sure=0.2)))
    nothing: list[list[Box]] = [[] for _ in empty]
    truth = [_true_boxes(yunet, pixels) for pixels in pictures]
    lying = [np.ascontiguousarray(np.rot90(pixels)) for pixels in pictures]
    lying_truth = [
        [_lying(box, pixels.shape[1]) for box in boxes] for boxes, pixels in zip(truth, pictures, strict=True)
    ]

    print(f"{len(pictures)} photos, {sum(map(len, truth))} faces; {len(empty)} pictures without a face\n")
    print(
        "                        photos  faces  false  ms each  lying: photos   ms  without a face: false  ms"
    )
    for name, (detector, min_face) in RUNGS.items():
        rows = [
            measure(detector, sources, boxes, min_face)
            for sources, boxes in ((pictures, truth), (lying, lying_truth), (empty, nothing))
        ]
        up, side, none = rows
        print(
            f"{name:24}{up.photos:6}{up.faces:7}{up.false:7}{up.milliseconds:9.1f}"
            f"{side.photos:15}{side.milliseconds:5.0f}{none.false:23}{none.milliseconds:4.0f}",
            flush=True,
        )
    print("\ncalled poor, by reason:")
    for reason, count in sorted(poor(pictures).items()):
        print(f"  {reason:28}{count:4}  {count / len(pictures):6.1%}")


def _lying(box: Box, width: int) -> Box:
    x0, y0, x1, y1 = box
    return y0, width - x1, y1, width - x0


if __name__ == "__main__":
    main()
