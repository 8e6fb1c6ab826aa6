"""What the detector network proposes in views of photos with known faces: what the second look learns from.

Places are cut out as they are when the network is used. One that overlaps no face, not even a doubtful one,
and in which the teacher sees nothing, is no face; known faces that the network misses are added.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from facekit import runtime
from facekit.detection.geometry import overlap, suppress
from facekit.detection.network import rows
from facekit.detection.second_look import places
from facekit.lighting import lit
from facekit.results import Pixels
from facekit.training import detector_targets, detector_views
from facekit.training.detector import Views
from facekit.training.detector_pictures import Labels

Floats = NDArray[np.float32]

_OTHERS = 1
"""Part of the seeds, so that these views are none of those that the network learned from."""
_SIDES = (256, 320, 416)
_LEAST = 0.15
"""Lower than what the network's user asks for, so that the border is learned from both sides."""
_IS_ONE, _IS_NONE, _MAY_BE_ONE = 0.4, 0.3, 0.12
"""Overlaps with a known face, and with a doubtful one."""
_TEACHER_SEES = 0.2
_SMALLEST = 12.0
_SPOILED, _LIT = 0.45, 0.5
_MOST = 40
_SUREST, _FURTHER = 3, 3
"""Of the places of a view that are no face: so many of the surest, and so many of the others."""
_NEAR = 0.06
"""By how much of its side, as a standard deviation, the box of a face that the network missed is moved."""
_ASTRAY = 2
"""So many faces of a view are also shown as they should not be."""


@dataclass(frozen=True, eq=False)
class Places:
    """`crops` uint8 (n, SIDE, SIDE, 3) RGB, and which of them show a face, (n,)."""

    crops: NDArray[np.uint8]
    faces: NDArray[np.bool_]


class Proposals(Dataset[Places]):
    """The places of further views of the photos from which `network` learned; the same number is always the
    same view."""

    def __init__(self, learned: Views, network: Path, views: int) -> None:
        self._learned, self._network, self._views = learned, network, views
        self._looks: Callable[[Pixels], tuple[Floats, Floats]] | None = None
        self._teacher: detector_targets.YuNetMaps | None = None

    def __len__(self) -> int:
        return self._views

    def __getitem__(self, number: int) -> Places:
        cv2.setNumThreads(1)
        if self._looks is None:  # in the process that uses it
            teacher = self._learned.teacher_file
            self._looks = proposing(self._network)
            self._teacher = None if teacher is None else detector_targets.YuNetMaps(teacher)
        chance = np.random.default_rng([self._learned.recipe.seed, number, _OTHERS])
        view = self._learned.view(int(chance.choice(_SIDES)), chance)
        seen = np.zeros((0, 4), np.float32)
        if self._teacher is not None and view.turned < detector_targets.UPRIGHT and not view.faceless:
            answers = self._teacher(view.pixels)
            seen = answers.boxes[answers.scores > _TEACHER_SEES]
        pixels = detector_views.spoiled(view, chance) if chance.random() < _SPOILED else view.pixels
        pixels = lit(pixels) if chance.random() < _LIT else pixels
        boxes, scores = self._looks(pixels)
        boxes = boxes[suppress(boxes, scores, _IS_ONE)[:_MOST]]
        chosen, faces = chosen_places(boxes[_side(boxes) >= _SMALLEST], view.labels, seen, chance)
        return Places(places(pixels, chosen), faces)


def proposing(network: Path) -> Callable[[Pixels], tuple[Floats, Floats]]:
    """What a detector network proposes in a picture: boxes (n, 4) and scores (n,)."""
    loaded = runtime.load(network.read_bytes(), threads=1)

    def propose(pixels: Pixels) -> tuple[Floats, Floats]:
        boxes, scores, _ = rows(loaded, pixels, _LEAST)
        return boxes, scores

    return propose


def chosen_places(
    boxes: Floats, labels: Labels, seen: Floats, chance: np.random.Generator
) -> tuple[Floats, NDArray[np.bool_]]:
    """Which places are learned from, (n, 4), and which of them are faces.

    They are those of the proposed `boxes`, surest first, of which it is known what they are, known faces that
    are not among them, and boxes that miss a face by far. The teacher sees something at `seen` (m, 4).
    """
    shares = np.array([overlap(box, labels.boxes) for box in boxes]).reshape(len(boxes), len(labels.boxes))
    right = (shares * labels.certain).max(axis=1, initial=0) > _IS_ONE
    wrong = (shares * labels.certain).max(axis=1, initial=0) < _IS_NONE
    wrong &= (shares * ~labels.certain).max(axis=1, initial=0) < _MAY_BE_ONE
    wrong &= np.array([overlap(box, seen).max(initial=0) < _IS_NONE for box in boxes], bool)
    others = np.flatnonzero(wrong)
    others = np.concatenate([others[:_SUREST], chance.permutation(others[_SUREST:])[:_FURTHER]])
    known = labels.certain & (_side(labels.boxes) >= _SMALLEST)
    missed = labels.boxes[known & (shares.max(axis=0, initial=0) < _IS_ONE)]
    near = missed + np.tile(chance.normal(0, _NEAR, (len(missed), 2)) * _side(missed)[:, None], 2)
    astray = [_astray(box, chance) for box in chance.permutation(labels.boxes[known])[:_ASTRAY]]
    astray = [box for box in astray if overlap(box, labels.boxes).max() < _IS_NONE]
    parts = [boxes[right], near, boxes[others], np.array(astray, np.float32).reshape(-1, 4)]
    faces = np.repeat([True, True, False, False], [len(part) for part in parts])
    return np.concatenate(parts).astype(np.float32), faces


def _astray(box: Floats, chance: np.random.Generator) -> Floats:
    """Beside the face, or far too large or small for it: a place with a face in it that is none."""
    middle, halves = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2
    if chance.random() < 0.6:
        turn = chance.uniform(0, 2 * math.pi)
        away = float(_side(box)) * chance.uniform(0.55, 1.1)
        middle = middle + away * np.array([math.cos(turn), math.sin(turn)])
        times = chance.uniform(0.8, 1.3)
    else:
        times = chance.uniform(0.35, 0.5) if chance.random() < 0.5 else chance.uniform(2, 3)
    return np.concatenate([middle - times * halves, middle + times * halves]).astype(np.float32)


def _side(boxes: Floats) -> Floats:
    """Of squares as large as the boxes (…, 4), (…)."""
    sides: Floats = np.sqrt(np.prod(boxes[..., 2:] - boxes[..., :2], axis=-1))
    return sides


def collected(proposals: Proposals, workers: int, report: Callable[[int, int], None]) -> Places:
    """All places of all views."""
    loader: DataLoader[Places] = DataLoader(proposals, batch_size=None, num_workers=workers)
    crops, faces = [], []
    for number, part in enumerate(loader, 1):
        crops.append(part.crops)
        faces.append(part.faces)
        report(number, len(proposals))
    return Places(np.concatenate(crops), np.concatenate(faces))
