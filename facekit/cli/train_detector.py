"""`facekit train-detector`: the network that finds the faces dlib's detector does not see."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from facekit.cli import numbers
from facekit.cli.console import Console
from facekit.cli.options import command, seed_option, threads_option
from facekit.cli.paths import EXISTING, EXISTING_FILE, FOLDER

COUNT = click.IntRange(1)


@command("train-detector", short_help="Train the network that finds faces.")
@click.argument("pictures", type=EXISTING)
@click.argument("faces", type=EXISTING_FILE)
@click.option("--teacher", type=EXISTING_FILE, help="A YuNet network: its scores are learned too.")
@click.option(
    "--more", type=EXISTING, help="Further photos, of which both teachers tell where the faces are."
)
@click.option("--second", type=EXISTING_FILE, help="SCRFD or RetinaFace: the other teacher, for --more.")
@click.option(
    "--faceless",
    type=EXISTING,
    help="Pictures of animals and things, folder or ZIP file: nothing in them is a face.",
)
@click.option(
    "--crops",
    type=EXISTING_FILE,
    help="Aligned faces, as for train-refiner: some faces of the photos get one of these in their place.",
)
@click.option(
    "--init",
    type=EXISTING,
    help="A run or its checkpoint: begin with its network instead of a blank one.",
)
@click.option(
    "--further",
    type=click.IntRange(0),
    nargs=3,
    help="Units that the network has of its own at strides 8, 16 and 32, by default 1 2 2. What it has more "
    "than that of --init changes no answer at first.",
)
@click.option(
    "-o",
    "--output",
    type=FOLDER,
    default=Path("detector"),
    show_default=True,
    help="Folder of the run and of the network.",
)
@click.option("--resume", is_flag=True, help="Go on with the run in the output folder.")
@click.option("--steps", type=COUNT, default=8000, show_default=True, help="Steps of the training.")
@click.option(
    "--imitation",
    type=click.IntRange(0),
    default=2000,
    show_default=True,
    help="Steps before these, in which each unit of the network learns from the same unit of the teacher.",
)
@click.option("--batch", type=COUNT, default=16, show_default=True, help="Views in each step.")
@click.option(
    "--rate",
    type=numbers.FloatRange(0, min_open=True),
    default=2e-3,
    show_default=True,
    help="Learning rate at its highest.",
)
@click.option(
    "--validate-every", type=COUNT, default=500, show_default=True, help="Steps between two validations."
)
@seed_option
@threads_option(2)
@click.option("--workers", type=COUNT, default=1, show_default=True, help="Processes that make views.")
@click.pass_obj
def train_detector(console: Console, /, **wanted: Any) -> None:
    """Train a small network to find faces on PICTURES, a folder or ZIP file of everyday photos.

    FACES is a CSV with a row a face: picture, kind (`face`, or `ignore` where it is doubtful), x0, y0, x1, y1
    and p0x, p0y to p4x, p4y, the five points. Of the kind `none` is what looks like a face and is none, with
    a box and no points. A fifth of the photos is never trained on, and another part
    shows how the training goes. The output folder gets detector-network.onnx, checkpoints and the curve.

    \b
    Examples:
      facekit train-detector photos.zip faces.csv --teacher yunet_n.onnx
      facekit train-detector photos/ faces.csv --teacher yunet_n.onnx -o runs/detector --resume
    """
    from facekit.verbs.train_detector import train_detector

    exported = train_detector(**wanted, on_note=console.note, on_count=console.progress)
    console.note(f"{exported}: {exported.stat().st_size / 1e6:.2f} MB")
