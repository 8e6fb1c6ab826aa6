"""The networks that `facekit train` knows, in one table.

All take float (n, 3, side, side) RGB in −1 … 1 and give (n, dimension), not normalized: the length of the
vector is a quality score for networks trained with MagFace or AdaFace.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
import torchvision  # type: ignore[import-untyped]
from torch import Tensor, nn

from facekit.errors import UsageError
from facekit.results import CROP_SIDE


def conv_norm(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    )


class BasicBlock(nn.Module):
    """Two 3×3 convolutions with a short cut (He et al. 2016, "Deep residual learning", figure 2)."""

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
    """A learned weighted mean of each map (Chen et al. 2018, "MobileFaceNets", section 3.2).

    The kernel is stretched to the size of the map, so that training may begin on small faces.
    """

    def __init__(self, channels: int, side: int = 7) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((channels, 1, side, side), 1 / side**2))

    def forward(self, maps: Tensor) -> Tensor:
        height, width = int(maps.shape[2]), int(maps.shape[3])
        weight: Tensor = self.weight
        side = int(weight.shape[-1])
        if (height, width) != (side, side):
            weight = F.interpolate(weight, (height, width), mode="bilinear", align_corners=False)
            weight = weight * (side * side / (height * width))
        return F.conv2d(maps, weight, groups=weight.shape[0])


class FaceResNet(nn.Module):
    """ResNet18 for faces that is cheap on a CPU: 3×3 stem with stride 2 and no pooling after it,
    conv-BN-ReLU blocks, maps of 56, 28, 14 and 7 pixels, a depthwise global layer."""

    def __init__(
        self, dimension: int = 256, *, widths: tuple[int, int, int, int] = (48, 128, 256, 512)
    ) -> None:
        super().__init__()
        self.stem = conv_norm(3, widths[0], 3, 2)
        stages, inputs = [], widths[0]
        for width, stride in zip(widths, (1, 2, 2, 2), strict=True):
            stages += [BasicBlock(inputs, width, stride), BasicBlock(width, width, 1)]
            inputs = width
        self.stages = nn.Sequential(*stages)
        self.pool = nn.Sequential(GlobalDepthwise(inputs), nn.BatchNorm2d(inputs), nn.Flatten())
        self.embed = nn.Linear(inputs, dimension)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, faces: Tensor) -> Tensor:
        maps: Tensor = self.stages(F.relu(self.stem(faces), inplace=True))
        vectors: Tensor = self.embed(self.pool(maps))
        return vectors


class ImprovedBlock(nn.Module):
    """BN-conv-BN-PReLU-conv-BN with a short cut (Duta et al. 2020, "Improved residual networks";
    Deng et al. 2019, "ArcFace", section 3.1). Names are insightface's, so its weights load."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.prelu = nn.PReLU(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, stride, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        changes = stride != 1 or inputs != outputs
        self.downsample = conv_norm(inputs, outputs, 1, stride) if changes else None

    def forward(self, maps: Tensor) -> Tensor:
        inner: Tensor = self.bn3(self.conv2(self.prelu(self.bn2(self.conv1(self.bn1(maps))))))
        return inner + (maps if self.downsample is None else self.downsample(maps))


class ImprovedResNet(nn.Module):
    """insightface's iResNet: a stem at full size, maps of 56, 28, 14 and 7 pixels, BN-dropout-linear-BN.

    The linear layer reads a map of 7×7; smaller maps are stretched to it, so that training may begin on them.
    """

    def __init__(self, dimension: int, *, blocks: tuple[int, int, int, int], dropout: float = 0.0) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.prelu = nn.PReLU(64)
        inputs = 64
        for number, (count, width) in enumerate(zip(blocks, (64, 128, 256, 512), strict=True), 1):
            layer = [ImprovedBlock(inputs, width, 2)] + [
                ImprovedBlock(width, width, 1) for _ in range(count - 1)
            ]
            self.add_module(f"layer{number}", nn.Sequential(*layer))
            inputs = width
        self.bn2 = nn.BatchNorm2d(inputs)
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(inputs * 49, dimension)
        self.features = nn.BatchNorm1d(dimension)
        nn.init.constant_(self.features.weight, 1.0)
        self.features.weight.requires_grad_(False)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, 0, 0.1)

    def forward(self, faces: Tensor) -> Tensor:
        maps: Tensor = self.prelu(self.bn1(self.conv1(faces)))
        for number in range(1, 5):
            maps = self.get_submodule(f"layer{number}")(maps)
        maps = self.bn2(maps)
        height, width = int(maps.shape[2]), int(maps.shape[3])
        if (height, width) != (7, 7):
            maps = averaging(height, 7).to(maps) @ maps @ averaging(width, 7).T.to(maps)
        vectors: Tensor = self.features(self.fc(self.dropout(maps.flatten(1))))
        return vectors


