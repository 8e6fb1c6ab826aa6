"""`facekit train-detector`: the network that finds the faces dlib's detector does not see."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from facekit.cli import numbers
from facekit.cli.console import Console
from facekit.cli.options import command
from facekit.cli.paths import EXISTING, EXISTING_FILE, FOLDER
from facekit.errors import UsageError

if TYPE_CHECKING:
    from facekit.training.detector_pictures import Photo

LEAST = 0.4
"""The score that a second detector must give to a face, where the table tells it."""
FURTHER = "further.csv"
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
    "-o",
    "--output",
    type=FOLDER,
    default=Path("detector"),
    show_default=True,
    help="Folder of the run and of the networks.",
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
@click.option(
    "--seed",
    type=numbers.SEED,
    default=1,
    show_default=True,
    help="Random seed; the same one gives the same result.",
)
@click.option(
    "--threads", type=COUNT, default=2, show_default=True, help="Processor threads to compute with."
)
@click.option("--workers", type=COUNT, default=1, show_default=True, help="Processes that make views.")
@click.pass_obj
def train_detector(
    console: Console,
    /,
    pictures: Path,
    faces: Path,
    teacher: Path | None,
    more: Path | None,
    second: Path | None,
    faceless: Path | None,
    output: Path,
    resume: bool,
    threads: int,
    **recipe: float,
) -> None:
    """Train a small network to find faces on PICTURES, a folder or ZIP file of everyday photos.

    FACES is a CSV with a row a face: picture, kind (`face`, or `ignore` where it is doubtful), x0, y0, x1, y1
    and p0x, p0y to p4x, p4y, the five points. A fifth of the photos is never trained on, and another part
    shows how the training goes. The output folder gets detector-network.onnx, checkpoints and the curve.

    \b
    Examples:
      facekit train-detector photos.zip faces.csv --teacher yunet_n.onnx
      facekit train-detector photos/ faces.csv --teacher yunet_n.onnx -o runs/detector --resume
    """
    from facekit import outputs
    from facekit.training import invocation
    from facekit.training.journal import claimed, require_room

    if more is not None and (teacher is None or second is None):
        raise UsageError("--more needs --teacher and --second, which tell where its faces are")
    invocation.require_packages()
    from facekit.training import checkpoint, detector, detector_pictures

    invocation.use_threads(threads)
    inputs = [path for path in (pictures, faces, teacher, more, second, faceless) if path is not None]
    outputs.require_apart(output, inputs)
    with claimed(output):
        last = output / checkpoint.LAST
        if last.exists() and not resume:
            raise UsageError(f"{output}: holds a run; --resume goes on with it")
        if not resume:
            require_room(output, (detector.EXPORTED,), inputs)
        run = detector.Training(detector.Recipe(**recipe))  # type: ignore[arg-type]
        rows = run.load(last) if resume else []
        parts = detector_pictures.split(detector_pictures.read(pictures, faces, least=LEAST))
        console.note(
            f"{len(parts.training)} photos to learn from, {len(parts.validation)} to watch the training by, "
            f"{len(parts.held_out)} kept back"
        )
        further = []
        if more is not None and teacher is not None and second is not None:
            further = _further(console, more, teacher, second, output / FURTHER)
        empty = [] if faceless is None else detector_pictures.faceless(faceless)
        learned = detector.Views(parts.training, further, teacher, run.recipe, empty)

        def report(row: dict[str, float]) -> None:
            console.note(", ".join(f"{name} {value:.4g}" for name, value in row.items()))

        run.imitate(learned, lambda step, steps: console.progress(step, steps, "steps of imitation"))
        run.save(last, rows)
        detector.train(run, learned, parts.validation, output, rows, report)
    exported = output / detector.EXPORTED
    console.note(f"{exported}: {exported.stat().st_size / 1e6:.2f} MB")


def _further(console: Console, pictures: Path, teacher: Path, second: Path, table: Path) -> list[Photo]:
    """Photos of which two detectors tell where the faces are: that takes minutes, so it is written down."""
    from facekit.detection.retinaface import RetinaFace
    from facekit.training import detector_pictures, detector_targets

    if not table.exists():
        eyes = (detector_targets.YuNetEyes(teacher), RetinaFace(second))
        detector_pictures.write(detector_pictures.labeled(pictures, eyes, console.progress), table)
    photos = detector_pictures.read(pictures, table)
    console.note(f"{len(photos)} further photos")
    return photos
