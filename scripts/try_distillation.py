"""Short runs of equal cost from one checkpoint: what do dimensions, relations, labels, faces and views buy?

    python scripts/try_distillation.py FACES.npy --bank BANK --init RUN --validation FACES-VAL.zip \
        --teacher TEACHER.onnx --first-part 78967 --network resnet18-narrow

All go on from the run for as many steps, on faces of 64 pixels, with a rate that falls to nothing, and follow
the bank's vectors as the embedder that ships did. Fewer dimensions are the first principal components of the
teacher's vectors, and the last layer is turned in the same way, so that nothing else is lost at the start.
Spoiled views are learned with the teacher's vector of the crop as it was, or with its vector of the very
view. Prints a table, and JSON on request: rates over all pairs of the validation faces, as they are and with
all that is below the tip of the nose covered.
"""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import click
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from train_embedder import LIT, SPOILED

from facekit.faces.embedding import Embedder
from facekit.models.weights import user_embedder
from facekit.training import augment, bank, checkpoint, distillation, losses, networks, validation
from facekit.training.batches import prepare
from facekit.training.config import Config
from facekit.training.data import Faces, read_array, read_validation
from facekit.training.loop import follow
from facekit.training.precision import faster
from facekit.training.run import class_means, optimizer_of
from facekit.training.team import ALONE

SIDE = 64
EMA = 0.98
COVERED_FROM = 72
"""The row of an aligned crop of 112 pixels in which the tip of the nose lies."""

Teacher = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


@dataclass(frozen=True)
class Trial:
    """What is other than usual; the usual relations are those of the run that ships."""

    name: str
    dimension: int = 256
    temperature: float = 0.07
    anchors: int = 2048
    labels: float = 0.0
    first_part: bool = False
    spoiled: Literal["", "clean", "view"] = ""
    seed: int = 1


TRIALS = (
    Trial("as it is"),
    Trial("the same, another seed", seed=2),
    Trial("128 dimensions", dimension=128),
    Trial("temperature 0.05", temperature=0.05),
    Trial("temperature 0.1", temperature=0.1),
    Trial("512 anchors", anchors=512),
    Trial("16,384 anchors", anchors=16_384),
    Trial("labels weighing 0.01", labels=0.01),
    Trial("labels weighing 0.05", labels=0.05),
    Trial("the first part of the faces alone", first_part=True),
    Trial("spoiled views, vectors of the crops", spoiled="clean"),
    Trial("spoiled views, vectors of the views", spoiled="view"),
)


