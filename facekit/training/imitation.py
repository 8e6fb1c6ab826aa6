"""The first part of the detector's training: each unit learns to make what the same unit of a teacher makes.

A unit sees the teacher's maps, not yet what the units before it make of a picture, so that all learn at once
and each has little to learn. Then the network sees much as its teacher does; what it is to see better is
learned from views and labels (facekit.training.detector).

Reference: Wang, Zhao, Li and Tan 2018, Progressive blockwise knowledge distillation for neural network
acceleration.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from facekit.training import detector_views
from facekit.training.detector_network import DetectorNetwork
from facekit.training.detector_pictures import Photo
from facekit.training.detector_targets import YuNetMaps

RATE = 1e-2
_BATCH, _SIDE = 8, 256
_LEAST = 1e-6
Weights = NDArray[np.float64]


class Lesson(NamedTuple):
    """Views uint8 (n, 3, side, side); the teacher's scores (n, cells) and places (n, cells, 14); and what
    each of its units made of the views, (n, channels, height, width)."""

    pictures: Tensor
    scores: Tensor
    places: Tensor
    maps: list[Tensor]


class Lessons(Dataset[Lesson]):
    """The lesson of each step, the same for the same seed."""

    def __init__(
        self, photos: Sequence[Photo], weights: Weights, teacher: Path, steps: int, seed: int
    ) -> None:
        self._photos, self._weights, self._file = photos, weights, teacher
        self._steps, self._seed = steps, seed
        self._teacher: YuNetMaps | None = None

    def __len__(self) -> int:
        return self._steps

    def __getitem__(self, step: int) -> Lesson:
        cv2.setNumThreads(1)
        if self._teacher is None:  # in the process that uses it
            self._teacher = YuNetMaps(self._file)
        chance = np.random.default_rng([self._seed, step])
        views = [detector_views.make(self._photos, self._weights, _SIDE, chance) for _ in range(_BATCH)]
        # Half as they are, half as a worse camera gives them: the maps are those of what is seen.
        pictures = [
            detector_views.spoiled(view, chance) if place % 2 else view.pixels
            for place, view in enumerate(views)
        ]
        answers = [self._teacher(pixels) for pixels in pictures]
        return Lesson(
            _stacked([pixels.transpose(2, 0, 1) for pixels in pictures]),
            _stacked([answer.scores for answer in answers]),
            _stacked([answer.places for answer in answers]),
            [_stacked(list(made)) for made in zip(*(answer.maps for answer in answers), strict=True)],
        )


def _stacked(parts: list[NDArray[Any]]) -> Tensor:
    return torch.from_numpy(np.stack(parts))


def imitate(
    network: DetectorNetwork,
    lessons: Sequence[Lesson] | Dataset[Lesson],
    *,
    workers: int = 0,
    report: Callable[[int], None] = lambda step: None,
) -> None:
    """Train each unit of the network; `report` is told how many steps are done."""
    optimizer = torch.optim.Adam(network.parameters(), RATE)
    steps = len(lessons)  # type: ignore[arg-type]
    loader: DataLoader[Lesson] = DataLoader(lessons, batch_size=None, num_workers=workers)  # type: ignore[arg-type]
    network.train()
    for step, lesson in enumerate(loader):
        for group in optimizer.param_groups:
            group["lr"] = RATE * 0.5 * (1 + math.cos(math.pi * step / steps))
        loss = distance(network, lesson)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        report(step + 1)


def distance(network: DetectorNetwork, lesson: Lesson) -> Tensor:
    """How far each unit's maps are from the teacher's, in parts of their size, and its answers."""
    answers, made = network.imitated(lesson.pictures.float(), lesson.maps)
    maps = [
        (ours - wanted).square().mean() / wanted.square().mean().clamp(min=_LEAST)
        for ours, wanted in zip(made, lesson.maps, strict=True)
    ]
    wanted = lesson.scores
    score = F.binary_cross_entropy_with_logits(answers[..., 0], wanted, reduction="sum")
    least = F.binary_cross_entropy(wanted, wanted, reduction="sum")
    places = F.smooth_l1_loss(answers[..., 1:], lesson.places, beta=0.1, reduction="none").mean(dim=2)
    faces = wanted.sum().clamp(min=1)
    total: Tensor = torch.stack(maps).sum() + (score - least + (places * wanted).sum()) / faces
    return total
