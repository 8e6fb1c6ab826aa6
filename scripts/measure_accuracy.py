"""Measure embedders on the validation data: comparisons, pairs, and photos end to end. Prints JSON.

    python scripts/measure_accuracy.py --data FOLDER                       the shipped network
    python scripts/measure_accuracy.py --data FOLDER --embedder mine.onnx  mine.toml beside it
    python scripts/measure_accuracy.py --data FOLDER --teachers MODELS     sface.onnx and fr_feature.onnx

FOLDER holds faces-val.zip, faces-val.csv, pairs-val.csv and photos-val.zip. What is measured:

comparisons  all pairs of faces-val, relatives left out: TAR at FMR 1e-3, 1e-4 and 1e-5, also by source
pairs        ten folds (accuracy at the threshold of the other nine) without kin; and how many of the kin
             pairs are taken for the same person at the threshold of FMR 1e-4 above
photos       through detector, landmarks and embedder. Closed set: the first six photos of each subject are
             enrolled, the others searched. Open set: the last 25 subjects are not enrolled, and all of their
             photos searched, with the verdicts of identify at the threshold of such a gallery too. A photo in
             which no face is found is a miss in the first, and finds nobody.
"""

from __future__ import annotations

import csv
import json
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from verdicts import NOBODY, verdicts

from facekit.calibration.threshold import Calibration
from facekit.evaluation import metrics
from facekit.evaluation.intervals import Resampler, clustered, over_people, ratio
from facekit.faces.embedding import Embedder
from facekit.models import weights
from facekit.models.weights import EmbedderSpec
from facekit.pictures import images
from facekit.training.data import Faces, read_array
from facekit.training.photos import PipelineAligner

Vectors = NDArray[np.float32]
Embed = Callable[[NDArray[np.uint8]], Vectors]

ENROLLED, STRANGERS = 6, 25
TEACHERS = {"sface": (128, 0.0, 1.0), "fr_feature": (512, 127.5, 127.5)}


def in_parts(embedder: Embedder, size: int = 32) -> Embed:
    """The embedder, on any number of crops."""

    def embed(crops: NDArray[np.uint8]) -> Vectors:
        parts = [embedder(np.asarray(crops[first : first + size])) for first in range(0, len(crops), size)]
        return np.concatenate(parts)

    return embed


@dataclass(frozen=True, eq=False)
class Validation:
    """faces-val with the columns that are counted by, and the rows of pairs-val."""

    faces: Faces
    sources: NDArray[np.str_]
    pairs: NDArray[np.int64]
    """(n, 5): row of a, row of b, mated, kin, fold."""


