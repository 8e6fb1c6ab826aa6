"""Faces to train on: crops or a bank of views, who is on them, and the batches made of them."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from facekit.training.augment import Augmentation


@dataclass(frozen=True, eq=False)
class Faces:
    """Aligned crops with their labels.

    `crops` uint8 (views * n, side, side, 3) RGB, view after view; `labels` int64 (n,), −1 where the
    subject is unknown, else 0 … classes − 1; `families` int64 (n,), −1 where unknown; `teacher` unit
    vectors (views * n, d) or None.
    """

    crops: NDArray[np.uint8]
    labels: NDArray[np.int64]
    families: NDArray[np.int64]
    teacher: NDArray[np.float16] | None = None

    @property
    def views(self) -> int:
        return len(self.crops) // len(self.labels)

    @property
    def classes(self) -> int:
        return int(self.labels.max(initial=-1)) + 1


def numbered(names: list[str]) -> NDArray[np.int64]:
    """Numbers for names in sorted order; −1 for the empty name."""
    known = {name: number for number, name in enumerate(sorted(set(names) - {""}))}
    return np.array([known.get(name, -1) for name in names], np.int64)


def read_table(path: Path) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Labels and families of a CSV with a column `subject` and perhaps one `family`, a row a crop."""
    with path.open(newline="", encoding="utf-8") as table:
        rows = list(csv.DictReader(table))
    return numbered([row["subject"] for row in rows]), numbered([row.get("family") or "" for row in rows])


def read_array(crops: Path, *, bank: Path | None = None) -> Faces:
    """Crops as one uint8 array `NAME.npy` with the table `NAME.csv` beside it; views from `bank` if given."""
    labels, families = read_table(crops.with_suffix(".csv"))
    if bank is None:
        return Faces(np.load(crops, mmap_mode="r"), labels, families)
    views = np.load(bank / "views.npy", mmap_mode="r")
    ready = int((bank / "progress").read_text()) // len(labels) * len(labels)
    vectors = np.load(bank / "teacher.npy", mmap_mode="r") if (bank / "teacher.npy").exists() else None
    return Faces(views[:ready], labels, families, None if vectors is None else vectors[:ready])


@dataclass(frozen=True, eq=False)
class Batch:
    """`faces` float (n, 3, side, side) in −1 … 1; `labels` int64 (n,); `teacher` float (n, d) or None;
    `anchors` float (k, d) or None."""

    faces: Tensor
    labels: Tensor
    teacher: Tensor | None
    anchors: Tensor | None


@dataclass(frozen=True, eq=False)
class Batches:
    """Endless batches, each a function of the seed and its number alone: a run that stops and goes on
    sees the same ones. A process of a distributed run takes its share of every batch.

    Besides `augmentation`, which is dear, two cheap changes vary the views of a bank: a shift by up to
    `shift` pixels and a change of contrast and brightness by up to `light`.
    """

    data: Faces
    size: int
    seed: int
    augmentation: Augmentation | None = None
    anchors: int = 0
    shift: int = 0
    light: float = 0.0
    rank: int = 0
    world: int = 1

    def make(self, number: int, side: int) -> Batch:
        crops = self._crops(number)
        random = np.random.default_rng((self.seed, 1, number))
        view = random.integers(self.data.views, size=self.size)
        mirrored = random.random(self.size) < 0.5
        anchors = random.integers(len(self.data.crops), size=self.anchors)
        mine = slice(self.rank, None, self.world)
        rows = (view * len(self.data.labels) + crops)[mine]
        pixels = self.data.crops[rows]
        pixels[mirrored[mine]] = pixels[mirrored[mine], :, ::-1]
        if self.shift:
            shifts = random.integers(-self.shift, self.shift + 1, (self.size, 2))
            pixels = shifted(pixels, shifts[mine])
        faces = torch.from_numpy(pixels).permute(0, 3, 1, 2)
        if self.augmentation is not None:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(int(np.random.default_rng((self.seed, 2, number, self.rank)).integers(2**31)))
                faces = self.augmentation(faces)
        teacher, others = self.data.teacher, None
        vectors = None
        if teacher is not None:
            vectors = torch.from_numpy(teacher[rows].astype(np.float32))
            others = torch.from_numpy(teacher[np.sort(anchors)].astype(np.float32)) if self.anchors else None
        labels = torch.from_numpy(self.data.labels[crops[mine]])
        ready = prepare(faces, side)
        if self.light:
            gain, bias = random.uniform(-self.light, self.light, (2, self.size)).astype(np.float32)
            ready.mul_(torch.from_numpy(1 + gain[mine])[:, None, None, None])
            ready.add_(torch.from_numpy(bias[mine])[:, None, None, None]).clamp_(-1, 1)
        return Batch(ready, labels, vectors, others)

    def _crops(self, number: int) -> NDArray[np.int64]:
        """Every crop comes once in an epoch; a batch may run over into the next."""
        total = len(self.data.labels)
        wanted = np.arange(number * self.size, (number + 1) * self.size)
        found = np.empty(self.size, np.int64)
        for epoch in np.unique(wanted // total):
            order = np.random.default_rng((self.seed, 0, int(epoch))).permutation(total)
            inside = wanted // total == epoch
            found[inside] = order[wanted[inside] % total]
        return found

    def stream(self, first: int, last: int, sides: dict[int, int]) -> Iterator[Batch]:
        """Batches first … last − 1, made one ahead in a thread. `sides` maps the first batch of a
        phase to its picture side."""

        def side(number: int) -> int:
            return sides[max(start for start in sides if start <= number)]

        with ThreadPoolExecutor(1) as maker:
            coming = maker.submit(self.make, first, side(first))
            for number in range(first + 1, last + 1):
                batch = coming.result()
                if number < last:
                    coming = maker.submit(self.make, number, side(number))
                yield batch


def shifted(pixels: NDArray[np.uint8], shifts: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Pictures (n, h, w, 3) moved by whole pixels, (n, 2) down and right; the edge is repeated."""
    side = pixels.shape[1]
    steps = np.arange(side)
    moved = np.empty_like(pixels)
    for number, (down, right) in enumerate(shifts):
        rows, columns = np.clip(steps - down, 0, side - 1), np.clip(steps - right, 0, side - 1)
        moved[number] = pixels[number][rows[:, None], columns]
    return moved


def prepare(faces: Tensor, side: int) -> Tensor:
    """uint8 (n, 3, h, w) to float in −1 … 1, resized with anti-aliasing where the side differs."""
    scaled = faces.to(torch.float32, memory_format=torch.channels_last).sub_(127.5).div_(127.5)
    if side != scaled.shape[-1]:
        scaled = F.interpolate(scaled, (side, side), mode="bilinear", antialias=True, align_corners=False)
    return scaled.contiguous(memory_format=torch.channels_last)
