"""Small things to train with."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import nn

from facekit.training.config import Config
from facekit.training.data import Faces


def tiny(dimension: int) -> nn.Module:
    """A network that learns colors in a second."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, 4, 1, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(32, dimension),
    )


def people(subjects: int = 8, each: int = 6, unknown: int = 0, seed: int = 0) -> Faces:
    """Noisy pictures, each subject of a color of its own; then `unknown` pictures of no one's."""
    random = np.random.default_rng(seed)
    colors = np.stack(np.meshgrid([50, 128, 205], [50, 128, 205], [50, 205]), -1).reshape(-1, 3)
    assert subjects <= len(colors)
    labels = np.concatenate([np.repeat(np.arange(subjects), each), np.full(unknown, -1)])
    # The unknown wear the colors of the known.
    base = colors[random.permutation(len(colors))[:subjects]][labels % subjects]
    noise = random.normal(0, 12, (len(labels), 14, 14, 3)).repeat(8, 1).repeat(8, 2)
    crops = np.clip(base[:, None, None] + noise, 0, 255).astype(np.uint8)
    return Faces(crops, labels, np.full(len(labels), -1))


def lookalikes(subjects: int, each: int, turn: float = 0.0, seed: int = 0) -> Faces:
    """Pictures of 32 pixels that differ in brightness far more than subjects do in hue: a network that has
    learnt nothing mistakes the light for the person. The hues begin at `turn` radians."""
    random = np.random.default_rng(seed)
    labels = np.repeat(np.arange(subjects), each)
    hues = turn + 2 * np.pi * labels / subjects
    # Two axes of the plane in which red, green and blue sum to nothing.
    across, along = np.array([[1, -1, 0], [1, 1, -2]]) / np.sqrt([[2], [6]])
    colors = 30 * (np.cos(hues)[:, None] * across + np.sin(hues)[:, None] * along)
    base = 128 + colors + random.uniform(-80, 80, (len(labels), 1))
    noise = random.normal(0, 12, (len(labels), 4, 4, 3)).repeat(8, 1).repeat(8, 2)
    crops = np.clip(base[:, None, None] + noise, 0, 255).astype(np.uint8)
    return Faces(crops, labels, np.full(len(labels), -1))


def quick(**changes: object) -> Config:
    """Settings for a run of seconds."""
    usual: dict[str, object] = {
        "network": "tiny",
        "dimension": 8,
        "phases": ((32, 12),),
        "batch": 16,
        "warmup": 2,
        "rate": 5e-3,
        "validate_every": 6,
        "label_ramp": 4,
        "anchors": 16,
        "ema": 0.9,
        "precision": "float32",
    }
    return Config(**{**usual, **changes})  # type: ignore[arg-type]


def write_array(path: Path, faces: Faces) -> Path:
    """NAME.npy with its table beside it."""
    np.save(path, faces.crops)
    rows = [f"{number},{f's{label:02d}' if label >= 0 else ''}" for number, label in enumerate(faces.labels)]
    path.with_suffix(".csv").write_text("index,subject\n" + "\n".join(rows) + "\n")
    return path


class Means:
    """A teacher that looks at the mean colors of the four quarters of a face."""

    fingerprint, dimension = "means", 12

    def __call__(self, crops: NDArray[np.uint8], /) -> NDArray[np.float32]:
        half = crops.shape[1] // 2
        quarters = [crops[:, y : y + half, x : x + half].mean((1, 2)) for y in (0, half) for x in (0, half)]
        return (np.concatenate(quarters, 1) / 255 + 0.01).astype(np.float32)
