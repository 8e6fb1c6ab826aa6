"""`facekit train-refiner`: the network that corrects the points of the landmark predictor."""

from __future__ import annotations

from pathlib import Path

import click

from facekit.cli import numbers
from facekit.cli.console import Console
from facekit.cli.options import command
from facekit.cli.paths import EXISTING, EXISTING_FILE, FILE, NETWORK
from facekit.errors import UsageError


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
@click.option(
    "--seed",
    type=numbers.SEED,
    default=1,
    show_default=True,
    help="Random seed; the same one gives the same result.",
)
@click.option(
    "--threads",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Processor threads to compute with.",
)
@click.option("--manifest", type=FILE, help="Also write the entry into this manifest.")
@click.pass_obj
def train_refiner(
    console: Console,
    /,
    crops: Path,
    output: Path,
    pictures: Path | None,
    points: Path | None,
    teacher: str | None,
    threads: int,
    manifest: Path | None,
    **recipe: int,
) -> None:
    """Train a network that sees how a roughly cut face is off, on CROPS, a uint8 array of aligned ones.

    CROPS is NAME.npy, (n, 112, 112, 3) RGB; who is on them does not matter. Photos with points, a quarter of
    the faces where given, show what lies around a crop; every fifth of them is kept back.

    \b
    Examples:
      facekit train-refiner crops.npy
      facekit train-refiner crops.npy --pictures a.zip --points a.csv --teacher yunet=yunet.onnx
    """
    from facekit.training import invocation

    if (pictures is None) != (points is None):
        raise UsageError("--pictures and --points go together")
    invocation.require_packages()
    from facekit import detection, outputs, writing
    from facekit.training import landmarks, refiner
    from facekit.training.data import read_crops
    from facekit.training.manifest import describes

    def report(step: int, loss: float) -> None:
        console.progress(step, settings.steps, "steps")
        if step % 100 == 0:
            console.note(f"step {step}: loss {loss:.2f} px")

    read = [path for path in (crops, pictures, points) if path is not None]
    outputs.require_replaceable(output, read, lambda path: describes(manifest, path))
    writing.prepare(output)
    invocation.use_threads(threads)
    settings = refiner.RefinerRecipe(**recipe)
    averaging = detection.create(teacher) if teacher else None
    faces, photos = read_crops(crops), None
    if pictures is not None and points is not None:
        examples, _ = landmarks.held_out(landmarks.read_examples(pictures, points))
        examples = landmarks.steady(examples, averaging) if averaging else examples
        photos = refiner.surroundings(examples)
        console.note(f"{len(photos)} photos read")
    network = refiner.train(faces, settings, photos=photos, report=report)
    entry = refiner.write(network, output, manifest)
    console.note(f"{output}: {output.stat().st_size / 1e6:.2f} MB")
    for name, value in entry.items():
        console.emit(f"{name} = {value}")
