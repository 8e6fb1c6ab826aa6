#!/usr/bin/env python3
"""Correct the labels of a table of faces by those that somebody has looked at.

    scripts/correct_labels.py FACES CORRECTIONS OUT

FACES is a table as `facekit train-detector` reads it, CORRECTIONS one of rows of the same columns: the kind
of a row with the same picture and box is exchanged, other rows are added. What is said to be a face is
certain, whatever a second detector thought of it. `detection_labels.csv` corrects the photos of detection.csv
that are learned from; of those that are kept back the 152 labels of 40 pixels and more were looked at, and
three of them are no faces.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

from facekit.training.detector_pictures import BOX, FACE, SECOND

Row = dict[str, str]


def rows(path: Path) -> list[Row]:
    with path.open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def place(row: Row) -> tuple[str, ...]:
    """The picture and the box of a row."""
    return row["picture"], *(f"{float(row[column]):.1f}" if row[column] else "" for column in BOX)


def corrected(faces: list[Row], corrections: list[Row]) -> list[Row]:
    """The rows of both; of a place that both have, that of `faces` with the kind of `corrections`."""
    kinds = {place(row): row["kind"] for row in corrections}
    known = {place(row) for row in faces}
    every = [dict(row, kind=kinds.get(place(row), row["kind"])) for row in faces]
    every += [row for row in corrections if place(row) not in known]
    sure = {place(row) for row in corrections if row["kind"] == FACE}
    return [row | {SECOND: "1"} if place(row) in sure else row for row in every]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("faces", type=Path)
    parser.add_argument("corrections", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    faces = rows(arguments.faces)
    with arguments.out.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, list(faces[0]), lineterminator="\n", extrasaction="ignore", restval="")
        table.writeheader()
        table.writerows(corrected(faces, rows(arguments.corrections)))


if __name__ == "__main__":
    main()
