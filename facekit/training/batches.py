"""From rows of crops to a batch on the network's doorstep, made one ahead in a thread.

On a GPU whose memory holds all crops, batches are made there, of the same draws.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from facekit.training.augment import augment
from facekit.training.config import Augmentation
from facekit.training.data import Faces
from facekit.training.sampling import Sampler

ROOM = 0.5
"""The share of a GPU's free memory that crops may take; the rest is the network's."""

PART = 8192
"""So many crops are copied to a GPU at a time."""


@dataclass(frozen=True, eq=False)
class Batch:
    """`faces` float (n, 3, side, side) in −1 … 1; `labels` int64 (n,); `teacher` float (n, d) or None;
    `anchors` float (k, d) or None."""

    faces: Tensor
    labels: Tensor
    teacher: Tensor | None
    anchors: Tensor | None

    def to(self, device: torch.device) -> Batch:
        if device.type == "cpu":
            return self
        moved = {
            name: value.to(device, non_blocking=True)
            for name, value in vars(self).items()
            if value is not None
        }
        return replace(self, **moved)


@dataclass(frozen=True, eq=False)
class Batches:
    """Endless batches, each a function of the seed and its number alone. A process of a distributed run makes
    its share of every batch.

    Besides `augmentation`, which is dear, two cheap changes vary the views of a bank: a shift by up to
    `shift` pixels and a change of contrast and brightness by up to `light`. `flip` is the chance of a mirror
    image.
    """

    data: Faces
    sampler: Sampler
    size: int
    seed: int
    augmentation: Augmentation | None = None
    anchors: int = 0
    flip: float = 0.5
    shift: int = 0
    light: float = 0.0
    rank: int = 0
    world: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    def make(self, number: int, side: int) -> Batch:
        crops = self.sampler.rows(number)
        random = np.random.default_rng((self.seed, 1, number))
        view = random.integers(self.data.views, size=self.size)
        mirrored = random.random(self.size) < self.flip
        # Of faces that are trained on: those held out must not be learned from in any way.
        count, used = len(self.data.labels), self.data.rows
        drawn = random.integers(len(used) * self.data.views, size=self.anchors)
        anchors = drawn // len(used) * count + used[drawn % len(used)]
        mine = slice(self.rank, None, self.world)
        rows = (view * len(self.data.labels) + crops)[mine]
        shifts = np.zeros((self.size, 2), np.int64)
        if self.shift:
            shifts = random.integers(-self.shift, self.shift + 1, (self.size, 2))
        faces = self._pixels(rows, mirrored[mine], shifts[mine])
        if self.augmentation is not None:
            faces = self._augmented(faces, number)
        ready = prepare(faces, side)
        if self.light:
            gain, bias = random.uniform(-self.light, self.light, (2, self.size)).astype(np.float32)
            ready.mul_(self._there(1 + gain[mine])[:, None, None, None])
            ready.add_(self._there(bias[mine])[:, None, None, None]).clamp_(-1, 1)
        labels = self._there(self.data.labels[crops[mine]])
        return Batch(
            ready, labels, self._vectors(rows), self._vectors(np.sort(anchors)) if self.anchors else None
        )

    def _pixels(
        self, rows: NDArray[np.int64], mirrored: NDArray[np.bool_], shifts: NDArray[np.int64]
    ) -> Tensor:
        """Crops of those rows, mirrored where told and moved, uint8 (n, 3, side, side), on `device`."""
        if self._resident is not None:
            return gathered(self._resident, *map(self._there, (rows, mirrored, shifts)))
        pixels = self.data.crops[rows]
        pixels[mirrored] = pixels[mirrored, :, ::-1]
        if self.shift:
            pixels = shifted(pixels, shifts)
        return self._there(pixels).permute(0, 3, 1, 2)

    @cached_property
    def _resident(self) -> Tensor | None:
        """All crops, on the GPU; None on a CPU, or where there is no room for them."""
        crops = self.data.crops
        if self.device.type != "cuda" or crops.nbytes > ROOM * torch.cuda.mem_get_info(self.device)[0]:
            return None
        held = torch.empty(crops.shape, dtype=torch.uint8, device=self.device)
        for first in range(0, len(crops), PART):
            part = np.array(crops[first : first + PART])
            held[first : first + len(part)] = torch.from_numpy(part).to(self.device)
        return held

    def _there(self, values: NDArray[Any]) -> Tensor:
        return torch.from_numpy(values).to(self.device)

    def _augmented(self, faces: Tensor, number: int) -> Tensor:
        assert self.augmentation is not None
        return augment(faces, self.augmentation, np.random.default_rng((self.seed, 2, number, self.rank)))

    def _vectors(self, rows: NDArray[np.int64]) -> Tensor | None:
        teacher = self.data.teacher
        return None if teacher is None else self._there(teacher[rows].astype(np.float32))

    def stream(self, first: int, last: int, sides: dict[int, int], *, beside: bool = True) -> Iterator[Batch]:
        """Batches first … last − 1, made one ahead in a thread. `sides` maps the first batch of a
        phase to its picture side; `beside` tells that the network computes on the same cores, so that one is
        all that making batches may take."""

        def side(number: int) -> int:
            return sides[max(start for start in sides if start <= number)]

        if first >= last:
            return
        with ThreadPoolExecutor(1) as maker:
            if beside:
                _take_one_core(maker)
            coming = maker.submit(self.make, first, side(first))
            for number in range(first + 1, last + 1):
                batch = coming.result()
                if number < last:
                    coming = maker.submit(self.make, number, side(number))
                yield batch


def _take_one_core(maker: ThreadPoolExecutor) -> None:
    # With an OpenMP team of its own for that thread there would be more threads than cores. libgomp then lets
    # each of them sleep at every barrier, the network's too, and a step takes about a sixth longer.
    usual = torch.get_num_threads()
    # Asking comes first: it is then that a thread takes over torch's number.
    maker.submit(torch.get_num_threads).result()
    maker.submit(torch.set_num_threads, 1).result()
    # For threads yet to come.
    torch.set_num_threads(usual)


def shifted(pixels: NDArray[np.uint8], shifts: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Pictures (n, h, w, 3) moved by whole pixels, (n, 2) down and right; the edge is repeated."""
    side = pixels.shape[1]
    steps = np.arange(side)
    moved = np.empty_like(pixels)
    for number, (down, right) in enumerate(shifts):
        rows, columns = np.clip(steps - down, 0, side - 1), np.clip(steps - right, 0, side - 1)
        moved[number] = pixels[number][rows[:, None], columns]
    return moved


def gathered(crops: Tensor, rows: Tensor, mirrored: Tensor, shifts: Tensor) -> Tensor:
    """Crops (k, side, side, 3) at `rows` (n,), mirrored where told, then moved as by `shifted`, as a view
    (n, 3, side, side): one look-up, which is what a GPU is fast at."""
    side = crops.shape[1]
    steps = torch.arange(side, device=crops.device)
    down = (steps - shifts[:, :1]).clamp(0, side - 1)
    right = (steps - shifts[:, 1:]).clamp(0, side - 1)
    right = torch.where(mirrored[:, None], side - 1 - right, right)
    return crops[rows[:, None, None], down[:, :, None], right[:, None, :]].permute(0, 3, 1, 2)


def prepare(faces: Tensor, side: int) -> Tensor:
    """uint8 (n, 3, h, w) to float in −1 … 1, resized with anti-aliasing where the side differs."""
    scaled = faces.to(torch.float32, memory_format=torch.channels_last).sub_(127.5).div_(127.5)
    if side != scaled.shape[-1]:
        scaled = F.interpolate(scaled, (side, side), mode="bilinear", antialias=True, align_corners=False)
    return scaled.contiguous(memory_format=torch.channels_last)
