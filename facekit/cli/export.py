"""`facekit export`: a trained run as an ONNX file that facekit can use."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from facekit.cli import numbers
from facekit.cli.console import Console
from facekit.cli.options import command
from facekit.cli.paths import EXISTING, FILE


@command("export")
@click.argument("run", type=EXISTING)
@click.option(
    "-o",
    "--output",
    type=FILE,
    default=Path("embedder.onnx"),
    show_default=True,
    help="Where to write the ONNX file.",
)
@click.option(
    "--precision",
    type=click.Choice(["float32", "float16", "int8"]),
    default="float32",
    show_default=True,
    help="float16 stores the weights in half the bytes; int8 also computes in integers.",
)
@click.option("--side", type=click.IntRange(32), help="Size of the faces; by default what it was trained on.")
@click.option("--flip", is_flag=True, help="Average each vector with the mirror image's, at twice the cost.")
@click.option("--name", default="", help="What the embedder is called; by default like the file.")
@click.option("--calibration", type=EXISTING, help="Crops (NAME.npy with NAME.csv) that int8 is fitted to.")
@click.option("--validation", type=EXISTING, help="Labeled crops to measure the file on.")
@click.option(
    "--max-drift", type=numbers.FLOAT, default=0.01, show_default=True, help="Allowed mean 1 − cosine."
)
@click.option("--max-loss", type=numbers.FLOAT, default=0.01, show_default=True, help="Allowed loss of TAR.")
@click.option("--manifest", type=FILE, help="Also write the entry into this manifest.")
@click.option("--unproven", is_flag=True, help="Export even a run that has hardly begun, was never "
              "validated, or is worse than what it began from.")  # fmt: skip
@click.option("--license", "license_", default="", help="Terms of the weights, for the entry.")
@click.option("--data", default="", help="What the network was trained on, for the entry.")
@click.option("--command", default="", help="How it was trained, where the run does not say it itself.")
@click.option("--commit", default="", help="Commit of the code that trained it.")
@click.pass_obj
def export(console: Console, /, **wanted: Any) -> None:
    """Write the network of RUN, a folder or checkpoint of `facekit train`, as an ONNX file.

    The description that `--embedder` needs is written beside it. A float16 or int8 file is compared
    with float32 on the validation crops, and refused if it is worse than allowed. A run that has hardly
    begun, was never validated, or is worse than what it began from, is refused.

    \b
    Examples:
      facekit export runs/first -o mine.onnx
      facekit enroll people/ --embedder mine.onnx
      facekit export runs/first --precision int8 --calibration train.npy --validation val.npy
    """
    from facekit.verbs.train import export

    done = export(**wanted)
    size, training = done.network.stat().st_size / 1e6, done.entry["training"]
    console.note(
        f"{done.network}: {size:.1f} MB, after {training['steps']} of {training['steps_planned']} steps, "
        f"described by {done.description.name}"
    )
    if wanted["validation"] is None:
        console.note(
            f"{done.description.name} has no figures and no threshold: they take labeled crops of other "
            "people, given with --validation"
        )
    console.emit(json.dumps(done.to_dict(), indent=2, ensure_ascii=False))
