"""Does a calibrated threshold keep its promise on people who took no part in the calibration? Prints JSON.

    python scripts/measure_calibration.py --data FOLDER

FOLDER holds faces-val.zip, faces-val.csv and photos-val.zip. Strangers are the people of faces-val, each crop
one search; in each of several seeded splits one half of the people chooses the threshold, as
`facekit calibrate --fpir 0.01` does, and the FPIR is measured on the other half. Galleries:

reference   the shipped one; strangers who are reference people themselves (--acquainted) are left out
val_25      25 people of photos-val, 6 photos each, through the whole pipeline; FNIR on their other photos
carried     larger ones: a threshold set for 25, 50 and 100 people of faces-val, carried to 200 by the law of
            extreme values, and the FPIR measured among all 200

`first_split` is the FPIR found on the people who took no part in one split, `found` that of all splits
together, each with its interval over people; `above` is in how many splits it was higher than promised.
`estimate` is the same for a threshold at the point estimate instead.
"""

from __future__ import annotations

import csv
import json
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

import facekit
from facekit import settings
from facekit.evaluation import metrics, pictures, thresholds
from facekit.evaluation.intervals import Resampler, clustered, ratio
from facekit.evaluation.searches import Enrolled
from facekit.evaluation.thresholds import NonMated
from facekit.faces.embedding import Embedder
from facekit.faces.pipeline import Pipeline
from facekit.faces.reading import Options
from facekit.training.data import read_array

Scores = NDArray[np.float64]
Integers = NDArray[np.int64]
Vectors = NDArray[np.float32]

ENROLLED, KNOWN = 6, 25
CARRIED_FROM, CARRIED_TO = (25, 50, 100), 200


def embed(crops: NDArray[np.uint8], size: int = 32) -> Vectors:
    embedder = Embedder()
    return np.concatenate([embedder(crops[first : first + size]) for first in range(0, len(crops), size)])


def top_scores(gallery: Enrolled, vectors: Vectors) -> Scores:
    """The best score of each vector among all subjects."""
    parts = [gallery.scores(vectors[first : first + 512]).max(1) for first in range(0, len(vectors), 512)]
    return np.concatenate(parts).astype(np.float64)


