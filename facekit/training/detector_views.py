"""Endless views of photographs with faces: any scale, crop, mosaic, turn, and what a camera or a mask does.

A view is made in two steps. `View` is geometry alone, so that a teacher can be asked about the clean picture;
`spoiled` then makes it dark, flat, blurred, noisy, or covers faces, and the answers wanted stay the same.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from facekit.faces.alignment import SCHEMES, similarity
from facekit.results import CROP_SIDE, Pixels
from facekit.training.detector_pictures import Labels, Photo
from facekit.training.landmarks import MIRRORED

_SMALLEST, _LARGEST = 9.0, 300.0
"""Sides of the faces that are looked for in a view, in pixels."""
_MOST_ENLARGED = 3.0
_COVERED = 0.75
_TOO_SMALL = 7.0
_SHOWN = 0.6
"""The share of a face that must lie in the picture for it to count."""
_TILT = 45.0
_LEAST_EXCHANGED = 12.0
"""Pixels from the eyes to the mouth and across the eyes together: smaller faces are all alike."""
_FRONTAL = 0.5
"""Faces whose eyes are less far apart, in parts of the way down to the mouth, are profiles."""
_ALIKE = 0.25
"""Of views of a photo in which something looks like a face and is none, how many show that."""
_OVAL = ((56, 68), (42, 48))
"""Middle and half axes of what of an aligned crop is face."""
_AS_LIT = 0.7
_DARKEST = 0.12
"""Darker pictures are brightened before they are looked at."""

Chance = np.random.Generator


@dataclass(frozen=True, eq=False)
class View:
    """`pixels` uint8 (side, side, 3) RGB, its faces, and how far the most turned part of it was turned.

    In a `faceless` view there is surely no face, whatever a teacher sees.
    """

    pixels: Pixels
    labels: Labels
    turned: float
    faceless: bool = False


def make(photos: Sequence[Photo], weights: NDArray[np.float64], side: int, chance: Chance) -> View:
    """A view of one photo, or a mosaic of four or nine, drawn with these weights."""
    across = int(chance.choice([1, 2, 3], p=[0.5, 0.3, 0.2]))
    edges = np.linspace(0, side, across + 1).round().astype(int)
    canvas = np.empty((side, side, 3), np.uint8)
    tilt = _tilt(chance)
    parts = []
    for top, bottom in itertools.pairwise(edges):
        for left, right in itertools.pairwise(edges):
            photo = photos[int(chance.choice(len(photos), p=weights))]
            size = (int(right - left), int(bottom - top))
            matrix = placement(photo, size, tilt, across, chance)
            canvas[top:bottom, left:right], labels = placed(photo, matrix, size, chance)
            parts.append((labels, (left, top)))
    boxes = np.concatenate([labels.boxes + np.tile(at, 2) for labels, at in parts]).astype(np.float32)
    points = np.concatenate([labels.points + np.array(at) for labels, at in parts]).astype(np.float32)
    certain = np.concatenate([labels.certain for labels, _ in parts])
    denied = np.concatenate([labels.denied for labels, _ in parts])
    return View(canvas, Labels(boxes, points, certain, denied), abs(tilt))


def exchanged(view: View, crops: Pixels, share: float, chance: Chance) -> View:
    """The view with faces of aligned crops, uint8 (n, 112, 112, 3), in the place of this share of its own.

    There are few photographs with all their faces, and very many faces.
    """
    pixels = view.pixels.copy()
    for points in view.labels.points[view.labels.certain]:
        if chance.random() >= share:
            continue
        crop = crops[int(chance.integers(len(crops)))]
        across = float(np.hypot(*(points[1] - points[0])))
        down = float(np.hypot(*((points[3] + points[4]) / 2 - (points[0] + points[1]) / 2)))
        if across + down >= _LEAST_EXCHANGED and across >= _FRONTAL * down:
            _paste(pixels, points, crop[:, ::-1] if chance.random() < 0.5 else crop)
    return replace(view, pixels=pixels)


def _paste(pixels: Pixels, points: NDArray[np.float32], crop: Pixels) -> None:
    """Put the face of a crop where `points` are, in the light that is there."""
    matrix = similarity(SCHEMES["arcface5"] + 0.5, points)
    times = min(1.0, math.hypot(matrix[0, 0], matrix[1, 0]))
    side = max(8, round(CROP_SIDE * times))
    oval = np.zeros((CROP_SIDE, CROP_SIDE), np.float32)
    cv2.ellipse(oval, *_OVAL, 0, 0, 360, 1.0, -1)
    small = cv2.resize(np.ascontiguousarray(crop), (side, side), interpolation=cv2.INTER_AREA)
    soft = cv2.resize(cv2.GaussianBlur(oval, (0, 0), 4), (side, side), interpolation=cv2.INTER_AREA)
    to_view = np.column_stack([matrix[:, :2] * (CROP_SIDE / side), matrix[:, 2]])
    # OpenCV counts from the middle of the first pixel, points from its outer edge.
    to_view[:, 2] += to_view[:, :2] @ np.array([0.5, 0.5]) - 0.5
    size = (pixels.shape[1], pixels.shape[0])
    face: NDArray[Any] = cv2.warpAffine(small, to_view, size, flags=cv2.INTER_LINEAR).astype(np.float32)
    part: NDArray[Any] = cv2.warpAffine(soft, to_view, size, flags=cv2.INTER_LINEAR)
    inside = part > 0.5
    if inside.any():
        face += _AS_LIT * (pixels[inside].mean(axis=0) - face[inside].mean(axis=0))
        pixels[:] = np.clip(pixels + part[:, :, None] * (face - pixels), 0, 255)


def _tilt(chance: Chance) -> float:
    """Mostly a little, sometimes up to 45°; every thirtieth view a quarter of a turn."""
    kind = chance.random()
    if kind < 0.03:
        return 90.0 * float(chance.choice([-1, 1]))
    return float(chance.uniform(-_TILT, _TILT)) if kind < 0.3 else float(chance.normal(0, 6))


def placement(
    photo: Photo, size: tuple[int, int], tilt: float, across: int, chance: Chance
) -> NDArray[np.float64]:
    """A matrix (2, 3) that brings one of the photo's faces into a part of a view, at a random size; or what
    only looks like one."""
    height, width = photo.pixels.shape[:2]
    faces, alike = np.flatnonzero(photo.labels.certain), np.flatnonzero(photo.labels.denied)
    if len(alike) and (not len(faces) or chance.random() < _ALIKE):
        faces = alike
    if len(faces) and chance.random() < 0.93:
        x0, y0, x1, y1 = (float(value) for value in photo.labels.boxes[int(chance.choice(faces))])
        largest = max(12.0, min(_LARGEST, 1.1 * min(size)))
        wanted = math.exp(chance.uniform(math.log(_SMALLEST), math.log(largest)))
        scale = wanted / max(1.0, math.sqrt((x1 - x0) * (y1 - y0)))
        # A photo that covers little of the view teaches little.
        scale = min(_MOST_ENLARGED, max(scale, _COVERED * max(size) / max(height, width)))
        middle = np.array([(x0 + x1) / 2, (y0 + y1) / 2])
    else:
        scale = math.exp(chance.uniform(math.log(0.4), math.log(2.5))) * max(size) / max(height, width)
        middle = np.array([chance.uniform(0, width), chance.uniform(0, height)])
    stretch = math.exp(chance.normal(0, 0.05))
    turn, flip = math.radians(tilt), -1.0 if chance.random() < 0.5 else 1.0
    cos, sin = math.cos(turn), math.sin(turn)
    linear = scale * np.array([[cos, sin], [-sin, cos]]) @ np.diag([flip * stretch, 1 / stretch])
    # As much of the part as the photo can cover is covered by it.
    corners = (np.array([[0, 0], [width, 0], [0, height], [width, height]]) - middle) @ linear.T
    least, most = corners.min(axis=0), corners.max(axis=0)
    anywhere = chance.uniform(0, 1, 2) * np.array(size)
    low, high = np.minimum(np.array(size) - most, -least), np.maximum(np.array(size) - most, -least)
    target = np.clip(anywhere, low, high)
    return np.column_stack([linear, target - linear @ middle])


def placed(
    photo: Photo, matrix: NDArray[np.float64], size: tuple[int, int], chance: Chance
) -> tuple[Pixels, Labels]:
    """The part of a view and its faces, those too small or cut off marked as uncertain."""
    linear = matrix[:, :2]
    scale = math.sqrt(abs(np.linalg.det(linear)))
    pixels: NDArray[Any] = photo.pixels
    if scale < 0.6:  # sampling alone would skip pixels
        shrunk = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        ratio = np.array([pixels.shape[1] / shrunk.shape[1], pixels.shape[0] / shrunk.shape[0]])
        matrix_used, pixels = np.column_stack([linear * ratio, matrix[:, 2]]), shrunk
    else:
        matrix_used = matrix
    shade = tuple(int(value) for value in chance.integers(0, 256, 3))
    # OpenCV counts from the middle of the first pixel, boxes from its outer edge.
    offset = matrix_used[:, 2] + matrix_used[:, :2] @ np.array([0.5, 0.5]) - 0.5
    part = cv2.warpAffine(
        pixels,
        np.column_stack([matrix_used[:, :2], offset]),
        size,
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=shade,
    )
    return np.asarray(part, np.uint8), moved(photo.labels, matrix, size)


def moved(labels: Labels, matrix: NDArray[np.float64], size: tuple[int, int]) -> Labels:
    """Faces where the matrix puts them; those outside are left out, a turned box is that of its oval."""
    linear = matrix[:, :2]
    middles = (labels.boxes[:, :2] + labels.boxes[:, 2:]) / 2 @ linear.T + matrix[:, 2]
    sides = labels.boxes[:, 2:] - labels.boxes[:, :2]
    halves = np.sqrt((sides / 2) ** 2 @ (linear**2).T)
    boxes = np.concatenate([middles - halves, middles + halves], axis=1).astype(np.float32)
    points = (labels.points @ linear.T + matrix[:, 2]).astype(np.float32)
    if np.linalg.det(linear) < 0:
        points = points[:, list(MIRRORED)]
    inside = np.prod(
        np.clip(np.minimum(boxes[:, 2:], size) - np.maximum(boxes[:, :2], 0), 0, None), axis=1
    ) / np.maximum(np.prod(2 * halves, axis=1), 1e-6)
    certain = labels.certain & (inside >= _SHOWN) & (2 * halves.min(axis=1, initial=1e9) >= _TOO_SMALL)
    seen = inside > 0.05
    return Labels(boxes, points, certain, labels.denied).only(seen)


def spoiled(view: View, chance: Chance) -> Pixels:
    """The view's pixels as a worse camera gives them: dark, flat, gray, blurred, noisy; and faces covered."""
    pixels = view.pixels.copy()
    for points in view.labels.points[view.labels.certain]:
        cover(pixels, points, chance)
    values: NDArray[Any] = pixels.astype(np.float32)
    if chance.random() < 0.12:
        values[:] = values.mean(axis=2, keepdims=True)
    if chance.random() < 0.2:
        values = cv2.GaussianBlur(values, (0, 0), float(chance.uniform(0.4, 1.6)))
    if chance.random() < 0.6:
        contrast, light = chance.uniform(0.5, 1.3), chance.normal(0, 18)
        values = (values - 110) * contrast + 110 + light + chance.normal(0, 6, 3)
    if chance.random() < 0.15:
        values *= math.exp(chance.uniform(math.log(_DARKEST), math.log(0.6)))
    if chance.random() < 0.25:
        values += chance.standard_normal(values.shape, np.float32) * chance.uniform(2, 18)
    pixels = np.clip(values, 0, 255).astype(np.uint8)
    if chance.random() < 0.25:
        quality = int(chance.integers(15, 80))
        encoded = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        pixels = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)
    return pixels


