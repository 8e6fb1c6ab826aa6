"""`facekit train-refiner`: the network that corrects the points of the landmark predictor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from facekit.cli.console import Console
from facekit.cli.options import command, seed_option, threads_option
from facekit.cli.paths import EXISTING, EXISTING_FILE, FILE, NETWORK


@command("train-refiner", short_help="Train the refiner of landmarks.")
@click.argument("crops", type=EXISTING_FILE)
@click.option(
    "-o", "--output", type=FILE, default=Path("refiner.onnx"), show_default=True, help="File to write it to."
)
@click.option("--pictures", type=EXISTING, help="Photos with one face each, as for train-landmarks.")
@click.option("--points", type=EXISTING_FILE, help="The CSV of their points, as for train-landmarks.")
@click.option(
    "--teacher", type=NETWORK, help="A detector with points, like yunet=FILE: average its looks with POINTS."
)
@click.option(
    "--steps", type=click.IntRange(10), default=3000, show_default=True, help="Steps of the training."
)
@click.option("--batch", type=click.IntRange(2), default=96, show_default=True, help="Faces in each step.")
@seed_option
@threads_option(1)
@click.option("--manifest", type=FILE, help="Also write the entry into this manifest.")
@click.pass_obj
def train_refiner(console: Console, /, **wanted: Any) -> None:
    """Train a network that sees how a roughly cut face is off, on CROPS, a uint8 array of aligned ones.

    CROPS is NAME.npy, (n, 112, 112, 3) RGB; who is on them does not matter. Photos with points, a quarter of
    the faces where given, show what lies around a crop; every fifth of them is kept back.

    \b
    Examples:
      facekit train-refiner crops.npy
      facekit train-refiner crops.npy --pictures a.zip --points a.csv --teacher yunet=yunet.onnx
    """
    from facekit.verbs.train_refiner import train_refiner

    entry = train_refiner(**wanted, on_note=console.note, on_count=console.progress)
    for name, value in entry.items():
        console.emit(f"{name} = {value}")
