"""`facekit train-landmarks`: the predictor of five points that aligns what dlib's detector finds."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import click

from facekit.cli import numbers
from facekit.cli.console import Console
from facekit.cli.options import command, seed_option, threads_option
from facekit.cli.paths import EXISTING, EXISTING_FILE, FILE, NETWORK

COUNT = click.IntRange(1)


@command("train-landmarks")
@click.argument("pictures", type=EXISTING)
@click.argument("points", type=EXISTING_FILE)
@click.option(
    "-o", "--output", type=FILE, default=Path("landmarks.dat"), show_default=True, help="File to write it to."
)
@click.option("--detector", type=NETWORK, default="dlib", show_default=True, help="Whose boxes to train on.")
@click.option(
    "--teacher", type=NETWORK, help="A detector with points, like yunet=FILE: average its looks with POINTS."
)
@click.option("--compare", type=EXISTING_FILE, multiple=True, help="Also measure dlib's own 5 or 68 points.")
@click.option(
    "--cascade", type=COUNT, default=10, show_default=True, help="Rounds of regression (cascade levels)."
)
@click.option("--trees", type=COUNT, default=500, show_default=True, help="Regression trees in each round.")
@click.option("--depth", type=click.IntRange(1, 16), default=4, show_default=True, help="Depth of a tree.")
@click.option(
    "--nu",
    type=numbers.FloatRange(0, 1, min_open=True),
    default=0.1,
    show_default=True,
    help="Learning rate of the trees (shrinkage).",
)
@click.option(
    "--jitters", type=COUNT, default=10, show_default=True, help="Boxes a face, shifted and scaled."
)
@seed_option
@threads_option(2)
@click.option("--manifest", type=FILE, help="Also write the entry into this manifest.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="How the errors are printed: as a table, or as an object a line.",
)
@click.pass_obj
def train_landmarks(console: Console, /, form: str, **wanted: Any) -> None:
    """Train a predictor of five points on PICTURES, a folder or ZIP file of photos with one face each.

    POINTS is a CSV with a row a picture: name, left_eye_x, left_eye_y, and so on for right_eye, nose,
    left_mouth and right_mouth, in pixels, left as seen in the picture. Every fifth picture is kept back;
    the errors printed are on those, in units of the eye distance.

    \b
    Examples:
      facekit train-landmarks photos/ points.csv
      facekit train-landmarks photos.zip points.csv --teacher yunet=yunet.onnx -o mine.dat
    """
    from facekit.training import landmark_errors
    from facekit.verbs.train_landmarks import train_landmarks

    started = time.monotonic()

    def note(text: str) -> None:
        console.note(f"{time.monotonic() - started:4.0f} s  {text}")

    rows = train_landmarks(**wanted, on_note=note)
    for line in landmark_errors.lines(rows) if form == "table" else map(json.dumps, map(vars, rows)):
        console.emit(line)
