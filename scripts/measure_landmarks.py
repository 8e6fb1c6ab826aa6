#!/usr/bin/env python3
"""What points cost the embedder: the same faces, aligned by several predictors and by a detector's points.

    scripts/measure_landmarks.py photos.zip --teacher yunet=yunet.onnx \
        --predictor weights/landmarks.dat --predictor shape_predictor_68_face_landmarks.dat

PHOTOS is a ZIP file with a folder for each person. Of each photo the largest face is taken that both dlib's
detector and the teacher find; the predictors get dlib's box. Each predictor is measured as it is and with
one and two looks of the refiner, against the mean of up to seven looks of the teacher at the face, for a
single one is off by more than a good predictor is. Printed for each: the distance of the points in parts of
the eye distance (mean); how far off the template's points are in the crop, in pixels (median and 95th
percentile of the faces' means); the cosine to the vector of the crop cut by the mean looks; the share of
mated pairs accepted where one in a thousand of the non-mated ones is (TAR); milliseconds a face for the
points.
"""

from __future__ import annotations

import argparse
import sys
import time
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from facekit import detection
from facekit.evaluation.metrics import split_scores, tar_at_fmr
from facekit.faces.alignment import SCHEMES, Landmarks, Refiner, align, similarity
from facekit.faces.embedding import Embedder
from facekit.models import weights
from facekit.pictures import images
from facekit.results import Detection, Pixels
from facekit.text.tables import Column, table
from facekit.training.landmark_errors import distances
from facekit.training.landmarks import Example, steady

_FMR = 1e-3


class Sample(NamedTuple):
    subject: str
    pixels: Pixels
    box: Detection
    points: NDArray[np.float32]


def samples(photos: Path, teacher: str) -> Iterator[Sample]:
    boxes, pointed = detection.create("dlib"), detection.create(teacher)
    with zipfile.ZipFile(photos) as archive:
        for name in sorted(name for name in archive.namelist() if not name.endswith("/")):
            pixels = images.decode(archive.read(name), name).pixels
            pairs = [
                (box, face)
                for box in boxes.detect(pixels)
                for face in pointed.detect(pixels)
                if face.points is not None and _about(box, face.points)
            ]
            if pairs:
                box, face = max(pairs, key=lambda pair: pair[0].box[2] - pair[0].box[0])
                assert face.points is not None
                yield Sample(PurePosixPath(name).parent.name, pixels, box, face.points)


def _about(box: Detection, points: NDArray[np.float32]) -> bool:
    """Whether the middle of the points lies in the inner half of the box."""
    x0, y0, x1, y1 = box.box
    x, y = points.mean(axis=0).tolist()
    return bool(abs(2 * x - x0 - x1) < (x1 - x0) / 2 and abs(2 * y - y0 - y1) < (y1 - y0) / 2)


def vectors(embedder: Embedder, crops: list[Pixels]) -> NDArray[np.float32]:
    """One crop at a time: some networks have their batch size fixed."""
    return np.concatenate([embedder(crop[None]) for crop in crops])


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photos", type=Path, metavar="PHOTOS")
    parser.add_argument("--teacher", required=True, help="a detector with points, like yunet=FILE")
    parser.add_argument("--predictor", type=Path, action="append", default=[], help="a shape predictor file")
    parser.add_argument("--embedder", type=Path, help="an ONNX file with its TOML instead of the shipped one")
    given = parser.parse_args()
    faces = list(samples(given.photos, given.teacher))
    subjects = np.unique([face.subject for face in faces], return_inverse=True)[1]
    examples = [Example(face.subject, face.pixels, face.points.astype(np.float64)) for face in faces]
    truth = [example.points for example in steady(examples, detection.create(given.teacher))]
    embedder = Embedder(weights.user_embedder(given.embedder) if given.embedder else None)
    teacher = given.teacher.partition("=")[0]
    ways = [
        Way(f"{teacher}, mean of looks", truth),
        Way(f"{teacher}, one look", [face.points for face in faces]),
        *(way for path in given.predictor for way in predicted(path, faces)),
    ]
    wanted: NDArray[np.float32] | None = None
    rows = []
    for way in ways:
        pairs = zip(faces, way.points, strict=True)
        found = vectors(embedder, [align(face.pixels, at, scheme=way.scheme) for face, at in pairs])
        wanted = found if wanted is None else wanted
        rows.append(_row(way, truth, found, wanted, subjects))
    print(f"{len(faces)} faces of {subjects.max() + 1} people, embedder {embedder.spec.name}")
    titles = ("points by", "eye %", "crop px", "95 %", "cosine", f"TAR at FMR {_FMR:g}", "ms")
    print("\n".join(table([Column(title, right=title != "points by") for title in titles], rows)))
    return 0


class Way(NamedTuple):
    """Points (5, 2) of every face, and the milliseconds that one took."""

    name: str
    points: Sequence[NDArray[np.floating]]
    scheme: str = "arcface5"
    milliseconds: float | None = None


def predicted(path: Path, faces: Sequence[Sample]) -> Iterator[Way]:
    """A predictor alone, and with the shipped refiner."""
    predictor = Landmarks(path, "dlib5" if "_5_face_" in path.name else "arcface5")
    start = time.perf_counter()
    rough = [predictor(face.pixels, face.box) for face in faces]
    spent = (time.perf_counter() - start) / len(faces) * 1000
    yield Way(path.name, rough, predictor.scheme, spent)
    for looks in (1, 2):
        refiner = Refiner(weights.shipped_refiner(), looks=looks)
        start = time.perf_counter()
        pairs = zip(faces, rough, strict=True)
        better = [refiner(face.pixels, [at], scheme=predictor.scheme)[0] for face, at in pairs]
        more = (time.perf_counter() - start) / len(faces) * 1000
        yield Way(f"{path.name}, refined {looks}×", better, predictor.scheme, spent + more)


def _row(
    way: Way,
    truth: Sequence[NDArray[np.float64]],
    found: NDArray[np.float32],
    wanted: NDArray[np.float32],
    subjects: NDArray[np.integer],
) -> list[str]:
    off = [crop_error(at, way.scheme, true) for at, true in zip(way.points, truth, strict=True)]
    same = way.scheme == "arcface5"
    eyes = distances([np.asarray(at, np.float64) for at in way.points], truth).mean() if same else None
    return [
        way.name,
        "" if eyes is None else f"{eyes:.1%}",
        f"{np.median(off):.2f}",
        f"{np.quantile(off, 0.95):.2f}",
        f"{(found * wanted).sum(axis=1).mean():.4f}",
        f"{tar_at_fmr(*split_scores(found, subjects), _FMR):.1%}",
        "" if way.milliseconds is None else f"{way.milliseconds:.2f}",
    ]


def crop_error(points: NDArray[np.floating], scheme: str, truth: NDArray[np.floating]) -> float:
    """How far off, in pixels of the crop cut by `points`, the template's points are: their mean."""
    template = SCHEMES["arcface5"]
    to_crop, to_true = similarity(points, SCHEMES[scheme]), similarity(truth, template)
    back = (template - to_true[:, 2]) @ np.linalg.inv(to_true[:, :2]).T
    return float(np.linalg.norm(back @ to_crop[:, :2].T + to_crop[:, 2] - template, axis=1).mean())


if __name__ == "__main__":
    sys.exit(main())
