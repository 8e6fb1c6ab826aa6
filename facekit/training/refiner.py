"""Training of the refiner: a small network that sees how a roughly aligned crop is off.

A crop that is aligned well is turned, scaled and shifted by chance, and the network has to say by how
much: what to learn from costs nothing but aligned crops. The loss is in pixels of the five points of the
template, because a similarity is judged by where it puts them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from facekit.faces import alignment
from facekit.faces.alignment import CENTER, RADIUS, SCHEMES, SPOKES, similarity
from facekit.files.writing import write_bytes
from facekit.results import CROP_SIDE
from facekit.training import export, manifest, small
from facekit.training.landmarks import Example
from facekit.training.networks import conv_norm

Crops = NDArray[np.uint8]

INPUT_SIDE = 56
MARGIN = 24
WINDOW = (18.0, 28.0, 94.0, 104.0)
"""What of a crop the network sees: x0, y0, x1, y1 in its frame, from outer edge to outer edge."""


@dataclass(frozen=True)
class RefinerRecipe(small.Recipe):
    """How the network is trained. The jitter covers what the landmark predictor does wrong: standard
    deviations of `shift` in pixels of the crop, `turn` in radians, `stretch` in logarithms, cut at 2.5 of
    them. It is wider than those errors, or the network would learn to doubt what it sees. `photos` is the
    share of faces with their surroundings, where there are any.
    """

    shift: float = 4.0
    turn: float = 0.09
    stretch: float = 0.07
    photos: float = 0.25


class RefinerNetwork(nn.Module):
    """Windows float (n, 3, 56, 56) RGB in −1 … 1 to corrections (n, 4), as alignment.Refiner reads them.

    No pooling before the end: where things are is all that counts.
    """

    def __init__(self, widths: tuple[int, int, int, int] = (16, 32, 48, 96), hidden: int = 64) -> None:
        super().__init__()
        first, second, third, fourth = widths
        self.maps = nn.Sequential(
            *(conv_norm(3, first, 3, 2), nn.ReLU(inplace=True)),
            *(conv_norm(first, second, 3, 2), nn.ReLU(inplace=True)),
            *(conv_norm(second, second, 3), nn.ReLU(inplace=True)),
            *(conv_norm(second, third, 3), nn.ReLU(inplace=True)),
            *(conv_norm(third, fourth, 3, 2), nn.ReLU(inplace=True)),
            *(conv_norm(fourth, fourth, 3), nn.ReLU(inplace=True)),
            *(conv_norm(fourth, 32, 1), nn.ReLU(inplace=True)),
        )
        self.places = nn.Linear(32 * (INPUT_SIDE // 8) ** 2, hidden)
        self.correction = nn.Linear(hidden, 4)

    def forward(self, crops: Tensor) -> Tensor:
        hidden = F.relu(self.places(self.maps(crops).flatten(1)))
        pixels: Tensor = self.correction(hidden) * 10
        return pixels


def train(
    crops: Crops,
    recipe: RefinerRecipe,
    *,
    photos: Crops | None = None,
    report: small.Report = lambda step, loss: None,
) -> RefinerNetwork:
    """The averaged network, trained on aligned crops (n, 112, 112, 3) RGB; `report` hears the loss.

    `photos` are faces cut with more around them, (n, side, side, 3), as much on all sides.
    """
    torch.manual_seed(recipe.seed)
    return small.trained(RefinerNetwork(), batches(crops, recipe, photos), displacement, recipe, report)


def surroundings(examples: Sequence[Example]) -> Crops:
    """Faces cut by their points with MARGIN more on each side, for `photos` of `train`."""
    template = SCHEMES["arcface5"] + MARGIN
    side = CROP_SIDE + 2 * MARGIN
    return np.stack([alignment.cut(e.pixels, similarity(e.points, template), side) for e in examples])


def displacement(predicted: Tensor, wanted: Tensor) -> Tensor:
    """Mean smooth L1 distance, in pixels, between where two corrections (n, 4) put the template's points."""
    apart = torch.view_as_real(_moved(predicted) - _moved(wanted)).norm(dim=2)
    return F.smooth_l1_loss(apart, torch.zeros_like(apart))


def _moved(corrections: Tensor) -> Tensor:
    """Complex (n, 5): how far each point of the template is moved."""
    spokes = torch.from_numpy(SPOKES).to(torch.complex64)
    shift, turn = torch.view_as_complex(corrections.reshape(-1, 2, 2)).unbind(1)
    return shift[:, None] + turn[:, None] * spokes


def batches(
    crops: Crops, recipe: RefinerRecipe, photos: Crops | None = None
) -> Iterator[tuple[Tensor, Tensor]]:
    """Jittered windows as the network takes them, and the corrections that are wanted of it."""
    chance = torch.Generator().manual_seed(recipe.seed)
    surrounded = 0 if photos is None else round(recipe.photos * recipe.batch)
    for _ in range(recipe.steps):
        wanted = jitter(recipe.batch, recipe, chance)
        bare, full = torch.split(wanted, [recipe.batch - surrounded, surrounded])
        windows = [_windows(crops, bare, chance)]
        if photos is not None:
            windows.append(_windows(photos, full, chance))
        yield changed(torch.cat(windows), chance), wanted