def read_validation(folder: Path) -> Validation:
    with (folder / "faces-val.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    place = {row["name"]: number for number, row in enumerate(rows)}
    with (folder / "pairs-val.csv").open(newline="", encoding="utf-8") as file:
        pairs = [
            (place[row["a"]], place[row["b"]], int(row["mated"]), int(row["kin"]), int(row["fold"]))
            for row in csv.DictReader(file)
        ]
    sources = np.array([row["source"] for row in rows])
    return Validation(read_array(folder / "faces-val.zip"), sources, np.array(pairs))


def comparisons(vectors: Vectors, subjects: NDArray[np.int64], families: NDArray[np.int64]) -> dict[str, Any]:
    """TAR at each FMR that the non-mated pairs can show, with counts and the subject-clustered interval."""
    mated, non_mated = metrics.split_scores(vectors, subjects, families)
    figures: dict[str, Any] = {
        "mated": len(mated),
        "non_mated": len(non_mated),
        "subjects": len(set(subjects)),
    }
    people = np.arange(figures["subjects"])
    resampler = Resampler(len(people))
    for fmr in metrics.FMRS:
        if not metrics.supported(fmr, len(non_mated)):
            continue
        threshold = metrics.threshold_at_fmr(non_mated, fmr)
        tar = metrics.accepted(mated, threshold)
        drawn = ratio(*(resampler.sums(sums, people) for sums in by_subject(vectors, subjects, threshold)))
        tar = clustered(tar.count, tar.total, drawn)
        figures[f"tar_{fmr:.0e}"] = {**tar.to_dict(), "threshold": threshold}
    return figures


def by_subject(
    vectors: Vectors, subjects: NDArray[np.int64], threshold: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Accepted and all mated pairs of each subject."""
    taken, totals = [], []
    for subject in np.unique(subjects):
        own = vectors[subjects == subject]
        scores = (own @ own.T)[np.triu_indices(len(own), 1)]
        taken.append(np.count_nonzero(scores >= threshold))
        totals.append(len(scores))
    return np.array(taken), np.array(totals)


def of_pairs(vectors: Vectors, pairs: NDArray[np.int64], threshold: float) -> dict[str, Any]:
    scores = np.einsum("nd,nd->n", vectors[pairs[:, 0]], vectors[pairs[:, 1]])
    mated, kin, folds = pairs[:, 2] == 1, pairs[:, 3] == 1, pairs[:, 4]
    mean, deviation = metrics.fold_accuracy(scores[~kin], mated[~kin], folds[~kin])
    return {
        "accuracy": mean,
        "deviation": deviation,
        "pairs": int(np.count_nonzero(~kin)),
        "kin_accepted": metrics.accepted(scores[kin & ~mated], threshold).to_dict(),
    }


@dataclass(frozen=True, eq=False)
class Photos:
    """The largest face of each photo: crops (n, 112, 112, 3), and for every photo its subject's number and
    the row of its crop, −1 where no face was found."""

    crops: NDArray[np.uint8]
    subjects: NDArray[np.int64]
    rows: NDArray[np.int64]


def read_photos(path: Path, detector: str) -> Photos:
    aligner = PipelineAligner(detector)
    crops: list[NDArray[np.uint8]] = []
    rows: list[int] = []
    names: list[str] = []
    with zipfile.ZipFile(path) as archive:
        members = sorted(name for name in archive.namelist() if not name.endswith("/"))
        for number, member in enumerate(members):
            crop = aligner.crop(images.decode(archive.read(member), member))
            names.append(Path(member).parent.name)
            rows.append(-1 if crop is None else len(crops))
            if crop is not None:
                crops.append(crop)
            progress(f"photos {number + 1} of {len(members)}")
    known = {name: number for number, name in enumerate(sorted(set(names)))}
    subjects = [known[name] for name in names]
    return Photos(np.stack(crops), np.array(subjects), np.array(rows))


def of_photos(photos: Photos, vectors: Vectors, calibration: Calibration | None) -> dict[str, Any]:
    """Closed and open set; `calibration` None: nothing is said about strangers that get a name."""
    place = np.concatenate([np.arange(count) for count in np.bincount(photos.subjects)])
    enrolled = place < ENROLLED
    everyone = int(photos.subjects.max()) + 1
    scores = search(photos, vectors, enrolled, everyone)[~enrolled]
    truth = photos.subjects[~enrolled]
    figures: dict[str, Any] = {
        "photos": len(photos.rows),
        "faces_found": len(vectors),
        "rank_1": over_people(metrics.ranks(scores, truth) == 1, truth).to_dict(),
    }
    known = everyone - STRANGERS
    stranger = photos.subjects >= known
    scores = search(photos, vectors, enrolled & ~stranger, known)
    mated = ~enrolled & ~stranger
    truth = photos.subjects[mated]
    right, first = scores[mated, truth], metrics.ranks(scores[mated], truth) == 1
    limit = metrics.threshold_at_fpir(scores[stranger], 0.01)
    figures["open_set"] = {
        "n": known,
        "non_mated_searches": int(np.count_nonzero(stranger)),
        "fnir_at_fpir_0.01": over_people(~first | (right < limit), truth).to_dict(),
        "threshold": limit,
    }
    if calibration is not None:
        templates = int(np.count_nonzero(enrolled & ~stranger & (photos.rows >= 0)))
        threshold = calibration.threshold_for(templates)
        named = verdicts(scores, np.arange(known), threshold, calibration.cohort_for(templates))
        figures["at_its_threshold"] = {
            "templates": templates,
            "threshold": threshold,
            "strangers_named": over_people(named[stranger] != NOBODY, photos.subjects[stranger]).to_dict(),
            "known_missed": over_people(named[mated] != truth, truth).to_dict(),
        }
    return figures


def search(
    photos: Photos, vectors: Vectors, enrolled: NDArray[np.bool_], subjects: int
) -> NDArray[np.float32]:
    """Scores (photos, subjects): the best template of a subject, −inf without a face on either side."""
    scores = np.full((len(photos.rows), subjects), -np.inf, np.float32)
    usable = photos.rows >= 0
    for subject in range(subjects):
        templates = vectors[photos.rows[enrolled & usable & (photos.subjects == subject)]]
        if len(templates):
            scores[usable, subject] = (vectors[photos.rows[usable]] @ templates.T).max(1)
    return scores


def measure(
    embed: Embed, validation: Validation, photos: Photos | None, calibration: Calibration | None
) -> dict[str, Any]:
    faces = validation.faces
    vectors = embed(faces.crops)
    figures: dict[str, Any] = {
        "comparisons": comparisons(vectors, faces.labels, faces.families),
        "by_source": {},
    }
    for source in sorted(set(validation.sources)):
        mine = validation.sources == source
        figures["by_source"][str(source)] = comparisons(
            vectors[mine], faces.labels[mine], faces.families[mine]
        )
    at = figures["comparisons"]["tar_1e-04"]["threshold"]
    figures["pairs"] = of_pairs(vectors, validation.pairs, at)
    if photos is not None:
        figures["photos"] = of_photos(photos, embed(photos.crops), calibration)
    return figures


def chosen(
    embedders: tuple[Path, ...], teachers: Path | None
) -> dict[str, tuple[EmbedderSpec, Calibration | None]]:
    """Specs by name, each with what was calibrated for it, if anything."""
    specs: dict[str, tuple[EmbedderSpec, Calibration | None]] = {}
    for path in embedders:
        spec = weights.user_embedder(path)
        specs[spec.name] = (spec, spec.calibration)
    for name, (dimension, mean, scale) in TEACHERS.items() if teachers else ():
        path = Path(str(teachers), f"{name}.onnx")
        spec = EmbedderSpec(path, name, weights.digest(path), dimension, mean=mean, scale=scale)
        specs[name] = (spec, None)
    if not specs:
        spec = weights.shipped_embedder()
        specs[spec.name] = (spec, spec.calibration)
    return specs


def hashes() -> dict[str, str]:
    """The SHA-256 of each shipped file: what photos show is the work of all of them together."""
    return {name: sha256 for name, _, sha256 in weights.shipped_files()}


def progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr)


@click.command(help=__doc__, context_settings={"max_content_width": 110})
@click.option("--data", type=click.Path(path_type=Path, exists=True), envvar="FACEKIT_DATA", required=True)
@click.option("--embedder", type=click.Path(path_type=Path, exists=True), multiple=True)
@click.option("--teachers", type=click.Path(path_type=Path, exists=True))
@click.option("--detector", default="auto", show_default=True)
@click.option("--photos/--no-photos", default=True)
@click.option("--output", type=click.Path(path_type=Path), help="Write the JSON here instead.")
def main(
    data: Path,
    embedder: tuple[Path, ...],
    teachers: Path | None,
    detector: str,
    photos: bool,
    output: Path | None,
) -> None:
    validation = read_validation(data)
    pictures = read_photos(data / "photos-val.zip", detector) if photos else None
    results = {}
    for name, (spec, calibration) in chosen(embedder, teachers).items():
        progress(name)
        results[name] = {
            "sha256": spec.sha256,
            **measure(in_parts(Embedder(spec)), validation, pictures, calibration),
        }
    results = {name: {"files": hashes(), **figures} for name, figures in results.items()}
    text = json.dumps(results, indent=2)
    if output is not None:
        output.write_text(text + "\n", encoding="utf-8")
    else:
        click.echo(text)


if __name__ == "__main__":
    main()
