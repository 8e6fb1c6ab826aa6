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

`tables` enrolls 70 and --enrolled people and searches for strangers spoiled in the same way: in galleries
that are spoiled too, in clean ones, and in clean ones with ten spoiled people, before poor pictures are
refused and after; and for spoiled photos of those who are enrolled with clean ones.

`photos` says how many photos of a zip, a folder for each person, `enroll` refuses as too poor.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from spoiling import CLEAN, SPOILED, Spoiling, Vectors

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
FEW = 10


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
    """Searches that found somebody at the threshold, of all; people left in the gallery."""

    named: int
    searches: int
    people: int

    def __str__(self) -> str:
        share = 100 * self.named / max(1, self.searches)
        return f"{share:.1f} % (N = {self.people})"


def named(gallery: Vectors, people: NDArray[np.int64], probes: Vectors, calibration: Calibration) -> Rate:
    """How many probes have a template at the threshold of such a gallery or above."""
    threshold = calibration.threshold_for(len(gallery))
    scores = probes @ gallery.T if len(gallery) else np.full((len(probes), 1), -1.0)
    return Rate(int((scores.max(axis=1) >= threshold).sum()), len(probes), len(np.unique(people)))


@dataclass(frozen=True, eq=False)
class Row:
    """What one kind of spoiled picture does."""

    kind: str
    refused: float
    spoiled: tuple[tuple[Rate, Rate], ...]
    clean: Rate
    few: tuple[Rate, Rate]
    mated: Rate


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
    order = np.arange(len(people.subjects))
    first = np.array([order[people.subjects == who][0] for who in np.unique(people.subjects)])
    place = order - first[people.subjects]
    strangers = people.subjects >= enrolled
    clean, _ = spoiling(CLEAN, people.crops)
    for kind in kinds:
        vectors, norms = spoiling(kind, people.crops)
        poor = poorness.rates(vectors, norms) >= poorness.poor_from
        probes = vectors[strangers]

        def both(
            gallery: NDArray[np.bool_],
            source: Vectors,
            poor: NDArray[np.bool_] = poor,
            probes: Vectors = probes,
        ) -> tuple[Rate, Rate]:
            left = gallery & ~poor
            return (
                named(source[gallery], people.subjects[gallery], probes, calibration),
                named(source[left], people.subjects[left], probes, calibration),
            )

        usual = (people.subjects < enrolled) & (place == 0)
        few = usual & (people.subjects < FEW)
        mixed = np.where(few[:, None], vectors, clean)
        mates = (people.subjects < enrolled) & (place == 1)
        threshold = calibration.threshold_for(int(usual.sum()))
        fixed = Calibration(threshold)
        same = np.einsum("nd,nd->n", vectors[mates], clean[first[people.subjects[mates]]])
        yield Row(
            kind,
            float(poor.mean()),
            tuple(
                both((people.subjects < count) & (place < templates), vectors) for count, templates in sizes
            ),
            named(clean[usual], people.subjects[usual], probes, calibration),
            _few(mixed, few, poor, probes, people.subjects, fixed),
            Rate(int((same >= threshold).sum()), len(same), enrolled),
        )


def _few(
    gallery: Vectors,
    few: NDArray[np.bool_],
    poor: NDArray[np.bool_],
    probes: Vectors,
    subjects: NDArray[np.int64],
    calibration: Calibration,
) -> tuple[Rate, Rate]:
    """Searches of spoiled strangers that a few spoiled people among many clean ones take: all of them, and
    those of them that are not poor."""
    left = few & ~poor
    return (
        replace(named(gallery[few], subjects[few], probes, calibration), people=int(few.sum())),
        replace(named(gallery[left], subjects[left], probes, calibration), people=int(left.sum())),
    )


def print_rows(rows: Iterator[Row], sizes: Sequence[tuple[int, int]], enrolled: int) -> None:
    heads = [f"{count} people × {templates}: before → after" for count, templates in sizes]
    columns = [
        "pictures",
        "refused",
        *heads,
        f"clean gallery, N = {enrolled}",
        f"{FEW} among {enrolled} clean: before → after",
        "a clean template finds its person",
    ]
    print("| " + " | ".join(columns) + " |")
    print("|" + "---|" * len(columns))
    for row in rows:
        pairs = [f"{before} → {after_}" for before, after_ in row.spoiled]
        cells = [
            row.kind,
            f"{100 * row.refused:.1f} %",
            *pairs,
            str(row.clean),
            f"{row.few[0]} → {row.few[1]}",
            f"{100 * row.mated.named / max(1, row.mated.searches):.1f} %",
        ]
        print("| " + " | ".join(cells) + " |", flush=True)


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
    enrolled, few = given.enrolled, 70
    sizes = [(few, 1), (few, 4), (enrolled, 1)]
    people = read_people(given.pictures, begins=given.subjects)
    people = people.of(people.subjects % 2 == 1)
    if people.subjects.max(initial=-1) < enrolled:
        parser.error(f"nobody is left to search for after --enrolled {enrolled} people")
    people = people.of((people.places() < 2) | (people.subjects < few) | (people.subjects >= enrolled))
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
