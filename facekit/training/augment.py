"""Random views of aligned faces, made with torchvision's v2 transforms.

One draw of parameters is shared by a small group of pictures, which makes a view several
times cheaper than picture by picture and costs nothing in variety over a whole epoch.
"""

from __future__ import annotations

import io

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms import v2  # type: ignore[import-untyped]
from torchvision.transforms.v2 import functional as F  # type: ignore[import-untyped]

from facekit.results import Pixels
from facekit.training.config import Augmentation


class LowResolution(v2.Transform):  # type: ignore[misc]
    """Shrink to `smallest` … 1 of the side and enlarge again, as a distant face is."""

    def __init__(self, smallest: float) -> None:
        super().__init__()
        self.smallest = smallest

    def forward(self, faces: Tensor) -> Tensor:
        side = int(faces.shape[-1])
        small = int(side * torch.empty(1).uniform_(self.smallest, 1).item())
        shrunk = F.resize(faces, [small, small], antialias=True)
        enlarged: Tensor = F.resize(shrunk, [side, side], antialias=True)
        return enlarged


class Jpeg(v2.Transform):  # type: ignore[misc]
    """Write and read again as JPEG, at a quality of `worst` … `best`, 1 … 100."""

    def __init__(self, worst: int, best: int) -> None:
        super().__init__()
        self.worst, self.best = worst, best

    def forward(self, faces: Tensor) -> Tensor:
        quality = int(torch.randint(self.worst, self.best + 1, ()).item())
        stored = [_through_jpeg(face, quality) for face in faces.permute(0, 2, 3, 1).cpu().numpy()]
        return torch.from_numpy(np.stack(stored)).permute(0, 3, 1, 2).to(faces.device)


def _through_jpeg(pixels: Pixels, quality: int) -> Pixels:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def augment(faces: Tensor, changes: Augmentation) -> Tensor:
    """Views of `faces`, uint8 (n, 3, side, side) RGB, drawn from torch's global generator."""
    chain = transform(changes)
    return torch.cat([chain(part) for part in torch.split(faces, changes.group)])


def transform(changes: Augmentation) -> v2.Transform:
    """The chain for one group of uint8 pictures, (n, 3, side, side), in the order of a camera: place, optics,
    light, storage, and last what stands before the face."""
    steps: list[v2.Transform] = []
    color = changes.color
    if changes.flip:
        steps.append(v2.RandomHorizontalFlip(changes.flip))
    if changes.shift or changes.scale or changes.rotation:
        moved, sizes = (changes.shift, changes.shift), (1 - changes.scale, 1 + changes.scale)
        bilinear = v2.InterpolationMode.BILINEAR
        steps.append(v2.RandomAffine(changes.rotation, moved, sizes, interpolation=bilinear))
    if changes.low_resolution:
        steps.append(v2.RandomApply([LowResolution(0.2)], changes.low_resolution))
    if changes.blur:
        steps.append(v2.RandomApply([v2.GaussianBlur(5, (0.4, 1.6))], changes.blur))
    if color:
        steps.append(v2.RandomApply([v2.ColorJitter(color, color, color, 0.04)], 0.7))
    if changes.gray:
        steps.append(v2.RandomGrayscale(changes.gray))
    if changes.jpeg:
        steps.append(v2.RandomApply([Jpeg(20, 90)], changes.jpeg))
    if changes.occlusion:
        steps.append(v2.RandomErasing(changes.occlusion, (0.04, 0.2), (0.4, 2.5), value=127))
    return v2.Compose(steps or [v2.Identity()])
