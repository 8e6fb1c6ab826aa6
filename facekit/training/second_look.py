"""Training of the second look: which of the places that the detector network proposes show a face.

What it learns from is made anew from photos with known faces: views as the detector's training has them, what
the trained network takes for faces in them at a low threshold, and the known faces that it misses.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from facekit.detection.second_look import SIDE
from facekit.training import small
from facekit.training.export import as_onnx, half_weights
from facekit.training.networks import conv_norm
from facekit.training.proposals import Places

EXPORTED = "second-look.onnx"
_SHIFT = 3
_SMOOTH = 0.02


@dataclass(frozen=True)
class Recipe(small.Recipe):
    steps: int = 14000
    decay: float = 2e-2


class Separable(nn.Module):
    """Each map by itself, then all maps at each place."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(inputs, inputs, 3, stride, 1, groups=inputs, bias=False),
            nn.BatchNorm2d(inputs),
            nn.ReLU(inplace=True),
            conv_norm(inputs, outputs, 1),
        )
        self.adds = stride == 1 and inputs == outputs

    def forward(self, maps: Tensor) -> Tensor:
        changed: Tensor = self.layers(maps)
        return F.relu(changed + maps if self.adds else changed)


class SecondLookNetwork(nn.Module):
    """Places float (n, 3, SIDE, SIDE) RGB in 0 … 255 to logits (n,)."""

    def __init__(self, widths: tuple[int, int, int, int] = (24, 48, 96, 112)) -> None:
        super().__init__()
        first, second, third, fourth = widths
        self.maps = nn.Sequential(
            conv_norm(3, first, 3, 2),
            nn.ReLU(inplace=True),
            Separable(first, second, 2),
            Separable(second, second),
            Separable(second, third, 2),
            Separable(third, third),
            Separable(third, third),
            Separable(third, fourth, 2),
        )
        self.answer = nn.Linear(fourth, 1)

    def forward(self, crops: Tensor) -> Tensor:
        maps = self.maps(crops / 127.5 - 1)
        logits: Tensor = self.answer(maps.mean(dim=(2, 3)))[:, 0]
        return logits


def train(
    places: Places, recipe: Recipe, *, report: small.Report = lambda step, loss: None
) -> SecondLookNetwork:
    """The averaged network, trained on as many places with a face as without."""
    torch.manual_seed(recipe.seed)
    return small.trained(SecondLookNetwork(), batches(places, recipe), _loss, recipe, report)


def _loss(logits: Tensor, wanted: Tensor) -> Tensor:
    return F.binary_cross_entropy_with_logits(logits, wanted * (1 - 2 * _SMOOTH) + _SMOOTH)


def batches(places: Places, recipe: Recipe) -> Iterator[tuple[Tensor, Tensor]]:
    """Half of each batch are faces; mirrored, moved, lighter or darker by chance."""
    chance = np.random.default_rng(recipe.seed)
    kinds = np.flatnonzero(places.faces), np.flatnonzero(~places.faces)
    wanted = torch.arange(recipe.batch).remainder(2).float()
    for _ in range(recipe.steps):
        chosen = np.empty(recipe.batch, np.int64)
        chosen[1::2] = chance.choice(kinds[0], recipe.batch // 2)
        chosen[0::2] = chance.choice(kinds[1], (recipe.batch + 1) // 2)
        batch = torch.from_numpy(places.crops[chosen]).permute(0, 3, 1, 2).float()
        if chance.random() < 0.5:
            batch = batch.flip(3)
        padded = F.pad(batch, (_SHIFT,) * 4)
        down, across = (int(value) for value in chance.integers(0, 2 * _SHIFT + 1, 2))
        batch = padded[:, :, down : down + SIDE, across : across + SIDE]
        light = torch.from_numpy(chance.normal(0, 12, (recipe.batch, 3, 1, 1)).astype(np.float32))
        contrast = torch.from_numpy(chance.uniform(0.7, 1.3, (recipe.batch, 1, 1, 1)).astype(np.float32))
        yield ((batch - 110) * contrast + 110 + light).clamp(0, 255), wanted


class _Exported(nn.Module):
    """The network for places as they lie in memory, float (n, SIDE, SIDE, 3), with answers in 0 … 1."""

    def __init__(self, network: SecondLookNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, crops: Tensor) -> Tensor:
        answers: Tensor = self.network(crops.permute(0, 3, 1, 2)).sigmoid()
        return answers


def to_onnx(network: SecondLookNetwork) -> bytes:
    """The network as an ONNX file with float16 weights, batch norms folded, for any number of places."""
    ready = _Exported(network.to(memory_format=torch.contiguous_format))
    many = {0: "n"}
    return half_weights(as_onnx(ready, torch.zeros(1, SIDE, SIDE, 3), ("places", many), ("faces", many)))
