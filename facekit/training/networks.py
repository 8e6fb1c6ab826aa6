"""The networks that `facekit train` knows, in one table.

All take float (n, 3, side, side) RGB in −1 … 1 and give (n, dimension), not normalised.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def conv_norm(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(outputs)
    )


class BasicBlock(nn.Module):
    """Two 3×3 convolutions with a short cut (He et al. 2016, ResNet)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = conv_norm(inputs, outputs, 3, stride)
        self.second = conv_norm(outputs, outputs, 3)
        changes = stride != 1 or inputs != outputs
        self.shortcut = conv_norm(inputs, outputs, 1, stride) if changes else nn.Identity()

    def forward(self, maps: Tensor) -> Tensor:
        inner = self.second(F.relu(self.first(maps), inplace=True))
        return F.relu(inner + self.shortcut(maps), inplace=True)


class GlobalDepthwise(nn.Module):
    """A learned weighted mean of each map (Chen et al. 2018, MobileFaceNets, section 3.2).

    The kernel is stretched to the size of the map, so that training may begin on small faces.
    """

    def __init__(self, channels: int, side: int = 7) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((channels, 1, side, side), 1 / side**2))

    def forward(self, maps: Tensor) -> Tensor:
        height, width = int(maps.shape[2]), int(maps.shape[3])
        weight, side = self.weight, self.weight.shape[-1]
        if (height, width) != (side, side):
            weight = F.interpolate(weight, (height, width), mode="bilinear", align_corners=False)
            weight = weight * (side * side / (height * width))
        return F.conv2d(maps, weight, groups=maps.shape[1])


class FaceResNet(nn.Module):
    """ResNet18 for faces that is cheap on a CPU: 3×3 stem with stride 2 and no pooling after it,
    conv-BN-ReLU blocks, maps of 56, 28, 14 and 7 pixels, a depthwise global layer."""

    def __init__(self, widths: tuple[int, int, int, int] = (32, 96, 192, 384), dimension: int = 128) -> None:
        super().__init__()
        self.stem = conv_norm(3, widths[0], 3, 2)
        stages, inputs = [], widths[0]
        for width, stride in zip(widths, (1, 2, 2, 2), strict=True):
            stages += [BasicBlock(inputs, width, stride), BasicBlock(width, width, 1)]
            inputs = width
        self.stages = nn.Sequential(*stages)
        self.pool = nn.Sequential(GlobalDepthwise(inputs), nn.BatchNorm2d(inputs), nn.Flatten())
        self.embed = nn.Linear(inputs, dimension)
        self.dimension = dimension
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, faces: Tensor) -> Tensor:
        maps: Tensor = self.stages(F.relu(self.stem(faces), inplace=True))
        vectors: Tensor = self.embed(self.pool(maps))
        return vectors
