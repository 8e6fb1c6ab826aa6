"""A short run of each loss on a slice of labeled crops: does it learn? Prints a table, and JSON on request.

    python scripts/try_losses.py faces-train.npy --seconds 60

FILE.npy has its table FILE.csv beside it. The subjects with the most crops are taken; some are held out,
and what is printed is how well the network tells those apart before and after: the highest mean of TAR and
1 − FMR over all thresholds, and the equal error rate. Chance is 50 % in both; random weights are not quite
blind.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np

from facekit.evaluation import metrics
from facekit.training import loop, run
from facekit.training.config import LOSSES, PAIR_LOSSES, Config
from facekit.training.data import Faces, hold_out, read_array
from facekit.training.precision import faster
from facekit.training.team import ALONE
from facekit.training.validation import embed

# How many steps fit into the time is measured on a few first, so that the rate has a plan to fall by.
TRIAL_STEPS = 6
LEAST_STEPS = 20


def deepest(faces: Faces, subjects: int) -> Faces:
    """The crops of the subjects with the most, in memory."""
    depth = np.bincount(faces.labels[faces.labels >= 0])
    chosen = np.argsort(-depth, kind="stable")[:subjects]
    rows = np.flatnonzero(np.isin(faces.labels, chosen))
    labels = np.unique(faces.labels[rows], return_inverse=True)[1]
    return Faces(np.asarray(faces.crops[rows]), labels, np.full(len(rows), -1))


def settings(loss: str, steps: int, side: int, batch: int, seed: int, precision: str) -> Config:
    return Config(
        loss=loss,
        sampler="subjects" if loss in PAIR_LOSSES else "every",
        phases=((side, steps),),
        batch=batch,
        warmup=max(1, steps // 10),
        rate=1e-3,
        ema=0.98,
        validate_every=steps + 1,
        save_every=1e9,
        seed=seed,
        precision=precision,
    )


def rates(network: Any, faces: Faces, side: int) -> dict[str, float]:
    vectors = embed(network, faces.crops, side=side)
    mated, non_mated = metrics.split_scores(vectors, faces.labels)
    return {
        "accuracy": metrics.balanced_accuracy(mated, non_mated),
        "equal_error": metrics.equal_error_rate(mated, non_mated),
        "mated": len(mated),
        "non_mated": len(non_mated),
    }


def timed(config: Config, training: Faces) -> tuple[run.Run, float]:
    """A run from its beginning to its end, and the seconds that its steps took: by those after the first,
    which prepares what the others use."""
    state, marks = run.start(config, training), []
    with tempfile.TemporaryDirectory() as folder:
        loop.train(state, config, training, Path(folder), tick=lambda step: marks.append(time.monotonic()))
    return state, (marks[-1] - marks[0]) * config.steps / (config.steps - 1)


def fitted(plan: Callable[[int], Config], training: Faces, seconds: float) -> tuple[run.Run, Config, float]:
    """A run of as many steps as fit into `seconds`; `plan` gives the settings for a number of steps."""
    _, spent = timed(plan(TRIAL_STEPS), training)
    config = plan(max(LEAST_STEPS, round(seconds * TRIAL_STEPS / spent)))
    state, spent = timed(config, training)
    return state, config, spent


def trial(loss: str, training: Faces, held: Faces, *, seconds: float, **options: Any) -> dict[str, Any]:
    """Train for about `seconds`, and compare."""
    state, config, spent = fitted(lambda steps: settings(loss, steps, **options), training, seconds)
    return {
        "loss": loss,
        "steps": config.steps,
        "seconds": spent,
        "before": rates(run.start(config, training).averaged, held, options["side"]),
        "after": rates(state.averaged, held, options["side"]),
    }


@click.command(help=__doc__, context_settings={"max_content_width": 110})
@click.argument("crops", type=click.Path(path_type=Path, exists=True))
@click.option("--loss", type=click.Choice(LOSSES), multiple=True, default=LOSSES)
@click.option("--subjects", default=200, show_default=True)
@click.option("--side", default=64, show_default=True)
@click.option("--batch", default=64, show_default=True)
@click.option("--seconds", default=60.0, show_default=True, help="For each loss, validation apart.")
@click.option("--seed", default=0, show_default=True)
@click.option("--output", type=click.Path(path_type=Path), help="Write the figures as JSON.")
def main(
    crops: Path,
    loss: tuple[str, ...],
    subjects: int,
    side: int,
    batch: int,
    seconds: float,
    seed: int,
    output: Path | None,
) -> None:
    training, held = hold_out(deepest(read_array(crops), subjects), share=0.2, seed=seed)
    if held is None:
        raise click.UsageError(f"{crops}: too few subjects to hold any out")
    click.echo(
        f"{len(training.rows)} crops of {training.classes} subjects to train on, {len(held.labels)} of "
        f"{held.classes} others to judge by; {side} px, batch {batch}"
    )
    click.echo(
        f"{'loss':<13}{'steps':>6}{'s':>6}{'accuracy before':>17}{'after':>8}{'EER before':>12}{'after':>8}"
    )
    options = {"side": side, "batch": batch, "seed": seed, "precision": faster(ALONE)}
    rows = []
    for name in loss:
        row = trial(name, training, held, seconds=seconds, **options)
        before, after = row["before"], row["after"]
        click.echo(
            f"{name:<13}{row['steps']:>6}{row['seconds']:>6.0f}{before['accuracy']:>17.1%}{after['accuracy']:>8.1%}"
            f"{before['equal_error']:>12.1%}{after['equal_error']:>8.1%}"
        )
        rows.append(row)
    if output is not None:
        output.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