def _windows(crops: Crops, wanted: Tensor, chance: torch.Generator) -> Tensor:
    rows = torch.randint(len(crops), (len(wanted),), generator=chance).numpy()
    faces = torch.from_numpy(crops[np.sort(rows)]).permute(0, 3, 1, 2).float().div_(127.5).sub_(1)
    return cut(faces, wanted, torch.rand(len(wanted), generator=chance) < 0.5)


def jitter(count: int, recipe: RefinerRecipe, chance: torch.Generator) -> Tensor:
    """Random corrections (n, 4), in pixels of the crop."""
    x, y, turn, stretch = torch.randn(count, 4, generator=chance).clamp(-2.5, 2.5).unbind(1)
    scale = torch.exp(stretch * recipe.stretch)
    angle = turn * recipe.turn
    return torch.stack(
        [
            x * recipe.shift,
            y * recipe.shift,
            (scale * torch.cos(angle) - 1) * RADIUS,
            scale * torch.sin(angle) * RADIUS,
        ],
        dim=1,
    )


def cut(faces: Tensor, corrections: Tensor, mirrored: Tensor) -> Tensor:
    """Windows (n, 3, 56, 56) of crops (n, 3, side, side) that need these corrections to be aligned again.

    Where a window leaves its crop the picture is reflected.
    """
    side = faces.shape[-1]
    x0, y0, x1, y1 = WINDOW
    steps = (torch.arange(INPUT_SIDE) + 0.5) / INPUT_SIDE
    y, x = torch.meshgrid(y0 + (y1 - y0) * steps - 0.5, x0 + (x1 - x0) * steps - 0.5, indexing="ij")
    shift, turn = torch.view_as_complex(corrections.reshape(-1, 2, 2)).unbind(1)
    shown = torch.complex(x, y)[None] - CENTER - shift[:, None, None]
    spokes = torch.view_as_real(shown / (1 + turn / RADIUS)[:, None, None])
    spokes[..., 0] *= torch.where(mirrored, -1.0, 1.0)[:, None, None]
    places = spokes + torch.tensor([CENTER.real, CENTER.imag]) + 0.5 + (side - CROP_SIDE) / 2
    return F.grid_sample(faces, places * (2 / side) - 1, padding_mode="reflection", align_corners=False)


def changed(faces: Tensor, chance: torch.Generator) -> Tensor:
    """Other light, colors, resolution and noise, and something in front of some faces; −1 … 1."""
    count, side = len(faces), faces.shape[-1]

    def draw(low: float, high: float, *shape: int) -> Tensor:
        return torch.rand(*shape, generator=chance) * (high - low) + low

    small = int(draw(24, side, 1))
    some = draw(0, 1, count) < 0.25
    coarse = F.interpolate(faces[some], (small, small), mode="bilinear", antialias=True)
    faces = faces.index_put((some,), F.interpolate(coarse, (side, side), mode="bilinear"))
    gray = faces.mean(dim=1, keepdim=True)
    faces = torch.lerp(faces, gray, (draw(0, 4, count, 1, 1, 1) - 3).clamp(0, 1))
    middle = gray.mean(dim=(2, 3), keepdim=True)
    faces = middle + (faces - middle) * draw(0.6, 1.3, count, 1, 1, 1)
    faces = faces + draw(-0.3, 0.3, count, 1, 1, 1) + draw(-0.1, 0.1, count, 3, 1, 1)
    faces = faces + torch.randn(faces.shape, generator=chance) * draw(0, 0.06, count, 1, 1, 1)
    # Hands, hair, glasses: a bar or a block of one shade in every seventh face.
    place, size = draw(0, side, count, 2, 1), draw(4, 24, count, 2, 1)
    places = torch.arange(side).expand(count, 2, side)
    rows, columns = ((places - place).abs() < size / 2).unbind(1)
    covered = rows[:, None, :, None] & columns[:, None, None, :] & (draw(0, 1, count, 1, 1, 1) < 0.15)
    return torch.where(covered, draw(-1, 1, count, 3, 1, 1), faces).clamp(-1, 1)


def to_onnx(network: RefinerNetwork) -> bytes:
    """The network as an ONNX file with float16 weights, batch norms folded."""
    return export.half_weights(
        export.to_onnx(network.to(memory_format=torch.contiguous_format), side=INPUT_SIDE)
    )


def write(network: RefinerNetwork, path: Path, table: Path | None = None) -> dict[str, Any]:
    """Write the ONNX file; its entry, as the table [refiner] of the manifest `table` has it, which is written
    too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, to_onnx(network))
    entry = {**manifest.made(path), "side": INPUT_SIDE, "window": list(WINDOW), "scheme": "arcface5"}
    if table is not None:
        manifest.update(table, entry, name="refiner")
    return entry
