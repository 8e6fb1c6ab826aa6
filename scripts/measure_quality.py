#!/usr/bin/env python3
"""How poor pictures draw strangers, and the model by which facekit refuses them.

    scripts/measure_quality.py fit faces-val.zip --more faces-both.npy --subjects u \\
        --leave-out photos-val.zip --manifest weights/manifest.toml
    scripts/measure_quality.py tables faces-both.npy --subjects u [--cache FOLDER]
    scripts/measure_quality.py photos photos-val.zip

The first two take aligned crops (NAME.npy or NAME.zip with NAME.csv beside it, which has columns subject and
family).

`fit` spoils crops of every person in many ways and counts, for each face, how many strangers spoiled in the
same way reach the threshold with it; a ridge regression predicts the logarithm of that rate from the vector
and its length. A face is poor from the rate on that `--share` of the crops as they are have, each predicted
from other people's. It prints what share of each kind is refused then, and writes [embedder.poorness] into
the manifest. Of --more crops every second person's are used, and the others' by `tables`.

`tables` enrolls 10, 70 and --enrolled people. The first table has how many pictures are refused; strangers,
spoiled in the same way, whom ten spoiled people among --enrolled clean ones take, before and after; those
whom clean ones take, and known people who are missed in spoiled photos by clean ones. The second has, for
galleries that are spoiled, the strangers who are named if nothing is refused, if poor pictures are, and if a
face that is like many needs more too (facekit.people.identification.rise); and the known people, spoiled too,
who are missed without that last rule and with it.

`photos` says how many photos of a zip, a folder for each person, `enroll` refuses as too poor.
"""

from __future__ import annotations

import argparse
import csv
import math
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from spoiling import CLEAN, SPOILED, Spoiling, Vectors
from verdicts import NOBODY, verdicts

from facekit import settings
from facekit.calibration.poorness import RAREST, Poorness
from facekit.calibration.threshold import Calibration
from facekit.faces.embedding import Embedder
from facekit.models import weights
from facekit.training import manifest
from facekit.training.data import read_array

RIDGE = 30.0
CLEAN_COUNTS = 5.0
"""How much a crop as it is weighs in the regression: there are forty spoiled ones for each."""
FEW, MANY = 10, 70


TOLD = (
    *(
        CLEAN,
        "blur 3",
        "blur 4",
        "blur 8",
        "shaken 15",
        "jpeg 10",
        "jpeg 5",
        "jpeg 2",
        "noise 20",
        "noise 30",
    ),
    *("noise 60", "pixelated 28", "pixelated 20", "small 16", "small 12", "dark 0.06", "bright 2.5"),
    *("levels 2", "webcam at night", "far camera"),
)
"""Those in the tables: each costs as much as all crops as they are."""


@dataclass(frozen=True, eq=False)
class People:
    """Crops (n, 112, 112, 3), whose each is and of which family (n,), numbers from 0."""

    crops: NDArray[np.uint8]
    subjects: NDArray[np.int64]
    families: NDArray[np.int64]

    def of(self, chosen: NDArray[np.bool_]) -> People:
        """The chosen crops (n,), with their people and families numbered anew."""
        subjects, families = (
            np.unique(numbers[chosen], return_inverse=True)[1] for numbers in (self.subjects, self.families)
        )
        return People(self.crops[chosen], subjects, families)

    def places(self) -> NDArray[np.int64]:
        """The number of each crop among its person's, from 0."""
        return np.arange(len(self.subjects)) - np.searchsorted(self.subjects, self.subjects)

    def strangers(self) -> NDArray[np.bool_]:
        """Whether two crops are of people who are not of one family, (n, n)."""
        return np.asarray(self.families[:, None] != self.families[None])


