"""How good a network in training is: error rates over all pairs of labeled crops."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import nn

from facekit.evaluation import metrics
from facekit.training.batches import prepare
from facekit.training.data import Faces


class Stopped(Exception):  # noqa: N818
    """A validation was not let finish."""


@torch.no_grad()
def embed(
    network: nn.Module,
    crops: NDArray[np.uint8],
    *,
    side: int,
    precision: str = "float32",
    batch: int = 128,
    stop: Callable[[], bool] = lambda: False,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> NDArray[np.float32]:
    """Unit vectors (n, d) of uint8 crops (n, h, w, 3), on the device of the network. Raises Stopped as soon
    as `stop` says so."""
    network.eval()
    device = next(network.parameters()).device
    parts = []
    for first in range(0, len(crops), batch):
        if stop():
            raise Stopped
        pixels = torch.from_numpy(np.array(crops[first : first + batch])).permute(0, 3, 1, 2)
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
            vectors = network(prepare(pixels, side).to(device))
        parts.append(F.normalize(vectors.float()).cpu().numpy())
        report(min(first + batch, len(crops)), len(crops))
    return np.concatenate(parts)


def validate(
    network: nn.Module,
    faces: Faces,
    *,
    side: int,
    precision: str,
    stop: Callable[[], bool] = lambda: False,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, float]:
    """The rates of metrics.verification. Raises Stopped as soon as `stop` says so."""
    vectors = embed(network, faces.crops, side=side, precision=precision, stop=stop, report=report)
    return metrics.verification(vectors, faces.labels, faces.families)
