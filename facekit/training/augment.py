"""Random views of aligned faces, made for all pictures of a batch at once, on the device where they are.

What is drawn comes from a NumPy generator, so that a CPU and a GPU make the same views. Places that are named
here are those of facekit's crops of 112 pixels, and are scaled with the side.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from facekit.results import CROP_SIDE
from facekit.training.config import Augmentation

GROUPS = 4
"""So many sizes and so many blurs a batch: pictures that share one are made together."""
SMALLEST = 0.15
"""The smallest side of a low resolution, as a share: 17 of 112 pixels."""
SIGMA = (0.6, 2.2)
SHAKEN, SHAKEN_SHARE = 11, 0.2
"""Pixels over which a shaken picture is smeared, and how many blurred pictures are."""
NOISE = (6.0, 40.0)
DARK = (0.08, 0.5)
QUALITY = (6, 70)
"""Of JPEG, 1 … 100."""
LUMA = (0.299, 0.587, 0.114)
TO_YCC = (LUMA, (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))

Random = np.random.Generator


def augment(faces: Tensor, changes: Augmentation, random: Random) -> Tensor:
    """Views of `faces`, uint8 (n, 3, side, side) RGB, in the order of a camera: where the face is, what
    stands before it, optics, light, storage. Mirror images are not made here."""
    views = placed(faces.float(), changes, random)
    kinds: list[tuple[float, Callable[[Tensor, Random], Tensor]]] = [
        (changes.mask, masked),
        (changes.occlusion, covered),
        (changes.low_resolution, shrunk),
        (changes.blur, blurred),
        (changes.color and 0.7, lambda some, drawn: colored(some, changes.color, drawn)),
        (changes.dark, darkened),
        (changes.noise, noisy),
        (changes.gray, lambda some, _: luma(some).expand(-1, 3, -1, -1)),
        (changes.jpeg, compressed),
    ]
    for share, change in kinds:
        chosen = np.flatnonzero(random.random(len(views)) < share)
        if len(chosen):
            rows = torch.from_numpy(chosen).to(views.device)
            views[rows] = change(views[rows], random)
    return views.round_().clamp_(0, 255).to(torch.uint8)


def placed(faces: Tensor, changes: Augmentation, random: Random) -> Tensor:
    """Each moved, turned and scaled, the edge repeated."""
    if not (changes.shift or changes.scale or changes.rotation):
        return faces
    count = len(faces)
    angles = np.radians(random.uniform(-changes.rotation, changes.rotation, count))
    sizes = random.uniform(1 - changes.scale, 1 + changes.scale, count)
    # The grid goes from −1 to 1, twice the side.
    right, down = 2 * random.uniform(-changes.shift, changes.shift, (2, count))
    cos, sin = np.cos(angles) / sizes, np.sin(angles) / sizes
    rows = np.stack([cos, -sin, right, sin, cos, down], 1).reshape(count, 2, 3)
    grid = F.affine_grid(_on(faces, rows), list(faces.shape), align_corners=False)
    return F.grid_sample(faces, grid, "bilinear", "border", align_corners=False)


def masked(faces: Tensor, random: Random) -> Tensor:
    """The lower half covered: by a mask, whose upper edge lies between the eyes and the tip of the nose and
    falls to the ears, or by all that is below that edge."""
    count = len(faces)
    down, right = _places(faces)
    top = _column(faces, random, 54, 80) + _column(faces, random, -4, 12) * ((right - 56) / 40) ** 2
    wide, long = _column(faces, random, 34, 50), _column(faces, random, 34, 50)
    chin = ((right - 56) / wide) ** 2 + ((down - 72).clamp(min=0) / long) ** 2 < 1
    whole = _on(faces, random.random(count) < 0.35)[:, None, None]
    inside = (down > top) & (chin | whole)
    return torch.where(inside[:, None], surface(faces, random), faces)


def covered(faces: Tensor, random: Random) -> Tensor:
    """A box anywhere, or dark glasses before the eyes."""
    count = len(faces)
    down, right = _places(faces)
    glasses = random.random(count) < 0.35

    def drawn(usual: tuple[float, float], worn: tuple[float, float]) -> Tensor:
        values = np.where(glasses, random.uniform(*worn, count), random.uniform(*usual, count))
        return _on(faces, values)[:, None, None]

    wide, long = drawn((16, 60), (70, 90)), drawn((16, 60), (12, 26))
    x, y = drawn((10, 102), (52, 60)), drawn((10, 102), (47, 56))
    inside = ((right - x).abs() < wide / 2) & ((down - y).abs() < long / 2)
    fill = surface(faces, random)
    fill = torch.where(_on(faces, glasses)[:, None, None, None], fill * 0.2, fill)
    return torch.where(inside[:, None], fill, faces)


def surface(faces: Tensor, random: Random) -> Tensor:
    """Something colored, a little shaded and striped, like cloth; of the shape of `faces`."""
    count = len(faces)
    down, right = _places(faces)
    colors = random.uniform(0, 255, (count, 3, 1, 1))
    pale = random.uniform(10, 250, (count, 1, 1, 1)) + random.uniform(-20, 20, (count, 3, 1, 1))
    base = _on(faces, np.where(random.random((count, 1, 1, 1)) < 0.5, pale, colors))
    waves = down * _column(faces, random, 0.1, 0.8) + right * _column(faces, random, -0.2, 0.2)
    stripes = torch.sin(waves) * _column(faces, random, 0, 15)
    shade = (right - 56) / 56 * _column(faces, random, -32, 32)
    shade = shade + (down - 80) / 40 * _column(faces, random, -32, 19)
    return (base + (stripes + shade)[:, None]).clamp(0, 255)


def shrunk(faces: Tensor, random: Random) -> Tensor:
    """Made small and large again, as a distant face is."""
    side = int(faces.shape[-1])

    def change(some: Tensor) -> Tensor:
        small = max(1, int(side * random.uniform(SMALLEST, 0.6)))
        little = F.interpolate(some, (small, small), mode="bilinear", antialias=True, align_corners=False)
        kind = "bicubic" if random.random() < 0.7 else "bilinear"
        return F.interpolate(little, (side, side), mode=kind, align_corners=False)

    return _by_groups(faces, change)


def blurred(faces: Tensor, random: Random) -> Tensor:
    """Out of focus, or shaken to one side."""

    def change(some: Tensor) -> Tensor:
        if random.random() < SHAKEN_SHARE:
            shape = (1, SHAKEN) if random.random() < 0.5 else (SHAKEN, 1)
            return _smeared(some, torch.full(shape, 1 / SHAKEN))
        places = torch.arange(SHAKEN) - SHAKEN // 2
        weights = torch.exp(-(places**2) / (2 * random.uniform(*SIGMA) ** 2))
        weights = weights / weights.sum()
        return _smeared(some, weights[:, None] * weights[None])

    return _by_groups(faces, change)


def colored(faces: Tensor, strength: float, random: Random) -> Tensor:
    """Other brightness, contrast and saturation, by up to `strength`."""

    def drawn() -> Tensor:
        values = 1 + random.uniform(-strength, strength, len(faces))
        return _on(faces, values)[:, None, None, None]

    gray = luma(faces)
    faces = gray + (faces - gray) * drawn()
    middle = gray.mean((2, 3), keepdim=True)
    return ((faces - middle) * drawn() + middle) * drawn()


def darkened(faces: Tensor, random: Random) -> Tensor:
    """Little light, and so few steps of gray."""
    return torch.round(faces * _on(faces, random.uniform(*DARK, len(faces)))[:, None, None, None])


def noisy(faces: Tensor, random: Random) -> Tensor:
    """The grain of a sensor."""
    strength = _on(faces, random.uniform(*NOISE, len(faces)))[:, None, None, None]
    generator = torch.Generator(faces.device).manual_seed(int(random.integers(2**62)))
    return faces + strength * torch.randn(faces.shape, device=faces.device, generator=generator)


def compressed(faces: Tensor, random: Random) -> Tensor:
    """What JPEG loses: the coefficients of blocks of 8×8 pixels rounded, colors at half the size (ITU-T T.81,
    with the tables of its annex K); the side is cut to whole blocks, and stretched again."""
    count, side = len(faces), int(faces.shape[-1])
    whole = side // 16 * 16
    if not whole:
        return faces
    quality = random.uniform(*QUALITY, count)
    scale = _on(faces, np.where(quality < 50, 50 / quality, 2 - quality / 50))[:, None, None]
    forth = torch.tensor(TO_YCC, device=faces.device)
    planes = torch.einsum("ij,njhw->nihw", forth, faces[..., :whole, :whole].clamp(0, 255))
    light = _rounded(planes[:, 0] - 128, _on(faces, LIGHT), scale)[:, None] + 128
    half = F.avg_pool2d(planes[:, 1:], 2)
    colors = torch.stack([_rounded(half[:, number], _on(faces, COLOR), scale) for number in (0, 1)], 1)
    colors = F.interpolate(colors, (whole, whole), mode="bilinear", align_corners=False)
    stored = torch.einsum("ij,njhw->nihw", torch.linalg.inv(forth), torch.cat([light, colors], 1))
    return F.pad(stored, (0, side - whole, 0, side - whole), mode="replicate").clamp(0, 255)


def luma(faces: Tensor) -> Tensor:
    """The gray picture (n, 1, side, side) of RGB (ITU-R BT.601)."""
    return (faces * torch.tensor(LUMA, device=faces.device).view(1, 3, 1, 1)).sum(1, keepdim=True)


def _rounded(plane: Tensor, table: Tensor, scale: Tensor) -> Tensor:
    """A plane (n, h, w) through the quantization of its blocks of 8×8."""
    count, height, width = plane.shape
    blocks = plane.reshape(count, height // 8, 8, width // 8, 8).permute(0, 1, 3, 2, 4)
    turn = _on(plane, DCT)
    steps = (table * scale).clamp(1, 255)[:, None, None]
    coefficients = torch.round(turn @ blocks @ turn.T / steps) * steps
    return (turn.T @ coefficients @ turn).permute(0, 1, 3, 2, 4).reshape(plane.shape)


def _by_groups(faces: Tensor, change: Callable[[Tensor], Tensor]) -> Tensor:
    return torch.cat([change(some) for some in torch.tensor_split(faces, min(GROUPS, len(faces)))])


def _smeared(faces: Tensor, weights: Tensor) -> Tensor:
    """Every channel convolved with `weights` (h, w), h and w odd, the edge repeated."""
    height, width = weights.shape
    padded = F.pad(faces, (width // 2, width // 2, height // 2, height // 2), mode="replicate")
    return F.conv2d(padded, weights.to(faces).expand(3, 1, height, width), groups=3)


def _places(faces: Tensor) -> tuple[Tensor, Tensor]:
    """Rows (1, side, 1) and columns (1, 1, side) of the pixels, as in a crop of CROP_SIDE."""
    side = int(faces.shape[-1])
    steps = torch.arange(side, device=faces.device) * (CROP_SIDE / side)
    return steps[None, :, None], steps[None, None, :]


def _column(faces: Tensor, random: Random, least: float, most: float) -> Tensor:
    """A number for each picture, (n, 1, 1)."""
    return _on(faces, random.uniform(least, most, len(faces)))[:, None, None]


def _on(faces: Tensor, values: NDArray[np.float64] | NDArray[np.bool_]) -> Tensor:
    """`values` as a tensor beside the pictures; numbers as float32."""
    tensor = torch.from_numpy(np.ascontiguousarray(values))
    return tensor.to(faces.device, torch.bool if values.dtype == np.bool_ else torch.float32)


def _cosines() -> NDArray[np.float64]:
    """The discrete cosine transform of eight numbers, a matrix (8, 8)."""
    steps = np.arange(8)
    matrix = 0.5 * np.cos((2 * steps[None] + 1) * steps[:, None] * math.pi / 16)
    matrix[0] /= math.sqrt(2)
    return np.asarray(matrix)


DCT = _cosines()
LIGHT = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ],
    np.float64,
)
COLOR = np.full((8, 8), 99.0)
COLOR[:4, :4] = [[17, 18, 24, 47], [18, 21, 26, 66], [24, 26, 56, 99], [47, 66, 99, 99]]
