"""Build the shipped gallery: enroll the reference people, and choose the threshold on strangers.

    python scripts/make_reference.py --people reference-70.zip --strangers faces-val.zip \\
        --leave-out photos-val.zip --acquainted v016,v019,v071,v075,v113 --fpir 0.002

`--strangers` are aligned crops (NAME.npy or NAME.zip with NAME.csv beside it, which has a column subject) of
people who are neither in the gallery nor in the network's training data. Every crop is searched once; the
threshold is chosen as `facekit calibrate` does: the lowest at which the upper 95 % limit of the share of
searches that return anybody is at most `--fpir`. Given several times, the promise is to hold on each: one
collection's strangers are taken for gallery people more often than another's, and the highest of the
thresholds is taken. `--acquainted` names subjects of the
strangers' table who turned out to be reference people (each of their many crops is most like the same one,
far above everybody else's scores): they are no strangers and take no part. Nor do people named by
`--leave-out` (a zip with a folder for each person), so that they can measure the result. The gallery and the
manifest get the threshold, the counts behind it, its rise with the number of people, and the curve of
probabilities.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import tempfile
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import facekit
from facekit import settings
from facekit.calibration.threshold import Calibration
from facekit.evaluation import calibration_data, thresholds
from facekit.evaluation.pictures import Templates
from facekit.evaluation.searches import Enrolled
from facekit.faces.embedding import Embedder
from facekit.faces.reading import Options
from facekit.gallery import Gallery, open_gallery
from facekit.models import weights
from facekit.training import manifest
from facekit.training.data import read_array
from facekit.verbs.galleries import gallery_for_enrollment


def enroll(people: Path, target: Path) -> None:
    """A fresh gallery of everybody in the zip, a folder for each person."""
    with tempfile.TemporaryDirectory() as folder:
        zipfile.ZipFile(people).extractall(folder)
        (root,) = Path(folder).iterdir()
        fresh = Path(folder, "reference.db")
        pipeline = Options().pipeline()
        with gallery_for_enrollment(fresh, pipeline) as gallery:
            report = facekit.enroll(root, gallery, options=Options(jobs=settings.default_threads()))
        for outcome in report.outcomes:
            if outcome.status != "enrolled" or outcome.problems:
                print(outcome.status, Path(outcome.source).relative_to(root), *outcome.problems)
        print(f"{report.count('enrolled')} templates, {report.count('refused')} refused")
        target.parent.mkdir(exist_ok=True)
        target.unlink(missing_ok=True)
        target.write_bytes(fresh.read_bytes())


def strangers(
    crops: Path, leave_out: Path | None, acquainted: set[str]
) -> tuple[NDArray[np.uint8], list[str]]:
    """Crops of the people who take part, and whose each is."""
    with crops.with_suffix(".csv").open(newline="", encoding="utf-8") as table:
        subjects = [row["subject"] for row in csv.DictReader(table)]
    names = zipfile.ZipFile(leave_out).namelist() if leave_out else []
    left_out = acquainted | {part for name in names for part in Path(name).parts[:-1]}
    rows = [number for number, subject in enumerate(subjects) if subject and subject not in left_out]
    return read_array(crops).crops[rows], [subjects[row] for row in rows]


def choose(
    gallery: Gallery, vectors: NDArray[np.float32], people: list[str], fpir: float, name: str
) -> Calibration:
    """What gallery and manifest are to have."""
    contents = list(gallery.contents())
    enrolled = Enrolled.of(np.stack([item.vector for item in contents]), [item.subject for item in contents])
    texts = tuple(people)
    found = calibration_data.of_photos(
        enrolled, Templates(texts, vectors, np.arange(len(texts)), texts), people
    )
    chosen = thresholds.choose(found.non_mated, fpir)
    today = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    curve = thresholds.fit(found.top, found.right).text()
    rounded, each = replace(chosen, tail=round(chosen.tail, 4)), len(contents) / len(enrolled.names)
    return rounded.stored(chosen.sentence(name, today), curve, templates=each)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--people", type=Path, required=True)
    parser.add_argument("--strangers", type=Path, required=True, action="append")
    parser.add_argument("--leave-out", type=Path)
    parser.add_argument("--acquainted", default="", help="subjects, with commas between them")
    parser.add_argument("--fpir", type=float, default=0.01)
    options = parser.parse_args()
    target = settings.reference_gallery()
    enroll(options.people, target)
    acquainted = set(options.acquainted.split(","))
    embedder = Embedder()
    with open_gallery(target, write=True) as gallery:
        found = []
        for file in options.strangers:
            crops, people = strangers(file, options.leave_out, acquainted)
            vectors = np.concatenate([embedder(crops[row : row + 64]) for row in range(0, len(crops), 64)])
            found.append(choose(gallery, vectors, people, options.fpir, file.stem))
            print(f"{file.stem}: threshold {found[-1].threshold}: {found[-1].description}")
        chosen = max(found, key=lambda calibration: calibration.threshold)
        gallery.set_calibration(chosen)
    path = settings.weights_folder() / weights.MANIFEST
    entry = weights.read_manifest(path)["embedder"]
    manifest.update(path, {**entry, **chosen.to_dict()})
    print(f"threshold {chosen.threshold}: {chosen.description}")


if __name__ == "__main__":
    main()