def read_people(
    crops: Path, *, begins: str = "", leave_out: Path | None = None, each: int = 4, most: int | None = None
) -> People:
    """The first `each` crops of every person whose name begins like this, of at most so many people."""
    with crops.with_suffix(".csv").open(newline="", encoding="utf-8") as table:
        rows = list(csv.DictReader(table))
    names = zipfile.ZipFile(leave_out).namelist() if leave_out else []
    left_out = {part for name in names for part in Path(name).parts[:-1]}
    places: dict[str, list[int]] = {}
    for number, row in enumerate(rows):
        name = row["subject"]
        if name and name.startswith(begins) and name not in left_out:
            places.setdefault(name, []).append(number)
    chosen = [place for found in list(places.values())[:most] for place in found[:each]]
    people = [rows[place]["subject"] for place in chosen]
    families = [rows[place].get("family") or rows[place]["subject"] for place in chosen]
    pixels = (
        np.asarray(np.load(crops, mmap_mode="r")[chosen])
        if crops.suffix == ".npy"
        else read_array(crops).crops[chosen]
    )
    return People(pixels, _numbers(people), _numbers(families))


def _numbers(names: Sequence[str]) -> NDArray[np.int64]:
    number = {name: place for place, name in enumerate(dict.fromkeys(names))}
    return np.array([number[name] for name in names], np.int64)


# --- fit


def features(vectors: Vectors, norms: Vectors) -> NDArray[np.float64]:
    """(n, d + 3): what the model is linear in, the bias last."""
    lengths = norms.astype(np.float64)[:, None]
    return np.hstack([vectors, lengths / 50, np.log(lengths), np.ones_like(lengths)])


def stranger_rates(vectors: Vectors, strangers: NDArray[np.bool_], threshold: float) -> NDArray[np.float64]:
    """For each face the share of the strangers that reach the threshold with it, (n,)."""
    hits = (vectors @ vectors.T >= threshold) & strangers
    return np.asarray(hits.sum(axis=1) / np.maximum(strangers.sum(axis=1), 1))