def halves(people: Integers, count: int) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    """Rows of one half of the people, and of the other."""
    everyone = np.unique(people)
    for seed in range(count):
        chosen = np.random.default_rng(seed).permutation(everyone)[: len(everyone) // 2]
        first = np.isin(people, chosen)
        yield first, ~first


def kept(scores: Scores, people: Integers, subjects: int, fpir: float, splits: int) -> dict[str, Any]:
    """Thresholds from one half of the people, FPIR on the other, in all splits."""
    promised, estimated = [], []
    for choosing, measuring in halves(people, splits):
        numbers = np.unique(people[choosing], return_inverse=True)[1]
        chosen = thresholds.choose(NonMated(scores[choosing], subjects, numbers), fpir)
        promised.append((chosen.threshold, measuring))
        estimated.append((metrics.threshold_at_fmr(scores[choosing], fpir), measuring))
    return {
        "n": subjects,
        "searches": len(scores),
        "strangers": len(np.unique(people)),
        "fpir": fpir,
        **pooled(scores, people, promised, fpir),
        "estimate": pooled(scores, people, estimated, fpir),
    }


def pooled(
    scores: Scores, people: Integers, chosen: Sequence[tuple[float, NDArray[np.bool_]]], fpir: float
) -> dict[str, Any]:
    """The FPIR found on the measuring halves."""
    hits, totals = (np.zeros(len(scores)) for _ in range(2))
    rates = []
    for threshold, measuring in chosen:
        hits += measuring & (scores >= threshold)
        totals += measuring
        rates.append(float(np.mean(scores[measuring] >= threshold)))
    resampler = Resampler(int(people.max()) + 1)
    drawn = ratio(resampler.sums(hits, people), resampler.sums(totals, people))
    # Wilson's part of the interval is that of one pass over the strangers, not of every split.
    mean = hits.sum() / totals.sum()
    rate = clustered(round(mean * len(scores)), len(scores), drawn)
    low, high = rate.interval
    threshold, measuring = chosen[0]
    first = NonMated(scores[measuring], 1, np.unique(people[measuring], return_inverse=True)[1])
    return {
        "first_split": {"threshold": threshold, **first.rate(threshold).to_dict()},
        "found": {"rate": float(mean), "low": low, "high": high},
        "splits": len(chosen),
        "above": sum(each > fpir for each in rates),
        "highest": max(rates),
        "thresholds": [min(each for each, _ in chosen), max(each for each, _ in chosen)],
    }


def reference() -> Enrolled:
    with facekit.open_gallery(settings.reference_gallery(), fingerprint=Pipeline().fingerprint) as gallery:
        contents = list(gallery.contents())
    return Enrolled.of(np.stack([item.vector for item in contents]), [item.subject for item in contents])


def of_photos(archive: Path) -> tuple[Enrolled, list[str], Vectors, list[str]]:
    """A gallery of the first people's first photos, their names, and the vectors of their other photos."""
    options = Options(jobs=0)
    with tempfile.TemporaryDirectory() as folder:
        zipfile.ZipFile(archive).extractall(folder)
        (root,) = Path(folder).iterdir()
        paths, names = pictures.people(root)
        known = sorted(set(names))[:KNOWN]
        rows = [number for number, name in enumerate(names) if name in known]
        templates = pictures.of_photos([paths[row] for row in rows], options, options.pipeline())
    people = [names[row] for row in rows]
    place = [people[:number].count(name) for number, name in enumerate(people)]
    enrolled = [n for n, at in enumerate(place) if at < ENROLLED and templates.rows[n] >= 0]
    gallery = Enrolled.of(templates.vectors[templates.rows[enrolled]], [people[n] for n in enrolled])
    probes = [n for n, at in enumerate(place) if at >= ENROLLED]
    usable = [n for n in probes if templates.rows[n] >= 0]
    failed = len(probes) - len(usable)
    names_of = [people[n] for n in usable] + ["" for _ in range(failed)]
    return gallery, known, templates.vectors[templates.rows[usable]], names_of


def missed(gallery: Enrolled, vectors: Vectors, names: Sequence[str], threshold: float) -> metrics.Rate:
    """FNIR of probes; names "" at the end are failures to acquire."""
    scores = gallery.scores(vectors)
    best = scores.argmax(1)
    hit = [
        gallery.names[best[n]] == names[n] and bool(scores[n, best[n]] >= threshold)
        for n in range(len(vectors))
    ]
    return metrics.Rate(len(names) - sum(hit), len(names))


def carried(vectors: Vectors, people: Integers, fpir: float, splits: int) -> dict[str, Any]:
    """FPIR among CARRIED_TO people at thresholds set on other strangers for fewer."""
    figures: dict[str, Any] = {}
    everyone = np.unique(people)
    for few in CARRIED_FROM:
        rates = []
        for seed in range(splits):
            order = np.random.default_rng((seed, 1)).permutation(everyone)
            gallery, strangers = order[:CARRIED_TO], order[CARRIED_TO:]
            one, other = strangers[::2], strangers[1::2]
            small, large = (_gallery(vectors, people, gallery[:count]) for count in (few, CARRIED_TO))
            rows = np.isin(people, one)
            numbers = np.unique(people[rows], return_inverse=True)[1]
            searched = NonMated(top_scores(small, vectors[rows]), few, numbers)
            chosen = thresholds.choose(searched, fpir)
            threshold = chosen.threshold + chosen.tail * float(np.log(CARRIED_TO / few))
            measured = top_scores(large, vectors[np.isin(people, other)])
            rates.append([float(np.mean(measured >= limit)) for limit in (chosen.threshold, threshold)])
        plain, moved = np.mean(rates, axis=0)
        above = int(np.count_nonzero(np.array(rates)[:, 1] > fpir))
        figures[f"{few}_to_{CARRIED_TO}"] = {
            "fpir_not_carried": float(plain),
            "fpir_carried": float(moved),
            "above": above,
            "splits": splits,
        }
    return figures


def _gallery(vectors: Vectors, people: Integers, chosen: Integers) -> Enrolled:
    """Up to six crops of each person."""
    rows = [row for person in chosen for row in np.flatnonzero(people == person)[:ENROLLED]]
    return Enrolled.of(vectors[rows], [f"{people[row]:06d}" for row in rows])


@click.command(help=__doc__, context_settings={"max_content_width": 110})
@click.option("--data", type=click.Path(path_type=Path, exists=True), envvar="FACEKIT_DATA", required=True)
@click.option("--acquainted", default="v016,v019,v071,v075,v113", show_default=True)
@click.option("--fpir", default=0.01, show_default=True)
@click.option("--splits", default=20, show_default=True)
def main(data: Path, acquainted: str, fpir: float, splits: int) -> None:
    with (data / "faces-val.csv").open(newline="", encoding="utf-8") as table:
        names = np.array([row["subject"] for row in csv.DictReader(table)], np.str_)
    faces = read_array(data / "faces-val.zip")
    vectors, people = embed(faces.crops), np.unique(names, return_inverse=True)[1]
    gallery, known, probes, probe_names = of_photos(data / "photos-val.zip")
    results: dict[str, Any] = {}
    for name, searched, left_out in (
        ("reference", reference(), acquainted.split(",")),
        ("val_25", gallery, known),
    ):
        rows = ~np.isin(names, left_out)
        numbers = np.unique(people[rows], return_inverse=True)[1]
        scores = top_scores(searched, vectors[rows])
        results[name] = kept(scores, numbers, len(searched.names), fpir, splits)
        whole = thresholds.choose(NonMated(scores, len(searched.names), numbers), fpir)
        results[name]["on_all_strangers"] = {
            "threshold": whole.threshold,
            **whole.counted.to_dict(),
            "limit": whole.limit,
        }
    results["val_25"]["fnir"] = {
        f"{at:.3f}": missed(gallery, probes, probe_names, at).to_dict()
        for at in results["val_25"]["thresholds"]
    }
    results["carried"] = carried(vectors, people, fpir, splits)
    click.echo(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
