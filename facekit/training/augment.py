"""Random views of aligned faces, made with torchvision's v2 transforms.

One draw of parameters is shared by a small group of pictures, which makes a view several
times cheaper than picture by picture and costs nothing in variety over a whole epoch.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F


class LowResolution(v2.Transform):
    """Shrink to `smallest` … 1 of the side and enlarge again, as a distant face is."""

    def __init__(self, smallest: float) -> None:
        super().__init__()
        self.smallest = smallest

    def forward(self, faces: Tensor) -> Tensor:
        side = int(faces.shape[-1])
        small = int(side * torch.empty(1).uniform_(self.smallest, 1).item())
        return F.resize(F.resize(faces, [small, small], antialias=True), [side, side], antialias=True)


@dataclass(frozen=True)
class Augmentation:
    """Each field switches one kind of change; 0 turns it off.

    shift, scale and occlusion are fractions of the side; rotation is in degrees; colour is
    the strength of brightness, contrast and saturation changes; low_resolution, blur, jpeg,
    grey, occlude and flip are probabilities.
    """

    flip: float = 0.5
    shift: float = 0.04
    scale: float = 0.08
    rotation: float = 8.0
    colour: float = 0.35
    low_resolution: float = 0.25
    blur: float = 0.15
    jpeg: float = 0.25
    grey: float = 0.08
    occlusion: float = 0.15
    group: int = 4

    def transform(self) -> v2.Transform:
        """The chain for one group of uint8 pictures, (n, 3, side, side)."""
        colour, steps = self.colour, []
        if self.flip:
            steps.append(v2.RandomHorizontalFlip(self.flip))
        if self.shift or self.scale or self.rotation:
            steps.append(
                v2.RandomAffine(
                    self.rotation,
                    (self.shift, self.shift),
                    (1 - self.scale, 1 + self.scale),
                    interpolation=v2.InterpolationMode.BILINEAR,
                )
            )
        if self.low_resolution:
            steps.append(v2.RandomApply([LowResolution(0.2)], self.low_resolution))
        if self.blur:
            steps.append(v2.RandomApply([v2.GaussianBlur(5, (0.4, 1.6))], self.blur))
        if colour:
            steps.append(v2.RandomApply([v2.ColorJitter(colour, colour, colour, 0.04)], 0.7))
        if self.grey:
            steps.append(v2.RandomGrayscale(self.grey))
        if self.jpeg:
            steps.append(v2.RandomApply([v2.JPEG((20, 90))], self.jpeg))
        if self.occlusion:
            steps.append(v2.RandomErasing(self.occlusion, (0.04, 0.2), (0.4, 2.5), value=127))
        return v2.Compose(steps or [v2.Identity()])

    def __call__(self, faces: Tensor) -> Tensor:
        """Views of `faces`, uint8 (n, 3, side, side) RGB, drawn from torch's global generator."""
        transform = self.transform()
        return torch.cat([transform(part) for part in faces.split(self.group)])
