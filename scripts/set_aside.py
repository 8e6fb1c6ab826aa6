"""Put faces aside before training: strangers for large galleries, and faces by age, sex and origin.

    python scripts/set_aside.py FACES.npy --teacher teacher.onnx -o OUT [--vectors VECTORS.npy]

FACES.npy are crops, uint8 (n, 112, 112, 3), with FACES.csv beside them (source, subject, age, sex, race).
Writes into OUT, each as NAME.npy with NAME.csv:

    choosing   all crops of 100 subjects of seven pictures or more: to choose a threshold on
    strangers  all crops of 100 others like them: to measure what was chosen
    groups     one picture each of up to 4,000 people, as many of each age, sex and origin
    learn      all others, less those that the teacher takes for one of the people put aside
    bank/      the teacher's vectors of `learn`, as `facekit train --bank` takes them

The choice follows from the names and a fixed seed, so it is the same wherever it is made. Prints the counts.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from facekit.faces.embedding import Embedder
from facekit.models.weights import user_embedder
from facekit.training import bank
from facekit.training.config import Augmentation

STRANGERS, PICTURES_OF_ONE = 200, 7
GROUPED = 4000
AGES = (0, 18, 40, 60)
"""Where the four groups of age begin."""
SAME = 0.5
"""A cosine from which on the teacher takes two crops for one person: on faces-val an FMR below 1e-4."""
AT_ONCE = 64

Rows = list[dict[str, str]]
Numbers = NDArray[np.int64]
Vectors = NDArray[np.float16]


def order(name: str) -> str:
    """A key that shuffles names alike everywhere."""
    return hashlib.sha256(f"facekit set aside {name}".encode()).hexdigest()


def strangers(rows: Rows, count: int = STRANGERS) -> list[str]:
    """The subjects who are put aside: of the second part of the data, whose names begin with u."""
    pictures = Counter(row["subject"] for row in rows if row["subject"].startswith("u"))
    deep = [name for name, number in pictures.items() if number >= PICTURES_OF_ONE]
    return sorted(sorted(deep, key=order)[:count])


def group(row: dict[str, str]) -> tuple[str, str, str] | None:
    """Origin, sex and age of a crop, None where the source does not tell them."""
    origin = "asian" if row["source"] == "aaf" else row["race"]
    if origin not in ("white", "black", "indian", "asian") or not row["sex"] or not row["age"]:
        return None
    age = max(number for number, first in enumerate(AGES) if float(row["age"]) >= first)
    return origin, row["sex"], f"{AGES[age]}+"


def grouped(rows: Rows, vectors: Vectors, count: int = GROUPED) -> Numbers:
    """Rows of one picture a person, as many of each group as `count` allows."""
    members: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for number, row in enumerate(rows):
        kind = None if row["subject"] else group(row)
        if kind is not None:
            members[kind].append(number)
    wanted = count // max(1, len(members))
    chosen: list[int] = []
    for kind in sorted(members):
        mine: list[int] = []
        for number in sorted(members[kind], key=lambda number: order(str(number))):
            # Nobody twice, also not under another origin or age.
            others = vectors[chosen + mine].astype(np.float32)
            if not len(others) or (others @ vectors[number].astype(np.float32)).max() < SAME:
                mine.append(number)
            if len(mine) == wanted:
                break
        chosen += mine
    return np.array(sorted(chosen))


def alike(vectors: Vectors, people: NDArray[np.float32], *, step: int = 8192) -> Numbers:
    """Rows whose cosine to one of `people`, unit vectors (p, d), is at least SAME."""
    parts = []
    for first in range(0, len(vectors), step):
        scores = vectors[first : first + step].astype(np.float32) @ people.T
        parts.append(first + np.flatnonzero(scores.max(axis=1) >= SAME))
    return np.concatenate(parts)


def teach(crops: NDArray[np.uint8], embedder: Embedder, path: Path) -> Vectors:
    """Unit vectors, mean of crop and mirror image; what is there already is read."""
    if not path.exists():
        vectors = np.empty((len(crops), embedder.dimension), np.float16)
        for first in range(0, len(crops), AT_ONCE):
            faces = np.array(crops[first : first + AT_ONCE])
            both = bank.unit(embedder(faces)) + bank.unit(embedder(faces[:, :, ::-1].copy()))
            vectors[first : first + len(faces)] = bank.unit(both)
        np.save(path, vectors)
    read: Vectors = np.load(path, mmap_mode="r")
    if read.shape != (len(crops), embedder.dimension):
        raise SystemExit(f"{path}: vectors of shape {read.shape} for {len(crops)} crops")
    return read


def write(out: Path, name: str, crops: NDArray[np.uint8], rows: Rows, chosen: Numbers) -> None:
    faces = open_memmap(out / f"{name}.npy", "w+", np.uint8, (len(chosen), *crops.shape[1:]))
    for first in range(0, len(chosen), 4096):
        part = chosen[first : first + 4096]
        faces[first : first + len(part)] = crops[part]
    faces.flush()
    with (out / f"{name}.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, rows[0].keys())
        table.writeheader()
        table.writerows(rows[number] for number in chosen)


def write_bank(folder: Path, crops: NDArray[np.uint8], vectors: Vectors, embedder: Embedder) -> None:
    folder.mkdir(exist_ok=True)
    np.save(folder / bank.TEACHER, vectors)
    key = bank.Key.of(crops, 1, embedder, Augmentation(), 0)
    (folder / bank.KEY).write_text(json.dumps(asdict(key), indent=2) + "\n")
    (folder / bank.PROGRESS).write_text(str(len(crops)))


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("faces", type=Path)
    parser.add_argument("--teacher", type=Path, required=True)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument(
        "--vectors", type=Path, help="the teacher's vectors, made there where they are missing"
    )
    given = parser.parse_args(arguments)
    given.out.mkdir(parents=True, exist_ok=True)
    crops = np.load(given.faces, mmap_mode="r")
    with given.faces.with_suffix(".csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    embedder = Embedder(user_embedder(given.teacher))
    vectors = teach(crops, embedder, given.vectors or given.out / "vectors.npy")

    people = strangers(rows)
    names = np.array([row["subject"] for row in rows])
    outside = np.flatnonzero(np.isin(names, people))
    single = np.setdiff1d(grouped(rows, vectors), outside)
    means = np.stack([vectors[names == name].astype(np.float32).mean(0) for name in people])
    kept_out = np.concatenate([bank.unit(means), vectors[single].astype(np.float32)])
    like = alike(vectors, kept_out)
    learn = np.setdiff1d(np.arange(len(rows)), np.concatenate([outside, single, like]))
    chooses = np.isin(names, sorted(people, key=order)[::2])
    choosing, measuring = outside[chooses[outside]], outside[~chooses[outside]]
    parts = {"choosing": choosing, "strangers": measuring, "groups": single, "learn": learn}
    for name, chosen in parts.items():
        write(given.out, name, crops, rows, chosen)
    write_bank(given.out / "bank", np.load(given.out / "learn.npy", mmap_mode="r"), vectors[learn], embedder)
    counts = {
        "crops": len(rows),
        "strangers": len(people),
        "crops of strangers to choose on": len(choosing),
        "crops of strangers to measure on": len(measuring),
        "single pictures": len(single),
        "groups": len({group(rows[number]) for number in single}),
        "left out because alike": len(rows) - len(learn) - len(outside) - len(single),
        "to learn from": len(learn),
        "subjects to learn from": len(set(names[learn].tolist()) - {""}),
    }
    for what, number in counts.items():
        print(f"{what}: {number:,}")
    return counts


if __name__ == "__main__":
    main()
