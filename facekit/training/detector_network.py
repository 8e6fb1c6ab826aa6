"""The network that finds faces: a small body, three maps joined from coarse to fine, one head for all three.

Convolutions are separable (Howard et al. 2017, MobileNets), the joining of maps follows Lin et al. 2017
(Feature Pyramid Networks), and the form of the answers is YuNet's (Wu, Peng and Yu, Machine Intelligence
Research 2023): for each cell of the maps with strides 8, 16 and 32 a score, a box and five points.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from facekit.detection.network import ANSWERS, STRIDES
from facekit.training.export import as_onnx, half_weights
from facekit.training.networks import conv_norm

INPUT, OUTPUT = "picture", "cells"
_RARE = 0.01
"""How often a cell is a face's, before anything is learned (Lin et al. 2017, Focal loss, section 4.1)."""


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


class DetectorNetwork(nn.Module):
    """Pictures float (n, 3, height, width) RGB in 0 … 255, sides multiples of 32, to answers (n, cells, 15).

    Cells are those of stride 8 first, row by row. An answer is the logit of the score and what
    facekit.detection.network.decode makes a box and points of.
    """

    def __init__(
        self, widths: tuple[int, int, int, int, int] = (16, 32, 64, 96, 128), joined: int = 64
    ) -> None:
        super().__init__()
        half, quarter, fine, middle, coarse = widths
        self.stem = nn.Sequential(
            conv_norm(3, half, 3, 2),
            nn.ReLU(inplace=True),
            Separable(half, quarter, 2),
            Separable(quarter, quarter),
        )
        self.fine = nn.Sequential(Separable(quarter, fine, 2), Separable(fine, fine), Separable(fine, fine))
        self.middle = nn.Sequential(
            Separable(fine, middle, 2), Separable(middle, middle), Separable(middle, middle)
        )
        self.coarse = nn.Sequential(
            Separable(middle, coarse, 2), Separable(coarse, coarse), Separable(coarse, coarse)
        )
        self.sides = nn.ModuleList(conv_norm(width, joined, 1) for width in (fine, middle, coarse))
        self.joints = nn.ModuleList(Separable(joined, joined) for _ in STRIDES)
        self.places = Separable(joined, joined)
        self.scores = Separable(joined, joined)
        self.place = nn.ModuleList(nn.Conv2d(joined, ANSWERS - 1, 1) for _ in STRIDES)
        self.score = nn.ModuleList(nn.Conv2d(joined, 1, 1) for _ in STRIDES)
        for layer in self.score:
            nn.init.constant_(layer.bias, math.log(_RARE / (1 - _RARE)))  # type: ignore[arg-type]

    def forward(self, pictures: Tensor) -> Tensor:
        return self.with_features(pictures)[0]

    def with_features(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """The answers, and the features (n, cells, joined) that they come from."""
        fine = self.fine(self.stem(pictures / 127.5 - 1))
        middle = self.middle(fine)
        coarse = self.coarse(middle)
        answers, features, above = [], [], None
        for level in (2, 1, 0):
            maps = F.relu(self.sides[level]((fine, middle, coarse)[level]))
            if above is not None:
                maps = maps + F.interpolate(above, scale_factor=2.0, mode="nearest")
            above = self.joints[level](maps)
            features.append(above.flatten(2).transpose(1, 2))
            both = (self.score[level](self.scores(above)), self.place[level](self.places(above)))
            answers.append(torch.cat(both, dim=1).flatten(2).transpose(1, 2))
        return torch.cat(answers[::-1], dim=1), torch.cat(features[::-1], dim=1)


class _Exported(nn.Module):
    """The network for pictures as they lie in memory, float (n, height, width, 3), with scores in 0 … 1."""

    def __init__(self, network: DetectorNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, pictures: Tensor) -> Tensor:
        answers = self.network(pictures.permute(0, 3, 1, 2))
        return torch.cat([answers[..., :1].sigmoid(), answers[..., 1:]], dim=2)


def to_onnx(network: DetectorNetwork) -> bytes:
    """The network as an ONNX file with float16 weights, batch norms folded, for pictures of any size."""
    ready = _Exported(network.to(memory_format=torch.contiguous_format))
    pictures = (INPUT, {0: "n", 1: "height", 2: "width"})
    return half_weights(as_onnx(ready, torch.zeros(1, 64, 96, 3), pictures, (OUTPUT, {0: "n", 1: "cells"})))
