"""Short runs of equal time of networks like the default one: what do width, dimension and stem cost and buy?

    python scripts/try_networks.py faces-train.npy --bank bank/ --validation faces-val.zip --seconds 240

Each begins with random weights and learns as the default network did: distillation from the bank's vectors,
ArcFace on the labels, Muon. Prints a table, and JSON on request: what a network costs (int8 in ONNX Runtime,
one face at a time) and its rates over all pairs of the validation faces. A short run favors what learns
fast: the smaller the network, the more it has seen.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
from measure_runtime import times
from torch import nn
from try_losses import fitted

from facekit.models import runtime
from facekit.training import bank, export, networks, validation
from facekit.training.config import Config
from facekit.training.data import Faces, read_array, read_validation
from facekit.training.precision import faster
from facekit.training.team import ALONE

TRIED = "tried"


@dataclass(frozen=True)
class Variant:
    """The default network with other widths, dimension, size of the face or stride of its stem."""

    widths: tuple[int, int, int, int] = (32, 96, 192, 384)
    dimension: int = 128
    side: int = 112
    stride: int = 2

    @property
    def name(self) -> str:
        stem = "" if self.stride == 2 else f", stem of stride {self.stride}"
        return f"{'-'.join(map(str, self.widths))}, {self.dimension} dimensions, {self.side} px{stem}"

    def build(self, dimension: int) -> nn.Module:
        network = networks.FaceResNet(dimension, widths=self.widths)
        first = network.stem[0]
        assert isinstance(first, nn.Conv2d)
        first.stride = (self.stride, self.stride)
        return network


VARIANTS = (
    Variant(),
    Variant(widths=(32, 64, 128, 256)),
    Variant(widths=(48, 128, 256, 512)),
    Variant(dimension=256),
    Variant(dimension=512),
    Variant(side=64, stride=1),
)


def settings(variant: Variant, steps: int, *, batch: int, seed: int, precision: str) -> Config:
    return Config(
        network=TRIED,
        dimension=variant.dimension,
        phases=((variant.side, steps),),
        batch=batch,
        optimizer="muon",
        warmup=max(1, steps // 10),
        label_weight=0.05,
        label_ramp=steps,
        ema=0.95,
        validate_every=steps + 1,
        save_every=1e9,
        seed=seed,
        precision=precision,
    )


def milliseconds(network: nn.Module, crops: Any, side: int) -> float:
    """Of one face at a time in int8: the best call of a second's."""
    loaded = runtime.load(export.quantized(export.to_onnx(network, side=side), crops, side=side))
    face = np.zeros((1, 3, side, side), np.float32)
    return 1000 * times(lambda: loaded(face), 1.0)["best"]


def trial(
    variant: Variant, training: Faces, judged: Faces, *, seconds: float, **options: Any
) -> dict[str, Any]:
    """Train for about `seconds`, and measure."""
    networks.NETWORKS[TRIED] = networks.Architecture(variant.build, variant.dimension, variant.name)
    state, config, spent = fitted(lambda steps: settings(variant, steps, **options), training, seconds)
    network = state.averaged
    rates = validation.validate(network, judged, side=variant.side, precision=config.precision)
    size = networks.cost(network, side=variant.side)
    return {
        **asdict(variant),
        "parameters": size.parameters,
        "macs": size.macs,
        "milliseconds": milliseconds(network, np.array(training.crops[:128]), variant.side),
        "steps": config.steps,
        "seconds": spent,
        **rates,
    }


@click.command(help=__doc__, context_settings={"max_content_width": 110})
@click.argument("crops", type=click.Path(path_type=Path, exists=True))
@click.option("--bank", "views", required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--validation", "judged", required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--variant", type=click.IntRange(1, len(VARIANTS)), multiple=True, help="Only this row.")
@click.option("--batch", default=96, show_default=True)
@click.option("--seconds", default=240.0, show_default=True, help="For each network, validation apart.")
@click.option("--seed", default=0, show_default=True)
@click.option("--output", type=click.Path(path_type=Path), help="Write the figures as JSON.")
def main(
    crops: Path,
    views: Path,
    judged: Path,
    variant: tuple[int, ...],
    batch: int,
    seconds: float,
    seed: int,
    output: Path | None,
) -> None:
    training = bank.read(read_array(crops), views)
    others = read_validation(judged)
    options = {"batch": batch, "seed": seed, "precision": faster(ALONE)}
    rows = []
    click.echo("| network | GMAC, parameters | ms a face | crops seen | accuracy | TAR at FMR 1e-3 |")
    click.echo("|---|---|---|---|---|---|")
    for number in variant or range(1, len(VARIANTS) + 1):
        tried = VARIANTS[number - 1]
        row = trial(tried, training, others, seconds=seconds, **options)
        rows.append(row)
        click.echo(
            f"| {tried.name} | {row['macs'] / 1e9:.2f}, {row['parameters'] / 1e6:.1f} M "
            f"| {row['milliseconds']:.2f} | {row['steps'] * batch:,} | {row['accuracy']:.1%} "
            f"| {row.get('tar_1e-3', math.nan):.1%} |"
        )
        if output is not None:
            output.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
