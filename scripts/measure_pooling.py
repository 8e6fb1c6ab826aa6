"""How often are several looks of a stranger named, and several of a known person not? Prints JSON.

    python scripts/measure_pooling.py --data FOLDER

FOLDER holds faces-val.zip and faces-val.csv. `facekit watch` searches the gallery once for all looks that a
track has, with their mean direction (`pooled`). The other rule that was weighed takes the mean of what the
looks score with a subject one by one (`mean`). Of the people with 14 crops or more, 70 are enrolled in each
of several seeded splits, with six crops each; the other crops of all of them are searched for in sets of 1, 3
and 8 of one person.

`single` is the threshold of the stated FPIR for sets of 1, over the strangers of all splits; FPIR and FNIR
are given at it, and at the threshold at which the rule itself has that FPIR (`own`). `track` adds 8 looks one
by one, as a track gets them, by the rule of watch, at several margins above the threshold, from none to its
own (`voting.margin`, with the `tail` of strangers' single searches): FPIR counts strangers named at any time;
FNIR is given after 1 … 8 looks. Intervals are over people.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
from measure_calibration import Integers, Scores, Vectors, embed
from numpy.typing import NDArray

from facekit.evaluation import metrics
from facekit.evaluation.intervals import Resampler, ratio
from facekit.evaluation.thresholds import tail_of
from facekit.training.data import read_array
from facekit.video import voting

PEOPLE, ENROLLED = 70, 6
LOOKS = (1, 3, 8)
MARGINS = (0.0, 0.4, 0.7, 1.0)
"""Parts of the margin of watch."""

Rule = Callable[[Vectors, Vectors], Scores]
"""Scores (sets, templates) of sets of looks (sets, k, d) with templates."""


def pooled(looks: Vectors, templates: Vectors) -> Scores:
    middle = looks.mean(1)
    middle /= np.linalg.norm(middle, axis=1, keepdims=True)
    return np.asarray(middle @ templates.T, np.float64)


def of_subjects(scores: Scores) -> Scores:
    """The best template of each subject (…, subjects); templates are in order, as many of each."""
    return np.asarray(scores.reshape(*scores.shape[:-1], -1, ENROLLED).max(-1))


RULES: dict[str, Rule] = {
    "pooled": lambda looks, templates: of_subjects(pooled(looks, templates)),
    "mean": lambda looks, templates: of_subjects(np.asarray(looks @ templates.T, np.float64)).mean(1),
}


@dataclass(frozen=True, eq=False)
class Searches:
    """The best score of each set, the true subject's (−1 for strangers), and whose set it is."""

    best: Scores
    true: Scores
    people: Integers

    @property
    def stranger(self) -> NDArray[np.bool_]:
        return self.true < -0.5

    def missed(self, threshold: float) -> NDArray[np.bool_]:
        """Of the known people's sets, which have no name or a wrong one."""
        missed = (self.true < threshold) | (self.true < self.best)
        return missed[~self.stranger]