@dataclass(frozen=True)
class Given:
    """What all trials share: faces with the teacher's vectors, how many of them are the first part, others to
    judge by, the network to begin with, and how long."""

    faces: Faces
    first_part: int
    judged: Faces
    network: nn.Module
    teacher: Teacher | None
    steps: int
    batch: int
    rate: float
    precision: str

    def config(self, trial: Trial) -> Config:
        return Config(
            network="tried",
            dimension=trial.dimension,
            batch=self.batch,
            optimizer="muon",
            rate=self.rate,
            label_weight=trial.labels,
            anchors=trial.anchors,
            temperature=trial.temperature,
            seed=trial.seed,
            precision=self.precision,
        )

    def rate_at(self, step: int) -> float:
        rising = min(1.0, (step + 1) / max(1, self.steps // 10))
        return self.rate * rising * 0.5 * (1 + math.cos(math.pi * step / self.steps))


def components(vectors: NDArray[np.float16], dimension: int) -> NDArray[np.float32]:
    """The first principal components (d, dimension) of unit vectors (n, d); all of them: the vectors' own."""
    if dimension >= vectors.shape[1]:
        return np.eye(vectors.shape[1], dtype=np.float32)
    some = np.array(vectors[:: max(1, len(vectors) // 20_000)], np.float32)
    return np.ascontiguousarray(np.linalg.eigh(some.T @ some)[1][:, ::-1][:, :dimension])


def turned(network: nn.Module, basis: NDArray[np.float32]) -> nn.Module:
    """The same network, its vectors in the coordinates of a basis (d, dimension), of fewer than d."""
    made = copy.deepcopy(network)
    if basis.shape[0] == basis.shape[1]:
        return made
    last, turn = made.embed, torch.from_numpy(basis).T
    assert isinstance(last, nn.Linear)
    layer = nn.Linear(last.in_features, len(turn))
    with torch.no_grad():
        layer.weight.copy_(turn @ last.weight)
        layer.bias.copy_(turn @ last.bias)
    made.embed = layer
    return made


def batches(given: Given, trial: Trial, basis: NDArray[np.float32]) -> Iterator[tuple[Tensor, Tensor, Any]]:
    """Of each step the faces (batch, 3, SIDE, SIDE), what the teacher makes of them, and their rows."""
    assert given.faces.teacher is not None
    size = given.first_part if trial.first_part else len(given.faces.labels)
    for step in range(given.steps):
        random = np.random.default_rng((trial.seed, step))
        rows = np.sort(random.choice(size, given.batch, replace=False))
        pixels = torch.from_numpy(np.array(given.faces.crops[rows])).permute(0, 3, 1, 2)
        mirrored = torch.from_numpy(random.random(len(rows)) < LIT.flip)
        pixels = torch.where(mirrored[:, None, None, None], pixels.flip(3), pixels)
        views = augment.augment(pixels, SPOILED if trial.spoiled else LIT, random)
        wanted = np.array(given.faces.teacher[rows], np.float32)
        if trial.spoiled == "view":
            assert given.teacher is not None
            shown = views.permute(0, 2, 3, 1).round().clamp(0, 255).to(torch.uint8)
            wanted = given.teacher(np.ascontiguousarray(shown.numpy()))
        yield prepare(views, SIDE), torch.from_numpy(bank.unit(wanted @ basis)), rows


def run(given: Given, trial: Trial) -> dict[str, Any]:
    """Train, and measure."""
    began = time.monotonic()
    torch.manual_seed(trial.seed)
    faces, config = given.faces, given.config(trial)
    assert faces.teacher is not None
    basis = components(faces.teacher, trial.dimension)
    network = turned(given.network, basis).to(memory_format=torch.channels_last)
    averaged = copy.deepcopy(network).requires_grad_(False).eval()
    head = losses.create("arcface", trial.dimension, max(1, faces.classes))
    if trial.labels:
        head.load_state_dict({"weight": torch.from_numpy(class_means(faces))})
    learning = optimizer_of(config, [*network.parameters(), *head.parameters()])
    random = np.random.default_rng(trial.seed)
    for step, (pixels, wanted, rows) in enumerate(batches(given, trial, basis)):
        for group in learning.param_groups:
            group["lr"] = given.rate_at(step)
        others = np.array(faces.teacher[np.sort(random.integers(0, len(faces.labels), trial.anchors))])
        anchors = torch.from_numpy(bank.unit(others.astype(np.float32) @ basis))
        network.train()
        with torch.autocast("cpu", torch.bfloat16, enabled=given.precision == "bf16"):
            vectors: Tensor = network(pixels)
        loss = distillation.embedding_distance(vectors, wanted)
        loss = loss + distillation.relational(vectors, wanted, anchors, temperature=trial.temperature)
        known = faces.labels[rows] >= 0
        if trial.labels and known.any():
            loss = loss + trial.labels * head(vectors[known], torch.from_numpy(faces.labels[rows][known]))
        learning.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), config.clip)
        learning.step()
        follow(averaged, network, min(EMA, (1 + step) / (10 + step)))
    return {
        **asdict(trial),
        "steps": given.steps,
        **rates(given, averaged),
        "seconds": time.monotonic() - began,
    }


def rates(given: Given, network: nn.Module) -> dict[str, Any]:
    """Of the faces to judge by, as they are and covered."""
    crops = np.array(given.judged.crops)
    crops[:, COVERED_FROM:] = 128
    both = {"as they are": given.judged, "covered": replace(given.judged, crops=crops)}
    return {
        name: validation.validate(network, faces, side=SIDE, precision=given.precision)
        for name, faces in both.items()
    }


def line(row: dict[str, Any]) -> str:
    plain, covered = row["as they are"], row["covered"]
    shown = [
        plain.get("tar_1e-3", math.nan),
        plain.get("tar_1e-4", math.nan),
        covered.get("tar_1e-3", math.nan),
    ]
    return "| " + " | ".join([row["name"], *(f"{100 * rate:.1f} %" for rate in shown)]) + " |"


@click.command(help=__doc__, context_settings={"max_content_width": 110})
@click.argument("crops", type=click.Path(path_type=Path, exists=True))
@click.option("--bank", "vectors", required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--init", "begun", required=True, type=click.Path(path_type=Path, exists=True), help="A run.")
@click.option("--network", default="resnet18", show_default=True, help="What the run trained.")
@click.option("--validation", "judged", required=True, type=click.Path(path_type=Path, exists=True))
@click.option(
    "--teacher", type=click.Path(path_type=Path, exists=True), help="For vectors of the very views."
)
@click.option("--first-part", default=0, help="How many crops are the first part; 0: half of them.")
@click.option("--trial", type=click.IntRange(1, len(TRIALS)), multiple=True, help="Only this row.")
@click.option("--steps", default=200, show_default=True)
@click.option("--batch", default=96, show_default=True)
@click.option("--rate", default=2e-3, show_default=True)
@click.option("--output", type=click.Path(path_type=Path), help="Write the figures as JSON.")
def main(
    crops: Path,
    vectors: Path,
    begun: Path,
    network: str,
    judged: Path,
    teacher: Path | None,
    first_part: int,
    trial: tuple[int, ...],
    steps: int,
    batch: int,
    rate: float,
    output: Path | None,
) -> None:
    faces = bank.read(read_array(crops), vectors)
    assert faces.teacher is not None
    start = networks.create(network, faces.teacher.shape[1])
    start.load_state_dict(checkpoint.read(begun).under("averaged"))
    seen = Embedder(user_embedder(teacher), threads=2) if teacher else None
    half = first_part or len(faces.labels) // 2
    others = read_validation(judged)
    given = Given(faces, half, others, start, seen, steps, batch, rate, faster(ALONE))
    click.echo("| run | TAR at FMR 1e-3 | 1e-4 | covered from the nose down, 1e-3 |\n|---|---|---|---|")
    rows = [{"name": "before any of them", **rates(given, start.eval())}]
    click.echo(line(rows[0]))
    for number in trial or range(1, len(TRIALS) + 1):
        if TRIALS[number - 1].spoiled == "view" and seen is None:
            continue
        rows.append(run(given, TRIALS[number - 1]))
        click.echo(line(rows[-1]))
        if output is not None:
            output.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