def ridge(
    inputs: NDArray[np.float64], wanted: NDArray[np.float64], counts: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Coefficients; all but the last, the bias, are held small."""
    held = np.eye(inputs.shape[1]) * RIDGE
    held[-1, -1] = 0
    solution = np.linalg.solve(inputs.T @ (inputs * counts[:, None]) + held, inputs.T @ (counts * wanted))
    return np.asarray(solution, np.float64)


@dataclass(frozen=True, eq=False)
class Fit:
    """The model, and the rates by kind: as counted, and as predicted from other people's faces."""

    poorness: Poorness
    counted: dict[str, NDArray[np.float64]]
    predicted: dict[str, NDArray[np.float64]]

    def refused(self, kind: str) -> float:
        return float(np.mean(self.predicted[kind] >= self.poorness.poor_from))


@dataclass(frozen=True, eq=False)
class Faces:
    """Spoiled faces of a kind: what the model sees (n, d + 3), their rates (n,), and which half of the
    families they are of (n,)."""

    kind: str
    inputs: NDArray[np.float64]
    rates: NDArray[np.float64]
    even: NDArray[np.bool_]


def faces_of(
    people: People,
    spoiling: Callable[[str, NDArray[np.uint8]], tuple[Vectors, Vectors]],
    threshold: float,
    kinds: Sequence[str],
) -> Iterator[Faces]:
    for kind in kinds:
        vectors, norms = spoiling(kind, people.crops)
        rates = stranger_rates(vectors, people.strangers(), threshold)
        yield Faces(kind, features(vectors, norms), rates, people.families % 2 == 0)


def coefficients(sets: Sequence[Faces], even: Sequence[bool] = (False, True)) -> NDArray[np.float64]:
    """Those of the ridge regression on faces of one half of the families, or of both."""
    parts = [np.isin(faces.even, even) for faces in sets]
    weights = [CLEAN_COUNTS if faces.kind == CLEAN else 1.0 for faces in sets]
    return ridge(
        np.concatenate([faces.inputs[part] for faces, part in zip(sets, parts, strict=True)]),
        np.log10(
            np.concatenate([faces.rates[part] for faces, part in zip(sets, parts, strict=True)]) + RAREST
        ),
        np.concatenate([np.full(part.sum(), weight) for part, weight in zip(parts, weights, strict=True)]),
    )


def fit(sets: Sequence[Faces], share: float) -> Fit:
    """The model of all faces; the rate from which a face is poor is that of the `share` of clean crops with
    the highest, each predicted by the half of the families that the face is not of."""
    halves = coefficients(sets, [False]), coefficients(sets, [True])
    counted: dict[str, list[NDArray[np.float64]]] = {}
    predicted: dict[str, list[NDArray[np.float64]]] = {}
    for faces in sets:
        logarithms = np.where(faces.even, faces.inputs @ halves[0], faces.inputs @ halves[1])
        counted.setdefault(faces.kind, []).append(faces.rates)
        predicted.setdefault(faces.kind, []).append(10**logarithms)
    rates = {kind: np.concatenate(values) for kind, values in predicted.items()}
    *vector, length, logarithm, bias = (round(value, 5) for value in coefficients(sets).tolist())
    poor_from = float(f"{np.quantile(rates[CLEAN], 1 - share):.2g}")
    poorness = Poorness(tuple(vector), round(length / 50, 7), logarithm, bias, poor_from)
    return Fit(poorness, {kind: np.concatenate(values) for kind, values in counted.items()}, rates)


def print_fit(fitted: Fit) -> None:
    print(f"poor from {fitted.poorness.poor_from:g}")
    print(f"{'':18}{'strangers that match':>22}{'predicted (median)':>20}{'refused':>10}")
    for kind, counted in fitted.counted.items():
        median = float(np.median(fitted.predicted[kind]))
        refused = 100 * fitted.refused(kind)
        print(f"{kind:18}{counted.mean():22.5f}{min(1, max(RAREST, median)):20.5f}{refused:9.1f} %")


# --- tables


@dataclass(frozen=True)
class Rate:
    """How many of the searches are `named`, or missed; people left in the gallery."""

    named: int
    searches: int
    people: int

    def __add__(self, other: Rate) -> Rate:
        return Rate(self.named + other.named, self.searches + other.searches, self.people + other.people)

    def __str__(self) -> str:
        return f"{100 * self.named / max(1, self.searches):.1f}"


@dataclass(frozen=True, eq=False)
class Enrollment:
    """Templates (n, d) with the number of each one's subject (n,)."""

    vectors: Vectors
    subjects: NDArray[np.int64]
    calibration: Calibration

    def verdicts(self, probes: Vectors, *, many: bool = True) -> NDArray[np.int64]:
        """Whom `identify` names (n,); unless `many`, without the rule for faces that are like many."""
        templates = len(self.vectors)
        cohort = self.calibration.cohort_for(templates) if many else math.inf
        threshold = self.calibration.threshold_for(templates)
        return verdicts(probes @ self.vectors.T, self.subjects, threshold, cohort)

    def named(self, probes: Vectors, *, many: bool = True) -> Rate:
        """How many of these strangers have a name."""
        found = self.verdicts(probes, many=many)
        return Rate(int((found != NOBODY).sum()), len(probes), len(np.unique(self.subjects)))

    def missed(self, probes: Vectors, people: NDArray[np.int64], *, many: bool = True) -> Rate:
        """How many searches for these people, of whom some may be in the gallery, do not name them."""
        found = self.verdicts(probes, many=many)
        return Rate(int((found != people).sum()), len(probes), len(np.unique(self.subjects)))

    def taken(self, probes: Vectors, *, many: bool = True) -> Rate:
        """How many of these strangers have the name of one of the FEW first people."""
        found = self.verdicts(probes, many=many)
        people = int((np.unique(self.subjects) < FEW).sum())
        return Rate(int(((found != NOBODY) & (found < FEW)).sum()), len(probes), people)

    def of(self, chosen: NDArray[np.bool_]) -> Enrollment:
        """The chosen templates (n,)."""
        return Enrollment(self.vectors[chosen], self.subjects[chosen], self.calibration)


@dataclass(frozen=True, eq=False)
class Row:
    """What one kind of spoiled picture does: the share that is refused; for each size of gallery strangers
    who are named if nothing is refused, if poor pictures are, and if who is like many needs more too, and
    known people who are missed without that last rule and with it; then the rest of the first table.
    """

    kind: str
    refused: float
    named: tuple[tuple[Rate, Rate, Rate], ...]
    missed: tuple[tuple[Rate, Rate], ...]
    few: tuple[Rate, Rate]
    clean: Rate
    clean_missed: Rate


def rows(
    people: People,
    spoiling: Callable[[str, NDArray[np.uint8]], tuple[Vectors, Vectors]],
    poorness: Poorness,
    calibration: Calibration,
    *,
    enrolled: int,
    sizes: Sequence[tuple[int, int]],
    kinds: Sequence[str] = tuple(SPOILED),
) -> Iterator[Row]:
    """The first `enrolled` people are in the galleries, all photos of the others are strangers'. `sizes` are
    numbers of people and of templates a person."""
    subjects, place = people.subjects, people.places()
    usual = (subjects < enrolled) & (place == 0)
    mates = (subjects < enrolled) & (place == 1)
    clean, _ = spoiling(CLEAN, people.crops)
    whole = Enrollment(clean[usual], subjects[usual], calibration)
    for kind in kinds:
        vectors, norms = spoiling(kind, people.crops)
        poor = poorness.rates(vectors, norms) >= poorness.poor_from
        strangers = vectors[subjects >= enrolled]
        spoiled = Enrollment(vectors, subjects, calibration)
        measured = [_of_size(spoiled, place, poor, strangers, *size) for size in sizes]
        mixed = Enrollment(np.where(subjects < FEW, vectors.T, clean.T).T, subjects, calibration)
        few = mixed.of(usual), mixed.of(usual & ~(poor & (subjects < FEW)))
        yield Row(
            kind,
            float(poor.mean()),
            tuple(named for named, _ in measured),
            tuple(missed for _, missed in measured),
            (few[0].taken(strangers, many=False), few[1].taken(strangers)),
            whole.named(strangers),
            whole.missed(vectors[mates], subjects[mates]),
        )


def _of_size(
    spoiled: Enrollment,
    place: NDArray[np.int64],
    poor: NDArray[np.bool_],
    strangers: Vectors,
    count: int,
    templates: int,
) -> tuple[tuple[Rate, Rate, Rate], tuple[Rate, Rate]]:
    """Strangers named, and known people missed, by galleries of so many of the first MANY people each, or by
    one of more."""
    named, missed = [Rate(0, 0, 0)] * 3, [Rate(0, 0, 0)] * 2
    for first in range(0, max(count, MANY) - count + 1, count):
        theirs = (spoiled.subjects >= first) & (spoiled.subjects < first + count)
        everything = spoiled.of(theirs & (place < templates))
        rest = spoiled.of(theirs & (place < templates) & ~poor)
        probes = spoiled.of(theirs & (place >= templates))
        strangers_named = (
            everything.named(strangers, many=False),
            rest.named(strangers, many=False),
            rest.named(strangers),
        )
        known_missed = (
            rest.missed(probes.vectors, probes.subjects, many=False),
            rest.missed(probes.vectors, probes.subjects),
        )
        named = [one + other for one, other in zip(named, strangers_named, strict=True)]
        missed = [one + other for one, other in zip(missed, known_missed, strict=True)]
    return (named[0], named[1], named[2]), (missed[0], missed[1])


def print_rows(rows: Iterable[Row], sizes: Sequence[tuple[int, int]], enrolled: int) -> None:
    rows = list(rows)
    print_table(
        [
            *("pictures", "refused", f"{FEW} among {enrolled} clean people"),
            *(f"{enrolled} clean people", "known people missed by those"),
        ],
        (
            [
                *(row.kind, f"{100 * row.refused:.1f} %", f"{row.few[0]} → {row.few[1]} %"),
                *(f"{row.clean} %", f"{row.clean_missed} %"),
            ]
            for row in rows
        ),
    )
    heads = [f"{count} × {templates}" for count, templates in sizes]
    print_table(
        ["pictures", *(f"{head}: {what}" for head in heads for what in ("named", "missed"))],
        (
            [
                row.kind,
                *(
                    f"{' → '.join(map(str, rates))} %" if rates[-1].people else "–"
                    for both in zip(row.named, row.missed, strict=True)
                    for rates in both
                ),
            ]
            for row in rows
        ),
    )


def print_table(columns: Sequence[str], cells: Iterable[Sequence[str]]) -> None:
    print("| " + " | ".join(columns) + " |")
    print("|" + "---|" * len(columns))
    for row in cells:
        print("| " + " | ".join(row) + " |", flush=True)
    print()


# --- photos


def count_photos(photos: Path) -> None:
    """Enroll the photos as a user does, and count what is refused."""
    import facekit
    from facekit.faces.reading import Options

    with tempfile.TemporaryDirectory() as folder:
        zipfile.ZipFile(photos).extractall(folder)
        roots = [each for each in Path(folder).iterdir() if each.is_dir()]
        root = roots[0] if len(roots) == 1 else Path(folder)
        jobs = Options(jobs=settings.default_threads())
        report = facekit.enroll(root, Path(folder, "gallery.db"), options=jobs)
    print(f"{report.count('enrolled')} enrolled, {report.count('refused')} refused")
    for reason, count in report.refusals():
        print(f"{count} {reason}")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("fit", "tables", "photos"))
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--more", type=Path, help="crops of more people to fit on, every second one of them")
    parser.add_argument("--leave-out", type=Path, help="a zip with a folder for each person to leave out")
    parser.add_argument("--manifest", type=Path, help="write what was fitted into this manifest")
    parser.add_argument("--share", type=float, default=0.0018, help="of clean crops that may be poor")
    parser.add_argument("--subjects", default="", help="only people whose names begin like this")
    parser.add_argument("--enrolled", type=int, default=350)
    parser.add_argument("--cache", type=Path, help="a folder in which vectors are kept")
    given = parser.parse_args(arguments)
    if given.what == "photos":
        count_photos(given.pictures)
        return
    spec = weights.shipped_embedder()
    embedder = Embedder(spec, threads=2)
    spoiling = Spoiling(embedder.with_norms, given.cache)
    if given.what == "fit":
        people = read_people(given.pictures, leave_out=given.leave_out)
        faces = list(faces_of(people, spoiling, spec.threshold, tuple(SPOILED)))
        if given.more:
            more = read_people(given.more, begins=given.subjects, each=2)
            more = more.of(more.subjects % 2 == 0)
            faces += faces_of(more, spoiling, spec.threshold, TOLD)
        fitted = fit(faces, given.share)
        print_fit(fitted)
        if given.manifest:
            _write(given.manifest, fitted, given)
        return
    assert spec.poorness is not None, "fit first"
    enrolled = given.enrolled
    sizes = [(FEW, 3), (MANY, 1), (enrolled, 1)]
    people = read_people(given.pictures, begins=given.subjects, each=8)
    people = people.of(people.subjects % 2 == 1)
    if people.subjects.max(initial=-1) < enrolled:
        parser.error(f"nobody is left to search for after --enrolled {enrolled} people")
    strangers = (people.subjects >= enrolled) & (people.places() < 4)
    people = people.of((people.places() < 2) | (people.subjects < MANY) | strangers)
    model, calibration = spec.poorness, spec.calibration
    table = rows(people, spoiling, model, calibration, enrolled=enrolled, sizes=sizes, kinds=TOLD)
    print_rows(table, sizes, enrolled)


def _write(path: Path, fitted: Fit, given: argparse.Namespace) -> None:
    command = f"python scripts/measure_quality.py fit {given.pictures.name}"
    if given.more:
        command += f" --more {given.more.name} --subjects {given.subjects}"
    if given.leave_out:
        command += f" --leave-out {given.leave_out.name}"
    entry: dict[str, Any] = dict(weights.read_manifest(path)["embedder"])
    model = fitted.poorness
    entry["poorness"] = {
        "command": f"{command} --share {given.share:g} --manifest {path.name}",
        "poor_from": model.poor_from,
        "length": model.length,
        "log_length": model.log_length,
        "bias": model.bias,
        "weights": list(model.weights),
    }
    manifest.update(path, entry)


if __name__ == "__main__":
    main()
