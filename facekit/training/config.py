"""The settings of a run: one frozen value that is saved with every checkpoint. Loads nothing heavy."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

Settings = TypeVar("Settings")

NETWORKS = ("resnet18", "resnet18-narrow", "resnet18-torchvision", "iresnet18", "iresnet50", "resnet101")
CLASS_LOSSES = {
    "arcface": "facekit.training.losses:ArcFace",
    "cosface": "facekit.training.losses:CosFace",
    "sphereface": "facekit.training.losses:SphereFace",
    "magface": "facekit.training.losses:MagFace",
    "adaface": "facekit.training.losses:AdaFace",
    "softmax": "facekit.training.losses:Softmax",
}
"""Losses with a center for each subject, and their classes, imported when they are used."""
PAIR_LOSSES = {
    "contrastive": "facekit.training.losses:Contrastive",
    "triplet": "facekit.training.losses:Triplet",
}
"""Losses of pairs, which need batches with several pictures of a subject."""
LOSSES = (*CLASS_LOSSES, *PAIR_LOSSES)
OPTIMIZERS = ("adamw", "sgd", "muon")
SAMPLERS = ("every", "balanced", "subjects")
PRECISIONS = ("auto", "bf16", "float32")


@dataclass(frozen=True)
class Augmentation:
    """Random changes of a face; each field switches one kind, 0 turns it off.

    shift and scale are fractions of the side; rotation is in degrees; color is the strength of
    brightness, contrast and saturation changes; all others are probabilities.
    """

    flip: float = 0.5
    shift: float = 0.04
    scale: float = 0.08
    rotation: float = 8.0
    color: float = 0.35
    low_resolution: float = 0.25
    blur: float = 0.15
    jpeg: float = 0.25
    gray: float = 0.08
    occlusion: float = 0.1
    mask: float = 0.05
    noise: float = 0.05
    dark: float = 0.05


UNCHANGED = Augmentation(
    flip=0.0, shift=0.0, scale=0.0, rotation=0.0, color=0.0,
    low_resolution=0.0, blur=0.0, jpeg=0.0, gray=0.0, occlusion=0.0, mask=0.0, noise=0.0, dark=0.0,
)  # fmt: skip
"""No change of any kind."""


@dataclass(frozen=True)
class Config:
    """`phases` lists (picture side, steps). The learning rate rises over `warmup` steps, and falls by a
    cosine over the last `decay` share of all steps (1: from the warm-up on, 0: never).

    `margin` and `scale` None are those of the loss's paper; `sample` is the share of classes looked at in a
    step. The loss on labels counts `label_weight` after rising over `label_ramp` steps; without a teacher it
    is the only one and counts 1. `power` belongs to the sampler `balanced`, `per_subject` to `subjects`.
    `augmentation` is done once for the views of a bank, and for every batch where there is none; None mirrors
    half of the faces and changes no more. `shift` and `light` are cheap changes that every batch gets
    besides: pixels, and part of the range.
    `precision` is `bf16`, where layers multiply in bfloat16, or `float32`; `session.train`
    puts the faster one on this machine for `auto`, which the loop by itself takes for float32.
    `patience` is the number of validations without a better one after which a run stops, 0: never.
    """

    network: str = "resnet18"
    dimension: int = 256
    phases: tuple[tuple[int, int], ...] = ((64, 3_000), (112, 3_000))
    batch: int = 128
    loss: str = "arcface"
    margin: float | None = None
    scale: float | None = None
    sample: float = 1.0
    sampler: str = "every"
    power: float = 0.5
    per_subject: int = 4
    optimizer: str = "adamw"
    rate: float = 2e-3
    weight_decay: float = 0.05
    warmup: int = 500
    decay: float = 1.0
    clip: float = 5.0
    ema: float = 0.9995
    label_weight: float = 0.1
    label_ramp: int = 5_000
    teacher_weight: float = 1.0
    relational_weight: float = 1.0
    anchors: int = 2048
    temperature: float = 0.07
    augmentation: Augmentation | None = None
    shift: int = 2
    light: float = 0.15
    precision: str = "auto"
    seed: int = 0
    save_every: float = 300.0
    validate_every: int = 2_000
    patience: int = 0

    @property
    def steps(self) -> int:
        return sum(steps for _, steps in self.phases)

    @property
    def sides(self) -> dict[int, int]:
        """First step of each phase → picture side."""
        starts, step = {}, 0
        for side, steps in self.phases:
            starts[step] = side
            step += steps
        return starts

    def side_at(self, step: int) -> int:
        sides = self.sides
        return sides[max(start for start in sides if start <= step)]

    @property
    def falls_from(self) -> int:
        """The step from which the rate falls."""
        return max(self.warmup, round(self.steps * (1 - self.decay)))

    def rate_at(self, step: int) -> float:
        warm = min(1.0, (step + 1) / max(1, self.warmup))
        begin = self.falls_from
        if self.decay == 0 or step < begin:
            return self.rate * warm
        return self.rate * warm * 0.5 * (1 + math.cos(math.pi * (step - begin) / max(1, self.steps - begin)))

    def label_weight_at(self, step: int, *, distilled: bool) -> float:
        """Weight of the loss on labels; `distilled` says whether there is a teacher as well."""
        return self.label_weight * min(1.0, step / max(1, self.label_ramp)) if distilled else 1.0

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Config:
        """The settings of a checkpoint. What it does not name is as it was before there was a choice."""
        known = {name: values[name] for name in cls.__dataclass_fields__ if name in values}
        known["phases"] = tuple((side, steps) for side, steps in known["phases"])
        if known.get("augmentation") is not None:
            known["augmentation"] = _checked(Augmentation(**known["augmentation"]))
        config = _checked(cls(**known))
        sizes = [(config.dimension, 8192), (config.batch, 1 << 20)]
        for side, steps in config.phases:
            sizes += [(side, 1024), (steps, 1 << 40)]
        if any(type(size) is not int or not 1 <= size <= most for size, most in sizes) or not config.phases:
            raise ValueError("its dimension, batch or phases are no sizes that there are")
        return config


def _checked(settings: Settings) -> Settings:
    """The same settings. TypeError where a value is of another kind than the usual one."""
    for name, usual in vars(type(settings)()).items():
        value = getattr(settings, name)
        kinds: tuple[type, ...] = (int, float) if isinstance(usual, float) else (type(usual),)
        if usual is None:  # the paper's, or none at all
            kinds = (int, float, Augmentation, type(None))
        if isinstance(value, bool) or not isinstance(value, kinds):
            raise TypeError(f"{name} is a {type(value).__name__}")
    return settings
