"""Measure the embedder on covered, small and compressed faces, and between people of one group. Prints JSON.

    python scripts/measure_conditions.py --data FOLDER --groups GROUPS.npy --output scripts/conditions.json

FOLDER holds faces-val.zip and faces-val.csv. GROUPS.npy, with GROUPS.csv beside it (columns age, sex, race),
has one picture each of people, as scripts/set_aside.py writes them. What is measured:

conditions   all pairs of faces-val, relatives left out, one picture as it is and the other spoiled (of 112
             pixels: covered from the eyes or from the tip of the nose down, shrunk, compressed, dark): TAR
             at FMR 1e-3, at the threshold of that condition; and TAR and FMR at the gallery's threshold
groups       how often two people of the same age pass for one, and of those from 18 to 59 two of the same
             sex or origin: at the gallery's threshold and at that of FMR 1e-4 on faces-val, with intervals
             over people. Some of the pictures may show one person: the rates are upper ones.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from spoiling import CLEAN, Spoiling

from facekit.evaluation import metrics
from facekit.evaluation.intervals import Resampler, clustered, ratio
from facekit.evaluation.metrics import Rate
from facekit.faces.embedding import Embedder
from facekit.models import weights
from facekit.people.all_pairs import pair_blocks
from facekit.training.data import Faces, read_array

Vectors = NDArray[np.float32]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

CONDITIONS = (CLEAN, "covered 0.38", "covered 0.5", "small 28", "small 16", "jpeg 10", "dark 0.06")
FMR = 1e-3
FEWEST = 30
"""Of a group with fewer people there is nothing to say."""
AGES = ((0, 3), (3, 10), (10, 18), (18, 40), (40, 60), (60, 150))
ADULT = ("18–39", "40–59")
_ROWS = 256


def conditions(faces: Faces, spoiling: Callable[[str], Vectors], threshold: float) -> dict[str, Any]:
    clean = spoiling(CLEAN)
    return {kind: condition(faces, clean, spoiling(kind), threshold) for kind in CONDITIONS}


def condition(faces: Faces, clean: Vectors, spoiled: Vectors, threshold: float) -> dict[str, Any]:
    """Each clean picture with each spoiled one of another picture, relatives' left out."""
    mated, non_mated, people = [], [], []
    for rows, scores in _blocks(clean, spoiled):
        same = faces.labels[rows, None] == faces.labels
        other = np.arange(len(clean))[rows, None] != np.arange(len(clean))
        related = (faces.families[rows, None] == faces.families) & (faces.families[rows, None] >= 0)
        mated.append(scores[same & other])
        people.append(np.broadcast_to(faces.labels[rows, None], same.shape)[same & other])
        non_mated.append(scores[~same & ~related])
    score, person, others = np.concatenate(mated), np.concatenate(people), np.concatenate(non_mated)
    limit = metrics.threshold_at_fmr(others, FMR)
    return {
        "mated": len(score),
        "non_mated": len(others),
        "tar_1e-03": _of_people(score >= limit, person).to_dict(),
        "tar": _of_people(score >= threshold, person).to_dict(),
        "fmr": metrics.accepted(others, threshold).to_dict(),
    }


def _blocks(clean: Vectors, spoiled: Vectors) -> Iterator[tuple[slice, Vectors]]:
    for first in range(0, len(clean), _ROWS):
        rows = slice(first, first + _ROWS)
        yield rows, clean[rows] @ spoiled.T


def _of_people(hits: Flags, people: Integers) -> Rate:
    """A rate of comparisons whose people are drawn anew for the interval."""
    numbers = np.unique(people, return_inverse=True)[1]
    resampler = Resampler(int(numbers.max()) + 1)
    drawn = ratio(resampler.sums(hits, numbers), resampler.sums(np.ones(len(hits)), numbers))
    return clustered(int(np.count_nonzero(hits)), len(hits), drawn)


def groups(
    rows: Sequence[dict[str, str]], vectors: Vectors, thresholds: dict[str, float]
) -> dict[str, dict[str, Any]]:
    """By age, and of adults by sex and by origin: ages differ more than both and are not spread evenly over
    them. A picture whose column is empty is in none of its groups."""
    ages = [_age(row["age"]) for row in rows]
    adult = [age in ADULT for age in ages]
    return {
        column: {
            name: group(vectors[members], thresholds)
            for name in sorted(set(names) - {""})
            if len(members := np.flatnonzero(np.array(names) == name)) >= FEWEST
        }
        for column, names in {
            "age": ages,
            "sex": [row["sex"] * known for row, known in zip(rows, adult, strict=True)],
            "origin": [row["race"] * known for row, known in zip(rows, adult, strict=True)],
        }.items()
    }


def group(vectors: Vectors, thresholds: dict[str, float]) -> dict[str, Any]:
    """How often two of these people, a picture each, pass for one."""
    resampler = Resampler(len(vectors))
    pairs = len(vectors) * (len(vectors) - 1) // 2
    figures: dict[str, Any] = {"people": len(vectors), "pairs": pairs}
    for name, threshold in thresholds.items():
        hits = np.zeros(len(vectors))
        for first, scores, new in pair_blocks(vectors, _ROWS):
            over = (scores >= threshold) & new
            hits[first : first + len(scores)] += over.sum(axis=1)
            hits[first:] += over.sum(axis=0)
        everybody = np.arange(len(vectors))
        count = round(hits.sum() / 2)
        # A pair counts w₁ + w₂ − 1 times where its people were drawn w₁ and w₂ times.
        drawn = np.maximum(0, resampler.sums(hits, everybody) - count) / pairs
        figures[name] = clustered(count, pairs, drawn).to_dict()
    return figures


def _age(text: str) -> str:
    years = float(text) if text else -1.0
    return next((f"{low}–{high - 1}" for low, high in AGES if low <= years < high), "")


def read_groups(path: Path) -> tuple[list[dict[str, str]], NDArray[np.uint8]]:
    with path.with_suffix(".csv").open(newline="", encoding="utf-8") as table:
        return list(csv.DictReader(table)), np.load(path, mmap_mode="r")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--groups", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    given = parser.parse_args(arguments)
    spec = weights.shipped_embedder()
    spoiling = Spoiling(Embedder(spec, threads=2).with_norms, None)
    faces = read_array(given.data / "faces-val.zip")
    clean = spoiling(CLEAN, faces.crops)[0]
    _, non_mated = metrics.split_scores(clean, faces.labels, faces.families)
    thresholds = {"gallery": spec.threshold, "fmr_1e-04": metrics.threshold_at_fmr(non_mated, 1e-4)}
    rows, crops = read_groups(given.groups)
    results = {
        "sha256": spec.sha256,
        "thresholds": thresholds,
        "conditions": conditions(faces, lambda kind: spoiling(kind, faces.crops)[0], spec.threshold),
        "groups": groups(rows, spoiling(CLEAN, np.asarray(crops))[0], thresholds),
    }
    given.output.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
