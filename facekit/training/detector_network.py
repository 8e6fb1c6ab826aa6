"""The network that finds faces: a small body, three maps joined from coarse to fine, one head for all three.

Convolutions are separable (Howard et al. 2017, MobileNets), the joining of maps follows Lin et al. 2017
(Feature Pyramid Networks), and the form of the body and of the answers is YuNet's (Wu, Peng and Yu, Machine
Intelligence Research 2023): for each cell of the maps with strides 8, 16 and 32 a score, a box and points.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from facekit.detection.network import ANSWERS, STRIDES
from facekit.training.detector_targets import FEATURES
from facekit.training.export import as_onnx, half_weights
from facekit.training.networks import conv_norm

INPUT, OUTPUT = "picture", "cells"
_POOLED = (1, 5, 7, 9)
"""Units of the body before which the map is halved; those of _LEVELS make the maps of the three strides."""
_LEVELS = (6, 8, 10)
FURTHER = (1, 2, 2)
"""How many units of its own follow those of each of _LEVELS; at the last ones a unit costs the least time."""
_RARE = 0.01
"""How often a cell is a face's, before anything is learned (Lin et al. 2017, Focal loss, section 4.1)."""


class Unit(nn.Module):
    """All maps at each place, then each map by itself: YuNet's order of a separable convolution."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.mix = nn.Conv2d(inputs, outputs, 1)
        self.look = conv_norm(outputs, outputs, 3, groups=outputs)

    def forward(self, maps: Tensor) -> Tensor:
        return F.relu(self.look(self.mix(maps)))


class Answer(nn.Module):
    """The answers at each place of a map."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.mix = nn.Conv2d(inputs, ANSWERS, 1)
        self.look = nn.Conv2d(ANSWERS, ANSWERS, 3, padding=1, groups=ANSWERS)
        with torch.no_grad():
            self.look.bias[0] = math.log(_RARE / (1 - _RARE))  # type: ignore[index]

    def forward(self, maps: Tensor) -> Tensor:
        answers: Tensor = self.look(self.mix(maps))
        return answers.flatten(2).transpose(1, 2)


class DetectorNetwork(nn.Module):
    """Pictures float (n, 3, height, width) RGB in 0 … 255, sides multiples of 32, to answers (n, cells, 15).

    Cells are those of stride 8 first, row by row. An answer is the logit of the score and what
    facekit.detection.network.decode makes a box and points of. It has the units of YuNet's network, so that
    each can learn from that of a teacher, and `further` ones, which change nothing before they are trained.
    """

    def __init__(self, few: int = 16, width: int = FEATURES, further: Sequence[int] = FURTHER) -> None:
        super().__init__()
        self.stem = nn.Sequential(conv_norm(3, few, 3, 2), nn.ReLU())
        self.body = nn.ModuleList(
            [Unit(few, few), Unit(few, few), Unit(few, width), *(Unit(width, width) for _ in range(8))]
        )
        self.further = nn.ModuleList(
            nn.Sequential(*(Residual(width) for _ in range(count))) for count in further
        )
        self.joints = nn.ModuleList(Unit(width, width) for _ in STRIDES)
        self.heads = nn.ModuleList(Unit(width, width) for _ in STRIDES)
        self.answers = nn.ModuleList(Answer(width) for _ in STRIDES)

    def forward(self, pictures: Tensor) -> Tensor:
        return self.with_features(pictures)[0]

    def with_features(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """The answers, and the features (n, cells, FEATURES) that they come from."""
        maps = self.stem(pictures / 255)
        levels = []
        for place, unit in enumerate(self.body):
            maps = unit(F.max_pool2d(maps, 2) if place in _POOLED else maps)
            if place in _LEVELS:
                maps = self.further[_LEVELS.index(place)](maps)
                levels.append(maps)
        joined: Tensor | None = None
        heads = []
        for level in (2, 1, 0):
            maps = levels[level] if joined is None else levels[level] + _enlarged(joined)
            joined = self.joints[level](maps)
            heads.append(self.heads[level](joined))
        heads.reverse()
        answers = [answer(head) for answer, head in zip(self.answers, heads, strict=True)]
        return torch.cat(answers, dim=1), torch.cat(
            [head.flatten(2).transpose(1, 2) for head in heads], dim=1
        )

    def imitated(self, pictures: Tensor, maps: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """The answers to a teacher's last maps, and what each unit makes of the teacher's maps before it.

        `maps` are what each of the UNITS of a YuNet made of the pictures: the body's, the joints' from coarse
        to fine, the heads' from fine to coarse. What is returned has their shapes.
        """
        body, joints, heads = maps[:12], maps[12:15], maps[15:]
        made = [self.stem(pictures / 255)]
        for place, unit in enumerate(self.body):
            made.append(unit(F.max_pool2d(body[place], 2) if place in _POOLED else body[place]))
        levels = [body[place + 1] for place in _LEVELS]
        made.append(self.joints[2](levels[2]))
        made += [self.joints[level](levels[level] + _enlarged(joints[1 - level])) for level in (1, 0)]
        made += [head(joint) for head, joint in zip(self.heads, reversed(joints), strict=True)]
        answers = [answer(head) for answer, head in zip(self.answers, heads, strict=True)]
        return torch.cat(answers, dim=1), made


class Residual(nn.Module):
    """A unit that adds to what it sees, and nothing before it is trained (Goyal et al. 2017, section 5.1)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.unit = Unit(width, width)
        nn.init.zeros_(self.unit.look[1].weight)  # type: ignore[arg-type]

    def forward(self, maps: Tensor) -> Tensor:
        changed: Tensor = self.unit.look(self.unit.mix(maps))
        return F.relu(maps + changed)


def _enlarged(maps: Tensor) -> Tensor:
    return F.interpolate(maps, scale_factor=2.0, mode="nearest")


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