def cover(pixels: Pixels, points: NDArray[np.float32], chance: Chance) -> None:
    """Sometimes a mask over mouth and nose, sunglasses, a bar in front, or something else of the view."""
    left, right, nose, left_mouth, right_mouth = points
    eyes, mouth = (left + right) / 2, (left_mouth + right_mouth) / 2
    down = mouth - eyes
    length = float(np.hypot(*down))
    across = np.array([down[1], -down[0]]) * (np.sign(down[1] * (right - left)[0] or 1) or 1)
    kind = chance.random()
    shade = tuple(int(value) for value in chance.integers(0, 256, 3))
    if kind < 0.12 and length > 3:
        cloth = ((235, 235, 235), (120, 170, 205), (25, 25, 25), shade)[int(chance.integers(4))]
        top = nose - down * chance.uniform(0.05, 0.45)
        corners = [
            top,
            eyes + down * 0.45 + across * 0.85,
            eyes + down * 1.25 + across * 0.75,
            eyes + down * 1.8 + across * 0.25,
            eyes + down * 1.8 - across * 0.25,
            eyes + down * 1.25 - across * 0.75,
            eyes + down * 0.45 - across * 0.85,
        ]
        cv2.fillConvexPoly(pixels, np.round(corners).astype(np.int32), cloth, cv2.LINE_AA)
    elif kind < 0.18 and length > 3:
        radius = max(1, round(length * chance.uniform(0.26, 0.42)))
        glass = tuple(int(value) for value in chance.integers(0, 60, 3))
        ends = _whole(left), _whole(right)
        cv2.line(pixels, *ends, glass, max(1, radius // 4), cv2.LINE_AA)
        for end in ends:
            cv2.circle(pixels, end, radius, glass, -1, cv2.LINE_AA)
    elif kind < 0.24 and length > 3:
        start = points[int(chance.integers(5))] + chance.normal(0, 0.3, 2) * length
        turn = chance.uniform(0, math.pi)
        along = np.array([math.cos(turn), math.sin(turn)]) * length * chance.uniform(0.5, 2)
        ends = _whole(start - along), _whole(start + along)
        cv2.line(pixels, *ends, shade, max(1, round(length * chance.uniform(0.15, 0.5))), cv2.LINE_AA)
    elif kind < 0.34 and length > 3:
        _hide(pixels, eyes + 0.4 * down, length, chance)


def _hide(pixels: Pixels, middle: NDArray[Any], length: float, chance: Chance) -> None:
    """Cover one side of a face, not its upper one, with an oval piece of the view from elsewhere."""
    turn = chance.uniform(-0.15, 1.15) * math.pi
    center = middle + np.array([math.cos(turn), math.sin(turn)]) * length * chance.uniform(1.0, 1.6)
    axes = length * chance.uniform(0.6, 1.3, 2)
    oval = np.zeros(pixels.shape[:2], np.uint8)
    angle = float(chance.uniform(0, 180))
    cv2.ellipse(oval, _whole(center), _whole(axes), angle, 0, 360, 1, -1)
    elsewhere = np.roll(pixels, tuple(chance.integers(0, pixels.shape[:2])), axis=(0, 1))
    pixels[oval > 0] = elsewhere[oval > 0]


def _whole(point: NDArray[Any]) -> tuple[int, int]:
    return round(float(point[0])), round(float(point[1]))
