"""Build the shipped gallery: enroll the reference people, and choose the threshold on strangers.

    python scripts/make_reference.py --people reference-70.zip --strangers faces-val.npy \\
        --leave-out photos-val.zip --acquainted v016,v019,v071,v075,v113

`--strangers` are aligned crops (NAME.npy with NAME.csv beside it, which has a column subject) of people who
are neither in the gallery nor in the network's training data. Every crop is searched once; the threshold is
the lowest at which at most `--fpir` of the searches return anybody. `--acquainted` names subjects of the
strangers' table who turned out to be reference people (each of their many crops is most like the same one,
far above everybody else's scores): they are no strangers and take no part. Nor do people named by
`--leave-out` (a zip with a folder for each person), so that they can measure the result. The gallery and the
manifest get the threshold and the counts behind it.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import tempfile
import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facekit import settings, verbs, weights
from facekit.embedding import Embedder
from facekit.evaluation import metrics
from facekit.gallery.store import Gallery
from facekit.reading import Options
from facekit.training import release


def enroll(people: Path, target: Path) -> None:
    """A fresh gallery of everybody in the zip, a folder for each person."""
    with tempfile.TemporaryDirectory() as folder:
        zipfile.ZipFile(people).extractall(folder)
        (root,) = Path(folder).iterdir()
        fresh = Path(folder, "reference.db")
        pipeline = Options().pipeline()
        with verbs.gallery_for_enrolment(fresh, pipeline) as gallery:
            report = verbs.enroll(root, gallery, options=Options(jobs=settings.default_threads()))
        for outcome in report.outcomes:
            if outcome.status != "enrolled" or outcome.problems:
                print(outcome.status, Path(outcome.source).relative_to(root), *outcome.problems)
        print(f"{report.count('enrolled')} templates, {report.count('refused')} refused")
        target.parent.mkdir(exist_ok=True)
        target.unlink(missing_ok=True)
        target.write_bytes(fresh.read_bytes())


def strangers(crops: Path, leave_out: Path | None, acquainted: set[str]) -> tuple[NDArray[np.uint8], int]:
    """Crops of the people who take part, and how many people they are."""
    with crops.with_suffix(".csv").open(newline="", encoding="utf-8") as table:
        subjects = [row["subject"] for row in csv.DictReader(table)]
    names = zipfile.ZipFile(leave_out).namelist() if leave_out else []
    left_out = acquainted | {part for name in names for part in Path(name).parts[:-1]}
    rows = [number for number, subject in enumerate(subjects) if subject and subject not in left_out]
    return np.load(crops, mmap_mode="r")[rows], len({subjects[row] for row in rows})


def choose(gallery: Gallery, vectors: NDArray[np.float32], people: int, fpir: float) -> tuple[float, str]:
    """The threshold, rounded up, and the sentence that says how it was found."""
    best = np.array([found[0].score for found in gallery.search(vectors, 1)])
    threshold = float(np.ceil(metrics.threshold_at_fmr(best, fpir) * 1e3) / 1e3)
    named = int((best >= threshold).sum())
    today = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    count = len(gallery.subjects())
    return threshold, (
        f"FPIR {fpir:g} at N = {count}: {named} of {len(best)} searches of {people} strangers named, {today}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--people", type=Path, required=True)
    parser.add_argument("--strangers", type=Path, required=True)
    parser.add_argument("--leave-out", type=Path)
    parser.add_argument("--acquainted", default="", help="subjects, with commas between them")
    parser.add_argument("--fpir", type=float, default=0.003)
    options = parser.parse_args()
    target = settings.reference_gallery()
    enroll(options.people, target)
    crops, people = strangers(options.strangers, options.leave_out, set(options.acquainted.split(",")))
    embedder = Embedder()
    vectors = np.concatenate([embedder(crops[first : first + 64]) for first in range(0, len(crops), 64)])
    with Gallery.open(target, write=True) as gallery:
        threshold, calibration = choose(gallery, vectors, people, options.fpir)
        gallery.set_threshold(threshold, calibration)
    path = settings.weights_folder() / weights.MANIFEST
    entry = weights.read_manifest(path)["embedder"]
    release.update_manifest(path, {**entry, "threshold": threshold, "calibration": calibration})
    print(f"threshold {threshold}: {calibration}")


if __name__ == "__main__":
    main()