def splits(
    vectors: Vectors, labels: Integers, count: int
) -> Iterator[tuple[Vectors, list[Integers], Integers]]:
    """Templates (70 · 6, d), then the rows of every other person's free crops, and the enrolled one's place
    (−1: a stranger)."""
    rows = {person: np.flatnonzero(labels == person) for person in np.unique(labels)}
    deep = [person for person in rows if len(rows[person]) >= ENROLLED + max(LOOKS)]
    for seed in range(count):
        draw = np.random.default_rng(seed)
        enrolled = draw.permutation(deep)[: min(PEOPLE, len(deep) // 2)]
        mixed = {person: draw.permutation(rows[person]) for person in rows}
        templates = np.concatenate([vectors[mixed[person][:ENROLLED]] for person in enrolled])
        free = [mixed[person][ENROLLED:] for person in enrolled]
        strangers = [person for person in deep if person not in enrolled]
        free += [mixed[person] for person in strangers]
        yield templates, free, np.array([*range(len(enrolled)), *[-1] * len(strangers)])


def search(vectors: Vectors, labels: Integers, looks: int, rule: Rule, count: int) -> Searches:
    best, true, people = [], [], []
    for templates, free, places in splits(vectors, labels, count):
        for rows, place in zip(free, places, strict=True):
            sets = rows[: len(rows) // looks * looks].reshape(-1, looks)
            scores = rule(vectors[sets], templates)
            best.append(scores.max(1))
            known = scores[:, place] if place >= 0 else np.full(len(sets), -1.0)
            true.append(known)
            people.append(labels[sets[:, 0]])
    return Searches(np.concatenate(best), np.concatenate(true), np.concatenate(people))


def tracks(
    vectors: Vectors, labels: Integers, threshold: float, margins: Sequence[float], count: int
) -> dict[str, Any]:
    """Sets of looks that come one after the other, named by the rule of watch."""

    def first(n: int) -> Rule:
        return lambda looks, templates: RULES["pooled"](looks[:, :n], templates)

    steps = [search(vectors, labels, max(LOOKS), first(n), count) for n in range(1, max(LOOKS) + 1)]
    told = {}
    for margin in margins:
        limit = threshold + margin
        stranger = steps[0].stranger
        named = np.array([found.best[stranger] >= limit for found in steps])
        told[f"{margin:.3f}"] = {
            "fpir": share(np.any(named, axis=0), steps[0].people[stranger]),
            "fnir": [round(float(np.mean(found.missed(limit))), 4) for found in steps],
        }
    return told


def share(wrong: NDArray[np.bool_], people: Integers) -> dict[str, Any]:
    """How many of all, with an interval over people drawn anew."""
    resampler = Resampler(int(people.max()) + 1)
    drawn = ratio(resampler.sums(wrong.astype(float), people), resampler.sums(np.ones(len(wrong)), people))
    low, high = np.percentile(drawn, (2.5, 97.5)).tolist()
    return {
        "wrong": int(wrong.sum()),
        "of": len(wrong),
        "rate": float(wrong.mean()),
        "low": low,
        "high": high,
    }


def rates(searches: Searches, threshold: float) -> dict[str, Any]:
    """FPIR over strangers; FNIR over known people, a wrong best candidate counted as missed."""
    stranger = searches.stranger
    return {
        "threshold": threshold,
        "fpir": share(searches.best[stranger] >= threshold, searches.people[stranger]),
        "fnir": share(searches.missed(threshold), searches.people[~stranger]),
    }


def measure(vectors: Vectors, labels: Integers, fpir: float, count: int) -> dict[str, Any]:
    single = search(vectors, labels, 1, RULES["pooled"], count)
    limit = metrics.threshold_at_fmr(single.best[single.stranger], fpir)
    tail = tail_of(single.best[single.stranger])
    margins = [part * voting.margin(tail) for part in MARGINS]
    told: dict[str, Any] = {"splits": count, "fpir": fpir, "tail": round(tail, 4)}
    for looks in LOOKS:
        for name, rule in RULES.items():
            found = search(vectors, labels, looks, rule, count)
            own = metrics.threshold_at_fmr(found.best[found.stranger], fpir)
            told[f"{name}_{looks}"] = {"single": rates(found, limit), "own": rates(found, own)}
    return {**told, "track": tracks(vectors, labels, limit, margins, count)}


@click.command(help=__doc__, context_settings={"max_content_width": 110})
@click.option("--data", type=click.Path(path_type=Path, exists=True, file_okay=False), required=True)
@click.option("--fpir", default=0.003, show_default=True)
@click.option("--splits", "count", default=20, show_default=True)
def main(data: Path, fpir: float, count: int) -> None:
    faces = read_array(data / "faces-val.zip")
    vectors = embed(np.asarray(faces.crops[faces.rows]))
    click.echo(json.dumps(measure(vectors, faces.labels, fpir, count), indent=2))


if __name__ == "__main__":
    main()