def averaging(inputs: int, outputs: int) -> Tensor:
    """Adaptive average pooling of one side as a matrix (outputs, inputs): ONNX has no such operator."""
    matrix = torch.zeros(outputs, inputs)
    for row in range(outputs):
        first, last = row * inputs // outputs, -(-(row + 1) * inputs // outputs)
        matrix[row, first:last] = 1 / (last - first)
    return matrix


@dataclass(frozen=True)
class Architecture:
    """A row of the table: `build(dimension)` makes the network, `dimension` is the usual one."""

    build: Callable[[int], nn.Module]
    dimension: int
    about: str


NETWORKS = {
    "resnet18": Architecture(
        FaceResNet, 256, "facekit's own, which ships: stride-2 stem, 48-128-256-512, depthwise global layer"
    ),
    "resnet18-narrow": Architecture(
        lambda dimension: FaceResNet(dimension, widths=(32, 96, 192, 384)),
        128,
        "the same with 32-96-192-384: half the time",
    ),
    "resnet18-torchvision": Architecture(
        lambda dimension: torchvision.models.resnet18(num_classes=dimension),
        512,
        "ImageNet layout (He et al. 2016)",
    ),
    "iresnet18": Architecture(
        lambda dimension: ImprovedResNet(dimension, blocks=(2, 2, 2, 2)), 512, "insightface layout"
    ),
    "iresnet50": Architecture(
        lambda dimension: ImprovedResNet(dimension, blocks=(3, 4, 14, 3)), 512, "insightface layout"
    ),
    "resnet101": Architecture(
        lambda dimension: torchvision.models.resnet101(num_classes=dimension),
        512,
        "ImageNet layout (He et al. 2016)",
    ),
}


def create(name: str, dimension: int | None = None) -> nn.Module:
    """A network of the table with random weights from torch's global generator; UsageError if unknown."""
    if name not in NETWORKS:
        raise UsageError(f"no network is called {name!r}; there are {', '.join(NETWORKS)}")
    known = NETWORKS[name]
    return known.build(dimension or known.dimension)


@dataclass(frozen=True)
class Cost:
    """Parameters, and multiply-accumulates of convolutions and linear layers for one face."""

    parameters: int
    macs: int

    @property
    def megabytes(self) -> float:
        """Of the weights in float32."""
        return self.parameters * 4 / 1e6


def cost(network: nn.Module, *, side: int = CROP_SIDE) -> Cost:
    """Count by running the network once on a face of `side` pixels; free on the device `meta`."""
    macs = 0

    def count(module: nn.Module, _: object, output: Tensor) -> None:
        nonlocal macs
        weight = module.weight
        assert isinstance(weight, Tensor)
        macs += weight[0].numel() * output[0].numel()

    counted = (nn.Conv2d, nn.Linear, GlobalDepthwise)
    hooks = [part.register_forward_hook(count) for part in network.modules() if isinstance(part, counted)]
    device = next(network.parameters()).device
    training = network.training
    try:
        with torch.no_grad():
            network.eval()(torch.zeros(1, 3, side, side, device=device))
    finally:
        network.train(training)
        for hook in hooks:
            hook.remove()
    return Cost(sum(value.numel() for value in network.parameters()), macs)


def listing() -> list[tuple[str, int, Cost, str]]:
    """Name, dimension, cost at 112 pixels and a remark for every network of the table."""
    rows = []
    for name, known in NETWORKS.items():
        with torch.device("meta"):
            rows.append((name, known.dimension, cost(create(name)), known.about))
    return rows
